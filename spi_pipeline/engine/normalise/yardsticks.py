"""What the values of some indicators are measured by, on bare arrays.

Arrays run ``[draw, row, indicator]`` throughout: with draws first, what is formed of one draw is the same to the last
bit whether it is computed alone or beside others. Whatever is summed over rows is summed along a contiguous last axis,
for the same reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

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


def lowest(values: Array) -> Array:
    """The lowest value of each indicator, ``[draw, 1, indicator]``; NaN where there is none."""
    return np.asarray(np.fmin.reduce(values, axis=-2, keepdims=True))


def highest(values: Array) -> Array:
    """The highest value, likewise."""
    return np.asarray(np.fmax.reduce(values, axis=-2, keepdims=True))


def total(values: Array) -> Array:
    """The sum over the rows that have a value, likewise; 0 where none has."""
    columns = np.ascontiguousarray(np.swapaxes(np.where(np.isnan(values), 0.0, values), -1, -2))
    return np.asarray(columns.sum(axis=-1)[..., np.newaxis, :])


def average(values: Array) -> Array:
    """The mean over the rows that have a value, likewise; NaN where none has."""
    count = (~np.isnan(values)).sum(axis=-2, keepdims=True)
    return total(values) / np.where(count > 0, count, np.nan)


def deviation(values: Array, ddof: int = 1) -> Array:
    """The standard deviation over the rows that have a value, likewise; NaN where they are too few."""
    count = (~np.isnan(values)).sum(axis=-2, keepdims=True)
    squares = total((values - average(values)) ** 2)
    return np.asarray(np.sqrt(squares / np.where(count > ddof, count - ddof, np.nan)))
