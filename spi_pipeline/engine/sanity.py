"""Plausibility checks of a computed index: figures that an analyst looks at before trusting it.

The functions only compute the figures; callers decide which are too large, and which can be justified.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

# With fewer areas a correlation says nothing.
MIN_AREAS = 5


def rest_correlations(children: pd.DataFrame) -> pd.Series:
    """Pearson's correlation of each child with the mean of its siblings (corrected item-total correlation).

    Source: Nunnally and Bernstein (1994), "Psychometric Theory", section 8.

    Args:
        children: scores of the children of one parent, one row per area; higher is better for all of them.

    Returns:
        Correlations by child; NaN without siblings, with fewer than five areas, or where the child or the mean does not
        vary.
    """
    rest = {name: children.drop(columns=name).mean(axis=1) for name in children.columns}
    return pd.Series({name: _correlation(children[name], rest[name]) for name in children.columns}, dtype="float64")


def nearest_twins(scores: pd.DataFrame) -> pd.DataFrame:
    """For each element the other element that it correlates with most (Pearson).

    Args:
        scores: one column per element.

    Returns:
        ``id, other, correlation``, one row per element. The first of equals is taken; elements with no correlation at
        all are left out.
    """
    correlation = scores.corr(min_periods=MIN_AREAS)
    values = correlation.to_numpy(copy=True)
    np.fill_diagonal(values, np.nan)
    known = ~np.isnan(values).all(axis=1)
    nearest = np.nanargmax(values[known], axis=1) if known.any() else np.array([], dtype=int)
    names = correlation.columns.to_numpy()
    return pd.DataFrame(
        {"id": names[known], "other": names[nearest], "correlation": values[np.flatnonzero(known), nearest]}
    )


def neighbour_gaps(scores: pd.Series, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """The distance of each area from the mean of its neighbours, in standard deviations of all such distances (n − 1).

    Args:
        scores: one score per area.
        pairs: areas that border each other, each pair in both directions.

    Returns:
        By area: ``gap`` (NaN where the area or all its neighbours have no score, or where all distances are equal), and
        ``neighbours``, the number of neighbours that have a score.
    """
    table = pd.DataFrame(pairs, columns=["area", "neighbour"])
    table["score"] = table["neighbour"].map(scores)
    around = table.dropna().groupby("area")["score"]
    distance = scores - around.mean().reindex(scores.index)
    spread = distance.std(ddof=1)
    gap = distance / spread if spread > 0 else distance * np.nan
    return pd.DataFrame({"gap": gap, "neighbours": around.size().reindex(scores.index, fill_value=0)})


def _correlation(one: pd.Series, other: pd.Series) -> float:
    pairs = pd.DataFrame({"one": one, "other": other}).dropna()
    if len(pairs) < MIN_AREAS or pairs.nunique().min() < 2:
        return float("nan")
    return float(pairs["one"].corr(pairs["other"]))
