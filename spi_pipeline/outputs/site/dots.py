"""Charts of dots with intervals, a row for each thing: where scores lie beyond what is expected, where wards may rank.

Drawn twice, for a desk and for a phone, since one drawing scaled down has letters that nobody can read. What a chart
shows stands in a table beside it, so that it is one picture to a screen reader, named by its sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spi_pipeline.outputs.site.figures import shown

ROW = 24
HEAD = 28
# Width of the whole and of the names beside the rows, in pixels of the page: desk, then phone.
WIDTHS = {"wide": (640, 170), "narrow": (330, 118)}


@dataclass(frozen=True)
class Dot:
    """One row.

    Attributes:
        name: what it is of.
        value: where the dot lies; none draws the interval alone.
        low: where its interval begins.
        high: where it ends.
        mark: ``more``, ``less`` or nothing: whether it lies beyond what is expected, told by shape and colour.
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
        rows: from the top.
        ticks: values named on the axis.
        zero: where a line is drawn across all rows; none draws none.
        digits: decimal places of the ticks.
    """

    rows: Sequence[Dot]
    ticks: Sequence[float]
    zero: float | None = None
    digits: int = 0

    @property
    def height(self) -> int:
        """In pixels."""
        return HEAD + ROW * len(self.rows) + 6

    def x(self, value: float, size: str) -> float:
        """Where a value lies across the drawing of a size."""
        width, left = WIDTHS[size]
        low, high = min(self.ticks), max(self.ticks)
        return round(left + 12 + (width - left - 30) * (value - low) / (high - low), 1)

    def y(self, row: int) -> int:
        """Where the middle of a row lies."""
        return HEAD + ROW * row + ROW // 2

    def label(self, tick: float) -> str:
        """A value of the axis as printed."""
        return shown(tick, self.digits)

    @property
    def sizes(self) -> dict[str, int]:
        """Width of each drawing by its name."""
        return {name: width for name, (width, _) in WIDTHS.items()}


def even_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from below the lowest to above the highest, evenly apart."""
    span = max(high - low, 1e-9)
    rough = span / (most - 1)
    unit = 10 ** np.floor(np.log10(rough))
    step = float(next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough))
    return [float(step * count) for count in range(int(np.floor(low / step)), int(np.ceil(high / step)) + 1)]
