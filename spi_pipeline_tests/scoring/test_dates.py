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


def test_every_score_has_its_dates_once() -> None:
    scores = town_tables()["element_score"].set_index(["edition", "profile", "id", "area_code"])
    found = dated()
    assert found.index.is_unique
    assert set(found.index) == set(scores.index)


def test_slots_are_counted_and_estimated_cells_are_not_filled() -> None:
    found = dated()
    assert found.loc[(2024, "spi", "town_index", WARDS[0]), ["slots", "slots_filled"]].tolist() == [5, 5]
    assert found.loc[(2024, "spi", "town_index", WARDS[4]), ["slots", "slots_filled"]].tolist() == [5, 4]
    assert found.loc[(2024, "spi", "b", WARDS[4]), ["slots", "slots_filled"]].tolist() == [1, 0]
    assert pd.isna(found.loc[(2024, "spi", "b", WARDS[4]), "newest_period"])


def test_ages_are_weighted_as_the_score_is_and_the_newest_edition_ends_when_its_figures_were_taken() -> None:
    found = dated()
    # c's period is 2024, which has not ended; the other periods end with 2022.
    old = (AS_OF - dt.date(2022, 12, 31)).days / 365.25
    assert found.loc[(2024, "equal", "c", NORTH), "age_years"] == 0
    assert found.loc[(2024, "equal", "a", NORTH), "age_years"] == pytest.approx(old)
    assert found.loc[(2024, "equal", "town_index", NORTH), "age_years"] == pytest.approx(old * 5 / 6)
    assert found.loc[(2024, "equal", "town_index", NORTH), "newest_period"] == AS_OF
    assert found.loc[(2023, "equal", "a", NORTH), "age_years"] == pytest.approx(365 / 365.25)


def test_what_was_measured_within_three_years_is_recent_whether_before_or_after() -> None:
    rows = observations()
    rows["period_end"] = rows["period_end"].mask(rows["indicator_id"] == "a", dt.date(2019, 12, 31))
    rows["period_end"] = rows["period_end"].mask(rows["indicator_id"] == "b", dt.date(2025, 12, 31))
    table = dates(town_tables()["weight"], rows, EIGHT_AND_TWO, dt.date(2026, 1, 1))
    found = table.set_index(["edition", "profile", "id", "area_code"])["recent_weight"]
    assert found[2022, "equal", "housing", NORTH] == pytest.approx(1.0), "three years before and three after"
    assert found[2023, "equal", "housing", NORTH] == pytest.approx(0.5)
    assert [found[edition, "equal", "health", NORTH] for edition in EDITIONS] == pytest.approx([1, 1, 1])
