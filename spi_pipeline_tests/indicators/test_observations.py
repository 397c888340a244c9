from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.indicators.observations import Origin, observations
from spi_pipeline_tests.scoring.town import N1, N2, NAN, indicator, source

FIRST, SECOND, THIRD = "a" * 64, "b" * 64, "c" * 64


def yearly(*cells: tuple[str, int, float]) -> pd.DataFrame:
    """Values by area and year."""
    columns = [
        "area_code", "period_start", "period_end", "value", "lower", "upper", "allocation_error", "error_basis",
        "numerator", "denominator",
    ]  # fmt: skip
    rows = [
        (area, pd.Timestamp(year, 1, 1), pd.Timestamp(year, 12, 31), v, v - 1, v + 1, 0.5, "assumed", v, 100.0)
        for area, year, v in cells
    ]
    return pd.DataFrame(rows, columns=columns)


def got(
    values: pd.DataFrame, editions: list[int], carry: int = 2, origins: list[Origin] | None = None, **period: Any
) -> pd.DataFrame:
    origins = [Origin("2021", FIRST)] if origins is None else origins
    table = observations(values, indicator("figure"), source(**period), origins, editions, carry)
    assert not table.duplicated(["area_code", "edition"]).any()
    return table.set_index(["area_code", "edition"])


def test_observed_then_carried_then_missing_and_never_cast_back() -> None:
    table = got(yearly((N1, 2021, 5.0)), [2019, 2020, 2021, 2022, 2023, 2024]).loc[N1]
    assert table["status"].to_dict() == {
        2019: "missing", 2020: "missing", 2021: "observed", 2022: "carried", 2023: "carried", 2024: "missing",
    }  # fmt: skip
    assert table["value"].to_dict() == pytest.approx(
        {2019: NAN, 2020: NAN, 2021: 5, 2022: 5, 2023: 5, 2024: NAN}, nan_ok=True
    )
    assert table["denominator"].notna().tolist() == [False, False, True, True, True, False]
    errors = ["lower", "upper", "allocation_error", "error_basis"]
    assert table[errors].dropna().to_numpy().tolist() == [[4, 6, 0.5, "assumed"]] * 3, "and its errors"
    assert table.loc[2023, "period_start"] == dt.date(2021, 1, 1), "a carried value keeps its own period"
    assert table.loc[2023, "period_end"] == dt.date(2021, 12, 31)
    assert table["raw_sha256"].fillna("").tolist() == ["", "", FIRST, FIRST, FIRST, ""]
    assert set(table["indicator_id"]) == {"figure"}
    assert set(table["source_id"]) == {"survey"}


def test_nothing_is_carried_where_nothing_may_be() -> None:
    assert got(yearly((N1, 2021, 5.0)), [2021, 2022], carry=0)["status"].tolist() == ["observed", "missing"]


def test_the_newest_value_wins_for_each_area_apart() -> None:
    values = yearly((N1, 2022, 7.0), (N1, 2021, 5.0), (N2, 2021, 6.0), (N2, 2022, NAN))
    table = got(values, [2021, 2022])
    assert table["value"].to_dict() == {(N1, 2021): 5, (N1, 2022): 7, (N2, 2021): 6, (N2, 2022): 6}
    assert table.loc[(N2, 2022), "status"] == "carried", "a missing newer value hides no older one"
    assert table.loc[(N1, 2022), "status"] == "observed"


def test_an_area_never_known_has_its_rows() -> None:
    table = got(yearly((N1, 2021, 5.0), (N2, 2021, NAN)), [2021, 2022])
    assert table.loc[N2, "status"].tolist() == ["missing", "missing"]


def test_a_period_counts_in_the_year_it_ends() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2021, 5, 1), period_end=pd.Timestamp(2022, 4, 30))
    assert got(values, [2021, 2022])["status"].tolist() == ["missing", "observed"]


def test_the_digest_of_one_file_is_its_own() -> None:
    origins = [Origin("2021", FIRST), Origin("2022", SECOND)]
    table = got(yearly((N1, 2021, 5.0), (N1, 2022, 5.0)), [2021, 2022, 2023], origins=origins, column="year")
    assert table["raw_sha256"].tolist() == [FIRST, SECOND, SECOND]


def test_the_digest_of_several_months_is_that_of_theirs_in_order_of_the_months() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2022, 2, 1), period_end=pd.Timestamp(2022, 3, 31))
    before = [Origin("2022-01", THIRD), Origin("2022-04", THIRD)]
    origins = [Origin("2022-03", FIRST), *before, Origin("2022-02", SECOND)]
    expected = hashlib.sha256((SECOND + FIRST).encode()).hexdigest()
    assert got(values, [2022], origins=origins, column="month")["raw_sha256"].tolist() == [expected]
    assert got(values, [2022], origins=origins[:2], column="month")["raw_sha256"].tolist() == [FIRST]


def test_yearly_files_of_a_monthly_source_are_those_that_overlap_the_window() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2021, 5, 1), period_end=pd.Timestamp(2022, 4, 30))
    origins = [Origin("2022", SECOND), Origin("2021", FIRST), Origin("2020", THIRD), Origin("2022-05-01", THIRD)]
    expected = hashlib.sha256((FIRST + SECOND).encode()).hexdigest()
    assert got(values, [2022], origins=origins, column="month")["raw_sha256"].tolist() == [expected]


def test_an_archive_holds_every_month_of_its_span_and_equal_bytes_those_of_each() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2021, 5, 1), period_end=pd.Timestamp(2022, 4, 30))
    origins = [Origin("2019-01/2021-12", FIRST), Origin("2020-01, 2022-03", SECOND), Origin("2018-01/2020-12", THIRD)]
    expected = hashlib.sha256((FIRST + SECOND).encode()).hexdigest()
    assert got(values, [2022], origins=origins, column="month")["raw_sha256"].tolist() == [expected]


def test_where_no_file_holds_the_period_there_is_no_digest() -> None:
    table = got(yearly((N1, 2021, 5.0)), [2021], origins=[Origin("2020", FIRST)], column="year")
    assert table["raw_sha256"].isna().all()
    assert table["value"].tolist() == [5]


def test_a_source_of_one_period_is_digested_with_all_its_files() -> None:
    origins = [Origin("2021-12-31", SECOND), Origin("2021-12-31", FIRST)]
    expected = hashlib.sha256((FIRST + SECOND).encode()).hexdigest()
    assert got(yearly((N1, 2021, 5.0)), [2021], origins=origins)["raw_sha256"].tolist() == [expected]


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(2012, 2024)), st.integers(0, 4))
def test_every_edition_uses_the_newest_year_within_reach(known: set[int], carry: int) -> None:
    editions = list(range(2015, 2023))
    values = yearly((N1, 2011, NAN), *((N1, year, float(year)) for year in sorted(known)))
    table = got(values, editions, carry=carry).loc[N1]
    for edition in editions:
        usable = [year for year in known if edition - carry <= year <= edition]
        status = "missing" if not usable else "observed" if edition in usable else "carried"
        assert table.loc[edition, "status"] == status
        assert table.loc[edition, "value"] == pytest.approx(max(usable, default=NAN), nan_ok=True)
