"""From the children's scores to their parent's, and back to what each child contributed.

Every mean here is a weighted power mean of some order: arithmetic 1, geometric 0, harmonic -1, generalised any. Means
over one parent's children belong here; which children a parent has and what weights they carry do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.errors import EngineError

Mean = Literal["arithmetic", "geometric", "harmonic", "generalised"]
Array = npt.NDArray[np.float64]

ORDERS: dict[str, float] = {"arithmetic": 1.0, "geometric": 0.0, "harmonic": -1.0}
# Beyond this a power mean is all but the best or the worst child, and the powers leave the range of a float.
MAX_ORDER = 20.0
# Where the transformed scores cancel to less than this share of their sizes, dividing by their sum loses the digits
# that make contributions add up to 1e-9.
CANCELLED = 1e-6


@dataclass(frozen=True)
class Aggregate:
    """One parent's scores.

    Attributes:
        score: the parent's score by row; NaN where too few children are present.
        coverage: share of the children present by row, 0 to 1, each child counted once whatever its weight.
    """

    score: pd.Series
    coverage: pd.Series


def aggregate(
    scores: pd.DataFrame,
    weights: pd.Series,
    mean: Mean = "arithmetic",
    order: float | None = None,
    floor: float | None = None,
    available: float = 0.0,
) -> Aggregate:
    """Combine the children's scores by a weighted power mean: ``(sum(w s^b) / sum(w))^(1/b)``.

    The sums run over the children present in a row, which is to renormalise their weights. Order 0 is the limit
    ``exp(sum(w log s) / sum(w))``, the geometric mean.

    Source: the quasi-arithmetic (Kolmogorov-Nagumo) mean; OECD/JRC handbook (2008), step 6.

    Args:
        scores: one column per child, any row index.
        weights: one weight per column, not negative, of any positive sum.
        mean: arithmetic, geometric, harmonic, or generalised with an order.
        order: the order ``b`` of the generalised mean, from -20 to 20; not given with the other means.
        floor: for the means that need positive scores (order 0 and below): lower scores are lifted to it. The other
            means do not use it.
        available: share of the children that must be present for a score to be given.

    Returns:
        Score and coverage, indexed as the scores.

    Raises:
        EngineError: weights and columns do not match, the order or the floor makes no sense, or scores lie where the
            mean is not defined.
    """
    power = _order(mean, order)
    values = _admissible(scores, power, floor)
    shares = _shares_of_present(scores, weights)
    return _aggregate(scores.index, values, shares, power, available)


def contributions(
    scores: pd.DataFrame,
    weights: pd.Series,
    mean: Mean = "arithmetic",
    order: float | None = None,
    floor: float | None = None,
    available: float = 0.0,
) -> pd.DataFrame:
    """Split the parent's score into one part per child; the parts of a row add up to the score.

    Arithmetic mean: weight times score, weights renormalised over the children present. Any other power mean, with
    ``f`` the logarithm or the power: ``parent score * w f(s) / sum(w f(s))``. Where that sum vanishes (a geometric
    mean of 1, or every score 0) the parent's score is split by weight.

    Args:
        scores: one column per child, any row index.
        weights: one weight per column.
        mean: as in ``aggregate``.
        order: as in ``aggregate``.
        floor: as in ``aggregate``.
        available: as in ``aggregate``.

    Returns:
        Points by row and child; NaN for an absent child and where there is no parent score.

    Raises:
        EngineError: as ``aggregate``.
    """
    power = _order(mean, order)
    values = _admissible(scores, power, floor)
    shares = _shares_of_present(scores, weights)
    parent = _aggregate(scores.index, values, shares, power, available).score
    weighted = shares * _transformed(values, power)
    total = np.nansum(weighted, axis=1, keepdims=True)
    vanishes = np.abs(total) <= CANCELLED * np.nansum(np.abs(weighted), axis=1, keepdims=True)
    split = np.where(vanishes, shares, weighted / np.where(vanishes, 1.0, total))
    parts = weighted if power == 1 else split * parent.to_numpy()[:, np.newaxis]
    return pd.DataFrame(parts, index=scores.index, columns=scores.columns).where(parent.notna(), axis=0)


def _order(mean: Mean, order: float | None) -> float:
    if mean != "generalised":
        if order is not None:
            raise EngineError(f"an order belongs to the generalised mean only, not to the {mean} one: leave it out")
        return ORDERS[mean]
    if order is None or not abs(order) <= MAX_ORDER:
        raise EngineError(f"the generalised mean needs an order from -{MAX_ORDER:g} to {MAX_ORDER:g}, not {order}")
    return float(order)


def _admissible(scores: pd.DataFrame, order: float, floor: float | None) -> Array:
    """The scores as an array, lifted to the floor where the mean needs positive ones."""
    values: Array = scores.to_numpy(dtype=float)
    if order == 1:
        return values
    if order > 0:
        refused, needed = values < 0, "scores of 0 and above"
    elif floor is None:
        refused, needed = values <= 0, "scores above 0, or a floor that lower ones are lifted to"
    elif floor > 0:
        return np.maximum(values, floor)
    else:
        raise EngineError(f"a floor must lie above 0, not at {floor:g}")
    if refused.any():
        named = ", ".join(map(str, scores.columns[np.flatnonzero(refused.any(axis=0))]))
        raise EngineError(f"a mean of order {order:g} needs {needed}, which these columns do not have: {named}")
    return values


def _shares_of_present(scores: pd.DataFrame, weights: pd.Series) -> Array:
    """Each row's weights, summing to 1 over the children present; NaN where absent or where none carries weight."""
    unmatched = scores.columns.symmetric_difference(weights.index)
    if len(unmatched) or not weights.index.is_unique or not scores.columns.is_unique:
        named = ", ".join(map(str, unmatched)) or "ids that occur twice"
        raise EngineError(f"scores and weights must name the same children once each, which fails for: {named}")
    vector = weights.reindex(scores.columns).to_numpy(dtype=float)
    if not np.isfinite(vector).all() or (vector < 0).any() or vector.sum() <= 0:
        raise EngineError(f"weights must be finite, not negative and not all 0, unlike: {weights.to_dict()}")
    present = np.where(scores.notna(), vector, np.nan)
    total = np.nansum(present, axis=1, keepdims=True)
    shares: Array = present / np.where(total > 0, total, np.nan)
    return shares


def _aggregate(index: pd.Index, values: Array, shares: Array, order: float, available: float) -> Aggregate:
    coverage = pd.Series((~np.isnan(values)).mean(axis=1), index=index)
    scored = ~np.isnan(shares).all(axis=1)
    weighted = np.where(scored, np.nansum(shares * _transformed(values, order), axis=1), np.nan)
    score = _inverse(weighted, order)
    # A mean lies between its children; rounding may carry it past them, and past 100, by the last digit of a float.
    within = np.clip(score, np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1))
    return Aggregate(score=pd.Series(within, index=index).where(coverage >= available), coverage=coverage)


def _transformed(values: Array, order: float) -> Array:
    transformed: Array = np.log(values) if order == 0 else values**order
    return transformed


def _inverse(values: Array, order: float) -> Array:
    inverse: Array = np.exp(values) if order == 0 else values ** (1 / order)
    return inverse
