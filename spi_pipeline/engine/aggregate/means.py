"""The kernels of aggregation, on plain arrays: the numbers of a row become one number.

Every kernel takes values and shares ``[…, row, child]`` that broadcast. The shares of a row sum to 1 over the children
present and are NaN for an absent child. Draws come first, so that a row's sum is the same to the last bit whether it is
computed alone or together with other draws. Labels, faults and weights as declared are in ``parent``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spi_pipeline.engine.panel import Array

# Cumulated weights this close to one half count as one half: 0.1 + 0.2 + 0.2 is not 0.5 to the last digit.
HALF = 1e-12
# Rows compared at a time, so that 7,500 areas do not need a table of 7,500 by 7,500 for each child.
CHUNK = 256


def combined(mean: str, values: Array, shares: Array, order: float, top: float, sign: str = "minus") -> Array:
    """One number per row by the named mean, for means that do not compare rows with each other.

    Args:
        mean: ``sum`` for the plain weighted sum, ``median`` and so on; any other name is the power mean of the order.
        values: ``[…, row, child]``, within the domain of the mean.
        shares: ``[…, row, child]``.
        order: order of the power mean.
        top: the highest score of the scale.
        sign: sign of the Mazziotta-Pareto penalty.
    """
    match mean:
        case "sum":
            return _sum(weighted(values, shares))
        case "median":
            return weighted_median(values, shares)
        case "minimum":
            return _fold(np.fmin, np.where(shares > 0, values, np.nan))
        case "maximum":
            return _fold(np.fmax, np.where(shares > 0, values, np.nan))
        case "inverted_geometric":
            return inverted_geometric(values, shares, top)
        case "mazziotta_pareto":
            return penalised(values, shares, sign)
    return power_mean(values, shares, order)


def power_mean(values: Array, shares: Array, order: float) -> Array:
    """``(sum(w s^b))^(1/b)``, its limit ``exp(sum(w log s))`` where the order is 0; NaN without a child present."""
    parts = shares * values if order == 1 else weighted(generator(values, order), shares)
    mean = inverse(_sum(parts), order)
    # A mean lies between its children; rounding may take it past them, and past 100, by the last digit of a float.
    within: Array = np.clip(mean, _fold(np.fmin, values), _fold(np.fmax, values))
    return within


def weighted(values: Array, shares: Array) -> Array:
    """``w s`` child by child; a child without weight counts for nothing, even if its value is infinite."""
    if np.isinf(values).any():
        values = np.where(shares == 0, 0.0, values)
    product: Array = shares * values
    return product


def penalised(values: Array, shares: Array, sign: str) -> Array:
    """``M - S²/M`` (or plus): the mean less a penalty for unbalanced children, with ``S²`` their variance (n)."""
    mean = _sum(shares * values)
    variance = _sum(shares * (values - mean[..., np.newaxis]) ** 2)
    penalty = variance / np.where(mean == 0, 1.0, mean)  # where the mean is 0, so is every child
    return np.asarray(mean + penalty if sign == "plus" else mean - penalty)


def inverted_geometric(values: Array, shares: Array, top: float) -> Array:
    """The inverted geometric mean: ``top (top - G) / (top - 1)``.

    ``G`` is the geometric mean of ``1 + (top - 1) (top - s) / top``, which runs from 1 where the risk is at the top to
    ``top`` where there is none. One high risk is therefore not averaged away by low ones.
    """
    mean = np.exp(_sum(shares * np.log(remainder(values, top))))
    within: Array = np.clip(top * (top - mean) / (top - 1), _fold(np.fmin, values), _fold(np.fmax, values))
    return within


def remainder(values: Array, top: float) -> Array:
    """The distance of each score from the top of the scale, rescaled to run from 1 to ``top``."""
    return 1 + (top - 1) * (top - values) / top


def weighted_median(values: Array, shares: Array) -> Array:
    """The value at which half of the weight is reached; the middle of two where exactly half lies below."""
    values, shares = np.broadcast_arrays(values, shares)
    order = np.argsort(np.where(np.isnan(shares), np.inf, values), axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    weight = np.nan_to_num(np.take_along_axis(shares, order, axis=-1))
    cumulated = np.cumsum(weight, axis=-1)
    lower = np.argmax(cumulated >= 0.5 - HALF, axis=-1)
    upper = np.argmax((cumulated > 0.5 + HALF) & (weight > 0), axis=-1)
    low, high = (np.take_along_axis(ordered, place[..., np.newaxis], axis=-1) for place in (lower, upper))
    median = (low + high)[..., 0] / 2
    present = ~np.isnan(shares).all(axis=-1)
    return np.where(present, median, np.nan)


def outranking(values: Array, weights: Array, majority: bool, reference: npt.NDArray[np.bool_] | None = None) -> Array:
    """Pairwise comparisons of the rows: a row scores 100 where it wins every comparison, 0 where it wins none.

    A row's share of a comparison is the weight of the children in which it is higher, plus half the weight of those in
    which it ties, over the weight of the children that both rows have. With ``majority``, more than half of a
    comparison wins it outright (Copeland); without, the shares themselves are averaged.

    Args:
        values: rows by children, NaN where absent.
        weights: one per child.
        majority: whether a majority wins a comparison outright.
        reference: the reference rows that every row is compared with; None for all.
    """
    present = ~np.isnan(values)
    scores = np.full(len(values), np.nan)
    for start in range(0, len(values), CHUNK):
        rows = slice(start, start + CHUNK)
        won = np.zeros((len(values[rows]), len(values)))
        shared = np.zeros_like(won)
        for column, weight in enumerate(weights):
            own, other = values[rows, column, np.newaxis], values[np.newaxis, :, column]
            won += weight * ((own > other) + 0.5 * (own == other))
            shared += weight * (present[rows, column, np.newaxis] & present[np.newaxis, :, column])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = won / shared
        if majority:
            share = np.where(np.isnan(share), np.nan, 0.5 + 0.5 * np.sign(np.round(share - 0.5, 12)))
        themselves = np.arange(len(share))
        share[themselves, start + themselves] = np.nan
        if reference is not None:
            share[:, ~reference] = np.nan
        comparisons = (~np.isnan(share)).sum(axis=-1)
        scores[rows] = 100 * np.nansum(share, axis=-1) / np.where(comparisons > 0, comparisons, np.nan)
    return scores


def generator(values: Array, order: float) -> Array:
    """The function of the values that a power mean averages: the logarithm or the power."""
    if order == 1:
        return values
    with np.errstate(divide="ignore"):  # a floor of 0 admits 0, for which the limit is right
        generated: Array = np.log(values) if order == 0 else values**order
    return generated


def inverse(values: Array, order: float) -> Array:
    """The inverse of ``generator``."""
    if order == 1:
        return values
    with np.errstate(divide="ignore"):
        inverse: Array = np.exp(values) if order == 0 else values ** (1 / order)
    return inverse


def _sum(weighted: Array) -> Array:
    """Row sums; NaN where every child is absent."""
    plain = _fold(np.add, weighted)
    if not np.isnan(plain).any():
        return plain
    absent = np.isnan(weighted)
    return np.where(absent.all(axis=-1), np.nan, _fold(np.add, np.where(absent, 0.0, weighted)))


def _fold(operation: np.ufunc, values: Array) -> Array:
    """Reduce the last axis child by child: numpy takes five times as long to reduce many short rows."""
    result: Array = values[..., 0]
    for child in range(1, values.shape[-1]):
        result = operation(result, values[..., child])
    return result
