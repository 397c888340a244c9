"""The one pass from values to the index: every score, published or drawn, is formed here.

Arrays run ``[draw, row, child]``. With draws first a score is the same to the last bit whether it is formed alone or
beside others, so that a draw in which nothing is varied is the published score.
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
from spi_pipeline.engine.calculate.changes import NOTHING, Changes
from spi_pipeline.engine.calculate.leaves import leaf_scores
from spi_pipeline.engine.calculate.normalising import normalised
from spi_pipeline.engine.calculate.task import Inputs
from spi_pipeline.engine.calculate.weighing import Weighed, unscaled, weigh
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.recipe import ParentRecipe
from spi_pipeline.engine.normalise.yardsticks import Yardsticks
from spi_pipeline.engine.panel import Array, Flags, Rows
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.fit import Fit, component_fit

# What keeps a half that a float holds as 0.49999999999999994 from being rounded down.
NUDGE = 1e-9
# Means that another may stand in for in a draw.
AVERAGES = (*ORDERS, "generalised")


@dataclass(frozen=True)
class Formed:
    """How one element was formed.

    Attributes:
        ids: its children.
        scores: their scores as they enter, rescaled and filled where the recipe says so, ``[draw, row, child]``.
        weighed: their weights.
        how: how they are combined.
        total: what the mean is multiplied by, one number a draw: shares that sum to 0.999 are used as published, and a
            sum is a mean times the sum of its weights.
        power: whether the mean is raised to the total instead, as for a product.
        rows: the rows.
        fitted: rows that weights are fitted over; None for all.
    """

    ids: list[str]
    scores: Array
    weighed: Weighed
    how: Combination
    total: Array
    power: bool
    rows: Rows
    fitted: Flags | None

    def score(self) -> Array:
        """The element's scores, draws by rows."""
        found = combined(self.scores, self.weighed.weights, self.how, self.ids)
        return np.asarray(found**self.total if self.power else found * self.total)

    @property
    def children(self) -> pd.DataFrame:
        """The scores of the first draw, one column per child."""
        return pd.DataFrame(self.scores[0], index=self.rows.index, columns=self.ids)

    @property
    def weights(self) -> pd.Series:
        """The weights of the first draw, by child."""
        return pd.Series(self.weighed.weights[0], index=self.ids)

    def fit(self) -> Fit:
        """How well the children hang together, over the rows that weights are fitted over."""
        together = pooled_correlation(self.children if self.fitted is None else self.children[self.fitted])
        return component_fit(together.correlation, together.n)

    def contributions(self) -> pd.DataFrame:
        """Points each child adds to the element; all NaN where it cannot be split."""
        how, total = self.how, float(self.total[0, 0])
        options = {"order": how.order, "floor": how.floor, "top": how.top, "signed": how.signed, "sign": how.sign}
        parts = contributions(self.children, self.weights, how.mean, **options)  # type: ignore[arg-type]
        if not self.power:
            return parts * total
        whole = parts.sum(axis=1, min_count=1)
        return parts.mul(whole.where(whole != 0, 1.0) ** (total - 1), axis=0)


@dataclass(frozen=True)
class Pass:
    """What one pass forms.

    Attributes:
        scores: of every element, indicators first, the index last, draws by rows; a single draw where none differs.
        formed: how each aggregated element came about; where draws differ in their means, under the last of these.
        weights: by parent, those its children had, ``[draw, child]``.
    """

    scores: dict[str, Array]
    formed: dict[str, Formed]
    weights: dict[str, Array]


def forward(inputs: Inputs, changes: Changes = NOTHING) -> Pass:
    """Form every score, with what a batch of draws changes.

    Raises:
        EngineError: a method cannot be applied to these values, naming the element.
    """
    structure, recipe = inputs.task.structure, inputs.task.recipe
    leaves = leaf_scores(inputs, changes)
    scores = {
        name: rounded(leaves[..., column], recipe.leaves[name].decimals) for column, name in enumerate(structure.leaves)
    }
    formed, weights = {}, {}
    for parent in structure.parents:
        try:
            children, weighed = _children(parent, scores, inputs, changes)
            scores[parent], formed[parent] = _formed(parent, children, weighed, inputs, changes)
        except EngineError as error:
            raise EngineError(f"element {parent}: {error}") from error
        weights[parent] = weighed.weights
    return Pass(scores, formed, weights)


def _formed(parent: str, children: Array, weighed: Weighed, inputs: Inputs, changes: Changes) -> tuple[Array, Formed]:
    """One element, where draws differ in their means each mean by itself."""
    stated = inputs.task.recipe.parents[parent].mean.method
    means = changes.means if stated in AVERAGES and not weighed.signed else None
    if means is None:
        formed = _combination(parent, children, weighed, stated, inputs, changes)
        score = formed.score()
    else:
        score = np.empty((len(means), children.shape[1]))
        for mean in dict.fromkeys(means.tolist()):
            draws = np.flatnonzero(means == mean)
            own = replace(weighed, weights=_taken(weighed.weights, draws))
            method = stated if mean == "stated" else mean
            formed = _combination(parent, _taken(children, draws), own, method, inputs, changes)
            score[draws] = formed.score()
    if changes.terms is not None and parent in changes.terms:
        score = score + changes.terms[parent]
        if changes.score_limits is not None:
            score = np.clip(score, *changes.score_limits)
    return rounded(score, inputs.task.recipe.parents[parent].decimals), formed


def _taken(values: Array, draws: np.ndarray) -> Array:
    return values if len(values) == 1 else values[draws]


def _children(parent: str, scores: Mapping[str, Array], inputs: Inputs, changes: Changes) -> tuple[Array, Weighed]:
    """The children's scores as they enter, NaN throughout where too few of them are present, and their weights."""
    task = inputs.task
    own, ids = task.recipe.parents[parent], task.structure.children[parent]
    each = [_rescaled(scores[name], task.recipe.parents.get(name), inputs) for name in ids]
    # Each child's scores lie together in memory, as they are gone through child after child.
    children = np.moveaxis(np.stack(np.broadcast_arrays(*each)), 0, -1)
    absent = np.isnan(children)
    filled = with_group_means(children, inputs.groups, inputs.rows.among) if _fills(own, absent) else children
    fixed = (changes.weights or {}).get(parent)
    if fixed is not None:
        weighed = Weighed(fixed, "given", bool(own.weights.options.get("allow_negative", False)))
    else:
        elements = [task.structure.elements[name] for name in ids]
        weighed = weigh(own.weights, parent, filled, elements, inputs.fitted[parent])
    if changes.factors is not None and parent in changes.factors:
        drawn = weighed.weights * changes.factors[parent]
        whole = weighed.weights.sum(axis=-1, keepdims=True) / drawn.sum(axis=-1, keepdims=True)
        weighed = replace(weighed, weights=drawn * whole)
    needed = 1.0 if own.missing == "blank" else own.available
    if needed > 0 and absent.any():
        enough = (~absent).mean(axis=-1, keepdims=True) >= needed
        filled = np.where(enough, filled, np.nan)
    return filled, weighed


def _fills(own: ParentRecipe, absent: Flags) -> bool:
    return own.missing == "group_mean" and bool(absent.any())


def _combination(
    parent: str, children: Array, weighed: Weighed, method: str, inputs: Inputs, changes: Changes
) -> Formed:
    task, rows = inputs.task, inputs.rows
    own, ids = task.recipe.parents[parent], task.structure.children[parent]
    floor, lift = own.floor, changes is not NOTHING
    stated = own.mean.method
    if stated == "product" and floor is None and (lift or not (children < 0).any()):
        floor = 0.0  # nothing has to be lifted: a product of zeros is defined
    options = own.mean.options if method == stated else {}
    how = Combination(
        cast(Mean, UNSCALED.get(method, method)), options.get("order"), floor, task.recipe.scale, weighed.signed,
        options.get("sign", "minus"), rows.editions, rows.among, lift,
    )  # fmt: skip
    total = np.ones((1, 1))
    if stated in UNSCALED:
        total *= unscaled(own.weights, [task.structure.elements[name] for name in ids])
    elif stated == "arithmetic":
        total = weighed.weights.sum(axis=-1, keepdims=True)
    return Formed(ids, children, weighed, how, total, stated == "product", rows, inputs.fitted[parent])


def _rescaled(score: Array, own: ParentRecipe | None, inputs: Inputs) -> Array:
    """A child's scores as they enter its parent."""
    if own is None or own.rescale is None:
        return score
    options = dict(own.rescale.options)
    worst, best, target = (np.array([options.pop(key, np.nan)], dtype=float) for key in ("worst", "best", "target"))
    population = inputs.task.values.population
    known = Yardsticks(
        ["score"], np.ones(1), worst, best, target, inputs.task.recipe.scale, inputs.rows,
        None if population is None else population.to_numpy(dtype=float),
    )  # fmt: skip
    return normalised(replace(own.rescale, options=options), score[..., np.newaxis], known)[..., 0]


def rounded(score: Array, decimals: int | None) -> Array:
    """Scores rounded to so many places, halves up; None leaves them as they are."""
    if decimals is None:
        return score
    return np.asarray(np.floor(score * 10**decimals + 0.5 + NUDGE) / 10**decimals)
