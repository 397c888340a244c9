"""Ranks and relative scores of areas within a group, usually an edition.

The functions take one set of scores; the uncertainty of ranks is in ``uncertainty``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

# Smaller differences come from the order of summation, not from the areas: the same three scores added in another order
# give a mean that differs in the 14th digit, and the two areas are tied.
TIE_DECIMALS = 9
# Rows with fewer values are ranked all at once.
SHORT = 1000
# Rows with fewer values are sorted by 32 bits each, longer ones by 48.
FEW = 2**14


def ranks(
    scores: pd.Series,
    by: str | None = "edition",
    ties: Literal["min", "average"] = "min",
    first: Literal["highest", "lowest"] = "highest",
) -> pd.Series:
    """Rank the scores within each group, at full precision and not as published with two decimals.

    Args:
        scores: scores by area.
        by: the index level whose values are ranked separately; None ranks all together.
        ties: the rank of tied areas: the best of the places they share, or the average of them.
        first: which score gets rank 1.

    Returns:
        Nullable ranks indexed as the scores: Int64, or Float64 for average ties; ``<NA>`` where there is no score.
    """
    ranked = scores.round(TIE_DECIMALS).groupby(_groups(scores, by)).rank(method=ties, ascending=first == "lowest")
    return ranked.astype("Int64" if ties == "min" else "Float64")


def ranked(
    scores: npt.NDArray[np.float64],
    editions: Mapping[object, npt.NDArray[np.intp]],
    first: str = "highest",
    ties: str = "min",
) -> npt.NDArray[np.float64]:
    """Ranks of many elements at once, as from ``ranks``, on plain arrays.

    Args:
        scores: elements by areas.
        editions: positions of the areas that are ranked together; all other areas have no rank.
        first: which score gets rank 1.
        ties: the rank of tied areas, as in ``ranks``.

    Returns:
        Ranks in the shape of the scores, NaN where there is none.
    """
    result = np.full(scores.shape, np.nan)
    for rows in editions.values():
        turned = np.round(scores[:, rows], TIE_DECIMALS) * (-1.0 if first == "highest" else 1.0)
        place = places(turned)
        if ties == "average":
            last = (~np.isnan(turned)).sum(axis=1, keepdims=True) + 1 - places(-turned)
            place = (place + last) / 2
        result[:, rows] = place
    return result


def whole_numbers(ranks: npt.NDArray[np.float64] | None, length: int) -> pd.arrays.IntegerArray:
    """Ranks as nullable whole numbers; for None, ``length`` missing ones."""
    if ranks is None:
        return pd.arrays.IntegerArray(np.zeros(length, dtype=np.int64), np.ones(length, dtype=bool))
    absent = np.isnan(ranks)
    with np.errstate(invalid="ignore"):  # missing ranks become arbitrary numbers, replaced by 1 below
        whole = ranks.astype(np.int64)
    whole[absent] = 1
    return pd.arrays.IntegerArray(whole, absent)


def relative_scores(scores: pd.Series, by: str | None = "edition") -> pd.Series:
    """Scores relative to their group: ``50 + 10 (s - mean) / sd``, sd with n-1.

    40 is one standard deviation below the group's mean, 60 one above. Where all areas of a group have the same score,
    all get 50. A group with a single score has no comparison and gets NaN.

    Source: the T-score, as published by several UK local indices.

    Args:
        scores: scores by area.
        by: the index level whose values are compared separately; None compares all together.

    Returns:
        Relative scores indexed as the scores; NaN where there is no score.
    """
    grouped = scores.groupby(_groups(scores, by))
    sd = grouped.transform("std")
    z = (scores - grouped.transform("mean")) / sd
    return 50 + 10 * z.mask(sd < 10.0**-TIE_DECIMALS, 0.0).where(scores.notna())


def places(values: npt.NDArray[np.float64], kind: npt.DTypeLike = float) -> npt.NDArray[Any]:
    """Places along the last axis, 1 for the lowest; exactly equal values share the best place, NaN has none.

    Args:
        values: values of any shape; the caller rounds them so that negligible differences vanish.
        kind: type of number of the places; a missing place is NaN, or 0 where the type is an integer.
    """
    flat = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    result = np.empty(flat.shape, dtype=kind)
    if flat.shape[1] < SHORT:
        _place(flat, result)
    else:  # one row at a time stays in the processor's cache and is twice as fast as all at once
        for row, place in zip(flat, result, strict=True):
            _place_one(row, place)
    result[np.isnan(flat)] = np.nan if result.dtype.kind == "f" else 0
    return result.reshape(values.shape)


def _place(rows: npt.NDArray[np.float64], result: npt.NDArray[Any]) -> None:
    order = np.argsort(rows, axis=1)
    order += np.arange(0, rows.size, rows.shape[1])[:, np.newaxis]
    ordered = rows.ravel()[order]
    starts = np.ones(rows.shape, dtype=bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=starts[:, 1:])
    counted = np.broadcast_to(np.arange(1.0, rows.shape[1] + 1), rows.shape)
    result.reshape(-1)[order] = (
        counted if starts.all() else np.maximum.accumulate(np.where(starts, counted, 0.0), axis=1)
    )


def _place_one(row: npt.NDArray[np.float64], result: npt.NDArray[Any]) -> None:
    order, ordered = _sorted(row)
    counted = np.arange(1, len(row) + 1, dtype=result.dtype)
    same = ordered[1:] == ordered[:-1]
    if same.any():
        counted[1:][same] = 0
        np.maximum.accumulate(counted, out=counted)
    result[order] = counted


def _sorted(row: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """The order from ``argsort``, computed twice as fast, and the values in that order.

    Values are numbered on a fine scale from the lowest to the highest. numpy then sorts the whole numbers by counting,
    sixteen bits at a time.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        low = row.min()
        width = row.max() - low
    if 0 < width < np.inf:
        # Unequal values rarely share a number out of 2**32 (for some thousands of them) or 2**48 (for more).
        digits = 2 if len(row) < FEW else 3
        numbers = ((row - low) * ((2.0 ** (16 * digits) - 1) / width)).astype(np.uint64)
        order = np.argsort(numbers.astype(np.uint16), kind="stable")  # the cast takes the lowest sixteen bits
        for _ in range(digits - 1):
            numbers >>= 16
            order = order[np.argsort(numbers.astype(np.uint16)[order], kind="stable")]
        ordered = row[order]
        if not (ordered[1:] < ordered[:-1]).any():
            return order, ordered
    order = np.argsort(row)
    return order, row[order]  # all equal, some missing, or unequal values with the same number


def _groups(scores: pd.Series, by: str | None) -> pd.Index:
    return pd.Index(np.zeros(len(scores))) if by is None else scores.index.get_level_values(by)
