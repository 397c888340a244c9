"""Where areas stand among each other: ranks and relative scores within a group, usually an edition.

Statements about one set of scores belong here; how sure a rank is, given the error in the data, does not.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

# Differences below this are the order in which a sum was formed, not a difference between areas: the same three scores
# in another order give a mean that differs in the 14th digit, and the two areas are tied.
TIE_DECIMALS = 9


def ranks(
    scores: pd.Series,
    by: str | None = "edition",
    ties: Literal["min", "average"] = "min",
    first: Literal["highest", "lowest"] = "highest",
) -> pd.Series:
    """Rank the scores within each group, on the scores as calculated and not as published with two decimals.

    Args:
        scores: scores by area.
        by: the index level whose values are ranked apart; None ranks all together.
        ties: what tied areas get: the best of the places they share, or the average of them.
        first: which score gets rank 1.

    Returns:
        Nullable ranks indexed as the scores, Int64, or Float64 for average ties; ``<NA>`` where there is no score.
    """
    ranked = scores.round(TIE_DECIMALS).groupby(_groups(scores, by)).rank(method=ties, ascending=first == "lowest")
    return ranked.astype("Int64" if ties == "min" else "Float64")


def relative_scores(scores: pd.Series, by: str | None = "edition") -> pd.Series:
    """Scores relative to their group: ``50 + 10 (s - mean) / sd``, sd with n-1.

    40 is one standard deviation below the group's mean, 60 one above. Where all areas of a group have the same score
    each of them stands at the mean, so all get 50. A group with a single score has nothing to be compared with: NaN.

    Source: the T-score, as published by several UK local indices.

    Args:
        scores: scores by area.
        by: the index level whose values are compared apart; None compares all together.

    Returns:
        Relative scores indexed as the scores; NaN where there is no score.
    """
    grouped = scores.groupby(_groups(scores, by))
    sd = grouped.transform("std")
    z = (scores - grouped.transform("mean")) / sd
    return 50 + 10 * z.mask(sd < 10.0**-TIE_DECIMALS, 0.0).where(scores.notna())


def places(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places along the last axis, 1 for the lowest; exactly equal values share the best one, NaN has none.

    Args:
        values: of any shape, rounded by the caller to where a difference begins.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    starts = np.ones(values.shape, dtype=bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    shared = np.maximum.accumulate(np.where(starts, np.arange(values.shape[-1]), 0), axis=-1) + 1.0
    found = np.empty(values.shape)
    np.put_along_axis(found, order, shared, axis=-1)
    found[np.isnan(values)] = np.nan
    return found


def _groups(scores: pd.Series, by: str | None) -> pd.Index:
    return pd.Index(np.zeros(len(scores))) if by is None else scores.index.get_level_values(by)
