"""Charts of dots with intervals, one row each: wards beyond the expected score, and the ranks that wards may have.

Each chart is drawn twice, for a desk and for a phone, since letters scaled down with the drawing would be too small to
read. A table next to the chart holds the same data, so screen readers treat the chart as one picture, named by its
sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spi_pipeline.outputs.site.figures import shown

ROW = 24
HEAD = 28
# Width of the whole chart and of the names next to the rows, in pixels of the page: desk, then phone.
WIDTHS = {"wide": (640, 170), "narrow": (330, 118)}


@dataclass(frozen=True)
class Dot:
    """One row of a chart.

    Attributes:
        name: the name of the row.
        value: where the dot lies; None draws the interval alone.
        low: the lower limit of its interval.
        high: the upper limit.
        mark: ``more`` or ``less`` if it lies beyond what is expected, shown by shape and colour; otherwise empty.
    """

    name: str
    value: float | None
    low: float
    high: float
    mark: str = ""


@dataclass(frozen=True)
class DotChart:
    """Rows of dots over one axis.

    Attributes:
        rows: the rows, from the top.
        ticks: the values named on the axis.
        zero: where a line is drawn across all rows; None draws no line.
        digits: the decimal places of the ticks.
    """

    rows: Sequence[Dot]
    ticks: Sequence[float]
    zero: float | None = None
    digits: int = 0

    @property
    def height(self) -> int:
        """The height in pixels."""
        return HEAD + ROW * len(self.rows) + 6

    def x(self, value: float, size: str) -> float:
        """The horizontal position of a value in the drawing of a size."""
        width, left = WIDTHS[size]
        low, high = min(self.ticks), max(self.ticks)
        return round(left + 12 + (width - left - 30) * (value - low) / (high - low), 1)

    def y(self, row: int) -> int:
        """The vertical position of the middle of a row."""
        return HEAD + ROW * row + ROW // 2

    def label(self, tick: float) -> str:
        """A value of the axis, as printed."""
        return shown(tick, self.digits)

    @property
    def sizes(self) -> dict[str, int]:
        """The width of each drawing, by its name."""
        return {name: width for name, (width, _) in WIDTHS.items()}


def even_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values, evenly spaced, from below the lowest to above the highest."""
    span = max(high - low, 1e-9)
    rough = span / (most - 1)
    unit = 10 ** np.floor(np.log10(rough))
    step = float(next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough))
    return [float(step * count) for count in range(int(np.floor(low / step)), int(np.ceil(high / step)) + 1)]
