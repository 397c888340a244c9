"""Correlations and regression lines, checked against scipy, numpy and figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spi_pipeline.engine.association import MIN_AREAS, associations, beyond_line, correlation_interval, rank_correlation

FIGURES = st.lists(st.tuples(*[st.integers(-50, 50)] * 3), min_size=5, max_size=25)


def columns(rows: list[tuple[int, ...]]) -> list[pd.Series]:
    return [pd.Series(column, dtype=float) for column in zip(*rows, strict=True)]


@settings(max_examples=50, deadline=None)
@given(FIGURES)
def test_rank_correlations_are_spearmans_and_partial_ones_correlate_residuals_of_ranks(
    rows: list[tuple[int, ...]],
) -> None:
    one, other, third = columns(rows)
    if min(column.nunique() for column in (one, other, third)) < 2:
        return
    assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)
    residuals = []
    for column in (one, other):
        line = np.polyfit(third.rank(), column.rank(), 1)
        residuals.append(column.rank() - np.polyval(line, third.rank()))
    if min(residual.std() for residual in residuals) < 1e-6:
        assert math.isnan(rank_correlation(one, other, third))
    else:
        assert rank_correlation(one, other, third) == pytest.approx(np.corrcoef(*residuals)[0, 1], abs=1e-6)


def test_a_constant_measure_has_no_correlation() -> None:
    flat, steep = pd.Series([1.0] * 5), pd.Series(range(5), dtype=float)
    assert math.isnan(rank_correlation(flat, steep))
    assert math.isnan(rank_correlation(steep, steep[::-1], steep)), (
        "ranks explained entirely by the third measure leave no residual"
    )


def test_a_controlled_measure_has_no_partial_correlation_with_itself_controlled() -> None:
    better, income = pd.Series([1.0, 3, 2, 5, 4]), pd.Series([1.0, 2, 3, 4, 5], name="income")
    assert associations(better, income, income) == (pytest.approx(0.8), pytest.approx(math.nan, nan_ok=True))
    other = pd.Series([2.0, 1, 4, 3, 5], name="age")
    assert associations(better, other, income)[1] == pytest.approx(rank_correlation(better, other, income))


def test_the_interval_by_hand() -> None:
    # artanh 0.6 = 0.6931; the standard error is the root of 1.18 / 17, 0.2635, and 1.96 times that is 0.5164.
    assert correlation_interval(0.6, 20) == pytest.approx((math.tanh(0.1767), math.tanh(1.2095)), abs=5e-4)
    wide, narrow = correlation_interval(0.6, 20, given=1), correlation_interval(0.6, 20)
    assert wide[0] < narrow[0]
    assert wide[1] > narrow[1]
    assert all(map(math.isnan, correlation_interval(0.6, 3)))
    assert all(map(math.isnan, correlation_interval(math.nan, 20)))
    assert correlation_interval(-1, 20) == (-1, -1)


@pytest.mark.parametrize("r", [0.0, 0.5, 0.8])
def test_the_interval_covers_the_truth_in_about_95_of_100_samples(r: float) -> None:
    """The samples are normal, so their true rank correlation is 6/π arcsin(r/2)."""
    generator, truth, covered = np.random.default_rng(14), 6 / math.pi * math.asin(r / 2), 0
    for _ in range(1000):
        one, noise = generator.standard_normal((2, 20))
        result = rank_correlation(pd.Series(one), pd.Series(r * one + math.sqrt(1 - r**2) * noise))
        lower, upper = correlation_interval(result, 20)
        covered += lower <= truth <= upper
    assert 920 <= covered <= 980


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 100)), min_size=MIN_AREAS, max_size=20))
def test_each_area_is_compared_with_the_line_through_the_others(rows: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    result = beyond_line(x, y)
    for place in range(len(x)):
        others_x, others_y = np.delete(x, place), np.delete(y, place)
        if len(set(others_x)) < 2:
            assert result.loc[place].isna().all()
            continue
        line = stats.linregress(others_x, others_y)
        expected = line.intercept + line.slope * x[place]
        assert result.loc[place, "expected"] == pytest.approx(expected, abs=1e-6)
        assert result.loc[place, "residual"] == pytest.approx(y[place] - expected, abs=1e-6)
        assert result.loc[place, "lower"] <= result.loc[place, "residual"] <= result.loc[place, "upper"]


def test_a_point_on_a_perfect_line_and_one_off_it() -> None:
    result = beyond_line(np.arange(6.0), np.array([0, 2, 4, 6, 8, 20.0]))
    assert result.loc[5, ["expected", "residual", "lower", "upper"]].tolist() == pytest.approx([10, 10, 10, 10])
    assert result.loc[0, "residual"] != 0, "the last area pulls the line for the first towards itself"


def test_too_few_areas_give_no_line() -> None:
    few = beyond_line(np.arange(MIN_AREAS - 1.0), np.arange(MIN_AREAS - 1.0))
    assert len(few) == MIN_AREAS - 1
    assert few.isna().all().all()
    assert beyond_line(np.array([]), np.array([])).empty


def test_one_more_area_lies_inside_its_interval_in_about_95_of_100_cases() -> None:
    generator, covered = np.random.default_rng(14), 0
    for _ in range(300):
        x = generator.uniform(0, 1, 20)
        result = beyond_line(x, 3 * x + generator.standard_normal(20))
        covered += ((result["lower"] <= 0) & (result["upper"] >= 0)).sum()
    assert 0.935 <= covered / 6000 <= 0.965
