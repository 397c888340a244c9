"""What moved a score from one edition to the next: newer figures, estimates made anew, or another set of figures.

The older edition is brought up to date step by step, its set of indicators held: first the figures of a newer period
are put in, then estimates that the newer edition makes anew. What still parts them is the set.
Holding the older set is defined wherever the older edition has a score; restricting both editions to what they share
is not, since a component may share nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.framework import Framework, Mean, Profile
from spi_pipeline.engine.aggregate.parent import aggregate
from spi_pipeline.scoring.editions import PRESENT

CHANGE_COLUMNS = [
    "edition_from", "edition_to", "profile", "area_code", "level", "id", "change", "from_data", "from_carried",
    "from_set",
]  # fmt: skip
# What is less is rounding of the sums, and would say that something changed.
DIGITS = 9
Level = Literal["component", "dimension", "index"]
LEVELS: tuple[Level, ...] = ("component", "dimension", "index")


@dataclass(frozen=True)
class _Edition:
    """One edition under one profile.

    Attributes:
        scores: of every element, by area; columns are ids of all levels.
        periods: the end of the period behind each published indicator value, as a day number, by area and indicator;
            missing for what is estimated or absent.
    """

    scores: pd.DataFrame
    periods: pd.DataFrame


def changes(
    scores: pd.DataFrame,
    weights: pd.DataFrame,
    observations: pd.DataFrame,
    relative: Collection[str],
    framework: Framework,
) -> pd.DataFrame:
    """Split the change of every score between each edition and the next.

    Args:
        scores: rows of the product ``score``, every level.
        weights: rows of the product ``weight``.
        observations: rows of the product ``observation``.
        relative: indicators whose values stand against all of England in their own year: a newer release of one is
            another set of figures and never a change in level.
        framework: profiles.

    Returns:
        The columns of the product ``change``, in points; a row where both editions have a score. The three parts add
        up to the change.
    """
    level_of = scores.drop_duplicates("id").set_index("id")["level"]
    published = observations[observations["status"].isin(PRESENT)]
    frames = []
    for name, profile in framework.profiles.items():
        own, parents = scores[scores["profile"] == name], _parents(weights[weights["profile"] == name], profile)
        editions = {year: _edition(own, published, year) for year in sorted(set(own["edition"]))}
        for before, after in pairwise(editions):
            parts = _split(editions[before], editions[after], parents, relative)
            frames.append(parts.assign(edition_from=before, edition_to=after, profile=name))
    if not frames:
        return pd.DataFrame(columns=CHANGE_COLUMNS)
    table = pd.concat(frames, ignore_index=True)
    return table.assign(level=table["id"].map(level_of))[CHANGE_COLUMNS]


def _edition(scores: pd.DataFrame, published: pd.DataFrame, year: int) -> _Edition:
    rows, known = scores[scores["edition"] == year], published[published["edition"] == year]
    days = pd.to_datetime(known["period_end"]).map(pd.Timestamp.toordinal).astype("float64")
    return _Edition(
        scores=rows.pivot(index="area_code", columns="id", values="score"),
        periods=known.assign(day=days).pivot(index="area_code", columns="indicator_id", values="day"),
    )


@dataclass(frozen=True)
class _Parent:
    """A component, dimension or the index, and how it is formed of its children."""

    id: str
    weights: pd.Series
    mean: Mean
    floor: float | None


def _parents(weights: pd.DataFrame, profile: Profile) -> list[_Parent]:
    """Every parent, from components up."""
    found = []
    for level in LEVELS:
        for parent, rows in weights[weights["level"] == level].groupby("parent_id", sort=False):
            given = rows.set_index("id")["weight"]
            found.append(_Parent(str(parent), given, profile.means[level], profile.floor))
    return found


def _split(before: _Edition, after: _Edition, parents: Sequence[_Parent], relative: Collection[str]) -> pd.DataFrame:
    ids, areas = before.scores.columns.union(after.scores.columns), before.scores.index
    old, new = (edition.scores.reindex(index=areas, columns=ids) for edition in (before, after))
    earlier, later = (
        edition.periods.reindex(index=areas, columns=ids).where(scores.notna())
        for edition, scores in ((before, old), (after, new))
    )
    both = old.notna() & new.notna()
    newer = both & (later > earlier)
    newer.loc[:, ids.isin(list(relative))] = False
    same = both & ((later == earlier) | (later.isna() & earlier.isna()))
    updated = old.where(~newer, new)
    states = _rebuilt([old, updated, updated.where(~same, new)], old, parents)
    data, carried = ((late - early).round(DIGITS) for early, late in pairwise(states))
    entered = (new - old - data - carried).round(DIGITS)
    parts = {"change": data + carried + entered, "from_data": data, "from_carried": carried, "from_set": entered}
    row, column = np.nonzero(both.to_numpy())
    cells = {name: frame.to_numpy()[row, column] for name, frame in parts.items()}
    return pd.DataFrame({"area_code": areas[row], "id": ids[column], **cells})


def _rebuilt(panels: Sequence[pd.DataFrame], old: pd.DataFrame, parents: Sequence[_Parent]) -> list[pd.DataFrame]:
    """Every score formed anew from scores of indicators, wherever the older edition has one."""
    scores = pd.concat(panels, ignore_index=True)
    scored = pd.concat([old.notna()] * len(panels), ignore_index=True)
    for parent in parents:
        children = scores.reindex(columns=parent.weights.index)
        total = aggregate(children, parent.weights, parent.mean, floor=parent.floor).score
        if parent.id in scores:
            scores[parent.id] = total.where(scored[parent.id])
    return [scores.iloc[start : start + len(old)].set_axis(old.index) for start in range(0, len(scores), len(old))]
