"""Scores that depend on the order of an indicator's values alone.

Ranks, what is counted from them and the exponential transform of deprivation indices belong here; how areas stand in
the finished index is in ``rank``.

Values are arrays ``[draw, row, indicator]``, compared within each edition: a place among 20 areas says nothing about a
place among those of another year.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise.linear import towards_better
from spi_pipeline.engine.normalise.yardsticks import Yardsticks
from spi_pipeline.engine.panel import Array, Flags, Rows
from spi_pipeline.engine.rank import places

Ties = Literal["min", "average", "max"]
# Significant digits that make two values different: beyond them lies the order in which a sum was formed.
DIGITS = 12
# The constant of the exponential transform: the most deprived tenth spans half of the scale.
DECAY = 23.0


def rank_scores(values: Array, known: Yardsticks, ties: Ties = "min") -> Array:
    """Rank the values within their edition: 1 for the worst, n for the best.

    Args:
        values: raw values.
        known: direction of each indicator, and which rows are ranked; another gets the place of the first it is not
            better than, at most the last.
        ties: what tied areas get: the lowest of the places they share, their average, or the highest.
    """
    turned = towards_better(values, known)
    largest = np.fmax.reduce(np.abs(turned), axis=-2, keepdims=True)
    step = 10.0 ** (np.floor(np.log10(np.where(largest > 0, largest, 1.0))) - (DIGITS - 1))
    return _ranked(np.rint(turned / step), known.rows, ties)


def percentile_ranks(values: Array, known: Yardsticks, ties: Ties = "min") -> Array:
    """The share of the other areas an area is better than: ``scale * (rank - 1) / (n - 1)``.

    Source: COINr's ``n_prank``; with average ties the usual percentile rank.
    """
    ranked = rank_scores(values, known, ties)
    others = _counts(ranked, known.rows) - 1
    return known.scale * (ranked - 1) / np.where(others > 0, others, np.nan)


def borda_scores(values: Array, known: Yardsticks, ties: Ties = "min") -> Array:
    """The number of areas an area is better than: ``rank - 1``.

    Source: Borda (1781).
    """
    return rank_scores(values, known, ties) - 1


def normal_scores(
    values: Array, known: Yardsticks, mean: float = 0.0, sd: float = 1.0, ties: Ties = "average"
) -> Array:
    """Ranks spread like a normal distribution: ``mean + sd Φ⁻¹(rank / (n + 1))``.

    Source: van der Waerden (1952); how the indices of deprivation bring indicators to one scale before factor analysis.

    Args:
        values: raw values.
        known: as in ``rank_scores``.
        mean: score of the middle place.
        sd: points per standard deviation.
        ties: as in ``rank_scores``.
    """
    ranked = rank_scores(values, known, ties)
    return np.asarray(mean + sd * special.ndtri(ranked / (_counts(ranked, known.rows) + 1)))


def exponential_scores(values: Array, known: Yardsticks, ties: Ties | None = None) -> Array:
    """The exponential transform of deprivation indices, from values; 100 is the highest place.

    The values are ranked within their edition, then ``exponential_of_ranks``. To score need, hand over a direction of
    +1 where higher values mean more of it. A column that is a ranking already keeps its places, since how its publisher
    placed ties is part of the figures; where ``ties`` says how, every column is ranked.

    Args:
        values: raw values, or published ranks.
        known: +1 where the highest value gets the highest score, -1 where the lowest does; which rows are ranked.
        ties: as in ``rank_scores``; None for the mean place.
    """
    ranked = rank_scores(values, known, ties or "average")
    count = _counts(ranked, known.rows)
    if ties is None:
        kept = are_rankings(values, known.rows)[..., np.newaxis, :]
        if kept.any():
            own = np.where(known.direction > 0, values, count + 1 - values)
            ranked = np.where(kept, np.clip(own, 1, count), ranked)
    return _exponential(ranked / count)


def are_rankings(values: Array, rows: Rows) -> Flags:
    """Which columns hold ranks: in every edition, each value is the lowest, mean or highest place its ties share."""
    held = np.ones((values.shape[0], values.shape[-1]), dtype=bool)
    for chosen in rows.ranked.values():
        block = np.ascontiguousarray(np.swapaxes(values[..., chosen, :], -1, -2))
        absent = np.isnan(block)
        # Places are whole or half: most columns hold others, and need not be ranked to be known for it.
        held &= (absent | (block * 2 == np.rint(block * 2))).all(axis=-1)
        if not held.any():
            return held
        low, high = places(block), _highest_places(block)
        held &= (absent | (block == low) | (block == high) | (block == (low + high) / 2)).all(axis=-1)
    known = rows.known(values)
    return np.asarray(held & ~np.isnan(known).all(axis=-2))


def exponential_of_ranks(values: Array, known: Yardsticks, count: int | None = None) -> Array:
    """The exponential transform from published ranks, 1 the most deprived: ``-23 ln(1 - R (1 - exp(-100 / 23)))``.

    ``R = (N + 1 - r) / N`` is the rank scaled to reach 1 for the most deprived of ``N`` areas. The transform keeps a
    good place in one domain from making up for a bad one in another: half of the scale is spread over the most deprived
    tenth. Rank 1 gets the highest score where the direction is -1, the lowest where it is +1.

    Source: English Indices of Deprivation, technical report, "exponential transformation".

    Args:
        values: published ranks.
        known: which way they are meant.
        count: number of areas ranked; None counts those present in each edition.

    Raises:
        EngineError: a rank lies outside 1 to N.
    """
    whole = Rows(known.rows.index)
    total = _counts(values, whole) if count is None else np.full(values.shape, float(count))
    outside = (values < 1) | (values > total)
    if outside.any():
        flags = np.asarray(outside.any(axis=(0, 1)))
        named = ", ".join(str(name) for name, flag in zip(known.names, flags, strict=True) if flag)
        raise EngineError(f"published ranks run from 1 to the number of areas, which these do not: {named}")
    share = np.where(known.direction < 0, total + 1 - values, values) / total
    return _exponential(share)


def _exponential(share: Array) -> Array:
    return np.asarray(-DECAY * np.log(1 - share * (1 - np.exp(-100 / DECAY))))


def _counts(values: Array, rows: Rows) -> Array:
    """How many areas are ranked in each row's edition, in the shape of the values."""
    counts = np.empty(values.shape)
    for edition, chosen in rows.editions.items():
        ranked = values[..., rows.ranked[edition], :]
        counts[..., chosen, :] = (~np.isnan(ranked)).sum(axis=-2, keepdims=True)
    return counts


def _ranked(rounded: Array, rows: Rows, ties: Ties) -> Array:
    found = np.full(rounded.shape, np.nan)
    for edition, own in rows.editions.items():
        inside = rows.ranked[edition]
        block = np.ascontiguousarray(np.swapaxes(rounded[..., inside, :], -1, -2))
        place = _highest_places(block) if ties == "max" else places(block)
        if ties == "average":
            place = (place + _highest_places(block)) / 2
        found[..., inside, :] = np.swapaxes(place, -1, -2)
        if len(inside) < len(own):
            outside = np.setdiff1d(own, inside)
            found[..., outside, :] = _placed(rounded[..., outside, :], block)
    return found


def _highest_places(block: Array) -> Array:
    """Places along the last axis, ties sharing the last of theirs."""
    return np.asarray((~np.isnan(block)).sum(axis=-1, keepdims=True) + 1 - places(-block))


def _placed(outside: Array, block: Array) -> Array:
    """The places that the rows outside would take among the columns of a block."""
    found = np.full(outside.shape, np.nan)
    for draw, column in np.ndindex(block.shape[:-1]):
        inside = block[draw, column]
        ordered = np.sort(inside[~np.isnan(inside)])
        own = outside[draw, :, column]
        place = np.minimum(1.0 + np.searchsorted(ordered, own), max(len(ordered), 1))
        found[draw, :, column] = np.where(np.isnan(own), np.nan, place)
    return found
