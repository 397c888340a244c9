"""Treatment of outliers: winsorisation first, then the logarithm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.normalise.outliers import Limits, treat_outliers
from spi_pipeline_tests.engine.panels import make_panel

NAN = float("nan")
CALM = [float(value) for value in range(1, 11)]


def test_one_high_outlier_becomes_the_next_value() -> None:
    treated = treat_outliers(make_panel({"x": [*CALM, 100], "y": [*CALM, 11]}))
    assert treated.panel["x"].tolist() == [*CALM, 10]
    assert treated.panel["y"].tolist() == [*CALM, 11]
    [point] = treated.points.to_dict("records")
    assert point == {
        "edition": 2024, "area_code": "A10", "indicator_id": "x", "before": 100, "after": 10,
        "treatment": "winsorised high",
    }  # fmt: skip
    assert treated.summary["treatment"].to_dict() == {"x": "winsorised", "y": "none"}
    assert treated.summary.loc["x", "points"] == 1


def test_low_outliers_are_raised_and_tied_ones_move_together() -> None:
    treated = treat_outliers(make_panel({"x": [-100, -100, *[50.0 + value for value in range(30)]]}))
    assert treated.panel["x"].tolist()[:3] == [50, 50, 50]
    assert treated.points["treatment"].tolist() == ["winsorised low"] * 2


def test_too_many_outliers_are_treated_by_the_logarithm_of_the_raw_values() -> None:
    values = [*CALM * 10, 1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 64e3]
    treated = treat_outliers(make_panel({"x": values}))
    by_hand = np.log(np.array(values) - 1 + 0.01 * (64e3 - 1))
    np.testing.assert_allclose(treated.panel["x"], by_hand)
    assert set(treated.points["treatment"]) == {"log"}
    assert len(treated.points) == len(values)


def test_without_the_logarithm_the_indicator_is_flagged() -> None:
    values = [*CALM * 10, 1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 64e3]
    treated = treat_outliers(make_panel({"x": values}), Limits(points=2, log=False))
    assert treated.panel["x"].max() == 16e3
    assert treated.summary.loc["x", "treatment"] == "winsorised, still beyond the limits"


@pytest.mark.parametrize("values", [[5.0] * 8, [1.0, 2, 100], [NAN] * 6])
def test_too_few_or_constant_values_are_unchanged(values: list[float]) -> None:
    panel = make_panel({"x": values})
    treated = treat_outliers(panel)
    pd.testing.assert_frame_equal(treated.panel, panel)
    assert treated.points.empty


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_every_changed_value_is_recorded_as_a_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.lognormal(0, 1.2, 40)
    values[rng.random(40) < 0.1] = NAN
    panel = make_panel({"x": values})
    treated = treat_outliers(panel, Limits(log=False))
    assert (treated.panel["x"].isna() == panel["x"].isna()).all()
    differs = treated.panel["x"].sub(panel["x"]).abs() > 0
    assert set(treated.points["area_code"]) == set(panel.index.get_level_values("area_code")[differs])
    assert treated.panel["x"][panel["x"].dropna().sort_values().index].is_monotonic_increasing
    assert treated.panel["x"].max() <= panel["x"].max()
