"""What scoring produces, and the parts every level shares: panels, ranks within the authority, tidy rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.rank import ranks, relative_scores

Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.object_]

SCORE_COLUMNS = [
    "edition", "profile", "level", "id", "area_code", "score", "relative_score", "rank", "coverage",
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
class Elements:
    """Scores of elements of one level under one profile, not yet ranked.

    Attributes:
        profile: name of the profile.
        level: level of the elements.
        scores: one column per element, as ``panel_of`` indexes it.
        coverage: likewise, the share of the element's slots that hold a value.
    """

    profile: str
    level: str
    scores: pd.DataFrame
    coverage: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """The tables of one element under one profile, scores not yet ranked; otherwise as ``Scored``."""

    score: list[Elements]
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

    @cached_property
    def wards(self) -> list[str]:
        """Ward codes, ascending."""
        return sorted(self.authority_of.index)

    @cached_property
    def all(self) -> list[str]:
        """Ward codes, then authority codes."""
        return [*self.wards, *sorted(set(self.authority_of))]

    def own(self, codes: Iterable[str]) -> Labels:
        """The authority of each area, which of an authority is itself."""
        found: Labels = np.array([self.authority_of.get(code, code) for code in codes], dtype=object)
        return found


def panel_of(
    rows: pd.DataFrame, value: str, by: str, ids: Sequence[str], editions: Sequence[int], areas: Areas
) -> pd.DataFrame:
    """Tidy rows as a panel: a row for every edition and area, wards before authorities, and a column for every id.

    Args:
        rows: with ``edition``, ``area_code`` and the two columns below; other editions, areas and ids are left out.
        value: the column of the values.
        by: the column of the ids.
        ids: the columns wanted.
        editions: the editions wanted.
        areas: the areas wanted.
    """
    axes: dict[str, pd.Index] = {"edition": pd.Index(editions), "area_code": pd.Index(areas.all), by: pd.Index(ids)}
    place = [axis.get_indexer(pd.Index(rows[name])) for name, axis in axes.items()]
    wanted = np.all([position >= 0 for position in place], axis=0)
    values = np.full([len(axis) for axis in axes.values()], np.nan)
    known = rows[value].to_numpy(dtype="float64", na_value=np.nan)
    values[tuple(position[wanted] for position in place)] = known[wanted]
    index = pd.MultiIndex.from_product([editions, areas.all], names=["edition", "area_code"])
    return pd.DataFrame(values.reshape(len(index), len(ids)), index, list(ids))


def offered(scores: pd.DataFrame, areas: Areas | None = None) -> Flags:
    """Whether any area has the element in the edition of a row, in the shape of the scores.

    Args:
        scores: as ``panel_of`` indexes them.
        areas: with them, whether any area of the row's own authority has it.
    """
    _, group = np.unique(scores.index.get_level_values("edition"), return_inverse=True)
    if areas is not None:
        _, own = np.unique(areas.own(scores.index.get_level_values("area_code")), return_inverse=True)
        group = group * (own.max(initial=0) + 1) + own
    held = np.zeros((group.max(initial=0) + 1, scores.shape[1]), dtype=bool)
    np.logical_or.at(held, group, scores.notna().to_numpy())
    offered: Flags = held[group]
    return offered


def score_table(elements: Sequence[Elements], areas: Areas) -> pd.DataFrame:
    """Rows of the product ``score``: wards ranked within their authority; an authority itself has scores only.

    Args:
        elements: of any profiles and levels, their scores indexed alike; an element that no area has in an edition is
            left out of that edition, a single missing score is not.
        areas: the areas.
    """
    index = elements[0].scores.index
    edition, area = (index.get_level_values(name).to_numpy() for name in ("edition", "area_code"))
    authority = areas.authority_of.reindex(area).to_numpy(dtype=object, na_value="")
    within = np.unique(edition, return_inverse=True)[1] * len(areas.all) + np.unique(authority, return_inverse=True)[1]
    frames, before = [], 0
    for part in elements:
        column, row = np.nonzero(offered(part.scores).T)
        frames.append(
            {
                "edition": edition[row],
                "area_code": area[row],
                "id": part.scores.columns.to_numpy()[column],
                "score": part.scores.to_numpy()[row, column],
                "coverage": part.coverage.to_numpy()[row, column],
                "profile": np.full(len(row), part.profile, dtype=object),
                "level": np.full(len(row), part.level, dtype=object),
                "ranked": authority[row] != "",
                "group": (before + column) * len(index) * len(areas.all) + within[row],
            }
        )
        before += part.scores.shape[1]
    table = pd.DataFrame({name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]})
    compared = table["score"].where(table["ranked"]).set_axis(pd.Index(table["group"], name="group"))
    return table.assign(
        rank=ranks(compared, by="group").array,
        relative_score=relative_scores(compared, by="group").array,
    )[SCORE_COLUMNS]


def contribution_rows(points: pd.DataFrame, *, profile: str, parent: str) -> pd.DataFrame:
    """Tidy rows of contributions, one column per child in, one row per child out; absent children left out."""
    column, row = np.nonzero(points.notna().to_numpy().T)
    return pd.DataFrame(
        {
            "edition": points.index.get_level_values("edition")[row],
            "profile": profile,
            "area_code": points.index.get_level_values("area_code")[row],
            "parent_id": parent,
            "id": points.columns[column],
            "contribution": points.to_numpy()[row, column],
        }
    )
