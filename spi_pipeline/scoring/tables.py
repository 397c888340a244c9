"""What scoring produces, and the parts every level shares: ranks within the authority, tidy rows, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.rank import ranks, relative_scores

SCORE_COLUMNS = [
    "edition", "profile", "level", "id", "area_code", "score", "relative_score", "rank", "rank_low", "rank_high",
    "coverage",
]  # fmt: skip
WEIGHT_COLUMNS = [
    "profile", "level", "parent_id", "id", "weight", "effective_weight", "basis", "n", "alpha", "kmo", "pc1_share",
]  # fmt: skip
CONTRIBUTION_COLUMNS = ["edition", "profile", "area_code", "parent_id", "id", "contribution"]
IMPUTATION_COLUMNS = ["edition", "profile", "indicator_id", "area_code", "value", "method", "donors"]


@dataclass(frozen=True)
class Scored:
    """The tables of one component, dimension or index, columns as in the products of the same names.

    Attributes:
        score: scores and ranks.
        weight: weights of the children and the fit.
        contribution: points each child adds.
        imputation: cells filled in; only components have any.
    """

    score: pd.DataFrame
    weight: pd.DataFrame
    contribution: pd.DataFrame
    imputation: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """The tables of one element under one profile, scores not yet ranked; otherwise as ``Scored``."""

    score: list[pd.DataFrame]
    weight: pd.DataFrame
    contribution: pd.DataFrame
    imputation: pd.DataFrame


@dataclass(frozen=True)
class Areas:
    """The areas scored.

    Attributes:
        authority_of: authority of each ward, by ward code.
    """

    authority_of: pd.Series

    @property
    def wards(self) -> list[str]:
        """Ward codes, ascending."""
        return sorted(self.authority_of.index)

    @property
    def all(self) -> list[str]:
        """Ward codes, then authority codes."""
        return [*self.wards, *sorted(self.authority_of.unique())]


def element_rows(scores: pd.DataFrame, coverage: pd.DataFrame, *, profile: str, level: str) -> pd.DataFrame:
    """Tidy rows of the scores of elements of one level, not yet ranked.

    Args:
        scores: one column per element, indexed by ``(edition, area_code)``, wards and authorities; an element that no
            area has in an edition is left out of that edition, a single missing score is not.
        coverage: likewise, the share of the element's slots that hold a value.
        profile: name of the profile.
        level: level of the elements.
    """
    offered = scores.notna().groupby(level="edition").transform("any").to_numpy().T.ravel()
    rows = _long(scores, "score").assign(coverage=coverage[scores.columns].to_numpy().T.ravel())
    return rows[offered].assign(profile=profile, level=level)


def ranked(rows: Sequence[pd.DataFrame], areas: Areas) -> pd.DataFrame:
    """Rows of the product ``score``: wards ranked within their authority; an authority itself has scores only.

    Args:
        rows: as ``element_rows`` returns them, of any profiles and levels.
        areas: the areas.
    """
    table = pd.concat(rows, ignore_index=True)
    authority = table["area_code"].map(areas.authority_of)
    inside = authority.notna()
    group = table.groupby(["profile", "edition", "level", "id", authority.fillna("")], sort=False).ngroup()
    scores = table["score"].set_axis(pd.Index(group, name="group"))
    rank = pd.Series(ranks(scores, by="group").to_numpy(), index=table.index, dtype="Int64")
    relative = pd.Series(relative_scores(scores, by="group").to_numpy(), index=table.index)
    nothing = pd.Series(pd.NA, index=table.index, dtype="Int64")
    return table.assign(
        rank=rank.where(inside), relative_score=relative.where(inside), rank_low=nothing, rank_high=nothing
    )[SCORE_COLUMNS]


def contribution_rows(points: pd.DataFrame, *, profile: str, parent: str) -> pd.DataFrame:
    """Tidy rows of contributions, one column per child in, one row per child out; absent children left out."""
    long = _long(points, "contribution")
    return long[long["contribution"].notna()].assign(profile=profile, parent_id=parent)[CONTRIBUTION_COLUMNS]


def _long(wide: pd.DataFrame, value: str) -> pd.DataFrame:
    """One row per column, edition and area, missing ones included."""
    count = len(wide.columns)
    return pd.DataFrame(
        {
            "edition": np.tile(wide.index.get_level_values("edition").to_numpy(), count),
            "area_code": np.tile(wide.index.get_level_values("area_code").to_numpy(), count),
            "id": np.repeat(wide.columns.to_numpy(), len(wide)),
            value: wide.to_numpy(dtype="float64").T.ravel(),
        }
    )
