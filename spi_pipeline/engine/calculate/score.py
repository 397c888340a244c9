"""The whole calculation: an index of any depth from a framework and its values.

The record of what was done belongs here; what is made ready once is in ``indicators``, the pass that forms every score
in ``forward``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.counts import prepare
from spi_pipeline.engine.calculate.forward import Formed, forward
from spi_pipeline.engine.calculate.goalposts import settled
from spi_pipeline.engine.calculate.indicators import Indicators, ready
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
    """An index computed.

    Attributes:
        task: what was computed, goalposts and caps as the numbers they came to.
        inputs: what every pass begins from, this one and all draws, its values those after what their counts demand.
        scores: one column per element, indicators first, the index last; indexed by ``(edition, area_code)``.
        coverage: share of the indicators below each element that were observed, in the same shape.
        indicators: how the indicators came about, with filled cells and treated points.
        formed: how each aggregated element came about, by id.
    """

    task: Task
    inputs: Inputs
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
        found = ranked(self.scores.to_numpy(dtype=float).T, self.inputs.rows.ranked, recipe.rank_first, recipe.ties)
        return pd.DataFrame(found.T, index=self.scores.index, columns=self.scores.columns, copy=False)

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
            fit, weights = formed.fit(), formed.weights
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
    inputs, indicators = ready(replace(task, values=counted.values), counted)
    found = forward(inputs)
    for name, score in found.scores.items():
        if np.isinf(score).any():
            raise EngineError(f"scores of {name} grow beyond all bounds: check its values, or use another method")
    table = pd.DataFrame({name: score[0] for name, score in found.scores.items()}, index=inputs.rows.index)
    return Scores(task, inputs, table, _coverage(inputs.task, list(found.scores)), indicators, found.formed)


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
