"""The age of the figures behind each score, and how many slots have figures."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from spi_pipeline.scoring.dates import DATE_COLUMNS, dates
from spi_pipeline_tests.scoring.town import NORTH
from spi_pipeline_tests.scoring.whole import EDITIONS, EIGHT_AND_TWO, WARDS, observations, town_tables

AS_OF = dt.date(2024, 7, 1)


def dated() -> pd.DataFrame:
    table = dates(town_tables()["weight"], observations(), EIGHT_AND_TWO, AS_OF)
    assert list(table.columns) == DATE_COLUMNS
    return table.set_index(["edition", "profile", "id", "area_code"])


def test_every_score_has_one_row_of_dates() -> None:
    scores = town_tables()["element_score"].set_index(["edition", "profile", "id", "area_code"])
    result = dated()
    assert result.index.is_unique
    assert set(result.index) == set(scores.index)


def test_estimated_cells_do_not_count_as_filled_slots() -> None:
    result = dated()
    assert result.loc[(2024, "spi", "town_index", WARDS[0]), ["slots", "slots_filled"]].tolist() == [5, 5]
    assert result.loc[(2024, "spi", "town_index", WARDS[4]), ["slots", "slots_filled"]].tolist() == [5, 4]
    assert result.loc[(2024, "spi", "b", WARDS[4]), ["slots", "slots_filled"]].tolist() == [1, 0]
    assert pd.isna(result.loc[(2024, "spi", "b", WARDS[4]), "newest_period"])


def test_ages_use_the_weights_of_the_score_and_end_when_figures_were_taken() -> None:
    result = dated()
    # c's period is 2024, which has not ended; the other periods end with 2022.
    old = (AS_OF - dt.date(2022, 12, 31)).days / 365.25
    assert result.loc[(2024, "equal", "c", NORTH), "age_years"] == 0
    assert result.loc[(2024, "equal", "a", NORTH), "age_years"] == pytest.approx(old)
    assert result.loc[(2024, "equal", "town_index", NORTH), "age_years"] == pytest.approx(old * 5 / 6)
    assert result.loc[(2024, "equal", "town_index", NORTH), "newest_period"] == AS_OF
    assert result.loc[(2023, "equal", "a", NORTH), "age_years"] == pytest.approx(365 / 365.25)


def test_figures_measured_within_three_years_either_way_are_recent() -> None:
    rows = observations()
    rows["period_end"] = rows["period_end"].mask(rows["indicator_id"] == "a", dt.date(2019, 12, 31))
    rows["period_end"] = rows["period_end"].mask(rows["indicator_id"] == "b", dt.date(2025, 12, 31))
    table = dates(town_tables()["weight"], rows, EIGHT_AND_TWO, dt.date(2026, 1, 1))
    result = table.set_index(["edition", "profile", "id", "area_code"])["recent_weight"]
    assert result[2022, "equal", "housing", NORTH] == pytest.approx(1.0), "three years before and three after"
    assert result[2023, "equal", "housing", NORTH] == pytest.approx(0.5)
    assert [result[edition, "equal", "health", NORTH] for edition in EDITIONS] == pytest.approx([1, 1, 1])
