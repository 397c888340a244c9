"""Scores that depend on the order of an indicator's values alone.

Ranks, what is counted from them and the exponential transform of deprivation indices belong here; how areas stand in
the finished index is in ``rank``.

Values are compared within each edition: a place among 20 areas says nothing about a place among those of another year.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise.linear import towards_better
from spi_pipeline.engine.panel import Flags, rows_of

Ties = Literal["min", "average", "max"]
# Significant digits that make two values different: beyond them lies the order in which a sum was formed.
DIGITS = 12
# The constant of the exponential transform: the most deprived tenth spans half of the scale.
DECAY = 23.0


def rank_scores(
    panel: pd.DataFrame, direction: pd.Series, ties: Ties = "min", among: Flags | None = None
) -> pd.DataFrame:
    """Rank the values within their edition: 1 for the worst, n for the best.

    Args:
        panel: raw values.
        direction: +1 or -1 by indicator id.
        ties: what tied areas get: the lowest of the places they share, their average, or the highest.
        among: rows that are ranked; another gets the place of the first it is not better than, at most the last.
    """
    turned = towards_better(panel, direction)
    largest = turned.abs().max()
    decimals = DIGITS - 1 - np.floor(np.log10(largest.where(largest > 0, 1.0)))
    step = 10.0**-decimals
    rounded: pd.DataFrame = (turned / step).round()
    ranked = rows_of(rounded, among).groupby(level="edition").rank(method=ties)
    return ranked if among is None else _placed(rounded, ranked, among)


def percentile_ranks(
    panel: pd.DataFrame, direction: pd.Series, ties: Ties = "min", scale: float = 100.0, among: Flags | None = None
) -> pd.DataFrame:
    """The share of the other areas an area is better than: ``scale * (rank - 1) / (n - 1)``.

    An edition with a single area has nothing to be compared with: NaN.

    Source: COINr's ``n_prank``; with average ties the usual percentile rank.
    """
    ranked = rank_scores(panel, direction, ties, among)
    others = _counts(ranked, among) - 1
    return scale * (ranked - 1) / others.where(others > 0)


def borda_scores(
    panel: pd.DataFrame, direction: pd.Series, ties: Ties = "min", among: Flags | None = None
) -> pd.DataFrame:
    """The number of areas an area is better than: ``rank - 1``.

    Source: Borda (1781).
    """
    return rank_scores(panel, direction, ties, among) - 1


def normal_scores(
    panel: pd.DataFrame, direction: pd.Series, mean: float = 0.0, sd: float = 1.0, ties: Ties = "average",
    among: Flags | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Ranks spread like a normal distribution: ``mean + sd Φ⁻¹(rank / (n + 1))``.

    Source: van der Waerden (1952); how the indices of deprivation bring indicators to one scale before factor analysis.

    Args:
        panel: raw values.
        direction: +1 or -1 by indicator id.
        mean: score of the middle place.
        sd: points per standard deviation.
        ties: as in ``rank_scores``.
        among: as in ``rank_scores``.
    """
    ranked = rank_scores(panel, direction, ties, among)
    share = ranked / (_counts(ranked, among) + 1)
    return pd.DataFrame(mean + sd * special.ndtri(share), index=panel.index, columns=panel.columns)


def exponential_scores(
    panel: pd.DataFrame, direction: pd.Series, ties: Ties | None = None, among: Flags | None = None
) -> pd.DataFrame:
    """The exponential transform of deprivation indices, from values; 100 is the highest place.

    The values are ranked within their edition, then ``exponential_of_ranks``. To score need, hand over a direction of
    +1 where higher values mean more of it. A column that is a ranking already keeps its places, since how its publisher
    placed ties is part of the figures; where ``ties`` says how, every column is ranked.

    Args:
        panel: raw values, or published ranks.
        direction: +1 where the highest value gets the highest score, -1 where the lowest does, by indicator id.
        ties: as in ``rank_scores``; None for the mean place.
        among: as in ``rank_scores``.
    """
    ranked = rank_scores(panel, direction, ties or "average", among)
    total = _counts(ranked, among)
    rankings = panel.columns[are_rankings(rows_of(panel, among))] if ties is None else ()
    for name in rankings:
        places = panel[name] if direction[name] > 0 else total[name] + 1 - panel[name]
        ranked[name] = places.clip(1, total[name])
    return _exponential(ranked / total)


def are_rankings(panel: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which columns hold ranks: in every edition, each value is the lowest, mean or highest place its ties share."""
    lowest, highest = (panel.groupby(level="edition").rank(method=method) for method in ("min", "max"))
    held = (panel == lowest) | (panel == highest) | (panel == (lowest + highest) / 2) | panel.isna()
    return np.asarray(held.all() & panel.notna().any())


def exponential_of_ranks(ranks: pd.DataFrame, count: int | None = None) -> pd.DataFrame:
    """The exponential transform from published ranks, 1 the most deprived: ``-23 ln(1 - R (1 - exp(-100 / 23)))``.

    ``R = (N + 1 - r) / N`` is the rank scaled to reach 1 for the most deprived of ``N`` areas. The transform keeps a
    good place in one domain from making up for a bad one in another: half of the scale is spread over the most deprived
    tenth.

    Source: English Indices of Deprivation, technical report, "exponential transformation".

    Args:
        ranks: published ranks, indexed by ``(edition, area_code)``.
        count: number of areas ranked; None counts those present in each edition.

    Raises:
        EngineError: a rank lies outside 1 to N.
    """
    total = ranks.groupby(level="edition").transform("count") if count is None else ranks.notna() * count
    outside = (ranks < 1) | (ranks > total)
    if outside.to_numpy().any():
        named = ", ".join(map(str, ranks.columns[outside.any()]))
        raise EngineError(f"published ranks run from 1 to the number of areas, which these do not: {named}")
    return _exponential((total + 1 - ranks) / total)


def _exponential(share: pd.DataFrame) -> pd.DataFrame:
    scores: pd.DataFrame = -DECAY * np.log(1 - share * (1 - np.exp(-100 / DECAY)))
    return scores


def _counts(ranked: pd.DataFrame, among: Flags | None) -> pd.DataFrame:
    """How many areas are ranked in each row's edition."""
    counts = rows_of(ranked, among).groupby(level="edition").count()
    return counts.reindex(ranked.index.get_level_values("edition")).set_axis(ranked.index)


def _placed(rounded: pd.DataFrame, ranked: pd.DataFrame, among: Flags) -> pd.DataFrame:
    """The ranks of the areas among which is ranked, and the places the others would take."""
    found = ranked.reindex(rounded.index)
    editions = rounded.index.get_level_values("edition")
    for edition in editions[~among].unique():
        for name in rounded.columns:
            inside = np.sort(rounded.loc[(editions == edition) & among, name].dropna().to_numpy())
            own = rounded.loc[(editions == edition) & ~among, name]
            place = np.minimum(1.0 + np.searchsorted(inside, own.to_numpy()), max(len(inside), 1))
            found.loc[own.index, name] = np.where(own.isna(), np.nan, place)
    return found
