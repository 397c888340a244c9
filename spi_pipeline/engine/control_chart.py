"""Control charts of monthly counts: where the newest months of an area depart from its own past.

Each month is compared with up to three years of months before it, and with one year at least. Its departure, in
standard deviations, enters an exponentially weighted moving average (Roberts 1959), which crosses its limit when many
months depart a little or a few by much. Each verdict depends only on earlier months, so later months never change it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from spi_pipeline.engine.panel import Array

Signs = npt.NDArray[np.int8]

YEAR = 12
MIN_MONTHS, MAX_MONTHS = YEAR, 3 * YEAR
# Weight of the newest month: the average remembers about half a year. A smaller weight detects small steps earlier and
# large ones later; between 0.1 and 0.25 it makes little difference.
WEIGHT = 0.15
# A month counts as this many standard deviations at most: a few months are wilder than any dispersion explains, and
# alone they are no lasting change.
MAX_DEPARTURE = 3.0
# Spells of half a year that are high or low without being a lasting change show in sums over this many months.
SPELL = 6
# Events by which a seasonal factor is shrunk towards 1: factors differ by about 15 %, as counts of 45 do by chance.
FACTOR_STRENGTH = 45.0


@dataclass(frozen=True)
class Charts:
    """The charts of one measure, areas × months.

    Attributes:
        deviation: the moving average in its own standard deviations; NaN with fewer than twelve months before it.
        dispersion: variance over mean of the counts, at least 1, as known at the end of the month; NaN before the
            twelfth.
    """

    deviation: Array
    dispersion: Array

    def signals(self, limit: float) -> Signs:
        """1 where an area's newest months lie above its past, -1 where below, 0 where within the limit or unknown."""
        return (self.deviation > limit).astype(np.int8) - (self.deviation < -limit).astype(np.int8)


def signal_limit(charts: int, false_signals: float) -> float:
    """The limit, in standard deviations, that keeps false signals a year to a given number.

    Each of the ``12 × charts`` months of a year lies beyond ``L`` with probability ``2 Φ(−L)``, and a signal lasts at
    least one month. So ``L = −Φ⁻¹(false_signals / (24 charts))`` holds however the charts depend on each other (Boole's
    inequality).

    Args:
        charts: number of charts monitored together.
        false_signals: expected false signals a year, over all charts.
    """
    return float(-special.ndtri(false_signals / (2 * YEAR * charts)))


def control_charts(counts: Array, first: int) -> Charts:
    """The charts of one measure in areas that share its seasons.

    Args:
        counts: areas × consecutive months.
        first: calendar month of the first month, 1 to 12.
    """
    departure = np.full(counts.shape, np.nan)
    dispersion = np.full(counts.shape, np.nan)
    for month in range(MIN_MONTHS, counts.shape[1] + 1):
        since = max(0, month - MAX_MONTHS)
        past = counts[:, since:month]
        season = _season(past.sum(axis=0), (first - 1 + since) % YEAR)
        spread = _dispersion(past, season[:-1])
        dispersion[:, month - 1] = spread
        if month < counts.shape[1]:
            share = season[-1] / season.sum()
            departure[:, month] = _normal_score(counts[:, month] / spread, past.sum(axis=1) / spread, share)
    return Charts(_moving_average(departure), dispersion)


def _season(totals: Array, first: int) -> Array:
    """The seasonal factor of each month and of the next one: its calendar month over the mean of all months."""
    calendar = (first + np.arange(len(totals) + 1)) % YEAR
    counted = np.bincount(calendar[:-1], totals, YEAR)
    expected = np.bincount(calendar[:-1], minlength=YEAR) * totals.mean()
    factors: Array = ((counted + FACTOR_STRENGTH) / (expected + FACTOR_STRENGTH))[calendar]
    return factors


def _dispersion(counts: Array, season: Array) -> Array:
    """Variance over mean, of the area's own months or of all areas' half-years, whichever is larger; at least 1."""
    expected = counts.sum(axis=1, keepdims=True) * season / season.sum()
    spells = counts.shape[1] // SPELL
    cut = counts.shape[1] - spells * SPELL
    halves = (part[:, cut:].reshape(-1, spells, SPELL).sum(axis=2) for part in (counts, expected))
    dispersion: Array = np.maximum(np.maximum(_pearson(counts, expected), _pearson(*halves).mean()), 1.0)
    return dispersion


def _pearson(counts: Array, expected: Array) -> Array:
    """Pearson's statistic of each area over its degrees of freedom.

    The area's mean costs one degree of freedom; the seasonal factors, which all areas share, cost up to eleven between
    them.
    """
    areas, periods = counts.shape
    freedom = max(1.0, periods - 1 - min(periods - 1, YEAR - 1) / areas)
    terms = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    statistic: Array = terms.sum(axis=1) / freedom
    return statistic


def _normal_score(count: Array, past: Array, share: float) -> Array:
    """The standard normal deviate of a count, given the count of the months before and the month's expected share.

    Two Poisson counts with means in the ratio ``share : 1 − share`` split their sum binomially, whatever their level
    (Przyborowski and Wilenski 1940). The test therefore allows for the sampling error of the past. Counts divided by
    their dispersion are treated as Poisson counts. The probability is the mean of ``P(X ≥ count)`` and
    ``P(X > count)``.
    """
    at_least = np.where(count > 0, special.betainc(np.maximum(count, 1e-12), past + 1, share), 1.0)
    above = np.where(past > 0, special.betainc(count + 1, np.maximum(past, 1e-12), share), 0.0)
    score: Array = -special.ndtri((at_least + above) / 2)
    return np.clip(score, -MAX_DEPARTURE, MAX_DEPARTURE)


def _moving_average(departure: Array) -> Array:
    """The moving average over its own standard deviation, which grows from the first month on."""
    average, variance = np.zeros(departure.shape[0]), 0.0
    deviation = np.full(departure.shape, np.nan)
    for month in range(MIN_MONTHS, departure.shape[1]):
        average = (1 - WEIGHT) * average + WEIGHT * departure[:, month]
        variance = (1 - WEIGHT) ** 2 * variance + WEIGHT**2
        deviation[:, month] = average / np.sqrt(variance)
    return deviation
