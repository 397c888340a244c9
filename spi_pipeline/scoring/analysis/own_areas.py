"""A council's own areas alongside the wards: scored by the same index without influencing it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.framework import Uncertainty
from spi_pipeline.engine.peers import scorecard
from spi_pipeline.engine.uncertainty.standing import STANDING, standing
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.tree import Tree
from spi_pipeline.scoring.uncertainty import uncertainty_settings

CELL = ["edition", "area_code", "id"]
SCORE_COLUMNS = [
    "edition", "profile", "level", "id", "own_area", "score", *STANDING, "coverage", "authority_score", "ward_median",
    "difference", "verdict",
]  # fmt: skip


def own_area_scores(
    trees: Mapping[str, Tree], observations: pd.DataFrame, values: pd.DataFrame, authority_of: Mapping[str, str],
    areas: Areas, settings: Uncertainty, floor: float,
) -> pd.DataFrame:  # fmt: skip
    """Scores with intervals, the likely place among the wards, and strengths and weaknesses compared with them.

    Args:
        trees: by profile, the whole index.
        observations: rows of the product ``indicator_value`` of the published editions.
        values: rows of the product ``own_area_value`` of the same editions.
        authority_of: by area, the authority whose wards it is compared with.
        areas: wards and authorities.
        settings: the number of draws, and the inputs they vary.
        floor: difference in points up to which an area counts as level with the wards.

    Returns:
        ``SCORE_COLUMNS``; an area has no row for an element without a score.
    """
    own = values.rename(columns={"own_area": "area_code"})
    tables = []
    for authority, codes in areas.by_authority.items():
        within = [area for area, above in authority_of.items() if above == authority]
        rows = pd.concat([observations, own[own["area_code"].isin(within)]], ignore_index=True)
        for profile, tree in trees.items() if within else ():
            scores = tree.score(tree.values(rows, [*codes, *within]), authority, within)
            placed = standing(scores, settings.draws, settings.seed, uncertainty_settings(settings))
            table = placed[placed["area_code"].isin(within)].set_index(CELL)
            for name, panel in (("score", scores.scores), ("coverage", scores.coverage)):
                table[name] = _long(panel).reindex(table.index)
            authority_cells = [(edition, authority, name) for edition, _, name in table.index]
            table["authority_score"] = (
                _long(scores.scores).reindex(pd.MultiIndex.from_tuples(authority_cells)).to_numpy()
            )
            cards = _cards(scores.scores, dict.fromkeys(within, codes[:-1]), floor)
            table = table.join(cards.set_index(CELL)).dropna(subset=["score"]).reset_index()
            levels = scores.task.structure.level_of
            tables.append(table.assign(profile=profile, level=table["id"].map(levels)))
    return pd.concat(tables, ignore_index=True).rename(columns={"area_code": "own_area"})[SCORE_COLUMNS]


def _long(panel: pd.DataFrame) -> pd.Series:
    """The cells of a panel, indexed by edition, area and element."""
    melted = panel.reset_index().melt(["edition", "area_code"], var_name="id")
    return melted.set_index(CELL)["value"].dropna()


def _cards(scores: pd.DataFrame, peers_of: dict[str, list[str]], floor: float) -> pd.DataFrame:
    """Compare each area with all wards of its authority, as a ward is compared with its peers, in every edition."""
    cards = [
        scorecard(scores.loc[edition], peers_of, floor).assign(edition=edition)
        for edition in scores.index.unique("edition")
    ]
    columns = ["edition", "area_code", "id", "peer_median", "difference", "verdict"]
    return pd.concat(cards, ignore_index=True)[columns].rename(columns={"peer_median": "ward_median"})
