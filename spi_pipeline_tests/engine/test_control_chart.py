"""Control charts of monthly counts: their limits, and which months signal a change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from spi_pipeline.engine.control_chart import Array, _normal_score, control_charts, signal_limit

LIMIT = signal_limit(charts=160, false_signals=2)
JANUARY, MAY = 1, 5


def counts(areas: int, months: int, mean: float, seed: int = 1) -> Array:
    return np.random.default_rng(seed).poisson(mean, (areas, months)).astype(float)


@given(st.integers(1, 5000), st.floats(0.1, 12))
def test_the_limit_allows_the_stated_number_of_false_signals(charts: int, false_signals: float) -> None:
    beyond = 2 * stats.norm.sf(signal_limit(charts, false_signals))
    assert 12 * charts * beyond == pytest.approx(false_signals)


@given(arrays.arrays(float, (3, 20), elements=st.integers(0, 400).map(float)), st.integers(1, 12), st.integers(1, 20))
def test_a_later_month_does_not_change_an_earlier_verdict(months: Array, first: int, months_known: int) -> None:
    whole, before = control_charts(months, first), control_charts(months[:, :months_known], first)
    np.testing.assert_array_equal(whole.deviation[:, :months_known], before.deviation)
    np.testing.assert_array_equal(whole.dispersion[:, :months_known], before.dispersion)


@given(arrays.arrays(float, (2, 30), elements=st.integers(0, 10**6).map(float)))
def test_every_count_has_a_verdict_once_a_year_is_known(months: Array) -> None:
    charts = control_charts(months, JANUARY)
    assert np.isnan(charts.deviation[:, :12]).all()
    assert np.isfinite(charts.deviation[:, 12:]).all()
    assert (charts.dispersion[:, 11:] >= 1).all()


def test_less_than_a_year_gives_neither_verdict_nor_dispersion() -> None:
    charts = control_charts(counts(4, 11, 20), JANUARY)
    assert np.isnan(charts.deviation).all()
    assert np.isnan(charts.dispersion).all()
    assert not charts.signals(LIMIT).any()


@pytest.mark.parametrize(("factor", "sign"), [(1.5, 1), (0.5, -1)])
def test_a_lasting_change_signals_in_its_own_ward_alone(factor: float, sign: int) -> None:
    months = counts(20, 42, 60)
    months[7, 36:] = np.round(months[7, 36:] * factor)
    signals = control_charts(months, MAY).signals(LIMIT)
    assert signals[7, -1] == sign
    assert not signals[7, :36].any()
    assert not np.delete(signals, 7, axis=0)[:, -1].any()


def test_a_single_wild_month_raises_no_signal() -> None:
    months = counts(20, 36, 60)
    months[3, 30] = 1000
    assert not control_charts(months, MAY).signals(LIMIT)[3].any()


def test_a_recurring_season_raises_no_signal() -> None:
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(60) / 12)
    months = np.random.default_rng(2).poisson(200 * season, (20, 60)).astype(float)
    assert not control_charts(months, JANUARY).signals(LIMIT)[:, 24:].any()
    flat = control_charts(counts(20, 60, 200), JANUARY)
    assert np.nanmedian(flat.dispersion) < 1.3


def test_overdispersed_counts_have_a_larger_dispersion() -> None:
    rng = np.random.default_rng(3)
    overdispersed = rng.poisson(rng.gamma(60 / 3, 3, (20, 36))).astype(float)
    assert control_charts(overdispersed, MAY).dispersion[:, -1].mean() == pytest.approx(4, rel=0.3)


@given(st.integers(0, 12), st.integers(0, 60), st.floats(0.02, 0.5))
def test_a_poisson_count_is_scored_by_the_exact_binomial_split(count: int, past: int, share: float) -> None:
    split = stats.binom(count + past, share)
    expected = -stats.norm.ppf((split.sf(count - 1) + split.sf(count)) / 2)
    (score,) = _normal_score(np.array([float(count)]), np.array([float(past)]), share)
    assert score == pytest.approx(np.clip(expected, -3, 3), abs=1e-6)
