"""Where a scale begins and ends: percentiles of the wards of England, moved outwards where whole towns lie beyond.

The 1st and 99th percentile leave 68 wards at each end. Where these are strewn over the country the scale serves; where
they are one town's, the scale tells nothing of that town. So each end is judged by the authority it serves worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

LOWEST, HIGHEST = 0.01, 0.99
# An end saturates where this share of the wards of any authority lies beyond it: of a town with one ward in three at
# 0, a third is neither ranked nor seen to move.
SATURATED = 1 / 3
# In a smaller authority two or three wards are a third: the City of London, the Isles of Scilly.
MIN_WARDS = 10


@dataclass(frozen=True)
class Scale:
    """The ends of an indicator's scale, in its unit.

    Attributes:
        low: the lower end.
        high: the upper end.
        beyond_low: largest share of the wards of any authority that lie below the 1st percentile.
        beyond_high: the same above the 99th.
    """

    low: float
    high: float
    beyond_low: float
    beyond_high: float


def scale(values: pd.Series, authority: pd.Series) -> Scale:
    """The scale on which the wards of England are scored.

    The ends are the 1st and 99th percentile. One beyond which a third of any authority's wards lie goes out to the last
    ward, by at most the distance between the two percentiles: one ward with 32,000 patients per GP would otherwise
    leave the others no room.

    Args:
        values: by ward.
        authority: of each ward, over at least the same index.
    """
    low, high = float(values.quantile(LOWEST)), float(values.quantile(HIGHEST))
    length, parent = high - low, authority.reindex(values.index)
    beyond_low, beyond_high = _worst_served(values < low, parent), _worst_served(values > high, parent)
    return Scale(
        max(float(values.min()), low - length) if beyond_low >= SATURATED else low,
        min(float(values.max()), high + length) if beyond_high >= SATURATED else high,
        beyond_low,
        beyond_high,
    )


def _worst_served(beyond: pd.Series, authority: pd.Series) -> float:
    """The largest share of an authority's wards for which a statement holds; 0 where none is large enough."""
    shares = beyond.groupby(authority).agg(["mean", "size"])
    return float(shares.loc[shares["size"] >= MIN_WARDS, "mean"].max()) if (shares["size"] >= MIN_WARDS).any() else 0.0
