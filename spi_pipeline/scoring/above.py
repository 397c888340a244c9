"""From the scores of the children to those of a dimension or the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from spi_pipeline.contracts.models.framework import Framework, Profile
from spi_pipeline.engine.aggregate.parent import aggregate, contributions
from spi_pipeline.engine.weights.given import effective_weights, equal_weights
from spi_pipeline.scoring.tables import (
    IMPUTATION_COLUMNS,
    WEIGHT_COLUMNS,
    Areas,
    Elements,
    Part,
    Scored,
    contribution_rows,
    panel_of,
    score_table,
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
    editions = sorted(set(children["edition"]))
    parts = [
        _under_profile(
            parent_id, level, children[children["profile"] == name], editions, slots_of, name, profile, areas
        )
        for name, profile in framework.profiles.items()
    ]
    return Scored(
        score=score_table([elements for part in parts for elements in part.score], areas),
        weight=pd.concat([part.weight for part in parts], ignore_index=True),
        contribution=pd.concat([part.contribution for part in parts], ignore_index=True),
        imputation=pd.DataFrame(columns=IMPUTATION_COLUMNS),
    )


def _under_profile(
    parent_id: str, level: Literal["dimension", "index"], children: pd.DataFrame, editions: Sequence[int],
    slots_of: Mapping[str, int], name: str, profile: Profile, areas: Areas,
) -> Part:  # fmt: skip
    ids = list(slots_of)
    scores = panel_of(children, "score", "id", ids, editions, areas)
    held = panel_of(children, "coverage", "id", ids, editions, areas)
    slots = pd.Series(slots_of)
    coverage = held.fillna(0.0) @ slots / slots.sum()
    weights = equal_weights(ids)
    options = {"mean": profile.means[level], "floor": profile.floor, "available": profile.available}
    total = aggregate(scores, weights, **options).score  # type: ignore[arg-type]
    points = contributions(scores, weights, **options)  # type: ignore[arg-type]
    wards = scores[scores.index.get_level_values("area_code").isin(areas.wards)]
    weight = pd.DataFrame(
        {
            "profile": name,
            "level": level,
            "parent_id": parent_id,
            "id": ids,
            "weight": weights.to_numpy(),
            "effective_weight": effective_weights(wards, weights).to_numpy(),
            "basis": "equal",
            "n": len(wards.dropna()),
            "alpha": float("nan"),
            "kmo": float("nan"),
            "pc1_share": float("nan"),
        },
        columns=WEIGHT_COLUMNS,
    )
    return Part(
        score=[Elements(name, level, total.to_frame(parent_id), coverage.to_frame(parent_id))],
        weight=weight,
        contribution=contribution_rows(points, profile=name, parent=parent_id),
        imputation=pd.DataFrame(columns=IMPUTATION_COLUMNS),
    )
