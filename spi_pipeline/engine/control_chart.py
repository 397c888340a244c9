"""Control charts of monthly counts: where the newest months of an area depart from its own past.

Each month is held against the months before it: the three years before, or as many of them as there are, one at least.
How far it departs, in standard deviations, goes into an exponentially weighted moving average (Roberts 1959), which
wanders beyond its limit when many months depart a little or a few by much. Each verdict rests on months before it
alone, so that later months change none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

Array = npt.NDArray[np.float64]
Signs = npt.NDArray[np.int8]

YEAR = 12
LEAST, MOST = YEAR, 3 * YEAR
# Weight of the newest month: the average remembers some half a year. A smaller one finds small steps earlier and large
# ones later; between 0.1 and 0.25 little depends on it.
WEIGHT = 0.15
# A month counts as this many standard deviations at most: a few months are wild as no dispersion explains, and by
# themselves no lasting change.
MOST_OF_A_MONTH = 3.0
# What stays high or low for half a year without being a lasting change shows in sums over so many months.
SPELL = 6
# Events by which a seasonal factor is drawn toward 1: factors differ by some 15 %, as counts of 45 do by chance.
FACTOR_STRENGTH = 45.0


@dataclass(frozen=True)
class Charts:
    """The charts of one measure, areas × months.

    Attributes:
        deviation: the moving average in its own standard deviations; NaN where fewer than twelve months go before.
        dispersion: variance over mean of the counts, at least 1, as known at the end of the month; NaN before the
            twelfth.
    """

    deviation: Array
    dispersion: Array

    def signals(self, limit: float) -> Signs:
        """1 where an area's newest months lie above its past, -1 where below, 0 where within the limit or not known."""
        return (self.deviation > limit).astype(np.int8) - (self.deviation < -limit).astype(np.int8)


def signal_limit(charts: int, false_signals: float) -> float:
    """How many standard deviations make a signal, so that charts on which nothing happens give so few in a year.

    Of ``12 × charts`` months a year each is beyond ``L`` with probability ``2 Φ(−L)``, and a signal is one month at
    least: ``L = −Φ⁻¹(false_signals / (24 charts))`` holds whatever the charts have in common (Boole's inequality).

    Args:
        charts: charts looked at together.
        false_signals: signals a year that may be false, over all of them.
    """
    return float(-special.ndtri(false_signals / (2 * YEAR * charts)))


def control_charts(counts: Array, first: int) -> Charts:
    """The charts of one measure in areas that share its seasons.

    Args:
        counts: areas × months that follow each other.
        first: calendar month of the first, 1 to 12.
    """
    departure = np.full(counts.shape, np.nan)
    dispersion = np.full(counts.shape, np.nan)
    for month in range(LEAST, counts.shape[1] + 1):
        since = max(0, month - MOST)
        past = counts[:, since:month]
        season = _season(past.sum(axis=0), (first - 1 + since) % YEAR)
        spread = _dispersion(past, season[:-1])
        dispersion[:, month - 1] = spread
        if month < counts.shape[1]:
            share = season[-1] / season.sum()
            departure[:, month] = _normal_score(counts[:, month] / spread, past.sum(axis=1) / spread, share)
    return Charts(_moving_average(departure), dispersion)


def _season(totals: Array, first: int) -> Array:
    """The seasonal factor of each month, and of the one that follows: its calendar month over the mean of all."""
    calendar = (first + np.arange(len(totals) + 1)) % YEAR
    counted = np.bincount(calendar[:-1], totals, YEAR)
    expected = np.bincount(calendar[:-1], minlength=YEAR) * totals.mean()
    factors: Array = ((counted + FACTOR_STRENGTH) / (expected + FACTOR_STRENGTH))[calendar]
    return factors


def _dispersion(counts: Array, season: Array) -> Array:
    """Variance over mean: of the area's own months or of all areas' half-years, whichever is larger; at least 1."""
    expected = counts.sum(axis=1, keepdims=True) * season / season.sum()
    spells = counts.shape[1] // SPELL
    cut = counts.shape[1] - spells * SPELL
    halves = (part[:, cut:].reshape(-1, spells, SPELL).sum(axis=2) for part in (counts, expected))
    dispersion: Array = np.maximum(np.maximum(_pearson(counts, expected), _pearson(*halves).mean()), 1.0)
    return dispersion


def _pearson(counts: Array, expected: Array) -> Array:
    """Pearson's statistic of each area over its degrees of freedom.

    Of these its mean takes one, and its share of the seasonal factors, which all areas have in common, up to eleven.
    """
    areas, periods = counts.shape
    freedom = max(1.0, periods - 1 - min(periods - 1, YEAR - 1) / areas)
    terms = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    statistic: Array = terms.sum(axis=1) / freedom
    return statistic


def _normal_score(count: Array, past: Array, share: float) -> Array:
    """How unlikely a count is, given that of the months before and its share of all, as a standard normal deviate.

    Two Poisson counts with means in the ratio ``share : 1 − share`` split their sum binomially, whatever their level
    (Przyborowski and Wilenski 1940): so the past is not taken for known. Counts divided by their dispersion are taken
    for Poisson counts. Between ``P(X ≥ count)`` and ``P(X > count)`` the mean is taken.
    """
    at_least = np.where(count > 0, special.betainc(np.maximum(count, 1e-12), past + 1, share), 1.0)
    above = np.where(past > 0, special.betainc(count + 1, np.maximum(past, 1e-12), share), 0.0)
    score: Array = -special.ndtri((at_least + above) / 2)
    return np.clip(score, -MOST_OF_A_MONTH, MOST_OF_A_MONTH)


def _moving_average(departure: Array) -> Array:
    """The average over its own standard deviation, which grows from the first month on."""
    average, variance = np.zeros(departure.shape[0]), 0.0
    deviation = np.full(departure.shape, np.nan)
    for month in range(LEAST, departure.shape[1]):
        average = (1 - WEIGHT) * average + WEIGHT * departure[:, month]
        variance = (1 - WEIGHT) ** 2 * variance + WEIGHT**2
        deviation[:, month] = average / np.sqrt(variance)
    return deviation
