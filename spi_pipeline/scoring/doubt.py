"""How sure ranks are, and what drives the doubt: the engine's draws on every edition, profile and authority.

What is drawn, and how, is the engine's; what an edition is made of is ``again``'s.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from spi_pipeline.contracts.models.framework import Framework, Uncertainty
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.doubt import Doubt
from spi_pipeline.engine.uncertainty.sensitivity import sensitivity
from spi_pipeline.engine.uncertainty.simulate import simulate
from spi_pipeline.scoring.again import Tables, scored_again
from spi_pipeline.scoring.tables import Areas

INTERVAL_COLUMNS = ["edition", "profile", "level", "id", "area_code", "rank_low", "rank_high", "among_lowest"]
DOUBT_COLUMNS = ["edition", "profile", "authority_code", "source", "varied", "how", "draws", "seed"]
SENSITIVITY_COLUMNS = [
    "edition", "profile", "authority_code", "source", "first", "first_low", "first_high", "total", "total_low",
    "total_high", "draws", "seed",
]  # fmt: skip


@dataclass(frozen=True)
class _Index:
    """An index computed again, and whose it is."""

    edition: int
    profile: str
    authority_code: str
    scores: Scores

    def told(self, table: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
        """Rows about it, with how they were found."""
        return table.assign(edition=self.edition, profile=self.profile, authority_code=self.authority_code,
                            draws=draws, seed=seed)  # fmt: skip


def rank_intervals(tables: Tables, framework: Framework, areas: Areas) -> tuple[pd.DataFrame, pd.DataFrame]:
    """90 % intervals of every rank, and what was varied to find them.

    Args:
        tables: what the index is computed again from.
        framework: profiles, and how the doubt is measured.
        areas: wards and authorities.

    Returns:
        The columns of the products ``rank_interval``, a row where a ward has a rank, and ``doubt``, a row for every
        source of doubt whether it was varied or not.
    """
    wanted = framework.uncertainty
    intervals, varied = [], []
    for index in _indices(tables, framework, areas, sorted(set(tables.score["edition"]))):
        found = simulate(index.scores, wanted.draws, wanted.seed, _doubt(wanted))
        levels = index.scores.task.structure.level_of
        # A draw that leaves an indicator out may give a score to a ward that has too few; it has no rank all the same.
        scored = index.scores.scores.notna().to_numpy().T.ravel()
        table = found.intervals[scored].rename(columns={"lowest": "among_lowest"})
        intervals.append(table.assign(profile=index.profile, level=table["id"].map(levels))[INTERVAL_COLUMNS])
        rows = pd.DataFrame([{"source": one.source, "varied": one.varied, "how": one.how} for one in found.varied])
        varied.append(index.told(rows, wanted.draws, wanted.seed)[DOUBT_COLUMNS])
    return pd.concat(intervals, ignore_index=True), pd.concat(varied, ignore_index=True)


def drivers(tables: Tables, framework: Framework, areas: Areas) -> pd.DataFrame:
    """The share of every source in the doubt about the ranks of the newest edition.

    Args:
        tables: what the index is computed again from.
        framework: profiles, and how the doubt is measured.
        areas: wards and authorities.

    Returns:
        The columns of the product ``sensitivity``; no shares where a source was not varied.
    """
    wanted = framework.uncertainty
    parts = []
    for index in _indices(tables, framework, areas, [int(tables.score["edition"].max())]):
        with warnings.catch_warnings():
            # Where no rank moves there is nothing to share out, which numpy says of every share.
            warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
            shares = sensitivity(index.scores, wanted.shares, wanted.seed, _doubt(wanted))
        parts.append(index.told(shares, wanted.shares, wanted.seed)[SENSITIVITY_COLUMNS])
    return pd.concat(parts, ignore_index=True)


def _indices(tables: Tables, framework: Framework, areas: Areas, editions: list[int]) -> Iterator[_Index]:
    """Every authority by itself, under every profile, in every edition."""
    for authority, wards in sorted(areas.authority_of.groupby(areas.authority_of).groups.items()):
        for name, profile in framework.profiles.items():
            for edition in editions:
                scores = scored_again(tables, name, profile, edition, list(wards))
                yield _Index(edition, name, str(authority), scores)


def _doubt(wanted: Uncertainty) -> Doubt:
    return Doubt(tuple(wanted.sources), wanted.goalposts, wanted.weights, lowest=wanted.lowest)
