"""Where areas stand among each other: ranks and relative scores within a group, usually an edition.

Statements about one set of scores belong here; how sure a rank is, given the error in the data, does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

# Differences below this are the order in which a sum was formed, not a difference between areas: the same three scores
# in another order give a mean that differs in the 14th digit, and the two areas are tied.
TIE_DECIMALS = 9
# Rows of fewer values are ranked all at once.
SHORT = 1000
# Rows of fewer values are sorted by 32 bits each, longer ones by 48.
FEW = 2**14


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


def ranked(
    scores: npt.NDArray[np.float64],
    editions: Mapping[object, npt.NDArray[np.intp]],
    first: str = "highest",
    ties: str = "min",
) -> npt.NDArray[np.float64]:
    """Ranks of many elements at once, as ``ranks`` gives them, on bare arrays.

    Args:
        scores: elements by areas.
        editions: positions of the areas that are ranked together; the others have no rank.
        first: which score gets rank 1.
        ties: what tied areas get.

    Returns:
        Ranks in the shape of the scores, NaN where there is none.
    """
    found = np.full(scores.shape, np.nan)
    for rows in editions.values():
        turned = np.round(scores[:, rows], TIE_DECIMALS) * (-1.0 if first == "highest" else 1.0)
        place = places(turned)
        if ties == "average":
            last = (~np.isnan(turned)).sum(axis=1, keepdims=True) + 1 - places(-turned)
            place = (place + last) / 2
        found[:, rows] = place
    return found


def whole_numbers(ranks: npt.NDArray[np.float64] | None, length: int) -> pd.arrays.IntegerArray:
    """Ranks as nullable whole numbers; None stands for so many that are missing."""
    if ranks is None:
        return pd.arrays.IntegerArray(np.zeros(length, dtype=np.int64), np.ones(length, dtype=bool))
    absent = np.isnan(ranks)
    with np.errstate(invalid="ignore"):  # what is absent becomes any number, and then 1
        whole = ranks.astype(np.int64)
    whole[absent] = 1
    return pd.arrays.IntegerArray(whole, absent)


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


def places(values: npt.NDArray[np.float64], kind: npt.DTypeLike = float) -> npt.NDArray[Any]:
    """Places along the last axis, 1 for the lowest; exactly equal values share the best one, NaN has none.

    Args:
        values: of any shape, rounded by the caller to where a difference begins.
        kind: of number; where it is a whole one, no place is 0.
    """
    flat = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    found = np.empty(flat.shape, dtype=kind)
    if flat.shape[1] < SHORT:
        _place(flat, found)
    else:  # one row at a time stays in the processor's cache, which makes it twice as fast as all at once
        for row, place in zip(flat, found, strict=True):
            _place_one(row, place)
    found[np.isnan(flat)] = np.nan if found.dtype.kind == "f" else 0
    return found.reshape(values.shape)


def _place(rows: npt.NDArray[np.float64], found: npt.NDArray[Any]) -> None:
    order = np.argsort(rows, axis=1)
    order += np.arange(0, rows.size, rows.shape[1])[:, np.newaxis]
    ordered = rows.ravel()[order]
    starts = np.ones(rows.shape, dtype=bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=starts[:, 1:])
    counted = np.broadcast_to(np.arange(1.0, rows.shape[1] + 1), rows.shape)
    found.reshape(-1)[order] = (
        counted if starts.all() else np.maximum.accumulate(np.where(starts, counted, 0.0), axis=1)
    )


def _place_one(row: npt.NDArray[np.float64], found: npt.NDArray[Any]) -> None:
    order, ordered = _sorted(row)
    counted = np.arange(1, len(row) + 1, dtype=found.dtype)
    same = ordered[1:] == ordered[:-1]
    if same.any():
        counted[1:][same] = 0
        np.maximum.accumulate(counted, out=counted)
    found[order] = counted


def _sorted(row: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """What ``argsort`` gives, twice as fast, and the values in that order.

    Values are numbered on a fine scale from their lowest to their highest; numpy sorts whole numbers by counting,
    sixteen bits at a time.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        low = row.min()
        width = row.max() - low
    if 0 < width < np.inf:
        # Unequal values rarely share a number out of 2**32 where there are some thousands of them, or 2**48 beyond.
        digits = 2 if len(row) < FEW else 3
        numbers = ((row - low) * ((2.0 ** (16 * digits) - 1) / width)).astype(np.uint64)
        order = np.argsort(numbers.astype(np.uint16), kind="stable")  # which takes the lowest sixteen bits
        for _ in range(digits - 1):
            numbers >>= 16
            order = order[np.argsort(numbers.astype(np.uint16)[order], kind="stable")]
        ordered = row[order]
        if not (ordered[1:] < ordered[:-1]).any():
            return order, ordered
    order = np.argsort(row)
    return order, row[order]  # all equal, some missing, or unequal ones with the same number


def _groups(scores: pd.Series, by: str | None) -> pd.Index:
    return pd.Index(np.zeros(len(scores))) if by is None else scores.index.get_level_values(by)
