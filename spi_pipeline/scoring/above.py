"""From the scores of the children to those of a dimension or the index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from spi_pipeline.contracts.framework import Framework, Profile
from spi_pipeline.engine.aggregate import aggregate, contributions
from spi_pipeline.engine.weights import effective_weights, equal_weights
from spi_pipeline.scoring.tables import (
    IMPUTATION_COLUMNS,
    WEIGHT_COLUMNS,
    Areas,
    Part,
    Scored,
    contribution_rows,
    element_rows,
    ranked,
)


def score_parent(
    parent_id: str,
    level: Literal["dimension", "index"],
    children: pd.DataFrame,
    slots_of: Mapping[str, int],
    framework: Framework,
    areas: Areas,
) -> Scored:
    """Score a dimension from its components, or the index from its dimensions.

    Args:
        parent_id: the dimension or index.
        level: which of the two.
        children: rows of the product ``score`` of its children, and of them alone.
        slots_of: number of slots below each child; its keys are the children, in framework order.
        framework: the profiles.
        areas: wards and authorities.

    Returns:
        Scores, weights and contributions; coverage is the share of all slots below the parent.
    """
    parts = [
        _under_profile(parent_id, level, children[children["profile"] == name], slots_of, name, profile, areas)
        for name, profile in framework.profiles.items()
    ]
    return Scored(
        score=ranked([rows for part in parts for rows in part.score], areas),
        weight=pd.concat([part.weight for part in parts], ignore_index=True),
        contribution=pd.concat([part.contribution for part in parts], ignore_index=True),
        imputation=pd.DataFrame(columns=IMPUTATION_COLUMNS),
    )


def _under_profile(
    parent_id: str, level: Literal["dimension", "index"], children: pd.DataFrame, slots_of: Mapping[str, int],
    name: str, profile: Profile, areas: Areas,
) -> Part:  # fmt: skip
    ids = list(slots_of)
    scores = children.pivot(index=["edition", "area_code"], columns="id", values="score").reindex(columns=ids)
    held = children.pivot(index=["edition", "area_code"], columns="id", values="coverage").reindex(columns=ids)
    slots = pd.Series(slots_of)
    coverage = held.fillna(0.0).mul(slots).sum(axis=1) / slots.sum()
    weights = equal_weights(ids)
    options = {"mean": profile.means[level], "floor": profile.floor, "available": profile.available}
    total = aggregate(scores, weights, **options).score  # type: ignore[arg-type]
    points = contributions(scores, weights, **options)  # type: ignore[arg-type]
    wards = scores[scores.index.get_level_values("area_code").isin(areas.wards)]
    effective = effective_weights(wards, weights)
    weight = pd.DataFrame({"id": ids, "weight": weights.to_numpy(), "effective_weight": effective.to_numpy()})
    missing = float("nan")
    weight = weight.assign(profile=name, level=level, parent_id=parent_id, basis="equal", n=len(wards.dropna()))
    return Part(
        score=[element_rows(total.to_frame(parent_id), coverage.to_frame(parent_id), profile=name, level=level)],
        weight=weight.assign(alpha=missing, kmo=missing, pc1_share=missing)[WEIGHT_COLUMNS],
        contribution=contribution_rows(points, profile=name, parent=parent_id),
        imputation=pd.DataFrame(columns=IMPUTATION_COLUMNS),
    )
