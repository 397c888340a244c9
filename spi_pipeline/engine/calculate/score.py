"""The whole calculation: an index of any depth from a framework and its values.

The order of the levels, and the record of what was done, belong here; how indicators are scored is in ``indicators``,
how children are weighted in ``weighing``, how they are combined in ``aggregate``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.aggregate.parent import UNSCALED, aggregate, contributions, with_group_means
from spi_pipeline.engine.calculate.counts import prepare
from spi_pipeline.engine.calculate.goalposts import settled
from spi_pipeline.engine.calculate.indicators import Indicators, score_indicators
from spi_pipeline.engine.calculate.normalising import Yardsticks, normalised
from spi_pipeline.engine.calculate.outside import with_outside
from spi_pipeline.engine.calculate.weighing import Weighed, unscaled, weigh
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import Faults
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.outline import outline
from spi_pipeline.engine.framework.recipe import ParentRecipe, Recipe, read_recipe
from spi_pipeline.engine.framework.structure import Structure, read_structure
from spi_pipeline.engine.framework.values import Values, read_values
from spi_pipeline.engine.panel import Flags
from spi_pipeline.engine.rank import ranked, whole_numbers
from spi_pipeline.engine.weights.given import effective_weights

S = TypeVar("S", pd.Series, npt.NDArray[np.float64])

TABLE_COLUMNS = ["area_code", "edition", "level", "id", "score", "rank", "rank_low", "rank_high", "coverage"]
# What keeps a half that a float holds as 0.49999999999999994 from being rounded down.
NUDGE = 1e-9
# Ways to weight that look at the scores, and how many observed rows they should have for each child.
FITTED = ("pca", "pca_loadings", "factor", "correlation_balanced")
ROWS_PER_CHILD = 10


@dataclass(frozen=True)
class Task:
    """A framework read without a fault, with its data.

    Attributes:
        structure: the tree.
        recipe: the methods.
        values: the data.
    """

    structure: Structure
    recipe: Recipe
    values: Values


@dataclass(frozen=True)
class Formed:
    """How one element was formed.

    Attributes:
        children: the scores that entered, rescaled and filled where the recipe says so.
        weighed: their weights.
        options: how they were combined, as ``aggregate`` takes it.
        total: what the mean is multiplied by: shares that sum to 0.999 are used as published, and a sum is a mean
            times the sum of its weights.
        power: whether the mean is raised to the total instead, as for a product.
        among: rows that areas are compared with, where they are compared; None for all.
    """

    children: pd.DataFrame
    weighed: Weighed
    options: dict[str, Any]
    total: float
    power: bool
    among: Flags | None

    def score(self) -> pd.Series:
        """The element's scores."""
        found = aggregate(self.children, self.weighed.weights, **self.options, among=self.among).score
        return found**self.total if self.power else found * self.total

    def contributions(self) -> pd.DataFrame:
        """Points each child adds to the element; all NaN where it cannot be split."""
        parts = contributions(self.children, self.weighed.weights, **self.options)
        if not self.power:
            return parts * self.total
        whole = parts.sum(axis=1, min_count=1)
        return parts.mul(whole.where(whole != 0, 1.0) ** (self.total - 1), axis=0)


@dataclass(frozen=True)
class Scores:
    """An index computed.

    Attributes:
        task: what was computed.
        scores: one column per element, indicators first, the index last; indexed by ``(edition, area_code)``.
        coverage: share of the indicators below each element that were observed, in the same shape.
        indicators: how the indicators came about, with filled cells and treated points.
        formed: how each aggregated element came about, by id.
    """

    task: Task
    scores: pd.DataFrame
    coverage: pd.DataFrame
    indicators: Indicators
    formed: dict[str, Formed]

    @property
    def notes(self) -> list[str]:
        """Sentences on where something else was done than the recipe names."""
        return [formed.weighed.note for formed in self.formed.values() if formed.weighed.note]

    def ranks(self) -> pd.DataFrame:
        """Ranks within each edition, in the shape of the scores; NaN where an area has no score or stays outside."""
        recipe = self.task.recipe
        found = ranked(self.scores.to_numpy(dtype=float).T, self.ranking_rows(), recipe.rank_first, recipe.ties)
        return pd.DataFrame(found.T, index=self.scores.index, columns=self.scores.columns, copy=False)

    def ranking_rows(self) -> dict[object, npt.NDArray[np.intp]]:
        """Positions of the rows that are ranked, by edition."""
        fitted, index = self.task.values.fitted, self.scores.index
        taking = np.ones(len(index), dtype=bool) if fitted is None else fitted
        codes, editions = index.codes[0], index.levels[0]  # type: ignore[attr-defined]
        return {editions[code]: np.flatnonzero(taking & (codes == code)) for code in np.unique(codes)}

    def table(self) -> pd.DataFrame:
        """One row per area, edition and element: ``TABLE_COLUMNS``; intervals of ranks are left empty."""
        rows, columns = self.scores.shape
        structure, names = self.task.structure, self.scores.columns
        level = np.array([structure.levels.index(structure.level_of[name]) for name in names], dtype=np.int16)
        element = np.arange(columns, dtype=np.int16)
        ranks = self.ranks().to_numpy().T.ravel()
        whole = self.task.recipe.ties == "min"
        nothing = whole_numbers(None, len(ranks)) if whole else np.full(len(ranks), np.nan)
        return pd.DataFrame(
            {
                "area_code": _repeated(self.scores.index.get_level_values("area_code"), columns),
                "edition": np.tile(self.scores.index.get_level_values("edition"), columns),
                "level": pd.Categorical.from_codes(np.repeat(level, rows), pd.Index(structure.levels)),
                "id": pd.Categorical.from_codes(np.repeat(element, rows), names),
                "score": self.scores.to_numpy().T.ravel(),
                "rank": whole_numbers(ranks, len(ranks)) if whole else ranks,
                "rank_low": nothing,
                "rank_high": nothing,
                "coverage": self.coverage.to_numpy().T.ravel(),
            },
            columns=TABLE_COLUMNS,
            copy=False,
        )

    def weights(self) -> pd.DataFrame:
        """One row per child: level and id of its parent, weight, effective weight, basis, n, alpha, kmo, pc1_share."""
        parts = []
        for parent, formed in self.formed.items():
            fit, weights = formed.weighed.fit, formed.weighed.weights
            effective = effective_weights(formed.children, weights)
            columns = {"level": self.task.structure.level_of[parent], "parent_id": parent, "id": weights.index}
            part = pd.DataFrame({**columns, "weight": weights.to_numpy(), "effective_weight": effective.to_numpy()})
            parts.append(
                part.assign(basis=formed.weighed.basis, n=fit.n, alpha=fit.alpha, kmo=fit.kmo, pc1_share=fit.pc1_share)
            )
        return pd.concat(parts, ignore_index=True)


def read_task(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> Task:
    """Read framework and values, everything wrong with either found at once.

    Raises:
        FrameworkError: with every fault.
    """
    faults = Faults()
    structure = read_structure(framework, faults)
    recipe = read_recipe(framework, structure, profile, faults)
    panels = read_values(values, outline(framework), faults)
    if panels is not None and recipe is not None:
        panels = with_outside(panels, recipe.outside, recipe.wholes, faults)
    faults.raise_any()
    assert structure is not None
    assert recipe is not None
    assert panels is not None
    return Task(structure, recipe, panels)


def score_framework(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> Scores:
    """Compute an index.

    Args:
        framework: the mapping as read from YAML: title, profile, levels, elements and any method stated by hand.
        values: long rows: area_code, indicator_id, value and the optional columns of ``values``.
        profile: a profile to use in place of the framework's.

    Raises:
        FrameworkError: the framework or the values have faults; all of them at once.
        EngineError: a method cannot be applied to these values.
    """
    return score_task(read_task(framework, values, profile))


def score_task(task: Task) -> Scores:
    """Compute what was read; see ``score_framework``."""
    counted = prepare(task.values, task.recipe.leaves)
    structure, recipe = settled(task.structure, task.recipe, counted.values)
    task = replace(task, structure=structure, recipe=recipe)
    indicators = score_indicators(structure, recipe, counted)
    prepared = replace(task, values=indicators.values)
    scores: dict[str, pd.Series] = {}
    for name in structure.leaves:
        scores[name] = rounded(_finite(indicators.scores[name], name), recipe.leaves[name].decimals)
    formed: dict[str, Formed] = {}
    for parent in structure.parents:
        try:
            formed[parent] = _form(parent, scores, prepared)
            score = _finite(formed[parent].score(), parent)
        except EngineError as error:
            raise EngineError(f"element {parent}: {error}") from error
        scores[parent] = rounded(score, recipe.parents[parent].decimals)
    table = pd.DataFrame(scores)
    return Scores(task, table, _coverage(prepared, list(scores)), indicators, formed)


def _form(parent: str, scores: Mapping[str, pd.Series], task: Task) -> Formed:
    structure, recipe = task.structure, task.recipe
    own = recipe.parents[parent]
    ids = structure.children[parent]
    children = pd.DataFrame({name: _rescaled(scores[name], recipe.parents.get(name), task) for name in ids})
    present = children.notna().mean(axis=1)
    if own.missing == "group_mean":
        children = with_group_means(children, task.values.group, task.values.fitted)
    known = rows_to_fit(own.weights, ids, task.values)
    weighed = weigh(own.weights, parent, children, [structure.elements[name] for name in ids], known)
    method, floor = own.mean.method, own.floor
    if method == "product" and floor is None and not (children < 0).any(axis=None):
        floor = 0.0  # nothing has to be lifted: a product of zeros is defined
    options: dict[str, Any] = {
        **own.mean.options,
        "mean": UNSCALED.get(method, method),
        "floor": floor,
        "top": recipe.scale,
        "signed": weighed.signed,
    }
    needed = 1.0 if own.missing == "blank" else own.available
    total = 1.0
    if method in UNSCALED:
        total = unscaled(own.weights, [structure.elements[name] for name in ids])
    elif method == "arithmetic":
        total = float(weighed.weights.sum())
    present_enough = children.where(present >= needed, axis=0)
    return Formed(present_enough, weighed, options, total, method == "product", task.values.fitted)


def rows_to_fit(spec: Spec, ids: Sequence[str], values: Values) -> Flags | None:
    """The rows that weights are fitted over: observed ones, where they are ten times as many as the children.

    A value filled by regression agrees with its siblings better than an observed one would: on the global index,
    fitting over filled rows too moves scores by up to 0.4 points away from the published ones.
    """
    fitted, panel = values.fitted, values.panel
    leaves = [name for name in ids if name in panel.columns]
    if spec.method not in FITTED or not leaves:
        return fitted
    observed = panel[leaves].notna().all(axis=1).to_numpy()
    observed = observed if fitted is None else observed & fitted
    return observed if observed.sum() >= ROWS_PER_CHILD * len(ids) else fitted


def _rescaled(score: pd.Series, own: ParentRecipe | None, task: Task) -> pd.Series:
    """A child's score as it enters its parent."""
    if own is None or own.rescale is None:
        return score
    return rescaled(own.rescale, score, task.recipe.scale, task.values)


def rescaled(spec: Spec, score: pd.Series, scale: float, values: Values) -> pd.Series:
    """Scores normalised once more, as an element's are before they enter its parent."""
    options = dict(spec.options)
    worst, best, target = (pd.Series({"score": options.pop(key, np.nan)}) for key in ("worst", "best", "target"))
    sign = pd.Series({"score": 1.0})
    known = Yardsticks(sign, worst, best, target, values.population, scale, values.fitted)
    return normalised(replace(spec, options=options), score.to_frame("score"), known).iloc[:, 0]


def _finite(score: pd.Series, name: str) -> pd.Series:
    if np.isinf(score.to_numpy(dtype=float)).any():
        raise EngineError(f"scores of {name} grow beyond all bounds: check its values, or use another method")
    return score


def rounded(score: S, decimals: int | None) -> S:
    """Scores rounded to so many places, halves up; None leaves them as they are."""
    if decimals is None:
        return score
    return cast(S, np.floor(score * 10**decimals + 0.5 + NUDGE) / 10**decimals)


def _repeated(labels: pd.Index, times: int) -> pd.Categorical:
    """Labels many times over, as a categorical: five million strings cost seconds and hundreds of megabytes."""
    once = pd.Categorical(labels)
    return pd.Categorical.from_codes(np.tile(once.codes, times), once.categories)


def _coverage(task: Task, ids: list[str]) -> pd.DataFrame:
    observed = task.values.panel.notna()
    flags = np.ascontiguousarray(observed.to_numpy().T).astype(np.int32)
    position = {leaf: number for number, leaf in enumerate(observed.columns)}
    coverage = np.empty((len(ids), len(observed)))
    for column, name in enumerate(ids):
        below = [position[leaf] for leaf in task.structure.leaves_below(name)]
        coverage[column] = flags[below].sum(axis=0) / len(below)
    return pd.DataFrame(coverage.T, index=observed.index, columns=ids, copy=False)
