"""What the values of some indicators are measured by, on bare arrays.

Arrays run ``[draw, row, indicator]`` throughout: with draws first, what is formed of one draw is the same to the last
bit whether it is computed alone or beside others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spi_pipeline.engine.panel import Array, Positions, Rows


@dataclass(frozen=True)
class Yardsticks:
    """What is known of some indicators, in the unit of their transformed values.

    Attributes:
        names: their ids, for messages.
        direction: +1 where higher values get higher scores, -1 where lower ones do.
        worst: value that scores 0; NaN where the panel's extreme stands in.
        best: value that scores the top, likewise.
        target: value aimed at; NaN without one.
        scale: score of the best value.
        rows: the rows of the values.
        population: residents by row; None where not known.
        shifts: by draw, how far the worst and the best goalpost are moved, as shares of their distance:
            ``[draw, 2, indicator]``; None leaves them where they are.
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

    def of(self, columns: Positions) -> Yardsticks:
        """Those of some of the indicators."""
        if len(columns) == len(self.names):
            return self
        ends = {name: getattr(self, name)[columns] for name in ("direction", "worst", "best", "target")}
        shifts = None if self.shifts is None else self.shifts[..., columns]
        return replace(self, names=[self.names[column] for column in columns], shifts=shifts, **ends)
