"""The ends of a scale: percentiles of the wards of England, moved outwards where whole towns lie beyond them.

The 1st and 99th percentile leave 68 wards beyond each end. If these are scattered over the country, the scale works. If
they belong to one town, the scale cannot distinguish that town's wards. So each end is judged by the authority it
serves worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

LOWEST, HIGHEST = 0.01, 0.99
# An end saturates where this share of the wards of any authority lies beyond it: if one ward in three of a town scores
# 0, a third of the town is neither ranked nor seen to move.
SATURATED = 1 / 3
# In a smaller authority, such as the City of London or the Isles of Scilly, two or three wards make up a third.
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

    The ends are the 1st and 99th percentile. An end moves outwards to the last ward if a third of any authority's wards
    lie beyond it, but by at most the distance between the two percentiles: one ward with 32,000 patients per GP would
    otherwise leave the others no room.

    Args:
        values: values by ward.
        authority: authority of each ward, over at least the same index.
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
    """The largest share of any authority's wards that lie beyond an end; 0 where no authority is large enough."""
    shares = beyond.groupby(authority).agg(["mean", "size"])
    return float(shares.loc[shares["size"] >= MIN_WARDS, "mean"].max()) if (shares["size"] >= MIN_WARDS).any() else 0.0
