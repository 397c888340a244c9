"""Scores that depend on the order of an indicator's values alone.

Ranks, what is counted from them and the exponential transform of deprivation indices belong here; how areas stand in
the finished index is in ``rank``.

Values are compared within each edition: a place among 20 areas says nothing about a place among those of another year.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise import towards_better

Ties = Literal["min", "average", "max"]
# Significant digits that make two values different: beyond them lies the order in which a sum was formed.
DIGITS = 12
# The constant of the exponential transform: the most deprived tenth spans half of the scale.
DECAY = 23.0


def rank_scores(panel: pd.DataFrame, direction: pd.Series, ties: Ties = "min") -> pd.DataFrame:
    """Rank the values within their edition: 1 for the worst, n for the best.

    Args:
        panel: raw values.
        direction: +1 or -1 by indicator id.
        ties: what tied areas get: the lowest of the places they share, their average, or the highest.
    """
    turned = towards_better(panel, direction)
    largest = turned.abs().max()
    decimals = DIGITS - 1 - np.floor(np.log10(largest.where(largest > 0, 1.0)))
    step = 10.0**-decimals
    rounded: pd.DataFrame = (turned / step).round()
    return rounded.groupby(level="edition").rank(method=ties)


def percentile_ranks(
    panel: pd.DataFrame, direction: pd.Series, ties: Ties = "min", scale: float = 100.0
) -> pd.DataFrame:
    """The share of the other areas an area is better than: ``scale * (rank - 1) / (n - 1)``.

    An edition with a single area has nothing to be compared with: NaN.

    Source: COINr's ``n_prank``; with average ties the usual percentile rank.
    """
    ranked = rank_scores(panel, direction, ties)
    others = ranked.groupby(level="edition").transform("count") - 1
    return scale * (ranked - 1) / others.where(others > 0)


def borda_scores(panel: pd.DataFrame, direction: pd.Series, ties: Ties = "min") -> pd.DataFrame:
    """The number of areas an area is better than: ``rank - 1``.

    Source: Borda (1781).
    """
    return rank_scores(panel, direction, ties) - 1


def exponential_scores(panel: pd.DataFrame, direction: pd.Series, ties: Ties = "average") -> pd.DataFrame:
    """The exponential transform of deprivation indices, from values; 100 is the highest place.

    The values are ranked within their edition, then ``exponential_of_ranks``. To score need, hand over a direction of
    +1 where higher values mean more of it.

    Args:
        panel: raw values.
        direction: +1 where the highest value gets the highest score, -1 where the lowest does, by indicator id.
        ties: as in ``rank_scores``.
    """
    ranked = rank_scores(panel, direction, ties)
    return _exponential(ranked / ranked.groupby(level="edition").transform("count"))


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
