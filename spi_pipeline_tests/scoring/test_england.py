"""The share of England's wards that do worse than each ward."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spi_pipeline.scoring.england import england_percentile
from spi_pipeline.snapshot.reference import QUANTILES


def reference(values: np.ndarray, name: str = "one") -> pd.DataFrame:
    """The quantiles of a distribution as rows of the source ``reference``, and one row that is not a quantile."""
    rows = [(name, statistic, float(np.quantile(values, share))) for statistic, share in QUANTILES.items()]
    return pd.DataFrame([*rows, (name, "mean", 1e6)], columns=["indicator_id", "statistic", "value"])


def percentiles(values: list[float], of_england: np.ndarray, direction: str, status: str = "observed") -> list[float]:
    observed = pd.DataFrame({"indicator_id": "one", "edition": 2024, "value": values, "status": status})
    observed["area_code"] = [f"W{place}" for place in range(len(values))]
    catalogue = pd.DataFrame({"indicator_id": ["one"], "direction": [direction]})
    result = england_percentile(observed, catalogue, reference(of_england)).set_index("area_code")["england_percentile"]
    return result.reindex(observed["area_code"]).to_list()


@pytest.mark.parametrize("direction", ["higher_is_better", "lower_is_better"])
@settings(max_examples=30, deadline=None)
@given(arrays.arrays(float, st.integers(300, 900), elements=st.floats(0, 20).map(lambda x: round(max(x - 5, 0), 2))))
def test_the_percentile_equals_the_share_of_wards_that_do_worse(direction: str, of_england: np.ndarray) -> None:
    ward_values = [*of_england[:20], -1.0, 3.14159, 99.0]
    result = percentiles(ward_values, of_england, direction)
    sign = 1 if direction == "higher_is_better" else -1
    expected = [100 * np.mean(sign * of_england < sign * value) for value in ward_values]
    # A ward's place is exact to one percentile and one ward.
    assert result == pytest.approx(expected, abs=1 + 100 / len(of_england) + 1e-9)


def test_wards_with_the_same_figure_do_not_count_as_worse() -> None:
    floods = np.concatenate([np.zeros(600), np.linspace(0.1, 5, 400)])
    assert percentiles([0.0, 5.0, 9.0], floods, "lower_is_better") == pytest.approx([40, 0, 0], abs=1)


def test_estimates_and_indicators_without_figures_for_england_have_no_percentile() -> None:
    assert np.isnan(percentiles([1.0], np.arange(300.0), "higher_is_better", status="imputed")).all()
    observed = pd.DataFrame(
        {"indicator_id": ["two"], "edition": 2024, "value": 1.0, "status": "observed", "area_code": "W"}
    )
    catalogue = pd.DataFrame({"indicator_id": ["one", "two"], "direction": "higher_is_better"})
    assert england_percentile(observed, catalogue, reference(np.arange(300.0))).empty
    assert england_percentile(observed, catalogue, reference(np.arange(300.0))[:0]).empty
