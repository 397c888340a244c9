"""Peers of areas, scorecards against them, and the indicator values of aggregates of areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.panel import row_in_words

PEERS = 5
# Smallest margin, in points, within which an area counts as level with its peers, however similar these are.
FLOOR = 1.0
ALIKE_COLUMNS = ["area_code", "place", "other_code", "distance"]
CARD_COLUMNS = ["area_code", "id", "peer_median", "difference", "verdict", "peers"]


def nearest_peers(standing: pd.Series, groups: pd.Series | None = None, count: int = PEERS) -> dict[str, list[str]]:
    """The areas of the same group nearest in standing, nearest first; ties are broken by area code.

    Args:
        standing: the figure that measures nearness, such as net income after housing costs, by area code.
        groups: group of each area, such as its authority; None compares all areas.
        count: number of peers; fewer where the group has no more.

    Returns:
        Peers by area; areas without a standing have no peers and are peers of none.
    """
    known = standing.dropna().sort_index()
    labels = pd.Series("", index=known.index) if groups is None else groups.reindex(known.index)
    peers = {}
    for area in known.index:
        others = known[(labels == labels[area]) & (known.index != area)]
        order = np.argsort((others - known[area]).abs().to_numpy(), kind="stable")[:count]
        peers[str(area)] = [str(name) for name in others.index[order]]
    return peers


def most_alike(figures: pd.DataFrame, count: int = PEERS) -> pd.DataFrame:
    """The areas most similar to each area, by the distance between their figures, all figures weighted equally.

    Figures are standardised over all areas (z-scores, n - 1). The distance is Euclidean, divided by the square root of
    the number of figures, so that a distance of 1 is one standard deviation in each of them. A k-d tree finds the
    areas, so the cost grows as n log n.

    Args:
        figures: by area code, one column per figure; areas that lack a figure are left out, as are figures that are the
            same everywhere.
        count: number of similar areas; fewer where there are no more areas.

    Returns:
        ``ALIKE_COLUMNS``, nearest first; at equal distance the lower area code comes first.
    """
    from scipy.spatial import cKDTree  # imported here, since the other functions do not need scipy

    known = figures.dropna().sort_index()
    spread = known.std(ddof=1)
    known = known.loc[:, spread > 0]
    standard = ((known - known.mean()) / spread[known.columns]).to_numpy(dtype=float) / max(known.shape[1], 1) ** 0.5
    neighbours = min(count, len(known) - 1)
    if neighbours < 1 or not known.shape[1]:
        return pd.DataFrame(columns=ALIKE_COLUMNS)
    # Ask for one more, since each area is among its own nearest; at distance 0 it need not come first.
    distance, place = cKDTree(standard).query(standard, k=neighbours + 1)
    own = np.repeat(np.arange(len(known)), neighbours + 1)
    pairs = pd.DataFrame({"own": own, "other": place.ravel(), "distance": distance.ravel()})
    pairs = pairs[pairs["own"] != pairs["other"]].sort_values(["own", "distance", "other"], kind="stable")
    pairs["place"] = pairs.groupby("own").cumcount() + 1
    pairs = pairs[pairs["place"] <= neighbours]
    codes = known.index.to_numpy(dtype=object)
    columns = (codes[pairs["own"]], pairs["place"], codes[pairs["other"]], pairs["distance"])
    return pd.DataFrame({name: np.asarray(column) for name, column in zip(ALIKE_COLUMNS, columns, strict=True)})


def scorecard(scores: pd.DataFrame, peers: dict[str, list[str]], floor: float = FLOOR) -> pd.DataFrame:
    """Relative strengths and weaknesses of areas, compared with the median of their peers.

    An area is strong or weak where it lies further from the median than the peers' average absolute deviation from it,
    which counts as at least one point.

    Source: Social Progress Index, scorecards.

    Args:
        scores: one edition's scores, by area code; one column per element.
        peers: peers by area, as ``nearest_peers`` returns them.
        floor: the smallest deviation that counts, in points.

    Returns:
        ``CARD_COLUMNS``: the verdict is strength, neutral or weakness; ``peers`` lists the peers that have a score,
        separated by commas. An area without a score or without peers has no row.
    """
    ids, index = np.array(scores.columns, dtype=object), scores.index.astype(str)
    values = scores.to_numpy(dtype=float)
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for area, names in peers.items():
        peer_codes = np.array([name for name in names if name in index], dtype=object)
        if area not in index or not len(peer_codes):
            continue
        own, peer_values = values[index.get_loc(area)], values[index.get_indexer(pd.Index(peer_codes))]
        scored = ~np.isnan(own) & ~np.isnan(peer_values).all(axis=0)
        own, peer_values = own[scored], peer_values[:, scored]
        median = np.nanmedian(peer_values, axis=0)
        margin = np.maximum(np.nanmean(np.abs(peer_values - median), axis=0), floor)
        difference = own - median
        verdict = np.where(difference > margin, "strength", np.where(difference < -margin, "weakness", "neutral"))
        listed = np.array([",".join(peer_codes[known]) for known in ~np.isnan(peer_values).T], dtype=object)
        parts.append((np.full(len(own), area, dtype=object), ids[scored], median, difference, verdict, listed))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return pd.DataFrame(dict(zip(CARD_COLUMNS, columns, strict=True)) if columns else [], columns=CARD_COLUMNS)


def whole_values(panel: pd.DataFrame, population: pd.Series, groups: pd.Series | None = None) -> pd.DataFrame:
    """Indicator values of aggregates of areas: population-weighted means of the areas' values, edition by edition.

    A town or a country is scored by applying the same methods to these values, not by averaging scores. Areas without a
    value are left out of that indicator's mean.

    Source: Social Progress Index methodology (world averages).

    Args:
        panel: raw values by ``(edition, area_code)``.
        population: residents by row.
        groups: the aggregate that each row belongs to; None forms a single one, named ``all``.

    Returns:
        Values by ``(edition, area_code)``; the area code is that of the aggregate.

    Raises:
        EngineError: a population is missing or not above 0.
    """
    weights = population.reindex(panel.index).astype(float)
    if not (weights > 0).all():
        raise EngineError(
            f"every area needs a population above 0, which {row_in_words(panel.index[~(weights > 0)][0])} lacks: add it"
        )
    labels = pd.Series("all", index=panel.index) if groups is None else groups.reindex(panel.index)
    keys = [panel.index.get_level_values("edition"), labels.to_numpy()]
    total = panel.mul(weights, axis=0).groupby(keys).sum(min_count=1)
    present = panel.notna().mul(weights, axis=0).groupby(keys).sum()
    return (total / present).rename_axis(["edition", "area_code"])
