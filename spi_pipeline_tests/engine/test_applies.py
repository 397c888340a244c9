"""Cells that do not apply are not missing: they are never imputed and never count against coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.engine import draw, score
from spi_pipeline.engine.analysis import leave_one_out, statistics
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.values import NOT_APPLICABLE


def framework(**keys: Any) -> dict[str, Any]:
    leaf = {"direction": "higher_is_better", "worst": 0, "best": 100}
    elements: list[dict[str, Any]] = [
        {"id": "index"},
        {"id": "land", "parent": "index"},
        {"id": "sea", "parent": "index"},
    ]
    elements += [{"id": name, "parent": name.rstrip("123"), **leaf} for name in ("land1", "land2", "sea1", "sea2")]
    return {"elements": elements, **keys}


def values(**columns: list[Any]) -> pd.DataFrame:
    """Values of five countries: Switzerland has no sea, and Italy lacks one figure."""
    table = {
        "land1": [10, 20, 30, 40, 50], "land2": [30, 40, 50, 60, 70],
        "sea1": [80, NOT_APPLICABLE, 60, 50, 70], "sea2": [60, " Not Applicable ", None, 30, 20],
    }  # fmt: skip
    return pd.DataFrame({"area_code": ["FRA", "CHE", "ITA", "ESP", "PRT"], **table, **columns})


def by_area(result: Scores, name: str) -> dict[str, float]:
    return result.scores[name].droplevel("edition").round(9).to_dict()


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"missing": "blank"},
        {"missing": "group_mean"},
        {"available": 1},
        {"impute": "regression"},
        {"impute": "mean"},
        {"impute": "neighbours"},
        {"impute": "last"},
        {"available": 0.6, "impute": "median", "missing": "group_mean"},
    ],
)
def test_a_country_without_a_coast_is_scored_by_its_land_alone(keys: dict[str, Any]) -> None:
    result = score(framework(**keys), values())
    assert by_area(result, "land")["CHE"] == 30
    assert by_area(result, "index")["CHE"] == 30
    assert np.isnan(by_area(result, "sea")["CHE"])
    assert "CHE" not in set(result.indicators.cells["area_code"])
    expected = {"CHE": [1, np.nan, np.nan, 1], "ITA": [1, 1, 0, 0.75]}
    coverage = result.coverage.droplevel("edition")[["land1", "sea1", "sea2", "index"]]
    for area, shares in expected.items():
        assert coverage.loc[area].tolist() == pytest.approx(shares, nan_ok=True)


def test_missing_values_still_count_against_availability() -> None:
    blank = score(framework(missing="blank"), values())
    assert np.isnan(by_area(blank, "index")["ITA"])
    assert by_area(score(framework(available=0.5), values()), "index")["ITA"] == 50
    assert np.isnan(by_area(score(framework(available=0.6), values()), "sea")["ITA"])
    missing = score(framework(missing="blank"), values(sea1=[80, None, 60, 50, 70], sea2=[60, None, None, 30, 20]))
    assert np.isnan(by_area(missing, "index")["CHE"])
    assert missing.coverage["index"].droplevel("edition")["CHE"] == 0.5


def test_a_parent_needs_the_stated_number_of_children() -> None:
    result = score(framework(available_count={"component": 2}), values())
    assert np.isnan(by_area(result, "sea")["ITA"])
    assert by_area(result, "index")["ITA"] == 40
    result = score(framework(available_count=2), values())
    assert np.isnan(by_area(result, "index")["CHE"])
    assert by_area(result, "index")["FRA"] == 45
    result = score(framework(available=0.5, available_count={"component": 1, "index": 2}), values())
    assert by_area(result, "index")["ITA"] == 50


def test_the_minimum_share_counts_only_areas_to_which_the_indicator_applies() -> None:
    few = values(sea2=[60, NOT_APPLICABLE, None, NOT_APPLICABLE, 20])
    spec = {"method": "regression", "minimum_share": 0.6}
    cells = score(framework(impute=spec), few).indicators.cells
    assert cells[["area_code", "indicator_id"]].to_numpy().tolist() == [["ITA", "sea2"]]
    assert not len(score(framework(impute=spec), few.replace({"sea2": {NOT_APPLICABLE: None}})).indicators.cells)


def test_a_value_whose_divisor_does_not_apply_does_not_apply() -> None:
    stated = framework(missing="blank")
    stated["elements"][-1] |= {"divide_by": "coast"}
    table = values(sea2=[60, 5, 1, 30, 20]).assign(coast=[1, NOT_APPLICABLE, 1, 1, 1])
    result = score(stated, table)
    assert by_area(result, "index")["CHE"] == 30
    assert by_area(result, "sea2")["FRA"] == 60


def test_a_whole_has_every_indicator_that_applies_to_any_of_its_areas() -> None:
    table = values().assign(population=[1, 1, 1, 1, 1], group=["x", "y", "x", "x", "x"])
    result = score(framework(wholes="group", missing="blank", impute="mean"), table)
    assert by_area(result, "index")["y"] == 30
    assert by_area(result, "sea1")["x"] == 65


def test_draws_and_analyses_leave_out_cells_that_do_not_apply() -> None:
    result = score(framework(missing="blank", impute="mean"), values())
    drawn = draw(result, 50, seed=2).intervals.set_index(["id", "area_code"])
    assert drawn.loc[("sea", "CHE"), ["score_low", "score_high"]].isna().all()
    assert drawn.loc[("index", "CHE"), ["score_low", "score_high"]].notna().all()
    assert leave_one_out(result.task).notna().all(axis=None)
    panel, applies = result.task.values.panel, result.task.values.applies
    assert statistics(panel, applies=applies).loc[["sea1", "sea2"], "present"].tolist() == [1, 0.75]


def test_a_long_table_marks_cells_that_do_not_apply_in_the_same_way() -> None:
    wide = values()
    long = wide.melt("area_code", var_name="indicator_id")
    pd.testing.assert_frame_equal(score(framework(), long).scores, score(framework(), wide).scores)
