"""Reference statistics that the values of indicators are normalised by, on plain arrays.

Arrays run ``[draw, row, indicator]`` throughout. With draws first, the result of a draw is the same to the last bit
whether it is computed alone or together with other draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spi_pipeline.engine.panel import Array, Positions, Rows


@dataclass(frozen=True)
class ReferenceStatistics:
    """Reference statistics of some indicators, in the unit of their transformed values.

    Attributes:
        names: ids of the indicators, for messages.
        direction: +1 where higher values get higher scores, -1 where lower ones do.
        worst: value that scores 0; NaN where the panel's extreme is used.
        best: value that gets the top score; NaN where the panel's extreme is used.
        target: value to be reached; NaN without one.
        scale: score of the best value.
        rows: the rows of the values.
        population: residents by row; None where not known.
        shifts: by draw, shifts of the worst and the best goalpost as shares of their distance,
            ``[draw, 2, indicator]``; None for no shift.
    """

    names: Sequence[str]
    direction: Array
    worst: Array
    best: Array
    target: Array
    scale: float
    rows: Rows
    population: Array | None = None
    shifts: Array | None = None

    def of(self, columns: Positions) -> ReferenceStatistics:
        """The reference statistics of some of the indicators."""
        if len(columns) == len(self.names):
            return self
        ends = {name: getattr(self, name)[columns] for name in ("direction", "worst", "best", "target")}
        shifts = None if self.shifts is None else self.shifts[..., columns]
        return replace(self, names=[self.names[column] for column in columns], shifts=shifts, **ends)
