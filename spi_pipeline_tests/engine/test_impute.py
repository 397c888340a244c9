"""Imputation by regression on the other indicators, and the error recorded for each estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.impute.record import CELL_COLUMNS
from spi_pipeline.engine.impute.regression import impute_regression
from spi_pipeline_tests.engine.panels import make_panel

NAN = float("nan")


def random_panel(seed: int, gap_share: float = 0.0, rows: int = 24, columns: int = 4) -> pd.DataFrame:
    """Two editions of correlated indicators with gaps."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(rows, 1))
    values = 50 + 10 * (common + 0.6 * rng.normal(size=(rows, columns)))
    values[rng.random(values.shape) < gap_share] = np.nan
    return make_panel({name: values[:, i] for i, name in enumerate("abcd"[:columns])}, editions=(2023, 2024))


def test_a_single_predictor_is_replaced_by_the_mean() -> None:
    imputed = impute_regression(make_panel({"x": [1, 2, 3, 4, 5], "y": [3, 5, NAN, 9, 11]}))
    assert imputed.panel["y"].tolist() == pytest.approx([3, 5, 7, 9, 11])
    assert list(imputed.cells.columns) == CELL_COLUMNS
    [cell] = imputed.cells.to_dict("records")
    # Each of the four is 4/3 as far from the mean of the other three as from the mean of all four, which is 7.
    deviations = (4 / 3) * ((16 + 4 + 4 + 16) / 4) ** 0.5
    assert cell == {
        "edition": 2024, "area_code": "A02", "indicator_id": "y",
        "value": pytest.approx(7), "method": "mean", "donors": "all (4 areas)", "error": pytest.approx(deviations),
    }  # fmt: skip


def test_two_predictors_agree_with_the_normal_equations() -> None:
    panel = random_panel(1, columns=3)
    panel.iloc[5, 0] = np.nan
    known = panel.drop(index=panel.index[5])
    design = np.column_stack([np.ones(len(known)), known["b"], known["c"]])
    coefficients = np.linalg.solve(design.T @ design, design.T @ known["a"])
    by_hand = coefficients @ [1, *panel.iloc[5][["b", "c"]]]

    [cell] = impute_regression(panel).cells.to_dict("records")

    assert cell["value"] == pytest.approx(by_hand, rel=1e-10)
    assert cell["method"] == "regression"
    correlations = known.corr()["a"].abs()
    assert cell["donors"] == ("b,c" if correlations["b"] > correlations["c"] else "c,b")


def leave_areas_out(panel: pd.DataFrame, target: str, predictors: list[str]) -> tuple[float, float]:
    """The errors of the regression and of the mean, computed independently by refitting without each area in turn."""
    complete = panel.dropna(subset=[target, *predictors])
    areas = complete.index.get_level_values("area_code")
    deviations = []
    for area in areas.unique():
        rest, own = complete[areas != area], complete[areas == area]
        design = np.column_stack([np.ones(len(rest)), rest[predictors]])
        coefficients = np.linalg.lstsq(design, rest[target], rcond=None)[0]
        estimate = np.column_stack([np.ones(len(own)), own[predictors]]) @ coefficients
        mean = np.array([panel.drop(index=row)[target].xs(row[0]).mean() for row in own.index])
        bounded = np.clip(estimate, panel[target].min(), panel[target].max())
        deviations.append(np.column_stack([bounded - own[target], mean - own[target]]))
    regression, average = np.sqrt((np.concatenate(deviations) ** 2).mean(axis=0))
    return float(regression), float(average)


@pytest.mark.parametrize("editions", [(2024,), (2022, 2023, 2024)])
def test_the_error_equals_that_of_leaving_areas_out(editions: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=(24, 1))
    values = 50 + 10 * (common + 0.5 * rng.normal(size=(24, 3)))
    panel = make_panel({name: values[:, place] for place, name in enumerate("abc")}, editions)
    panel.iloc[5, 0] = np.nan
    [cell] = impute_regression(panel).cells.to_dict("records")
    regression, average = leave_areas_out(panel, "a", ["b", "c"])
    assert regression < average
    assert (cell["method"], cell["error"]) == ("regression", pytest.approx(regression, rel=1e-9))


def test_the_mean_is_used_where_its_error_is_smaller_than_the_regressions() -> None:
    rng = np.random.default_rng(1)
    panel = make_panel({name: rng.normal(size=12) for name in "abc"})
    panel.iloc[4, 0] = np.nan
    regression, average = leave_areas_out(panel, "a", ["b", "c"])
    assert average < regression
    [cell] = impute_regression(panel).cells.to_dict("records")
    assert (cell["method"], cell["error"]) == ("mean", pytest.approx(average))
    assert cell["value"] == pytest.approx(panel["a"].mean())


def test_an_estimate_never_leaves_the_observed_range() -> None:
    panel = make_panel({"x": [1, 2, 3, 4, 5, 100], "z": [2, 1, 4, 3, 5, 90], "y": [3, 5, 7, 9, 11, NAN]})
    assert impute_regression(panel).cells[["method", "value"]].to_numpy().tolist() == [["regression", 11]]


def test_only_the_indicators_the_row_has_are_used() -> None:
    panel = random_panel(2)
    panel.iloc[3, [0, 1]] = np.nan
    cells = impute_regression(panel).cells.set_index("indicator_id")
    assert set(cells.loc["a", "donors"].split(",")) == {"c", "d"}
    assert set(cells.loc["b", "donors"].split(",")) == {"c", "d"}


def test_the_weakest_predictor_is_dropped_first_where_rows_are_few() -> None:
    # Five complete rows allow two predictors (2 + 3) but not three; "weak" correlates least with y.
    strong, other = [1, 2, 3, 4, 5, 2.5], [1, 2, 3.1, 4, 5, 2.4]
    panel = make_panel({"weak": [1, -1, 1, -1, 1, 0], "strong": strong, "other": other, "y": [1, 2, 3, 4, 5, NAN]})
    [cell] = impute_regression(panel).cells.to_dict("records")
    assert (cell["donors"], cell["value"]) == ("strong,other", pytest.approx(2.5))


def test_one_remaining_predictor_gives_the_mean_and_none_leaves_the_cell_missing() -> None:
    few_rows = make_panel({"x": [1, 2, 3, 4], "y": [1, 2, 3, NAN]})
    assert impute_regression(few_rows).panel["y"].tolist() == [1, 2, 3, 2]
    lone_row = make_panel({"x": [1, 2, 3, 4, 5, NAN], "y": [1, 2, 3, 4, 5, NAN]})
    assert impute_regression(lone_row).cells.empty


@pytest.mark.parametrize("constant", ["x", "y"])
def test_an_indicator_that_does_not_vary_predicts_nothing_and_is_not_predicted(constant: str) -> None:
    columns = {"x": [1.0, 2, 3, 4, 5, 6], "z": [1.0, 2, 4, 3, 5, 6], "y": [1.0, 3, 2, 5, 4, NAN]}
    columns[constant] = [0.1 if not np.isnan(value) else NAN for value in columns[constant]]
    [cell] = impute_regression(make_panel(columns)).cells.to_dict("records")
    assert cell["method"] == "mean"


def test_collinear_predictors_give_the_same_estimate_in_any_unit() -> None:
    panel = random_panel(3, columns=3)
    panel.iloc[7, 0] = np.nan
    alone = impute_regression(panel).cells["value"].item()
    doubled = panel.assign(d=1000 * panel["b"] + 5)
    assert impute_regression(doubled).cells["value"].item() == pytest.approx(alone)


def test_an_edition_with_too_few_areas_is_not_imputed() -> None:
    panel = random_panel(4, rows=40)
    panel.iloc[:8, 0] = np.nan  # leaves 12 of 20 areas with a value in 2023
    panel.iloc[20:27, 0] = np.nan  # leaves 13 of 20, exactly 65 %, in 2024
    assert impute_regression(panel).cells["edition"].unique().tolist() == [2024]
    assert len(impute_regression(panel, minimum_share=0.6).cells) == 15


def test_only_eligible_cells_are_imputed() -> None:
    panel = random_panel(5)
    panel.iloc[[2, 4], 0] = np.nan
    eligible = panel.isna()
    eligible.iloc[4, 0] = False
    filled = impute_regression(panel, eligible)
    assert filled.cells["area_code"].tolist() == ["A02"]
    assert filled.panel.isna().to_numpy().sum() == 1


def test_an_infinite_value_is_refused() -> None:
    with pytest.raises(EngineError, match="infinite"):
        impute_regression(make_panel({"x": [1, np.inf], "y": [NAN, 1]}))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.02, 0.3))
def test_imputation_leaves_observed_values_and_records_every_estimate(seed: int, gap_share: float) -> None:
    panel = random_panel(seed, gap_share)
    before = panel.copy()
    imputed = impute_regression(panel)

    pd.testing.assert_frame_equal(panel, before)
    pd.testing.assert_frame_equal(imputed.panel.where(panel.notna()), panel)
    was_filled = panel.isna() & imputed.panel.notna()
    assert len(imputed.cells) == was_filled.to_numpy().sum()
    for cell in imputed.cells.itertuples():
        assert imputed.panel.loc[(cell.edition, cell.area_code), cell.indicator_id] == cell.value
        assert panel[cell.indicator_id].min() <= cell.value <= panel[cell.indicator_id].max()
        assert cell.error >= 0
        if cell.method == "regression":
            assert panel.loc[(cell.edition, cell.area_code), cell.donors.split(",")].notna().all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    panel = random_panel(seed, 0.15)
    shuffled = impute_regression(panel.sample(frac=1, random_state=seed)).panel
    pd.testing.assert_frame_equal(shuffled.loc[panel.index], impute_regression(panel).panel)
