"""How uncertain scores, ranks and changes are, and which sources drive the ranks: the engine's draws."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from spi_pipeline.contracts.models.framework import Uncertainty
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.uncertainty.sensitivity import sensitivity
from spi_pipeline.engine.uncertainty.simulate import Uncertainty as Simulated
from spi_pipeline.engine.uncertainty.simulate import simulate
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.change import (
    CHANGE_COLUMNS,
    change_rows,
    movable_share,
    pairs_of,
    with_estimates_of,
)
from spi_pipeline.scoring.periods import periods_of
from spi_pipeline.scoring.tree import Tree

INTERVAL_COLUMNS = [
    "edition", "profile", "level", "id", "area_code", "score_low", "score_high", "measured_low", "measured_high",
    "rank_low", "rank_high", "among_lowest",
]  # fmt: skip
RANKED = ["rank_low", "rank_high", "among_lowest"]
SCORE_ENDS = ["score_low", "score_high", "measured_low", "measured_high"]
DOUBT_COLUMNS = ["profile", "authority_code", "source", "varied", "how", "assumed", "draws", "seed"]
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

    def labelled(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows with this profile and authority."""
        return table.assign(profile=self.profile, authority_code=self.authority)


def uncertainty(trees: Mapping[str, Tree], observations: pd.DataFrame, areas: Areas, settings: Uncertainty) -> Tables:
    """Compute 90 % intervals of every score, rank and change, and list the inputs that were varied.

    Args:
        trees: by profile, the whole index.
        observations: rows of the product ``indicator_value`` of the published editions.
        areas: wards and authorities.
        settings: the number of draws, and the inputs they vary.

    Returns:
        The products ``rank_interval``, ``doubt`` and ``change``, by name.
    """
    parts: dict[str, list[pd.DataFrame]] = {"rank_interval": [], "doubt": [], "change": []}
    for index in _indices(trees, observations, areas):
        simulated = simulate(index.scores, settings.draws, settings.seed, uncertainty_settings(settings))
        levels = index.scores.task.structure.level_of
        # A draw may score an area with too few values, which has no published score; leave it out.
        scored = index.scores.scores.notna().to_numpy().T.ravel()
        table = simulated.intervals[scored].rename(columns={"lowest": "among_lowest"})
        # Ends are rounded to seven digits, so one may lie beyond the scale by that much.
        table[SCORE_ENDS] = table[SCORE_ENDS].clip(0.0, 100.0)
        # A single ward has no rank, so no likely range of ranks.
        alone = table.groupby(["edition", "id"])["rank_low"].transform("count") < 2
        table[RANKED] = table[RANKED].mask(alone)
        parts["rank_interval"].append(index.labelled(table.assign(level=table["id"].map(levels))))
        parts["doubt"].append(index.labelled(simulated.sources()).assign(draws=settings.draws, seed=settings.seed))
        parts["change"] += [index.labelled(rows) for rows in _changes(index, observations, simulated)]
    columns = {"rank_interval": INTERVAL_COLUMNS, "doubt": DOUBT_COLUMNS, "change": CHANGE_COLUMNS}
    return {
        name: pd.concat(frames, ignore_index=True)[columns[name]] if frames else pd.DataFrame(columns=columns[name])
        for name, frames in parts.items()
    }


def _changes(index: _Index, observations: pd.DataFrame, simulated: Simulated) -> Iterator[pd.DataFrame]:
    scores = index.scores
    cells = scores.scores.index
    known = scores.inputs.task.values.panel.notna()
    periods = periods_of(observations).reindex(index=cells, columns=known.columns).where(known)
    for pair in pairs_of(sorted(set(cells.get_level_values("edition")))):
        movable = movable_share(scores, periods, *pair)
        yield change_rows(scores, with_estimates_of(scores, *pair), movable, simulated.changes(*pair), pair)


def drivers(trees: Mapping[str, Tree], observations: pd.DataFrame, areas: Areas, settings: Uncertainty) -> pd.DataFrame:
    """The share of every source of uncertainty in the variation of the ranks of the newest edition.

    Args:
        trees: by profile, the whole index.
        observations: rows of the product ``indicator_value`` of the newest edition.
        areas: wards and authorities.
        settings: the number of draws, and the inputs they vary.

    Returns:
        The columns of the product ``sensitivity``; shares are missing where a source was not varied.
    """
    edition = int(observations["edition"].max())
    parts = []
    for index in _indices(trees, observations, areas):
        with warnings.catch_warnings():
            # Where no rank moves there is no variation to share out, and numpy warns for every share.
            warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
            shares = sensitivity(index.scores, settings.shares, settings.seed, uncertainty_settings(settings))
        parts.append(index.labelled(shares).assign(edition=edition, draws=settings.shares, seed=settings.seed))
    return pd.concat(parts, ignore_index=True)[SENSITIVITY_COLUMNS]


def _indices(trees: Mapping[str, Tree], observations: pd.DataFrame, areas: Areas) -> Iterator[_Index]:
    for authority, codes in areas.by_authority.items():
        for profile, tree in trees.items():
            yield _Index(profile, authority, tree, tree.score(tree.values(observations, codes), authority))


def uncertainty_settings(settings: Uncertainty) -> UncertaintySettings:
    """The inputs to vary and how far, as the engine reads them."""
    return UncertaintySettings(tuple(settings.sources), settings.goalposts, settings.weights, lowest=settings.lowest)
