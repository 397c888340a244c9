"""Reductions of plain arrays ``[draw, row, indicator]`` over their rows.

All sums run along a contiguous last axis, so that the result of a draw is the same to the last bit whether it is
computed alone or together with other draws.
"""

from __future__ import annotations

import numpy as np

from spi_pipeline.engine.panel import Array


def lowest(values: Array) -> Array:
    """The lowest value of each indicator, ``[draw, 1, indicator]``; NaN where there is none."""
    return np.asarray(np.fmin.reduce(values, axis=-2, keepdims=True))


def highest(values: Array) -> Array:
    """The highest value of each indicator, ``[draw, 1, indicator]``; NaN where there is none."""
    return np.asarray(np.fmax.reduce(values, axis=-2, keepdims=True))


def total(values: Array) -> Array:
    """The sum over the rows that have a value, ``[draw, 1, indicator]``; 0 where none has one."""
    columns = np.ascontiguousarray(np.swapaxes(values, -1, -2))
    gaps = np.isnan(columns)
    return np.asarray((np.where(gaps, 0.0, columns) if gaps.any() else columns).sum(axis=-1)[..., np.newaxis, :])


def average(values: Array) -> Array:
    """The mean over the rows that have a value, ``[draw, 1, indicator]``; NaN where none has one."""
    count = (~np.isnan(values)).sum(axis=-2, keepdims=True)
    return total(values) / np.where(count > 0, count, np.nan)


def deviation(values: Array, ddof: int = 1) -> Array:
    """The standard deviation over the rows that have a value, ``[draw, 1, indicator]``; NaN where they are too few."""
    count = (~np.isnan(values)).sum(axis=-2, keepdims=True)
    squares = total((values - average(values)) ** 2)
    return np.asarray(np.sqrt(squares / np.where(count > ddof, count - ddof, np.nan)))
