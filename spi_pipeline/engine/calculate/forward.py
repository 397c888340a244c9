"""The forward pass from values to the index, which computes every score, published or drawn.

Arrays run ``[draw, row, child]``. With draws first, a score is the same to the last bit whether it is computed alone or
together with other draws, so a draw in which nothing is varied equals the published score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd

from spi_pipeline.engine.aggregate.parent import (
    ORDERS,
    UNSCALED,
    Combination,
    Mean,
    combined,
    contributions,
    with_group_means,
)
from spi_pipeline.engine.calculate.changes import NO_CHANGES, Changes
from spi_pipeline.engine.calculate.indicator_scores import indicator_scores
from spi_pipeline.engine.calculate.normalising import normalised
from spi_pipeline.engine.calculate.task import Inputs
from spi_pipeline.engine.calculate.weighing import ChildWeights, unscaled, weigh
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.recipe import ParentRecipe
from spi_pipeline.engine.normalise.reference_statistics import ReferenceStatistics
from spi_pipeline.engine.panel import Array, Flags, Rows
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.fit import Fit, component_fit

# Added so that a half held as 0.49999999999999994 is not rounded down.
NUDGE = 1e-9
# Means that a draw may replace by another.
AVERAGES = (*ORDERS, "generalised")


@dataclass(frozen=True)
class ElementResult:
    """The aggregation of one element from its children.

    Attributes:
        ids: ids of its children.
        scores: scores of the children as they enter the mean, rescaled and filled where the recipe declares it,
            ``[draw, row, child]``.
        child_weights: weights of the children.
        combination: the mean and its options.
        total: factor of the mean, one number per draw: shares that sum to 0.999 are used as published, and a sum is a
            mean times the sum of its weights.
        power: whether the mean is raised to the power of the total instead, as for a product.
        rows: the rows of the scores.
        fitted: rows that weights are fitted to; None for all.
    """

    ids: list[str]
    scores: Array
    child_weights: ChildWeights
    combination: Combination
    total: Array
    power: bool
    rows: Rows
    fitted: Flags | None

    def score(self) -> Array:
        """The element's scores, draws by rows."""
        mean = combined(self.scores, self.child_weights.weights, self.combination, self.ids)
        return np.asarray(mean**self.total if self.power else mean * self.total)

    @property
    def children(self) -> pd.DataFrame:
        """The scores of the first draw, one column per child."""
        return pd.DataFrame(self.scores[0], index=self.rows.index, columns=self.ids)

    @property
    def weights(self) -> pd.Series:
        """The weights of the first draw, by child."""
        return pd.Series(self.child_weights.weights[0], index=self.ids)

    def fit(self) -> Fit:
        """Consistency statistics of the children, over the rows that weights are fitted to."""
        together = pooled_correlation(self.children if self.fitted is None else self.children[self.fitted])
        return component_fit(together.correlation, together.n)

    def contributions(self) -> pd.DataFrame:
        """Points that each child contributes to the element; all NaN where its score cannot be split."""
        combination, total = self.combination, float(self.total[0, 0])
        options = {
            "order": combination.order,
            "floor": combination.floor,
            "top": combination.top,
            "signed": combination.signed,
            "sign": combination.sign,
        }
        parts = contributions(self.children, self.weights, combination.mean, **options)  # type: ignore[arg-type]
        if not self.power:
            return parts * total
        whole = parts.sum(axis=1, min_count=1)
        return parts.mul(whole.where(whole != 0, 1.0) ** (total - 1), axis=0)


@dataclass(frozen=True)
class Pass:
    """The result of one forward pass.

    Attributes:
        scores: scores of every element, indicators first, the index last, draws by rows; a single draw where the draws
            do not differ.
        aggregations: the aggregation of each element that has children; where draws use different means, that of the
            last mean.
        weights: by parent, the weights of its children, ``[draw, child]``.
    """

    scores: dict[str, Array]
    aggregations: dict[str, ElementResult]
    weights: dict[str, Array]


@np.errstate(all="ignore")  # infinite scores are caught by a check of the scores
def forward(inputs: Inputs, changes: Changes = NO_CHANGES) -> Pass:
    """Compute every score, with the changes of a batch of draws.

    Raises:
        EngineError: a method cannot be applied to these values, naming the element.
    """
    structure, recipe = inputs.task.structure, inputs.task.recipe
    leaves = indicator_scores(inputs, changes)
    scores = {
        name: rounded(leaves[..., column], recipe.leaves[name].decimals) for column, name in enumerate(structure.leaves)
    }
    aggregations, weights = {}, {}
    for parent in structure.parents:
        try:
            children, child_weights = _children(parent, scores, inputs, changes)
            scores[parent], aggregations[parent] = _formed(parent, children, child_weights, inputs, changes)
        except EngineError as error:
            raise EngineError(f"element {parent}: {error}") from error
        weights[parent] = child_weights.weights
    return Pass(scores, aggregations, weights)


def _formed(
    parent: str, children: Array, child_weights: ChildWeights, inputs: Inputs, changes: Changes
) -> tuple[Array, ElementResult]:
    """The scores of one element; where draws use different means, each mean is computed separately."""
    declared = inputs.task.recipe.parents[parent].mean.method
    means = changes.means if declared in AVERAGES and not child_weights.signed else None
    if means is None:
        result = _combination(parent, children, child_weights, declared, inputs, changes)
        score = result.score()
    else:
        score = np.empty((len(means), children.shape[1]))
        for mean in dict.fromkeys(means.tolist()):
            draws = np.flatnonzero(means == mean)
            own = replace(child_weights, weights=_taken(child_weights.weights, draws))
            method = declared if mean == "as_declared" else mean
            result = _combination(parent, _taken(children, draws), own, method, inputs, changes)
            score[draws] = result.score()
    if changes.terms is not None and parent in changes.terms:
        score = score + changes.terms[parent]
        if changes.score_limits is not None:
            score = np.clip(score, *changes.score_limits)
    return rounded(score, inputs.task.recipe.parents[parent].decimals), result


def _taken(values: Array, draws: np.ndarray) -> Array:
    return values if len(values) == 1 else values[draws]


def _children(parent: str, scores: Mapping[str, Array], inputs: Inputs, changes: Changes) -> tuple[Array, ChildWeights]:
    """The children's scores as they enter the mean, all NaN where too few are present, and their weights."""
    task = inputs.task
    own, ids = task.recipe.parents[parent], task.structure.children[parent]
    each = [_rescaled(scores[name], task.recipe.parents.get(name), inputs) for name in ids]
    # Each child's scores are contiguous in memory, as later steps go child by child.
    children = np.moveaxis(np.stack(np.broadcast_arrays(*each)), 0, -1)
    present = ~np.isnan(children)
    filled = children
    if own.missing == "group_mean" and not present.all():
        filled = with_group_means(children, inputs.groups, inputs.rows.reference)
    possible: Array | int = len(ids)
    if inputs.applies:  # a child that does not apply is not missing: it is neither filled nor required
        applies = np.stack([inputs.applies[name] for name in ids], -1)
        filled = np.where(applies, filled, np.nan)
        possible = np.maximum(applies.sum(axis=-1, keepdims=True), 1)
    fixed = (changes.weights or {}).get(parent)
    if fixed is not None:
        child_weights = ChildWeights(fixed, "given", bool(own.weights.options.get("allow_negative", False)))
    else:
        elements = [task.structure.elements[name] for name in ids]
        child_weights = weigh(own.weights, parent, filled, elements, inputs.fitted[parent])
    if changes.factors is not None and parent in changes.factors:
        drawn = child_weights.weights * changes.factors[parent]
        whole = child_weights.weights.sum(axis=-1, keepdims=True) / drawn.sum(axis=-1, keepdims=True)
        child_weights = replace(child_weights, weights=drawn * whole)
    needed = 1.0 if own.missing == "blank" else own.available
    if (needed > 0 or own.available_count > 0) and not present.all():
        count = present.sum(axis=-1, keepdims=True)
        filled = np.where((count / possible >= needed) & (count >= own.available_count), filled, np.nan)
    return filled, child_weights


def _combination(
    parent: str, children: Array, child_weights: ChildWeights, method: str, inputs: Inputs, changes: Changes
) -> ElementResult:
    task, rows = inputs.task, inputs.rows
    own, ids = task.recipe.parents[parent], task.structure.children[parent]
    floor, lift = own.floor, changes is not NO_CHANGES
    declared = own.mean.method
    if declared == "product" and floor is None and (lift or not (children < 0).any()):
        floor = 0.0  # no score needs lifting: a product of zeros is defined
    options = own.mean.options if method == declared else {}
    combination = Combination(
        cast(Mean, UNSCALED.get(method, method)), options.get("order"), floor, task.recipe.scale, child_weights.signed,
        options.get("sign", "minus"), rows.editions, rows.reference, lift,
    )  # fmt: skip
    total = np.ones((1, 1))
    if declared in UNSCALED:
        total *= unscaled(own.weights, [task.structure.elements[name] for name in ids])
    elif declared == "arithmetic":
        total = child_weights.weights.sum(axis=-1, keepdims=True)
    return ElementResult(
        ids, children, child_weights, combination, total, declared == "product", rows, inputs.fitted[parent]
    )


def _rescaled(score: Array, own: ParentRecipe | None, inputs: Inputs) -> Array:
    """A child's scores as they enter its parent's mean."""
    if own is None or own.rescale is None:
        return score
    options = dict(own.rescale.options)
    worst, best, target = (np.array([options.pop(key, np.nan)], dtype=float) for key in ("worst", "best", "target"))
    population = inputs.task.values.population
    statistics = ReferenceStatistics(
        ["score"], np.ones(1), worst, best, target, inputs.task.recipe.scale, inputs.rows,
        None if population is None else population.to_numpy(dtype=float),
    )  # fmt: skip
    return normalised(replace(own.rescale, options=options), score[..., np.newaxis], statistics)[..., 0]


def rounded(score: Array, decimals: int | None) -> Array:
    """Scores rounded to a number of decimals, halves up; None leaves them unrounded."""
    if decimals is None:
        return score
    return np.asarray(np.floor(score * 10**decimals + 0.5 + NUDGE) / 10**decimals)
