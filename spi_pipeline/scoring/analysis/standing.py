"""Where each ward stands among the wards of England, and which of them are most like it."""

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
    """Score, rank and tenth of each ward of England in the index, its dimensions and components.

    Args:
        scores: rows of the product ``element_score`` of one profile and edition, over the wards of England.
        intervals: rows of the product ``rank_interval`` of the same.
        slots: by element, how many slots its score rests on.

    Returns:
        The columns of the product ``ward_standing``; a ward without a score has no row.
    """
    ranked = scores[(scores["level"] != "indicator") & scores["rank"].notna()]
    ends = intervals[["id", "area_code", "rank_low", "rank_high"]]
    found = ranked.merge(ends, on=["id", "area_code"], how="left", validate="1:1")
    wards = found.groupby("id")["rank"].transform("count")
    # By rank, which takes as equal what differs by rounding alone.
    level_with = found.groupby(["id", "rank"])["rank"].transform("count")
    below = wards - found["rank"].astype("int64") + 1 - level_with
    return found.assign(
        wards=wards.astype("int64"),
        decile=np.ceil(10 * found["rank"].astype("float64") / wards).astype("int64"),
        england_percentile=100 * below / (wards - 1),
        slots=found["id"].map(slots).astype("int64"),
    )[STANDING_COLUMNS]


def similar(context: pd.DataFrame, names: pd.DataFrame, measures: Sequence[str], count: int) -> pd.DataFrame:
    """The wards of England most like each, by who lives there: never by how they score.

    Args:
        context: rows of the product ``context`` over the wards of England.
        names: ``area_code`` of every ward, with ``area_name``, ``authority`` and ``region``.
        measures: what nearness is measured by; those without figures are passed over.
        count: how many.

    Returns:
        The columns of the product ``similar_ward``.
    """
    figures = newest(context)
    known = [name for name in measures if name in figures]
    found = most_alike(figures.loc[figures.index.isin(names["area_code"]), known], count)
    others = names.rename(
        columns={
            "area_code": "other_code", "area_name": "other_name", "authority": "other_authority",
            "region": "other_region",
        }
    )  # fmt: skip
    return found.merge(others, on="other_code", how="left", validate="m:1")[SIMILAR_COLUMNS]
