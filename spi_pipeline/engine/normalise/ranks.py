"""Rank-based normalisation: scores that depend only on the order of an indicator's values.

This module holds ranks, scores derived from them, and the exponential transform of deprivation indices; ranks of areas
in a computed index are in ``rank``.

Values are arrays ``[draw, row, indicator]``, compared within each edition: a rank among the areas of one year says
nothing about a rank among those of another year.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise.linear import towards_better
from spi_pipeline.engine.normalise.reference_statistics import ReferenceStatistics
from spi_pipeline.engine.panel import Array, Flags, Rows, as_slice
from spi_pipeline.engine.rank import places

Ties = Literal["min", "average", "max"]
# Significant digits that count when values are compared; later digits depend on the order of summation.
DIGITS = 12
# The constant of the exponential transform: the most deprived tenth spans half of the scale.
DECAY = 23.0


def rank_scores(values: Array, statistics: ReferenceStatistics, ties: Ties = "min") -> Array:
    """Rank the values within their edition: 1 for the worst, n for the best.

    Args:
        values: raw values.
        statistics: direction of each indicator, and the rows that are ranked; any other row gets the place of the first
            ranked row that it is not better than, or the last place.
        ties: the rank of tied areas: the lowest of the places they share, their average, or the highest.
    """
    turned = towards_better(values, statistics)
    largest = np.fmax.reduce(np.abs(turned), axis=-2, keepdims=True)
    step = 10.0 ** (np.floor(np.log10(np.where(largest > 0, largest, 1.0))) - (DIGITS - 1))
    return _ranked(np.rint(turned / step), statistics.rows, ties)


def percentile_ranks(values: Array, statistics: ReferenceStatistics, ties: Ties = "min") -> Array:
    """The share of the other areas that an area is better than: ``scale * (rank - 1) / (n - 1)``.

    Source: COINr's ``n_prank``; with average ties the usual percentile rank.
    """
    ranked = rank_scores(values, statistics, ties)
    others = _counts(ranked, statistics.rows) - 1
    return statistics.scale * (ranked - 1) / np.where(others > 0, others, np.nan)


def borda_scores(values: Array, statistics: ReferenceStatistics, ties: Ties = "min") -> Array:
    """The number of areas that an area is better than: ``rank - 1``.

    Source: Borda (1781).
    """
    return rank_scores(values, statistics, ties) - 1


def normal_scores(
    values: Array, statistics: ReferenceStatistics, mean: float = 0.0, sd: float = 1.0, ties: Ties = "average"
) -> Array:
    """Normal scores of the ranks: ``mean + sd Φ⁻¹(rank / (n + 1))``.

    Source: van der Waerden (1952); the indices of deprivation bring indicators to one scale in this way before factor
    analysis.

    Args:
        values: raw values.
        statistics: as in ``rank_scores``.
        mean: score of the middle place.
        sd: points per standard deviation.
        ties: as in ``rank_scores``.
    """
    ranked = rank_scores(values, statistics, ties)
    return np.asarray(mean + sd * special.ndtri(ranked / (_counts(ranked, statistics.rows) + 1)))


def exponential_scores(values: Array, statistics: ReferenceStatistics, ties: Ties | None = None) -> Array:
    """The exponential transform of deprivation indices, from values; the highest place scores 100.

    The values are ranked within their edition and then transformed as in ``exponential_of_ranks``. To score need, pass
    a direction of +1 where higher values mean more need. A column that already holds ranks is not ranked again, since
    the publisher's treatment of ties is part of the figures; where ``ties`` is given, every column is ranked.

    Args:
        values: raw values, or published ranks.
        statistics: directions, +1 where the highest value gets the highest score, -1 where the lowest does; and the
            rows that are ranked.
        ties: as in ``rank_scores``; None for the mean place.
    """
    ranked = rank_scores(values, statistics, ties or "average")
    count = _counts(ranked, statistics.rows)
    if ties is None:
        published = are_rankings(values, statistics.rows)[..., np.newaxis, :]
        if published.any():
            own = np.where(statistics.direction > 0, values, count + 1 - values)
            ranked = np.where(published, np.clip(own, 1, count), ranked)
    return _exponential(ranked / count)


def are_rankings(values: Array, rows: Rows) -> Flags:
    """Flags for columns of ranks: in every edition each value is the lowest, mean or highest place of its ties."""
    ranking = np.ones((values.shape[0], values.shape[-1]), dtype=bool)
    for chosen in rows.ranked.values():
        block = np.ascontiguousarray(np.swapaxes(values[..., chosen, :], -1, -2))
        absent = np.isnan(block)
        # Places are whole or half numbers: most columns hold other values, which rules them out without ranking.
        ranking &= (absent | (block * 2 == np.rint(block * 2))).all(axis=-1)
        if not ranking.any():
            return ranking
        low, high = places(block), _highest_places(block)
        ranking &= (absent | (block == low) | (block == high) | (block == (low + high) / 2)).all(axis=-1)
    known = rows.reference_values(values)
    return np.asarray(ranking & ~np.isnan(known).all(axis=-2))


def exponential_of_ranks(values: Array, statistics: ReferenceStatistics, count: int | None = None) -> Array:
    """The exponential transform from published ranks, 1 the most deprived: ``-23 ln(1 - R (1 - exp(-100 / 23)))``.

    ``R = (N + 1 - r) / N`` is the rank scaled to reach 1 for the most deprived of ``N`` areas. The transform limits
    compensation between domains: a good rank in one hardly offsets a bad rank in another, since half of the scale is
    spread over the most deprived tenth. Rank 1 gets the highest score where the direction is -1, the lowest where it is
    +1.

    Source: English Indices of Deprivation, technical report, "exponential transformation".

    Args:
        values: published ranks.
        statistics: direction of each indicator.
        count: number of ranked areas; None counts those present in each edition.

    Raises:
        EngineError: a rank lies outside 1 to N.
    """
    whole = Rows(statistics.rows.index)
    total = _counts(values, whole) if count is None else np.full(values.shape, float(count))
    outside = (values < 1) | (values > total)
    if outside.any():
        flags = np.asarray(outside.any(axis=(0, 1)))
        named = ", ".join(str(name) for name, flag in zip(statistics.names, flags, strict=True) if flag)
        raise EngineError(f"published ranks must run from 1 to the number of areas, but these do not: {named}")
    share = np.where(statistics.direction < 0, total + 1 - values, values) / total
    return _exponential(share)


def _exponential(share: Array) -> Array:
    return np.asarray(-DECAY * np.log(1 - share * (1 - np.exp(-100 / DECAY))))


def _counts(values: Array, rows: Rows) -> Array:
    """The number of ranked areas in each row's edition, in the shape of the values."""
    counts = np.empty_like(values)
    for edition, chosen in rows.editions.items():
        ranked = values[..., as_slice(rows.ranked[edition]), :]
        counts[..., as_slice(chosen), :] = (~np.isnan(ranked)).sum(axis=-2, keepdims=True)
    return counts


def _ranked(rounded: Array, rows: Rows, ties: Ties) -> Array:
    result = np.full_like(rounded, np.nan)
    for edition, own in rows.editions.items():
        inside = rows.ranked[edition]
        among = as_slice(inside)
        block = np.ascontiguousarray(np.swapaxes(rounded[..., among, :], -1, -2))
        place = _highest_places(block) if ties == "max" else places(block)
        if ties == "average":
            place = (place + _highest_places(block)) / 2
        result[..., among, :] = np.swapaxes(place, -1, -2)
        if len(inside) < len(own):
            outside = np.setdiff1d(own, inside)
            result[..., outside, :] = _placed(rounded[..., outside, :], block)
    return result


def _highest_places(block: Array) -> Array:
    """Places along the last axis; ties share the highest of their places."""
    return np.asarray((~np.isnan(block)).sum(axis=-1, keepdims=True) + 1 - places(-block))


def _placed(outside: Array, block: Array) -> Array:
    """The places that rows outside would take among the columns of a block."""
    result = np.full(outside.shape, np.nan)
    for draw, column in np.ndindex(block.shape[:-1]):
        inside = block[draw, column]
        ordered = np.sort(inside[~np.isnan(inside)])
        own = outside[draw, :, column]
        place = np.minimum(1.0 + np.searchsorted(ordered, own), max(len(ordered), 1))
        result[draw, :, column] = np.where(np.isnan(own), np.nan, place)
    return result
