"""From the children's scores to their parent's score, and back to the contribution of each child.

The functions check the requested mean and its options, and call the kernels in ``means``. The children of a parent and
their weights are decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd

from spi_pipeline.engine.aggregate import means
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.over_rows import average
from spi_pipeline.engine.panel import Array, Flags, Positions, Rows

Mean = Literal[
    "arithmetic", "geometric", "harmonic", "generalised", "median", "minimum", "maximum", "inverted_geometric",
    "mazziotta_pareto", "copeland", "outranking",
]  # fmt: skip
MEANS: tuple[str, ...] = get_args(Mean)

ORDERS: dict[str, float] = {"arithmetic": 1.0, "geometric": 0.0, "harmonic": -1.0}
# Sums and products, whose weights are not scaled to sum to 1: each is a multiple or a power of this mean.
UNSCALED: dict[str, Mean] = {"sum": "arithmetic", "product": "geometric"}
# Reasons why a parent's score cannot be split into parts, by mean.
UNSPLIT: dict[str, str] = {
    "median": "a median is one child's score, not a sum of parts",
    "minimum": "a minimum is one child's score, not a sum of parts",
    "maximum": "a maximum is one child's score, not a sum of parts",
    "mazziotta_pareto": "the penalty for differences between the children belongs to no child",
    "copeland": "a score from comparisons of areas is not a sum of parts",
    "outranking": "a score from comparisons of areas is not a sum of parts",
}
# Beyond this order a power mean is practically the best or the worst child, and the powers leave the range of a float.
MAX_ORDER = 20.0
# The floor of scores where only a draw uses a geometric mean, as a share of the scale.
LEAST = 0.01
# Where the transformed scores cancel to less than this share of their sizes, dividing by their sum loses the digits
# that contributions need to add up to within 1e-9.
CANCELLED = 1e-6


@dataclass(frozen=True)
class Aggregate:
    """One parent's scores.

    Attributes:
        score: the parent's score by row; NaN where too few children are present.
        coverage: share of the children present by row, 0 to 1; each child counts once, whatever its weight.
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
    top: float = 100.0,
    signed: bool = False,
    sign: str = "minus",
    reference: Flags | None = None,
) -> Aggregate:
    """Aggregate the children's scores: by a weighted power mean ``(sum(w s^b) / sum(w))^(1/b)`` or another mean.

    The sums run over the children present in a row, which renormalises their weights. Order 0 is the limit
    ``exp(sum(w log s) / sum(w))``, the geometric mean. ``median`` is the weighted median; ``minimum`` and ``maximum``
    are the worst and the best child that carries weight; ``inverted_geometric`` is the mean of risk indices
    (``means.inverted_geometric``); ``mazziotta_pareto`` is a mean with a penalty for differences between the children
    (``means.penalised``); ``copeland`` and ``outranking`` compare areas pair by pair within an edition
    (``means.outranking``).

    Source: the quasi-arithmetic (Kolmogorov-Nagumo) mean; OECD/JRC handbook (2008), step 6; INFORM Risk Index
    methodology for the inverted geometric mean; Mazziotta and Pareto (2016); Copeland (1951), and COINr for the
    outranking shares.

    Args:
        scores: one column per child, any row index.
        weights: one weight per column, not negative, of any positive sum.
        mean: arithmetic, geometric, harmonic, generalised with an order, or one of those above.
        order: the order ``b`` of the generalised mean, from -20 to 20; None with the other means.
        floor: lower scores are lifted to it under the means that need positive scores (order 0 and below); with 0, a
            child of 0 makes the parent 0. The other means do not use it.
        available: share of the children that must be present for a score; 1 leaves a parent blank where any child is
            missing.
        top: the highest score of the scale, for the inverted geometric mean.
        signed: whether negative weights are allowed; arithmetic mean only.
        sign: whether the penalty of the Mazziotta-Pareto mean is subtracted (``minus``) or added (``plus``).
        reference: the reference rows for means that compare areas; None for all.

    Returns:
        Score and coverage, indexed as the scores.

    Raises:
        EngineError: weights and columns do not match, the order or the floor is not admissible, or scores lie outside
            the domain of the mean.
    """
    vector = _vector(scores, weights, signed and mean == "arithmetic")
    values: Array = scores.to_numpy(dtype=float)
    coverage = pd.Series((~np.isnan(values)).mean(axis=1), index=scores.index)
    index = scores.index
    together: dict[object, Positions] = {"": np.arange(len(index))}
    editions = Rows(index).editions if "edition" in index.names else together
    combination = Combination(mean, order, floor, top, signed, sign, editions, reference)
    score = combined(values[np.newaxis], vector[np.newaxis], combination, list(scores.columns))[0]
    return Aggregate(score=pd.Series(score, index=index).where(coverage >= available), coverage=coverage)


@dataclass(frozen=True)
class Combination:
    """The mean that aggregates children, with its options, as in ``aggregate``.

    Attributes:
        mean: one of ``MEANS``.
        order: order of the generalised mean.
        floor: the value that lower scores are lifted to under a mean that needs positive scores.
        top: the highest score of the scale.
        signed: whether negative weights are allowed.
        sign: sign of the Mazziotta-Pareto penalty.
        editions: rows of each edition, within which areas are compared.
        reference: the reference rows that areas are compared with; None for all.
        lift: whether scores outside the domain of the mean are moved to its edge instead of being refused.
    """

    mean: Mean = "arithmetic"
    order: float | None = None
    floor: float | None = None
    top: float = 100.0
    signed: bool = False
    sign: str = "minus"
    editions: Mapping[object, Positions] = field(default_factory=dict)
    reference: Flags | None = None
    lift: bool = False


def combined(values: Array, weights: Array, combination: Combination, names: Sequence[object]) -> Array:
    """Scores of a parent, draws by rows.

    Args:
        values: scores of the children, ``[draw, row, child]``, NaN where absent.
        weights: draws by children; a single draw of values or weights is used with all draws of the other.
        combination: the mean and its options.
        names: ids of the children, for messages.

    Raises:
        EngineError: the order or the floor is not admissible, or scores lie outside the domain of the mean.
    """
    power = _order(combination.mean, combination.order)
    values = _admissible(values, combination, power, names)
    if combination.mean in ("copeland", "outranking"):
        return _compared(values, weights, combination)
    shares = shares_of_present(values, weights[:, np.newaxis])
    return means.combined(
        "sum" if combination.signed else combination.mean, values, shares, power, combination.top, combination.sign
    )


def contributions(
    scores: pd.DataFrame,
    weights: pd.Series,
    mean: Mean = "arithmetic",
    order: float | None = None,
    floor: float | None = None,
    available: float = 0.0,
    top: float = 100.0,
    signed: bool = False,
    sign: str = "minus",
) -> pd.DataFrame:
    """Split the parent's score into one part per child; the parts of a row add up to the score.

    Arithmetic mean: weight times score, weights renormalised over the children present. Any other power mean, with
    ``f`` the logarithm or the power: ``parent score * w f(s) / sum(w f(s))``. The inverted geometric mean is split in
    the same way, with ``f`` the logarithm of ``top`` over ``means.remainder``. Where that sum vanishes (a geometric
    mean of 1, or every score 0) the parent's score is split by weight. The means in ``UNSPLIT`` have no parts: NaN
    throughout.

    Args:
        scores: one column per child, any row index.
        weights: one weight per column.
        mean: as in ``aggregate``.
        order: as in ``aggregate``.
        floor: as in ``aggregate``.
        available: as in ``aggregate``.
        top: as in ``aggregate``.
        signed: as in ``aggregate``.
        sign: as in ``aggregate``.

    Returns:
        Points by row and child; NaN for an absent child and where there is no parent score.

    Raises:
        EngineError: as in ``aggregate``.
    """
    whole = aggregate(scores, weights, mean, order, floor, available, top, signed, sign).score
    if mean in UNSPLIT:
        return pd.DataFrame(np.nan, index=scores.index, columns=scores.columns)
    power = _order(mean, order)
    values = _admissible(
        scores.to_numpy(dtype=float), Combination(mean, order, floor, top), power, list(scores.columns)
    )
    shares = shares_of_present(values, _vector(scores, weights, signed and mean == "arithmetic"))
    inverted = mean == "inverted_geometric"
    generated = np.log(top / means.remainder(values, top)) if inverted else means.generator(values, power)
    weighted = means.weighted(generated, shares)
    total = np.nansum(weighted, axis=1, keepdims=True)
    vanishes = np.abs(total) <= CANCELLED * np.nansum(np.abs(weighted), axis=1, keepdims=True)
    vanishes |= np.isinf(total)  # a child of 0 where the floor is 0
    split = np.where(vanishes, shares, weighted / np.where(vanishes, 1.0, total))
    parts = weighted if power == 1 else split * whole.to_numpy()[:, np.newaxis]
    return pd.DataFrame(parts, index=scores.index, columns=scores.columns).where(whole.notna(), axis=0)


def with_group_means(scores: Array, groups: Sequence[Positions], reference: Flags | None = None) -> Array:
    """Replace missing children's scores by the mean of the areas of the same group.

    This is one of three rules for missing children; the others renormalise the weights (the default of ``aggregate``)
    or leave the parent blank (``available=1``). Rows with no child at all stay missing.

    Args:
        scores: scores of the children, ``[draw, row, child]``.
        groups: positions of the rows of each group, in each edition.
        reference: the reference rows for the means; None for all.
    """
    absent = np.isnan(scores)
    filled = scores.copy()
    for rows in groups:
        known = rows if reference is None else rows[reference[rows]]
        filled[:, rows] = np.where(absent[:, rows], average(scores[:, known]), scores[:, rows])
    return np.where(absent.all(axis=-1, keepdims=True), np.nan, filled)


def _order(mean: Mean, order: float | None) -> float:
    if mean not in MEANS:
        raise EngineError(f"'{mean}' is not a way to aggregate: use one of {', '.join(MEANS)}")
    if mean != "generalised":
        if order is not None:
            raise EngineError(f"only the generalised mean takes an order, the {mean} mean does not: leave it out")
        return ORDERS.get(mean, np.nan)
    if order is None or not abs(order) <= MAX_ORDER:
        raise EngineError(f"the generalised mean needs an order from -{MAX_ORDER:g} to {MAX_ORDER:g}, not {order}")
    return float(order)


def _admissible(values: Array, combination: Combination, order: float, names: Sequence[object]) -> Array:
    """The scores within the domain of the mean: lifted to the floor where the mean needs positive scores."""
    mean, floor, top = combination.mean, combination.floor, combination.top
    if mean == "inverted_geometric":
        if not top > 1:
            raise EngineError(f"the inverted geometric mean needs a scale that ends above 1, not at {top:g}")
        if combination.lift:
            return np.clip(values, 0, top)
        refused, needed = (values < 0) | (values > top), f"scores from 0 to {top:g}"
    elif order == 1 or (np.isnan(order) and mean != "mazziotta_pareto"):
        return values
    elif order > 0 or np.isnan(order):
        if combination.lift:
            return np.maximum(values, 0.0)
        refused, needed = values < 0, "scores of 0 and above"
    elif floor is not None or combination.lift:
        floor = LEAST * top if floor is None else floor
        if floor < 0:
            raise EngineError(f"a floor must be 0 or more, not {floor:g}")
        return np.maximum(values, floor)
    else:
        refused, needed = values <= 0, "scores above 0, or a floor for lower scores"
    if refused.any():
        flags = np.asarray(refused.reshape(-1, len(names)).any(axis=0))
        named = ", ".join(str(name) for name, flag in zip(names, flags, strict=True) if flag)
        name = f"a mean of order {order:g}" if np.isfinite(order) else f"the mean {mean}"
        raise EngineError(f"{name} needs {needed}, but these columns have other scores: {named}")
    return values


def _vector(scores: pd.DataFrame, weights: pd.Series, signed: bool) -> Array:
    """The weights in the order of the columns."""
    unmatched = scores.columns.symmetric_difference(weights.index)
    if len(unmatched) or not weights.index.is_unique or not scores.columns.is_unique:
        named = ", ".join(map(str, unmatched)) or "ids that occur twice"
        raise EngineError(f"scores and weights must name the same children, each once, but these do not match: {named}")
    vector = weights.reindex(scores.columns).to_numpy(dtype=float)
    if not np.isfinite(vector).all() or (not signed and (vector < 0).any()) or vector.sum() <= 0:
        raise EngineError(f"weights must be finite, not negative and not all 0, but they are {weights.to_dict()}")
    return vector


def shares_of_present(values: Array, weights: Array) -> Array:
    """Weights renormalised over the children present in each row; NaN where absent or where none carries weight.

    Args:
        values: ``[…, row, child]``.
        weights: of a shape that broadcasts with the values; the shares have this shape where nothing is absent.
    """
    absent = np.isnan(values)
    present = np.where(absent, np.nan, weights) if absent.any() else weights
    total = np.nansum(present, axis=-1, keepdims=True)
    shares: Array = present / np.where(total > 0, total, np.nan)
    return shares


def _compared(values: Array, weights: Array, combination: Combination) -> Array:
    """Comparisons within each edition, draw by draw."""
    draws = max(len(values), len(weights))
    scores = np.full((draws, values.shape[1]), np.nan)
    for draw in range(draws):
        own, weight = values[draw % len(values)], weights[draw % len(weights)]
        for rows in combination.editions.values():
            reference = None if combination.reference is None else combination.reference[rows]
            scores[draw, rows] = means.outranking(own[rows], weight, combination.mean == "copeland", reference)
    return scores
