"""Intervals of proportions and rates from counts, and shrinkage towards the mean."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.intervals import (
    byar,
    events_interval,
    exact_poisson,
    shrink_proportions,
    shrink_rates,
    suppressed,
    wilson,
)


def series(*values: float) -> pd.Series:
    return pd.Series(values, dtype=float)


def test_the_wilson_interval_by_hand_and_at_the_ends() -> None:
    interval = wilson(series(81, 0, 10, 0), series(263, 20, 10, 0))
    # Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662.
    assert interval.iloc[0].tolist() == pytest.approx([0.2553, 0.3662], abs=5e-5)
    z = stats.norm.ppf(0.975)
    assert interval.iloc[1].tolist() == pytest.approx([0, z**2 / (20 + z**2)])
    assert interval.iloc[2].tolist() == pytest.approx([10 / (10 + z**2), 1])
    assert interval.iloc[3].isna().all()


def test_the_wilson_interval_solves_its_equation() -> None:
    interval, z = wilson(series(7), series(50)), stats.norm.ppf(0.975)
    for end in interval.iloc[0]:
        assert abs(7 / 50 - end) == pytest.approx(z * math.sqrt(end * (1 - end) / 50))


def test_each_exact_poisson_tail_has_half_of_the_error() -> None:
    interval = exact_poisson(series(10, 0), series(1, 2))
    low, high = interval.iloc[0]
    assert [low, high] == pytest.approx([4.795389, 18.390356], abs=1e-5)
    assert stats.poisson.sf(9, low) == pytest.approx(0.025)
    assert stats.poisson.cdf(10, high) == pytest.approx(0.025)
    assert interval.iloc[1].tolist() == pytest.approx([0, -math.log(0.025) / 2])


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 5000), st.floats(0.5, 1e5))
def test_byars_interval_is_close_to_the_exact_one(events: int, expected: float) -> None:
    near, exact = (
        byar(series(events), series(expected)).iloc[0],
        exact_poisson(series(events), series(expected)).iloc[0],
    )
    assert (near / exact - 1).abs().max() < 0.005
    assert near["lower"] < events / expected < near["upper"]


def test_few_events_have_the_exact_interval_and_many_have_byars() -> None:
    events, expected = pd.Series([0.0, 9, 10, 400, float("nan")]), pd.Series([5.0, 5, 5, 200, 5])
    result = events_interval(events, expected)
    exact, approximate = exact_poisson(events, expected), byar(events, expected)
    pd.testing.assert_frame_equal(result.iloc[:2], exact.iloc[:2])
    pd.testing.assert_frame_equal(result.iloc[2:4], approximate.iloc[2:4])
    assert result.iloc[4].isna().all()


def test_byars_interval_without_events_starts_at_zero() -> None:
    assert byar(series(0), series(4)).iloc[0, 0] == 0


@pytest.mark.parametrize(
    ("numerator", "denominator", "words"), [(5, 4, "more cases than people"), (-1, 4, "0 or more")]
)
def test_impossible_counts_are_refused(numerator: float, denominator: float, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        wilson(series(numerator), series(denominator))


def test_a_level_must_be_a_share() -> None:
    with pytest.raises(EngineError, match="between 0 and 1"):
        wilson(series(1), series(2), level=95)


def test_proportions_are_shrunk_to_the_mean_by_their_size() -> None:
    rng = np.random.default_rng(2)
    people = pd.Series(rng.integers(20, 4000, 300), dtype=float)
    truth = rng.beta(0.2 * 60, 0.8 * 60, 300)
    cases = pd.Series(rng.binomial(people.astype(int), truth), dtype=float)
    shrunk = shrink_proportions(cases, people)
    assert shrunk.mean == pytest.approx(0.2, abs=0.01)
    assert 40 < shrunk.strength < 90
    raw = cases / people
    by_hand = (cases + shrunk.mean * shrunk.strength) / (people + shrunk.strength)
    np.testing.assert_allclose(shrunk.value, by_hand)
    small = people < 100
    assert ((shrunk.value - truth)[small] ** 2).mean() < ((raw - truth)[small] ** 2).mean()
    assert ((shrunk.lower < truth) & (truth < shrunk.upper)).mean() == pytest.approx(0.95, abs=0.04)


def test_rates_are_shrunk_to_the_mean() -> None:
    rng = np.random.default_rng(3)
    expected = pd.Series(rng.uniform(1, 60, 300))
    truth = rng.gamma(20, 1 / 20, 300)
    events = pd.Series(rng.poisson(expected * truth), dtype=float)
    shrunk = shrink_rates(events, expected)
    assert shrunk.mean == pytest.approx(1, abs=0.05)
    assert 12 < shrunk.strength < 35
    np.testing.assert_allclose(shrunk.value, (events + shrunk.mean * shrunk.strength) / (expected + shrunk.strength))
    assert ((shrunk.lower < truth) & (truth < shrunk.upper)).mean() == pytest.approx(0.95, abs=0.04)


def test_the_prior_has_the_highest_likelihood() -> None:
    rng = np.random.default_rng(4)
    people = pd.Series(rng.integers(100, 3000, 120), dtype=float)
    cases = pd.Series(rng.binomial(people.astype(int), rng.beta(6, 50, 120)), dtype=float)
    mean, strength = (result := shrink_proportions(cases, people)).mean, result.strength

    def beta_binomial_likelihood(m: float, s: float) -> float:
        return float(stats.betabinom.logpmf(cases, people, m * s, (1 - m) * s).sum())

    assert all(
        beta_binomial_likelihood(mean, strength) > beta_binomial_likelihood(mean * (1 + step), strength)
        for step in (-1e-4, 1e-4)
    )
    assert all(
        beta_binomial_likelihood(mean, strength) > beta_binomial_likelihood(mean, strength * (1 + step))
        for step in (-1e-3, 1e-3)
    )
    events = pd.Series(rng.poisson(people / 50 * rng.gamma(9, 1 / 9, 120)), dtype=float)
    mean, strength = (result := shrink_rates(events, people / 50)).mean, result.strength

    def negative_binomial_likelihood(m: float, s: float) -> float:
        return float(stats.nbinom.logpmf(events, m * s, s / (s + people / 50)).sum())

    assert all(
        negative_binomial_likelihood(mean, strength) > negative_binomial_likelihood(mean * (1 + step), strength)
        for step in (-1e-4, 1e-4)
    )
    assert all(
        negative_binomial_likelihood(mean, strength) > negative_binomial_likelihood(mean, strength * (1 + step))
        for step in (-1e-3, 1e-3)
    )


def test_areas_that_differ_only_by_chance_all_get_the_mean() -> None:
    shrunk = shrink_proportions(series(10, 10, 10, 10, 10, float("nan")), series(50, 50, 50, 50, 50, 50))
    assert math.isinf(shrunk.strength)
    assert shrunk.value.tolist() == pytest.approx([0.2] * 5 + [float("nan")], nan_ok=True)
    assert shrink_rates(series(0, 0, 0, 0, 0), series(1, 2, 3, 4, 5)).value.tolist() == [0] * 5


def test_shrinkage_needs_five_areas() -> None:
    with pytest.raises(EngineError, match="5 or more areas"):
        shrink_rates(series(1, 2), series(3, 4))


def test_only_small_counts_are_suppressed_not_missing_ones() -> None:
    assert suppressed(series(0, 4, 5, float("nan")), 5).tolist() == [True, True, False, False]
