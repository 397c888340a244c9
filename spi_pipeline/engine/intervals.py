"""Uncertainty of rates and proportions of small areas: intervals from their sampling models, shrinkage, suppression.

These functions work on the numerators and denominators of one indicator; the effect on scores and ranks is in
``uncertainty``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.panel import Array, row_in_words

LEVEL = 0.95
# Half the width of a 95 % interval of a normal distribution, in its standard deviations.
Z95 = 1.959963984540054
# With fewer events the exact interval replaces Byar's approximation.
FEW = 10
# With fewer areas the distribution of true values cannot be separated from noise.
MIN_AREAS = 5
# Greatest distance between the root of the slope and the maximum from the search at which both count as the same point.
NEAR = 0.05
# A prior this many times the largest area shrinks the areas' own figures away: they differ by chance alone.
ALIKE = 1e3


@dataclass(frozen=True)
class Shrunk:
    """Values shrunk towards the mean in proportion to their noise.

    Attributes:
        value: posterior means, indexed as the data.
        lower: lower end of the equal-tailed credible interval.
        upper: its upper end.
        mean: mean of the prior.
        strength: weight of the prior, in people (beta-binomial) or expected events (gamma-Poisson); infinite where the
            areas differ no more than by chance.
    """

    value: pd.Series
    lower: pd.Series
    upper: pd.Series
    mean: float
    strength: float


def wilson(numerator: pd.Series, denominator: pd.Series, level: float = LEVEL) -> pd.DataFrame:
    """Wilson's score interval of a proportion: ``(p + z²/2n ± z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n)``.

    Source: Wilson (1927); the method that Public Health England's technical guide prescribes for proportions.

    Args:
        numerator: people with the property.
        denominator: all people.
        level: confidence level, 0 to 1.

    Returns:
        Columns lower and upper, as shares of 1; NaN where a number is missing or the denominator is 0.

    Raises:
        EngineError: a numerator is negative or above its denominator.
    """
    _require_counts(numerator, denominator)
    if (numerator > denominator).any():
        raise EngineError(f"{_first(numerator > denominator)} has more cases than people: correct the counts")
    z = _z(level)
    n = denominator.where(denominator > 0).astype(float)
    p = numerator / n
    centre = p + z**2 / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return pd.DataFrame(
        {"lower": ((centre - half) / scale).clip(lower=0), "upper": ((centre + half) / scale).clip(upper=1)}
    )


def byar(events: pd.Series, expected: pd.Series, level: float = LEVEL) -> pd.DataFrame:
    """Byar's interval of a rate or a ratio of observed to expected events.

    The ends are ``O (1 - 1/9O - z/3√O)³ / E`` and ``(O + 1) (1 - 1/9(O+1) + z/3√(O+1))³ / E``; the lower end is 0 where
    no event occurred.

    Source: Breslow and Day (1987); the method that Public Health England's technical guide prescribes for 10 events or
    more.

    Args:
        events: number of events.
        expected: expected events, or people at risk.
        level: confidence level.

    Returns:
        Columns lower and upper, per unit of the second argument.
    """
    _require_counts(events, expected)
    z = _z(level)
    observed = events.astype(float)
    safe = observed.where(observed > 0)
    low = (safe * (1 - 1 / (9 * safe) - z / (3 * np.sqrt(safe))) ** 3).clip(lower=0).mask(observed == 0, 0.0)
    more = observed + 1
    high = more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3
    base = expected.where(expected > 0)
    return pd.DataFrame({"lower": low / base, "upper": high / base})


def exact_poisson(events: pd.Series, expected: pd.Series, level: float = LEVEL) -> pd.DataFrame:
    """The exact interval of a Poisson count over its denominator: ``χ²(α/2; 2O)/2E``, ``χ²(1-α/2; 2O+2)/2E``.

    Source: Garwood (1936).
    """
    _require_counts(events, expected)
    tail = (1 - level) / 2
    observed = events.astype(float)
    base = expected.where(expected > 0).to_numpy(dtype=float)
    low = np.where(observed == 0, 0.0, stats.chi2.ppf(tail, 2 * observed) / 2)
    high = stats.chi2.ppf(1 - tail, 2 * observed + 2) / 2
    return pd.DataFrame({"lower": low / base, "upper": high / base}, index=events.index)


def events_interval(events: pd.Series, expected: pd.Series, level: float = LEVEL) -> pd.DataFrame:
    """The interval of a rate or ratio: exact below ten events, Byar's from ten events on.

    Source: Public Health England's technical guide on confidence intervals.
    """
    return byar(events, expected, level).where(events >= FEW, exact_poisson(events, expected, level))


def shrink_proportions(numerator: pd.Series, denominator: pd.Series, level: float = LEVEL) -> Shrunk:
    """Empirical-Bayes shrinkage of proportions: beta-binomial, the prior fitted by maximum likelihood.

    With a prior Beta(m s, (1 - m) s) an area's value becomes ``(numerator + m s) / (denominator + s)``.

    Source: Morris (1983); Clayton and Kaldor (1987) for the method in small areas.

    Raises:
        EngineError: a numerator exceeds its denominator, or fewer than five areas have people.
    """
    interval = wilson(numerator, denominator, level)
    used = interval["lower"].notna()
    y, n = numerator[used].to_numpy(dtype=float), denominator[used].to_numpy(dtype=float)
    mean, strength = _prior(y, n, _PROPORTIONS)
    if np.isinf(strength):
        return _all_alike(numerator.index, used, mean)
    a, b = numerator + mean * strength, denominator - numerator + (1 - mean) * strength
    tail = (1 - level) / 2
    lower, upper = (pd.Series(stats.beta.ppf(p, a, b), index=numerator.index).where(used) for p in (tail, 1 - tail))
    return Shrunk((a / (a + b)).where(used), lower, upper, mean, strength)


def shrink_rates(events: pd.Series, expected: pd.Series, level: float = LEVEL) -> Shrunk:
    """Empirical-Bayes shrinkage of rates and ratios: gamma-Poisson, the prior fitted by maximum likelihood.

    With a prior Gamma(m s, rate s) an area's value becomes ``(events + m s) / (expected + s)``.

    Source: Clayton and Kaldor (1987).

    Raises:
        EngineError: a count is negative, or fewer than five areas have expected events.
    """
    _require_counts(events, expected)
    used = events.notna() & (expected > 0)
    mean, strength = _prior(events[used].to_numpy(dtype=float), expected[used].to_numpy(dtype=float), _RATES)
    if np.isinf(strength):
        return _all_alike(events.index, used, mean)
    shape, rate = events + mean * strength, expected + strength
    tail = (1 - level) / 2
    lower, upper = (pd.Series(stats.gamma.ppf(p, shape) / rate, events.index).where(used) for p in (tail, 1 - tail))
    return Shrunk((shape / rate).where(used), lower, upper, mean, strength)


def suppressed(count: pd.Series, minimum: float) -> pd.Series:
    """Flags for values with too few cases to be published: the count is present, but below the minimum.

    A suppressed value is neither missing nor zero; missing values are not flagged.
    """
    return count.notna() & (count < minimum)


def _beta_binomial(y: Array, n: Array, mean: float, strength: float) -> float:
    a, b = mean * strength, (1 - mean) * strength
    return float((special.betaln(y + a, n - y + b) - special.betaln(a, b)).sum())


def _gamma_poisson(y: Array, n: Array, mean: float, strength: float) -> float:
    shape = mean * strength
    drawn = special.gammaln(y + shape) - special.gammaln(shape)
    return float((drawn + shape * np.log(strength) - (y + shape) * np.log(n + strength)).sum())


def _beta_binomial_slope(y: Array, n: Array, mean: float, strength: float) -> Array:
    a, b = mean * strength, (1 - mean) * strength
    whole = special.digamma(n + strength) - special.digamma(strength)
    by_a = (special.digamma(y + a) - special.digamma(a) - whole).sum()
    by_b = (special.digamma(n - y + b) - special.digamma(b) - whole).sum()
    return np.array([by_a - by_b, mean * by_a + (1 - mean) * by_b])


def _gamma_poisson_slope(y: Array, n: Array, mean: float, strength: float) -> Array:
    shape = mean * strength
    by_shape = (special.digamma(y + shape) - special.digamma(shape) + np.log(strength / (n + strength))).sum()
    by_rate = (mean - (y + shape) / (n + strength)).sum()
    return np.array([by_shape, mean * by_shape + by_rate])


@dataclass(frozen=True)
class _Family:
    """A sampling model with its conjugate prior.

    It holds the log-likelihood, its slope in the mean and the strength (up to positive factors), and the scale on which
    the mean is searched.
    """

    likelihood: Callable[[Array, Array, float, float], float]
    slope: Callable[[Array, Array, float, float], Array]
    link: Callable[[float], float]
    inverse: Callable[[float], float]
    highest: float


_PROPORTIONS = _Family(_beta_binomial, _beta_binomial_slope, special.logit, special.expit, 1.0)
_RATES = _Family(_gamma_poisson, _gamma_poisson_slope, np.log, np.exp, float("inf"))


def _prior(y: Array, n: Array, family: _Family) -> tuple[float, float]:
    """Mean and strength of the prior; the strength is infinite where the areas do not differ beyond chance."""
    if len(y) < MIN_AREAS:
        raise EngineError(f"shrinkage needs {MIN_AREAS} or more areas with counts, not {len(y)}")
    pooled = float(y.sum() / n.sum())
    if not 0 < pooled < family.highest:
        return pooled, float("inf")

    def loss(parameters: Array) -> float:
        return -family.likelihood(y, n, family.inverse(parameters[0]), float(np.exp(parameters[1])))

    start = family.link(pooled)
    strongest = float(np.log(n.max() * ALIKE))
    bounds = [(start - 5, start + 5), (float(np.log(n.min() / ALIKE)), strongest)]
    solutions = [
        optimize.minimize(loss, [start, float(np.log(n.mean() * times))], method="L-BFGS-B", bounds=bounds)
        for times in (0.25, 4.0)
    ]
    optimum: Array = min(solutions, key=lambda solution: float(solution.fun)).x
    if optimum[1] > strongest - 1:
        return pooled, float("inf")

    def slope(parameters: Array) -> Array:
        return family.slope(y, n, family.inverse(parameters[0]), float(np.exp(parameters[1])))

    # A maximum is flat: a search by height finds it to about six digits, and two processors agree on fewer.
    exact = optimize.root(slope, optimum, tol=1e-14).x
    mean, strength = exact if np.abs(exact - optimum).max() < NEAR else optimum
    return float(family.inverse(mean)), float(np.exp(strength))


def _all_alike(index: pd.Index, used: pd.Series, mean: float) -> Shrunk:
    value = pd.Series(mean, index=index).where(used)
    return Shrunk(value, value, value, mean, float("inf"))


def _z(level: float) -> float:
    if not 0 < level < 1:
        raise EngineError(f"a confidence level must lie between 0 and 1, not at {level:g}")
    return float(stats.norm.ppf((1 + level) / 2))


def _require_counts(numerator: pd.Series, denominator: pd.Series) -> None:
    negative = (numerator < 0) | (denominator < 0)
    if negative.any():
        raise EngineError(f"{_first(negative)} has a negative count: give counts of 0 or more")


def _first(flags: pd.Series) -> str:
    return row_in_words(flags.index[flags][0])
