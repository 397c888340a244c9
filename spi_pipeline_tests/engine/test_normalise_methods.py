"""Methods of normalisation other than goalposts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise import linear
from spi_pipeline.engine.normalise.ranks import (
    borda_scores,
    exponential_of_ranks,
    exponential_scores,
    percentile_ranks,
    rank_scores,
)
from spi_pipeline_tests.engine.panels import make_panel, normalised

NAN = float("nan")
UP = pd.Series({"x": 1})
DOWN = pd.Series({"x": -1})


def panel(values: list[float], editions: tuple[int, ...] = (2024,)) -> pd.DataFrame:
    return make_panel({"x": values}, editions)


@pytest.mark.parametrize(
    ("method", "direction", "options", "expected"),
    [
        (linear.minmax_scores, UP, {}, [0, 25, 100]),
        (linear.minmax_scores, DOWN, {}, [100, 75, 0]),
        (linear.minmax_scores, UP, {"low": 1}, [1, 25.75, 100]),
        (linear.scaled_scores, UP, {"lower": 2, "upper": 4}, [0, 50, 200]),
        (linear.scaled_scores, DOWN, {"lower": -6, "upper": 0}, [200 / 3, 50, 0]),
        (linear.z_scores, UP, {}, [-4 / 48**0.5 * 2, -1 / 3**0.5 / 4 * 2, 5 / 3**0.5 / 4 * 2]),
        (linear.distance_to_maximum, DOWN, {}, [100, 75, 0]),
        (linear.fraction_of_maximum, UP, {}, [100 / 3, 50, 100]),
        (linear.fraction_of_maximum, DOWN, {"scale": 1}, [1, 2 / 3, 1 / 3]),
        (rank_scores, UP, {}, [1, 2, 3]),
        (rank_scores, DOWN, {}, [3, 2, 1]),
        (borda_scores, UP, {}, [0, 1, 2]),
        (percentile_ranks, UP, {}, [0, 50, 100]),
    ],
)
def test_each_method_by_hand(
    method: Callable[..., Any], direction: pd.Series, options: Any, expected: list[float]
) -> None:
    if method is linear.z_scores:
        deviation = np.std([2, 3, 6], ddof=1)
        expected = [(value - 11 / 3) / deviation for value in (2, 3, 6)]
    result = normalised(method, panel([2, 3, 6, NAN]), direction, **options)["x"]
    assert result.tolist() == pytest.approx([*expected, NAN], nan_ok=True)


def test_distance_to_a_target_and_its_cap() -> None:
    values, target = panel([2, 4, 8]), pd.Series({"x": 6.0})
    assert normalised(linear.distance_to_target, values, UP, target=target)["x"].tolist() == [0, 50, 150]
    assert normalised(linear.distance_to_target, values, UP, target=target, cap=True)["x"].tolist() == [0, 50, 100]
    assert normalised(linear.distance_to_target, values, DOWN, target=pd.Series({"x": 2.0}))[
        "x"
    ].tolist() == pytest.approx([100, 200 / 3, 0])


def test_distance_to_a_reference_area_follows_it_through_the_editions() -> None:
    values = panel([1, 5, 3, 1, 11, 6], editions=(2023, 2024))
    scored = normalised(linear.distance_to_reference, values, UP, "A01")
    assert scored["x"].tolist() == pytest.approx([0, 100, 50, 0, 100, 50])
    with pytest.raises(EngineError, match="not in the panel"):
        normalised(linear.distance_to_reference, values, UP, "A09")
    with pytest.raises(EngineError, match="worst value of: x; choose another area"):
        normalised(linear.distance_to_reference, values, UP, "A00")


def test_the_weighted_base_year_by_hand() -> None:
    values = panel([1, 2, 4, 8], editions=(2023, 2024))
    population = pd.Series([1.0, 3, 1, 3], index=values.index)
    mean = (1 * 1 + 3 * 2) / 4
    variance = (1 * (1 - mean) ** 2 + 3 * (2 - mean) ** 2) / (4 - 10 / 4)
    expected = [100 + 10 * (value - mean) / variance**0.5 for value in (1, 2, 4, 8)]
    assert normalised(linear.base_year_z_scores, values, UP, 2023, population=population)[
        "x"
    ].tolist() == pytest.approx(expected)
    # Equal weights give the ordinary standard deviation with n-1.
    evenly = normalised(linear.base_year_z_scores, values, UP, 2023)["x"]
    assert evenly.iloc[1] - evenly.iloc[0] == pytest.approx(10 / np.std([1, 2], ddof=1))


@pytest.mark.parametrize(
    ("base", "population", "words"), [(2020, None, "not an edition"), (2023, [0, 1, 1, 1], "population above 0")]
)
def test_an_unusable_base_year_is_refused(base: int, population: list[float] | None, words: str) -> None:
    values = panel([1, 2, 4, 8], editions=(2023, 2024))
    weights = None if population is None else pd.Series(population, index=values.index)
    with pytest.raises(EngineError, match=words):
        normalised(linear.base_year_z_scores, values, UP, base, population=weights)


@pytest.mark.parametrize("method", [linear.minmax_scores, linear.distance_to_maximum])
def test_a_constant_indicator_is_refused_by_methods_that_need_a_range(method: Callable[..., Any]) -> None:
    with pytest.raises(EngineError, match=r"same value everywhere.*: x"):
        normalised(method, panel([3, 3, 3]), UP)


def test_a_constant_indicator_has_the_mean_z_score_everywhere() -> None:
    assert normalised(linear.z_scores, panel([0.1, 0.1, 0.1, NAN]), UP, mean=50)["x"].tolist() == pytest.approx(
        [50, 50, 50, NAN], nan_ok=True
    )


@pytest.mark.parametrize("direction", [pd.Series({"x": 0}), pd.Series({"y": 1})])
def test_a_direction_must_be_stated(direction: pd.Series) -> None:
    with pytest.raises(EngineError, match=r"direction is .1.*: x"):
        normalised(linear.minmax_scores, panel([1, 2]), direction)


def test_ties_follow_the_chosen_rule() -> None:
    values = panel([5, 5.0000000000000009, 7, 1])
    assert normalised(rank_scores, values, UP, ties="min")["x"].tolist() == [2, 2, 4, 1]
    assert normalised(rank_scores, values, UP, ties="average")["x"].tolist() == [2.5, 2.5, 4, 1]
    assert normalised(rank_scores, values, UP, ties="max")["x"].tolist() == [3, 3, 4, 1]


def test_ranks_are_within_the_edition_and_distinguish_small_values() -> None:
    values = panel([1e-9, 3e-9, 2e-9, 9e-9], editions=(2023, 2024))
    assert normalised(rank_scores, values, UP)["x"].tolist() == [1, 2, 1, 2]


def test_a_single_area_has_no_percentile() -> None:
    assert normalised(percentile_ranks, panel([4]), UP)["x"].isna().all()


def test_the_exponential_transform_by_hand() -> None:
    ranks = panel([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    scores = normalised(exponential_of_ranks, ranks, DOWN)["x"]
    assert scores.iloc[0] == pytest.approx(100)
    # The most deprived tenth spans half the scale.
    assert scores.iloc[1] == pytest.approx(-23 * np.log(1 - 0.9 * (1 - np.exp(-100 / 23))))
    assert scores.iloc[1] == pytest.approx(50, abs=2)
    pd.testing.assert_frame_equal(
        normalised(exponential_scores, 100 - ranks, UP), normalised(exponential_of_ranks, ranks, DOWN)
    )
    pd.testing.assert_frame_equal(
        normalised(exponential_scores, ranks, DOWN), normalised(exponential_of_ranks, ranks, DOWN)
    )
    assert normalised(exponential_of_ranks, panel([1, 5]), DOWN, count=10)["x"].iloc[1] == pytest.approx(scores.iloc[4])
    with pytest.raises(EngineError, match=r"number of areas.*: x"):
        normalised(exponential_of_ranks, panel([1, 3]), DOWN)


def test_a_stated_rule_for_ties_ranks_values_in_any_unit() -> None:
    values = panel([1, 2, 2, 4, 5])
    evenly = normalised(exponential_scores, values, UP, ties="average")
    pd.testing.assert_frame_equal(evenly, normalised(exponential_scores, 10 * values, UP, ties="average"))
    # With no rule for ties stated, values that could be ranks (ties sharing the lower) are taken to be ranks.
    assert normalised(exponential_scores, values, UP)["x"].iloc[1] < evenly["x"].iloc[1]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.01, 1000), min_size=2, max_size=12, unique_by=lambda x: round(x, 2)), st.floats(0.1, 50))
def test_a_change_of_unit_changes_nothing(values: list[float], unit: float) -> None:
    methods: list[Callable[..., Any]] = [
        linear.minmax_scores, linear.z_scores, linear.distance_to_maximum, linear.fraction_of_maximum,
        percentile_ranks, exponential_scores,
    ]  # fmt: skip
    for method in methods:
        for direction in (UP, DOWN):
            one, other = (normalised(method, panel([by * value for value in values]), direction) for by in (1, unit))
            pd.testing.assert_frame_equal(one, other, rtol=1e-7, atol=1e-7)
