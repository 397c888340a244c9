"""Areas beside their peers, and wholes made of areas.

Choosing peers and judging against them, and the indicator values of a whole, belong here; scores are computed
elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.panel import row_in_words

PEERS = 5
# Points within which an area counts as level with its peers, however alike these are.
FLOOR = 1.0
ALIKE_COLUMNS = ["area_code", "place", "other_code", "distance"]
CARD_COLUMNS = ["area_code", "id", "peer_median", "difference", "verdict", "peers"]


def nearest_peers(standing: pd.Series, groups: pd.Series | None = None, count: int = PEERS) -> dict[str, list[str]]:
    """The areas nearest in standing, of the same group, nearest first; ties by area code.

    Args:
        standing: what nearness is measured by, such as net income after housing costs, by area code.
        groups: group of each area, such as its authority; None compares all.
        count: how many; fewer where the group has no more.

    Returns:
        Peers by area; areas without a standing are nobody's peers and have none.
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
    """The areas most like each, by the distance between their figures, every figure counting the same.

    Figures are standardised over all areas (z-scores, n - 1); the distance is Euclidean, over the root of their
    number, so that 1 is a standard deviation in each of them. Found by a k-d tree: cost grows as n log n.

    Args:
        figures: by area code, one column a figure; an area that lacks one is like nobody. A figure that is the same
            everywhere tells nothing, and is left out.
        count: how many; fewer where there are no more areas.

    Returns:
        ``ALIKE_COLUMNS``, nearest first; of equal distance the lower area code first.
    """
    from scipy.spatial import cKDTree  # here, since most that is asked of peers needs no scipy

    known = figures.dropna().sort_index()
    spread = known.std(ddof=1)
    known = known.loc[:, spread > 0]
    standard = ((known - known.mean()) / spread[known.columns]).to_numpy(dtype=float) / max(known.shape[1], 1) ** 0.5
    wanted = min(count, len(known) - 1)
    if wanted < 1 or not known.shape[1]:
        return pd.DataFrame(columns=ALIKE_COLUMNS)
    # Itself is among the nearest; one more, since of several at no distance it need not be the first.
    distance, place = cKDTree(standard).query(standard, k=wanted + 1)
    own = np.repeat(np.arange(len(known)), wanted + 1)
    found = pd.DataFrame({"own": own, "other": place.ravel(), "distance": distance.ravel()})
    found = found[found["own"] != found["other"]].sort_values(["own", "distance", "other"], kind="stable")
    found["place"] = found.groupby("own").cumcount() + 1
    found = found[found["place"] <= wanted]
    codes = known.index.to_numpy(dtype=object)
    columns = (codes[found["own"]], found["place"], codes[found["other"]], found["distance"])
    return pd.DataFrame({name: np.asarray(column) for name, column in zip(ALIKE_COLUMNS, columns, strict=True)})


def scorecard(scores: pd.DataFrame, peers: dict[str, list[str]], floor: float = FLOOR) -> pd.DataFrame:
    """Relative strengths and weaknesses: an area against the median of its peers.

    It is strong or weak where it lies further from the median than the peers' average absolute deviation from it, which
    counts as one point at least.

    Source: Social Progress Index, scorecards.

    Args:
        scores: one edition's scores, by area code; one column per element.
        peers: peers by area, as ``nearest_peers`` returns them.
        floor: the smallest deviation that counts, in points.

    Returns:
        ``CARD_COLUMNS``: verdict strength, neutral or weakness; peers separated by commas, those with a score only. An
        area without a score or without peers has no row.
    """
    ids, index = np.array(scores.columns, dtype=object), scores.index.astype(str)
    values = scores.to_numpy(dtype=float)
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for area, names in peers.items():
        beside = np.array([name for name in names if name in index], dtype=object)
        if area not in index or not len(beside):
            continue
        own, held = values[index.get_loc(area)], values[index.get_indexer(pd.Index(beside))]
        told = ~np.isnan(own) & ~np.isnan(held).all(axis=0)
        own, held = own[told], held[:, told]
        median = np.nanmedian(held, axis=0)
        margin = np.maximum(np.nanmean(np.abs(held - median), axis=0), floor)
        difference = own - median
        verdict = np.where(difference > margin, "strength", np.where(difference < -margin, "weakness", "neutral"))
        listed = np.array([",".join(beside[known]) for known in ~np.isnan(held).T], dtype=object)
        parts.append((np.full(len(own), area, dtype=object), ids[told], median, difference, verdict, listed))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return pd.DataFrame(dict(zip(CARD_COLUMNS, columns, strict=True)) if columns else [], columns=CARD_COLUMNS)


def whole_values(panel: pd.DataFrame, population: pd.Series, groups: pd.Series | None = None) -> pd.DataFrame:
    """Indicator values of wholes: means of the areas' values weighted by population, edition by edition.

    A town or a country is scored by putting these through the same method, not by averaging scores. Areas without a
    value are left out of that indicator's mean.

    Source: Social Progress Index methodology (world averages).

    Args:
        panel: raw values by ``(edition, area_code)``.
        population: residents by row.
        groups: the whole each row belongs to; None takes all as one, named ``all``.

    Returns:
        Values by ``(edition, area_code)``, the area being the whole.

    Raises:
        EngineError: a population is missing or not above 0.
    """
    weights = population.reindex(panel.index).astype(float)
    if not (weights > 0).all():
        raise EngineError(
            f"every area needs a population above 0, unlike {row_in_words(panel.index[~(weights > 0)][0])}: add it"
        )
    labels = pd.Series("all", index=panel.index) if groups is None else groups.reindex(panel.index)
    keys = [panel.index.get_level_values("edition"), labels.to_numpy()]
    total = panel.mul(weights, axis=0).groupby(keys).sum(min_count=1)
    present = panel.notna().mul(weights, axis=0).groupby(keys).sum()
    return (total / present).rename_axis(["edition", "area_code"])
