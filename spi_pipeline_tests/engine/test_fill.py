"""Imputation without regression: averages, the last value, a line in time, and the nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.impute.record import Imputed
from spi_pipeline.engine.impute.same_indicator import impute_average, impute_last, impute_linear, impute_neighbours
from spi_pipeline_tests.engine.panels import make_panel

NAN = float("nan")
METHODS: list[Callable[[pd.DataFrame], Imputed]] = [impute_average, impute_last, impute_linear, impute_neighbours]


def donors(imputed: Imputed) -> list[str]:
    return list(imputed.cells["donors"])


@pytest.mark.parametrize(("average", "expected"), [("mean", 4), ("median", 2)])
def test_a_gap_is_filled_with_the_average_of_its_edition(average: str, expected: float) -> None:
    panel = make_panel({"x": [1, 2, 9, NAN, 100, NAN, NAN, NAN]}, editions=(2023, 2024))
    imputed = impute_average(panel, average)  # type: ignore[arg-type]
    assert imputed.panel["x"].tolist() == [1, 2, 9, expected, 100, 100, 100, 100]
    assert set(imputed.cells["method"]) == {average}
    assert donors(imputed) == ["all (3 areas)", *["all (1 areas)"] * 3]


def test_a_gap_is_filled_with_the_average_of_its_group() -> None:
    panel = make_panel({"x": [1, 5, NAN, 8, NAN, NAN]})
    groups = pd.Series(["n", "n", "n", "s", "w", None], index=panel.index)
    imputed = impute_average(panel, "mean", groups)
    assert imputed.panel["x"].tolist() == pytest.approx([1, 5, 3, 8, NAN, NAN], nan_ok=True)
    [cell] = imputed.cells.to_dict("records")
    assert (cell["method"], cell["donors"]) == ("mean of group", "n (2 areas)")


def one_area(values: list[float], years: tuple[int, ...] = (2020, 2021, 2023, 2024)) -> pd.DataFrame:
    return make_panel({"x": values}, years)


def test_a_gap_is_filled_with_the_last_value() -> None:
    imputed = impute_last(one_area([NAN, 3, NAN, NAN]))
    assert imputed.panel["x"].tolist() == pytest.approx([NAN, 3, 3, 3], nan_ok=True)
    assert donors(imputed) == ["2021", "2021"]


def test_the_line_in_time_counts_years_not_rows() -> None:
    imputed = impute_linear(one_area([1, NAN, 7, NAN]))
    assert imputed.panel["x"].tolist() == pytest.approx([1, 3, 7, 7])
    assert donors(imputed) == ["2020,2023", "2023"]
    assert impute_linear(one_area([NAN] * 4)).cells.empty


def test_a_line_in_time_needs_numeric_editions() -> None:
    panel = make_panel({"x": [1, NAN]})
    named = panel.set_axis(pd.MultiIndex.from_tuples([("old", "A"), ("new", "A")], names=panel.index.names))
    with pytest.raises(EngineError, match="numbers, such as years"):
        impute_linear(named)


def test_a_gap_is_filled_from_the_nearest_neighbours() -> None:
    panel = make_panel({"x": [1, 2, 10, 1.4], "y": [10, 20, 90, NAN], "z": [0, 0, 1, 0]})
    imputed = impute_neighbours(panel, 2)
    assert imputed.panel["y"].tolist() == [10, 20, 90, 15]
    assert donors(imputed) == ["A00,A01"]
    assert impute_neighbours(panel, 9).panel["y"].iloc[3] == 40
    with pytest.raises(EngineError, match="one or more"):
        impute_neighbours(panel, 0)


def test_an_area_with_too_few_shared_indicators_is_not_a_neighbour() -> None:
    panel = make_panel({"x": [1, 2, NAN], "y": [1, NAN, NAN], "z": [1, NAN, 5]})
    imputed = impute_neighbours(panel, 1)
    # The second area shares one of three indicators with the first and none with the third: it has no neighbour.
    assert imputed.cells.empty


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_observed_values_are_unchanged_and_every_imputed_cell_is_recorded(
    method: Callable[..., Imputed], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(12, 3))
    values[rng.random(values.shape) < 0.3] = NAN
    panel = make_panel({name: values[:, i] for i, name in enumerate("xyz")}, editions=(2021, 2022, 2023))
    imputed = method(panel)
    pd.testing.assert_frame_equal(imputed.panel.where(panel.notna()), panel)
    was_filled = panel.isna() & imputed.panel.notna()
    assert len(imputed.cells) == was_filled.to_numpy().sum()
    assert (imputed.cells["donors"] != "").all()
    shuffled = panel.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(method(shuffled).panel.loc[panel.index], imputed.panel)
