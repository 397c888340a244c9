"""The whole calculation: an index of any depth from a framework and its values, with a record of the steps.

``indicators`` prepares the values once; ``forward`` computes every score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.counts import prepare
from spi_pipeline.engine.calculate.forward import ElementResult, forward
from spi_pipeline.engine.calculate.goalposts import resolve_goalposts
from spi_pipeline.engine.calculate.indicators import Indicators, prepare_inputs
from spi_pipeline.engine.calculate.outside import with_outside
from spi_pipeline.engine.calculate.task import Inputs, Task
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import Faults
from spi_pipeline.engine.framework.outline import outline
from spi_pipeline.engine.framework.recipe import read_recipe
from spi_pipeline.engine.framework.structure import read_structure
from spi_pipeline.engine.framework.values import read_values
from spi_pipeline.engine.rank import ranked, whole_numbers
from spi_pipeline.engine.weights.given import effective_weights

TABLE_COLUMNS = ["area_code", "edition", "level", "id", "score", "rank", "rank_low", "rank_high", "coverage"]


@dataclass(frozen=True)
class Scores:
    """A computed index.

    Attributes:
        task: the task that was computed, with goalposts and caps resolved to numbers.
        inputs: the inputs of every forward pass, this one and all draws, with values after suppression and shrinkage.
        scores: one column per element, indicators first, the index last; indexed by ``(edition, area_code)``.
        coverage: share of the indicators below each element that were observed, of those that apply to the area, in the
            shape of the scores; NaN where none applies.
        indicators: the prepared indicators, with imputed cells and treated points.
        aggregations: the aggregation of each element that has children, by id.
    """

    task: Task
    inputs: Inputs
    scores: pd.DataFrame
    coverage: pd.DataFrame
    indicators: Indicators
    aggregations: dict[str, ElementResult]

    @property
    def notes(self) -> list[str]:
        """Sentences on how the values were read, and on methods used in place of those in the recipe."""
        areas, indicators = len(self.scores), len(self.task.structure.leaves)
        read = [f"read as a wide table: {areas} rows, {indicators} indicators"] * self.task.values.wide
        return read + [formed.child_weights.note for formed in self.aggregations.values() if formed.child_weights.note]

    def ranks(self) -> pd.DataFrame:
        """Ranks within each edition, in the shape of the scores; NaN where an area has no score or is outside."""
        recipe = self.task.recipe
        ranks = ranked(self.scores.to_numpy(dtype=float).T, self.inputs.rows.ranked, recipe.rank_first, recipe.ties)
        return pd.DataFrame(ranks.T, index=self.scores.index, columns=self.scores.columns, copy=False)

    def table(self) -> pd.DataFrame:
        """One row per area, edition and element, with ``TABLE_COLUMNS``; intervals of ranks are left empty."""
        rows, columns = self.scores.shape
        structure, names = self.task.structure, self.scores.columns
        level = np.array([structure.levels.index(structure.level_of[name]) for name in names], dtype=np.int16)
        element = np.arange(columns, dtype=np.int16)
        ranks = self.ranks().to_numpy().T.ravel()
        whole = self.task.recipe.ties == "min"
        missing = whole_numbers(None, len(ranks)) if whole else np.full(len(ranks), np.nan)
        return pd.DataFrame(
            {
                "area_code": _repeated(self.scores.index.get_level_values("area_code"), columns),
                "edition": np.tile(self.scores.index.get_level_values("edition"), columns),
                "level": pd.Categorical.from_codes(np.repeat(level, rows), pd.Index(structure.levels)),
                "id": pd.Categorical.from_codes(np.repeat(element, rows), names),
                "score": self.scores.to_numpy().T.ravel(),
                "rank": whole_numbers(ranks, len(ranks)) if whole else ranks,
                "rank_low": missing,
                "rank_high": missing,
                "coverage": self.coverage.to_numpy().T.ravel(),
            },
            columns=TABLE_COLUMNS,
            copy=False,
        )

    def weights(self) -> pd.DataFrame:
        """One row per child: level and id of its parent, weight, effective weight, method, n, alpha, kmo, pc1_share."""
        parts = []
        for parent, formed in self.aggregations.items():
            fit, weights = formed.fit(), formed.weights
            effective = effective_weights(formed.children, weights)
            columns = {"level": self.task.structure.level_of[parent], "parent_id": parent, "id": weights.index}
            part = pd.DataFrame({**columns, "weight": weights.to_numpy(), "effective_weight": effective.to_numpy()})
            parts.append(
                part.assign(
                    method=formed.child_weights.method, n=fit.n, alpha=fit.alpha, kmo=fit.kmo, pc1_share=fit.pc1_share
                )
            )
        return pd.concat(parts, ignore_index=True)


def read_task(framework: Mapping[str, Any], values: pd.DataFrame, profile: str | None = None) -> Task:
    """Read a framework and its values and report all faults of both at once.

    Raises:
        FrameworkError: the framework or the values have faults; ``faults`` lists them all.
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


@np.errstate(all="ignore")  # as in ``forward``
def score_task(task: Task) -> Scores:
    """Compute an index from a framework and values that have been read.

    Raises:
        EngineError: a method cannot be applied to these values.
    """
    counted = prepare(task.values, task.recipe.leaves)
    structure, recipe = resolve_goalposts(task.structure, task.recipe, counted.values)
    task = replace(task, structure=structure, recipe=recipe)
    inputs, indicators = prepare_inputs(replace(task, values=counted.values), counted)
    result = forward(inputs)
    for name, score in result.scores.items():
        if np.isinf(score).any():
            raise EngineError(f"some scores of {name} are infinite: check its values, or use another method")
    table = pd.DataFrame({name: score[0] for name, score in result.scores.items()}, index=inputs.rows.index)
    return Scores(task, inputs, table, _coverage(inputs.task, list(result.scores)), indicators, result.aggregations)


def _repeated(labels: pd.Index, times: int) -> pd.Categorical:
    """Labels repeated, as a categorical: five million strings would cost seconds and hundreds of megabytes."""
    once = pd.Categorical(labels)
    return pd.Categorical.from_codes(np.tile(once.codes, times), once.categories)


def _coverage(task: Task, ids: list[str]) -> pd.DataFrame:
    observed, applies = task.values.panel.notna(), task.values.applies
    flags = np.ascontiguousarray(observed.to_numpy().T).astype(np.int32)
    applicable = None if applies is None else np.ascontiguousarray(applies.to_numpy(dtype=np.int32).T)
    position = {leaf: number for number, leaf in enumerate(observed.columns)}
    coverage = np.empty((len(ids), len(observed)))
    for column, name in enumerate(ids):
        below = [position[leaf] for leaf in task.structure.leaves_below(name)]
        count = np.array(len(below)) if applicable is None else applicable[below].sum(axis=0)
        coverage[column] = flags[below].sum(axis=0) / np.where(count > 0, count, np.nan)
    return pd.DataFrame(coverage.T, index=observed.index, columns=ids, copy=False)
