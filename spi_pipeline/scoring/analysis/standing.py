"""Where each ward stands among the wards of England, and which wards are most like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spi_pipeline.engine.peers import most_alike
from spi_pipeline.scoring.analysis.context import newest

STANDING_COLUMNS = [
    "level", "id", "area_code", "score", "rank", "rank_low", "rank_high", "decile", "england_percentile", "wards",
    "slots",
]  # fmt: skip
SIMILAR_COLUMNS = ["area_code", "place", "other_code", "other_name", "other_authority", "other_region", "distance"]


def standings(scores: pd.DataFrame, intervals: pd.DataFrame, slots: pd.Series) -> pd.DataFrame:
    """Score, rank and decile of each ward of England in the index, its dimensions and components.

    Args:
        scores: rows of the product ``element_score`` of one profile and edition, over the wards of England.
        intervals: rows of the product ``rank_interval`` of the same profile and edition.
        slots: by element, the number of slots behind its score.

    Returns:
        The columns of the product ``ward_standing``; a ward without a score has no row.
    """
    ranked = scores[(scores["level"] != "indicator") & scores["rank"].notna()]
    ends = intervals[["id", "area_code", "rank_low", "rank_high"]]
    placed = ranked.merge(ends, on=["id", "area_code"], how="left", validate="1:1")
    wards = placed.groupby("id")["rank"].transform("count")
    # By rank, which treats scores that differ by rounding alone as equal.
    level_with = placed.groupby(["id", "rank"])["rank"].transform("count")
    below = wards - placed["rank"].astype("int64") + 1 - level_with
    return placed.assign(
        wards=wards.astype("int64"),
        decile=np.ceil(10 * placed["rank"].astype("float64") / wards).astype("int64"),
        england_percentile=100 * below / (wards - 1),
        slots=placed["id"].map(slots).astype("int64"),
    )[STANDING_COLUMNS]


def similar(context: pd.DataFrame, names: pd.DataFrame, measures: Sequence[str], count: int) -> pd.DataFrame:
    """The wards of England most like each ward, by who lives there and never by their scores.

    Args:
        context: rows of the product ``context`` over the wards of England.
        names: ``area_code`` of every ward, with ``area_name``, ``authority`` and ``region``.
        measures: the measures that define nearness; those without figures are skipped.
        count: the number of similar wards to return for each ward.

    Returns:
        The columns of the product ``similar_ward``.
    """
    figures = newest(context)
    known = [name for name in measures if name in figures]
    nearest_wards = most_alike(figures.loc[figures.index.isin(names["area_code"]), known], count)
    others = names.rename(
        columns={
            "area_code": "other_code", "area_name": "other_name", "authority": "other_authority",
            "region": "other_region",
        }
    )  # fmt: skip
    return nearest_wards.merge(others, on="other_code", how="left", validate="m:1")[SIMILAR_COLUMNS]
