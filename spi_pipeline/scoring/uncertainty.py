"""How sure scores, ranks and changes are, and which doubt drives the ranks: the engine's draws on the whole index."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from spi_pipeline.contracts.models.framework import Uncertainty
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.doubt import Doubt
from spi_pipeline.engine.uncertainty import simulate as engine
from spi_pipeline.engine.uncertainty.sensitivity import sensitivity
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.change import CHANGE_COLUMNS, change_rows, movable_share, pairs_of, periods_of
from spi_pipeline.scoring.tree import Tree

INTERVAL_COLUMNS = [
    "edition", "profile", "level", "id", "area_code", "score_low", "score_high", "measured_low", "measured_high",
    "rank_low", "rank_high", "among_lowest",
]  # fmt: skip
DOUBT_COLUMNS = ["profile", "authority_code", "source", "varied", "how", "draws", "seed"]
SENSITIVITY_COLUMNS = [
    "edition", "profile", "authority_code", "source", "first", "first_low", "first_high", "total", "total_low",
    "total_high", "draws", "seed",
]  # fmt: skip
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class _Index:
    """The whole index under one profile, for one authority."""

    profile: str
    authority: str
    tree: Tree
    scores: Scores


def uncertainty(trees: Mapping[str, Tree], observations: pd.DataFrame, areas: Areas, wanted: Uncertainty) -> Tables:
    """90 % intervals of every score, rank and change, and what was varied to find them.

    Args:
        trees: by profile, the whole index.
        observations: rows of the product ``indicator_value``, of the published editions.
        areas: wards and authorities.
        wanted: how many draws, and what they vary.

    Returns:
        The products ``rank_interval``, ``doubt`` and ``change``, by name.
    """
    parts: dict[str, list[pd.DataFrame]] = {"rank_interval": [], "doubt": [], "change": []}
    for index in _indices(trees, observations, areas):
        found = engine.simulate(index.scores, wanted.draws, wanted.seed, _doubt(wanted))
        levels, own = index.scores.task.structure.level_of, {"profile": index.profile}
        # A draw may give a score to an area that has too few values; it has no score all the same.
        scored = index.scores.scores.notna().to_numpy().T.ravel()
        table = (
            found.intervals[scored]
            .reindex(columns=[*found.intervals.columns, "measured_low", "measured_high"])
            .assign(
                score_high=lambda f: f["score_high"].clip(upper=100),
                measured_low=lambda f: f["score_low"],
                measured_high=lambda f: f["score_high"],
            )
            .rename(columns={"lowest": "among_lowest"})
        )
        parts["rank_interval"].append(table.assign(**own, level=table["id"].map(levels)))
        rows = pd.DataFrame([{"source": one.source, "varied": one.varied, "how": one.how} for one in found.varied])
        about = {"authority_code": index.authority, "draws": wanted.draws, "seed": wanted.seed}
        parts["doubt"].append(rows.assign(**own, **about))
        parts["change"] += [rows.assign(**own) for rows in _changes(index, observations, found)]
    columns = {"rank_interval": INTERVAL_COLUMNS, "doubt": DOUBT_COLUMNS, "change": CHANGE_COLUMNS}
    return {
        name: pd.concat(frames, ignore_index=True)[columns[name]] if frames else pd.DataFrame(columns=columns[name])
        for name, frames in parts.items()
    }


def _changes(index: _Index, observations: pd.DataFrame, found: engine.Uncertainty) -> Iterator[pd.DataFrame]:
    scores = index.scores
    cells = scores.scores.index
    periods = periods_of(observations, index.tree.leaves, cells).where(scores.indicators.values.panel.notna())
    for before, after in pairs_of(sorted(set(cells.get_level_values("edition")))):
        movable = movable_share(scores, periods, before, after)
        if not hasattr(found, "changes"):
            ends = pd.DataFrame(
                columns=["area_code", "id", "change_low", "change_high", "rank_change_low", "rank_change_high"]
            )
            yield change_rows(scores, scores.scores.loc[after], movable, ends, (before, after))
            continue
        held = found.with_estimates_of(before, after)
        yield change_rows(scores, held, movable, found.changes(before, after), (before, after))


def drivers(trees: Mapping[str, Tree], observations: pd.DataFrame, areas: Areas, wanted: Uncertainty) -> pd.DataFrame:
    """The share of every source in the doubt about the ranks of the newest edition.

    Args:
        trees: by profile, the whole index.
        observations: rows of the product ``indicator_value`` of the newest edition.
        areas: wards and authorities.
        wanted: how many draws, and what they vary.

    Returns:
        The columns of the product ``sensitivity``; no shares where a source was not varied.
    """
    edition = int(observations["edition"].max())
    parts = []
    for index in _indices(trees, observations, areas):
        with warnings.catch_warnings():
            # Where no rank moves there is nothing to share out, which numpy says of every share.
            warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
            shares = sensitivity(index.scores, wanted.shares, wanted.seed, _doubt(wanted))
        about = {"authority_code": index.authority, "draws": wanted.shares, "seed": wanted.seed}
        parts.append(shares.assign(edition=edition, profile=index.profile, **about))
    return pd.concat(parts, ignore_index=True)[SENSITIVITY_COLUMNS]


def _indices(trees: Mapping[str, Tree], observations: pd.DataFrame, areas: Areas) -> Iterator[_Index]:
    for authority, codes in areas.by_authority.items():
        for profile, tree in trees.items():
            yield _Index(profile, authority, tree, tree.score(tree.values(observations, codes), authority))


def _doubt(wanted: Uncertainty) -> Doubt:
    return Doubt(tuple(wanted.sources), wanted.goalposts, wanted.weights, lowest=wanted.lowest)
