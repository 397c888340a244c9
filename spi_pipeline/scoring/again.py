"""One edition under one profile as a task of the engine, made of the pipeline's own tables.

Whatever decides a score is read from the tables (tree and weights, goalposts, values, what was filled in), so that the
engine arrives at the scores the pipeline published; a test holds it to that. What is then done with the task is
``doubt``'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from spi_pipeline.contracts.models.framework import Profile
from spi_pipeline.engine.calculate.score import Scores, score_framework
from spi_pipeline.engine.impute.record import CELL_COLUMNS
from spi_pipeline.scoring.editions import PRESENT

LEVELS = ["indicator", "component", "dimension", "index"]
CELL = ["area_code", "edition", "indicator_id"]


@dataclass(frozen=True)
class Tables:
    """Rows of the products an index is computed again from.

    Attributes:
        score: those of the indicators suffice.
        weight: every level.
        observation: all indicators.
        imputation: all components.
        indicator: the catalogue, with goalposts.
    """

    score: pd.DataFrame
    weight: pd.DataFrame
    observation: pd.DataFrame
    imputation: pd.DataFrame
    indicator: pd.DataFrame


def scored_again(tables: Tables, name: str, profile: Profile, edition: int, wards: Sequence[str]) -> Scores:
    """Compute the index of one edition, profile and authority with the engine.

    Its indicators are those that fill a slot there: what no ward has in the edition is not part of it, and the others
    share its weight. Gaps are filled as the pipeline filled them, over all editions, and marked as filled.

    Args:
        tables: the pipeline's tables.
        name: of the profile.
        profile: its means and its share of parts.
        edition: the edition.
        wards: the wards of one authority.
    """
    own = tables.score[(tables.score["profile"] == name) & (tables.score["edition"] == edition)]
    own = own[(own["level"] == "indicator") & own["area_code"].isin(wards) & own["score"].notna()]
    used = own.rename(columns={"id": "indicator_id"})[CELL]
    published = tables.observation[tables.observation["status"].isin(PRESENT)]
    published = used.merge(published[[*CELL, "value", "lower", "upper"]], on=CELL, validate="1:1")
    filled = tables.imputation[tables.imputation["profile"] == name]
    filled = used.merge(filled[[*CELL, "value", "method", "donors"]], on=CELL, validate="1:1")
    weights = tables.weight[tables.weight["profile"] == name]
    goalposts = tables.indicator.set_index("indicator_id")[["direction", "worst", "best"]].T
    framework = _framework(
        profile, weights, {leaf: goalposts[leaf].to_dict() for leaf in used["indicator_id"].unique()}
    )
    values = pd.concat([published, filled[[*CELL, "value"]]], ignore_index=True)
    return _marked(score_framework(framework, values), filled.reindex(columns=CELL_COLUMNS))


def _framework(profile: Profile, weights: pd.DataFrame, leaves: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    """The tree above some indicators, whose direction and goalposts are given, with the weights the pipeline gave."""
    elements: list[dict[str, Any]] = []
    held = set(leaves)
    for level in LEVELS[1:]:
        rows = weights[(weights["level"] == level) & weights["id"].isin(held)].sort_values(["parent_id", "id"])
        cells = rows[["parent_id", "id", "weight"]].itertuples(index=False, name=None)
        elements += [
            {"id": name, "parent": parent, "weight": weight, **leaves.get(name, {})} for parent, name, weight in cells
        ]
        held = set(rows["parent_id"])
    return {
        "levels": LEVELS,
        "weights": "given",
        "aggregate": dict(profile.means),
        "available": profile.available,
        "floor": profile.floor,
        "elements": [*({"id": root} for root in held), *elements],
    }


def _marked(scores: Scores, filled: pd.DataFrame) -> Scores:
    """Scores with the cells marked that were filled before the engine saw them."""
    if filled.empty:
        return scores
    task = scores.inputs.task
    panel = task.values.panel.copy()
    for cell in filled.itertuples():
        panel.loc[(cell.edition, cell.area_code), cell.indicator_id] = float("nan")
    inputs = replace(scores.inputs, task=replace(task, values=replace(task.values, panel=panel)))
    return replace(scores, inputs=inputs, indicators=replace(scores.indicators, cells=filled))
