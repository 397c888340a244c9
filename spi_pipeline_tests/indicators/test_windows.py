"""Windows of months: which months are whole, and which windows an indicator gets from them."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_pipeline.contracts.models.indicators import Window
from spi_pipeline.indicators.windows import whole_months, window_ends, windows
from spi_pipeline_tests.scoring.town import N1, NORTH, S1, SOUTH, indicator

YEAR = Window(months=12)
AUTHORITY_OF = {N1: NORTH, S1: SOUTH}


def months(first: str, count: int) -> list[str]:
    return [str(month) for month in pd.period_range(first, periods=count, freq="M")]


def counted(by_month: dict[str, int], ward: str = N1) -> pd.DataFrame:
    return pd.DataFrame({"month": list(by_month), "ward_code": ward, "crimes": list(by_month.values())})


def north(rows: pd.DataFrame) -> list[str]:
    return whole_months(rows, ["crimes"], AUTHORITY_OF, 1 / 3)[NORTH]


@given(st.sets(st.integers(0, 60)), st.integers(1, 14))
def test_windows_are_complete_and_all_end_in_the_calendar_month_of_the_newest(known: set[int], length: int) -> None:
    first = pd.Period("2019-01", "M")
    whole = [str(first + offset) for offset in sorted(known)]
    results = list(windows({NORTH: whole, SOUTH: []}, Window(months=length)))
    for window in results:
        assert len(window.months) == length
        assert set(window.months.astype(str)) <= set(whole)
        assert window.authorities == {NORTH}
    assert {str(window.months[-1])[5:] for window in results} <= {month[5:] for month in whole[-1:]}
    gaps = [later.months[-1].ordinal - earlier.months[-1].ordinal for earlier, later in pairwise(results)]
    assert all(gap > 0 and gap % 12 == 0 for gap in gaps)


def test_a_newer_month_moves_every_window() -> None:
    def ends(count: int) -> list[str]:
        return [str(one.months[-1]) for one in windows({NORTH: months("2022-01", count)}, YEAR)]

    assert ends(24) == ["2022-12", "2023-12"]
    assert ends(25) == ["2023-01", "2024-01"]


def test_a_force_that_is_late_ends_its_own_windows_earlier() -> None:
    whole = {NORTH: months("2022-01", 25), SOUTH: months("2022-01", 24)}
    results = [(str(one.months[-1]), one.authorities) for one in windows(whole, YEAR)]
    assert results == [("2022-12", {SOUTH}), ("2023-01", {NORTH}), ("2023-12", {SOUTH}), ("2024-01", {NORTH})]


@pytest.mark.parametrize(("held", "whole"), [(34, True), (33, False), (0, False)])
def test_a_month_published_in_part_is_not_whole(held: int, whole: bool) -> None:
    rows = counted({**dict.fromkeys(months("2023-01", 12), 100), "2024-01": held})
    assert ("2024-01" in north(rows[rows["crimes"] > 0])) is whole


def test_a_fall_from_few_incidents_still_counts_as_whole() -> None:
    assert north(counted({**dict.fromkeys(months("2023-01", 12), 99), "2024-01": 1}))[-1] == "2024-01"


def test_a_lasting_fall_is_not_a_month_published_in_part() -> None:
    fallen = {**dict.fromkeys(months("2021-01", 24), 1000), **dict.fromkeys(months("2023-07", 24), 200)}
    assert north(counted(fallen)) == list(fallen)


def test_each_authority_has_its_own_months() -> None:
    rows = pd.concat([counted(dict.fromkeys(months("2023-01", 3), 5)), counted({"2023-02": 5}, ward=S1)])
    assert whole_months(rows, ["crimes"], AUTHORITY_OF, 1 / 3) == {NORTH: months("2023-01", 3), SOUTH: ["2023-02"]}


def test_a_source_without_points_covers_every_authority() -> None:
    rows = counted(dict.fromkeys(months("2023-01", 2), 5)).drop(columns="ward_code")
    assert whole_months(rows, ["crimes"], AUTHORITY_OF, 1 / 3) == dict.fromkeys((NORTH, SOUTH), months("2023-01", 2))


def test_the_newest_window_of_an_edition_is_that_of_its_monthly_indicators() -> None:
    police, census = indicator("police", kind="mean", window=YEAR), indicator("census")
    rows = pd.DataFrame(
        [("police", 2023, "2023-04-30"), ("police", 2024, "2024-04-30"), ("police", 2024, None),
         ("census", 2024, "2024-12-31"), ("police", 2019, None)],
        columns=["indicator_id", "edition", "period_end"],
    )  # fmt: skip
    assert window_ends(rows, [police, census]).to_dict() == {2023: "2023-04-30", 2024: "2024-04-30"}
