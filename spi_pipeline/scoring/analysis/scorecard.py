"""Strengths and weaknesses: every score of a ward compared with the wards most like it in economic standing.

The module reads scores and, to choose peers, the context. No step that computes the index reads from here.
"""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.models.indicators import Peers
from spi_pipeline.engine.peers import nearest_peers, scorecard
from spi_pipeline.scoring.analysis.context import newest
from spi_pipeline.scoring.areas import Areas

SCORECARD_COLUMNS = [
    "edition", "profile", "area_code", "level", "id", "peer_median", "difference", "verdict", "peers",
]  # fmt: skip


def scorecards(scores: pd.DataFrame, context: pd.DataFrame, peers: Peers, areas: Areas) -> pd.DataFrame:
    """Compare every ward with its peers, in every edition and profile and at every level.

    Peers are chosen by the newest figure of the measure and are the same for all editions, so a ward does not gain
    strength because its peers changed.

    Args:
        scores: rows of the product ``score``.
        context: rows of the product ``context``.
        peers: how peers are chosen, and the difference from which a score counts as strong or weak.
        areas: wards and authorities.

    Returns:
        The columns of the product ``scorecard``; a ward without a figure of the measure has no peers and no row.
    """
    standing = newest(context).reindex(index=areas.wards, columns=[peers.measure])[peers.measure]
    chosen = nearest_peers(standing.dropna(), areas.authority_of, peers.count)
    wards = scores[scores["area_code"].isin(areas.wards)]
    level_of = dict(zip(wards["id"], wards["level"], strict=True))
    frames = [pd.DataFrame(columns=SCORECARD_COLUMNS)]
    for _, rows in wards.groupby(["edition", "profile"]):
        card = scorecard(rows.pivot(index="area_code", columns="id", values="score"), chosen, peers.floor)
        own = {name: rows[name].iloc[0] for name in ("edition", "profile")}
        frames.append(card.assign(**own, level=card["id"].map(level_of)))
    return pd.concat(frames[1:] or frames, ignore_index=True)[SCORECARD_COLUMNS]
