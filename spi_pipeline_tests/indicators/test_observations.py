"""Observations: which value an indicator has in each edition, its status, and the digest of its files."""

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
        "area_code", "period_start", "period_end", "value", "lower", "upper", "allocation_error", "error_evidence",
        "numerator", "denominator", "covered",
    ]  # fmt: skip
    rows = [
        (
            area,
            pd.Timestamp(year, 1, 1),
            pd.Timestamp(year, 12, 31),
            v,
            v - 1,
            v + 1,
            0.5,
            "assumed",
            v,
            100.0,
            float(v == v),
        )
        for area, year, v in cells
    ]
    return pd.DataFrame(rows, columns=columns)


def got(
    values: pd.DataFrame,
    editions: list[int],
    origins: list[Origin] | None = None,
    *,
    relative: bool = False,
    **period: Any,
) -> pd.DataFrame:
    origins = [Origin("2021", FIRST)] if origins is None else origins
    table = observations(values, indicator("figure"), source(**period), origins, editions, relative=relative)
    assert not table.duplicated(["area_code", "edition"]).any()
    return table.set_index(["area_code", "edition"])


def test_withheld_values_are_distinguished_from_unknown_values() -> None:
    seen = {N1: [0.4, 0.6], N2: [0.0, 0.0]}
    rows = pd.concat(
        [
            yearly((area, 2020, float("nan")), (area, 2021, float("nan"))).assign(covered=each)
            for area, each in seen.items()
        ]
    )
    table = got(rows, [2021])
    assert table["status"].to_dict() == {(N1, 2021): "suppressed", (N2, 2021): "missing"}
    assert table["covered"].tolist() == [0.6, 0.0]
    assert table["value"].isna().all()
    older = got(yearly((N1, 2020, 4.0), (N1, 2021, float("nan"))).assign(covered=[0.9, 0.6]), [2021]).loc[(N1, 2021)]
    assert (older["status"], older["value"], older["covered"]) == ("carried", 4.0, 0.9), (
        "the newest value with enough coverage"
    )


def test_a_value_is_held_then_observed_then_carried_and_never_expires() -> None:
    table = got(yearly((N1, 2012, 4.0), (N1, 2021, 5.0)), [2011, 2012, 2020, 2021, 2022, 2040]).loc[N1]
    assert table["status"].to_dict() == {
        2011: "held", 2012: "observed", 2020: "carried", 2021: "observed", 2022: "carried", 2040: "carried",
    }  # fmt: skip
    assert table["value"].to_dict() == {2011: 4, 2012: 4, 2020: 4, 2021: 5, 2022: 5, 2040: 5}
    errors = table[["lower", "upper", "allocation_error", "error_evidence"]]
    assert errors.to_numpy().tolist() == [[3, 5, 0.5, "assumed"]] * 3 + [[4, 6, 0.5, "assumed"]] * 3, "and its errors"
    assert table["denominator"].notna().all()
    assert table.loc[2011, "period_end"] == dt.date(2012, 12, 31), "a held value keeps its own period"
    assert table.loc[2040, "period_start"] == dt.date(2021, 1, 1), "and so does a carried one"
    assert table["raw_sha256"].tolist() == [FIRST] * 6
    assert set(table["indicator_id"]) == {"figure"}
    assert set(table["source_id"]) == {"survey"}


def test_a_relative_series_holds_its_newest_release_in_every_edition() -> None:
    table = got(yearly((N1, 2019, 4.0), (N1, 2025, 5.0)), [2018, 2019, 2025, 2026], relative=True).loc[N1]
    assert table["value"].tolist() == [5] * 4
    assert table["status"].tolist() == ["held", "held", "observed", "carried"]


def test_the_newest_value_wins_separately_for_each_area() -> None:
    values = yearly((N1, 2022, 7.0), (N1, 2021, 5.0), (N2, 2021, 6.0), (N2, 2022, NAN))
    table = got(values, [2021, 2022])
    assert table["value"].to_dict() == {(N1, 2021): 5, (N1, 2022): 7, (N2, 2021): 6, (N2, 2022): 6}
    assert table.loc[(N2, 2022), "status"] == "carried", "a missing newer value hides no older one"
    assert table.loc[(N1, 2022), "status"] == "observed"


def test_an_area_without_any_value_still_has_rows() -> None:
    table = got(yearly((N1, 2021, 5.0), (N2, 2021, NAN)), [2021, 2022])
    assert table.loc[N2, "status"].tolist() == ["missing", "missing"]


def test_a_period_counts_in_the_year_it_ends() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2021, 5, 1), period_end=pd.Timestamp(2022, 4, 30))
    assert got(values, [2021, 2022])["status"].tolist() == ["held", "observed"]


def test_a_value_from_one_file_has_the_digest_of_that_file() -> None:
    origins = [Origin("2021", FIRST), Origin("2022", SECOND)]
    table = got(yearly((N1, 2021, 5.0), (N1, 2022, 5.0)), [2021, 2022, 2023], origins=origins, column="year")
    assert table["raw_sha256"].tolist() == [FIRST, SECOND, SECOND]


def test_a_value_of_several_months_has_the_digest_of_their_files_in_order() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2022, 2, 1), period_end=pd.Timestamp(2022, 3, 31))
    before = [Origin("2022-01", THIRD), Origin("2022-04", THIRD)]
    origins = [Origin("2022-03", FIRST), *before, Origin("2022-02", SECOND)]
    expected = hashlib.sha256((SECOND + FIRST).encode()).hexdigest()
    assert got(values, [2022], origins=origins, column="month")["raw_sha256"].tolist() == [expected]
    assert got(values, [2022], origins=origins[:2], column="month")["raw_sha256"].tolist() == [FIRST]


def test_a_window_includes_the_yearly_files_that_overlap_it() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2021, 5, 1), period_end=pd.Timestamp(2022, 4, 30))
    origins = [Origin("2022", SECOND), Origin("2021", FIRST), Origin("2020", THIRD), Origin("2022-05-01", THIRD)]
    expected = hashlib.sha256((FIRST + SECOND).encode()).hexdigest()
    assert got(values, [2022], origins=origins, column="month")["raw_sha256"].tolist() == [expected]


def test_an_archive_counts_for_every_month_that_it_covers() -> None:
    values = yearly((N1, 2022, 5.0)).assign(period_start=pd.Timestamp(2021, 5, 1), period_end=pd.Timestamp(2022, 4, 30))
    origins = [Origin("2019-01/2021-12", FIRST), Origin("2020-01, 2022-03", SECOND), Origin("2018-01/2020-12", THIRD)]
    expected = hashlib.sha256((FIRST + SECOND).encode()).hexdigest()
    assert got(values, [2022], origins=origins, column="month")["raw_sha256"].tolist() == [expected]


def test_a_period_that_no_file_covers_has_no_digest() -> None:
    table = got(yearly((N1, 2021, 5.0)), [2021], origins=[Origin("2020", FIRST)], column="year")
    assert table["raw_sha256"].isna().all()
    assert table["value"].tolist() == [5]


def test_a_source_of_one_period_has_the_digest_of_all_its_files() -> None:
    origins = [Origin("2021-12-31", SECOND), Origin("2021-12-31", FIRST)]
    expected = hashlib.sha256((FIRST + SECOND).encode()).hexdigest()
    assert got(yearly((N1, 2021, 5.0)), [2021], origins=origins)["raw_sha256"].tolist() == [expected]


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(2012, 2024)))
def test_every_edition_has_the_newest_year_up_to_its_own_or_else_the_first(known: set[int]) -> None:
    editions = list(range(2015, 2023))
    values = yearly((N1, 2011, NAN), *((N1, year, float(year)) for year in sorted(known)))
    table = got(values, editions).loc[N1]
    for edition in editions:
        expected = max((year for year in known if year <= edition), default=min(known, default=NAN))
        assert table.loc[edition, "value"] == pytest.approx(expected, nan_ok=True)
        status = "observed" if edition in known else "carried" if expected < edition else "held" if known else "missing"
        assert table.loc[edition, "status"] == status


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(2012, 2024), min_size=1))
def test_a_value_changes_only_in_an_edition_whose_year_was_observed(known: set[int]) -> None:
    editions = list(range(2012, 2025))
    values = got(yearly(*((N1, year, float(year)) for year in sorted(known))), editions).loc[N1, "value"]
    moved = {edition for edition in editions[1:] if values[edition] != values[edition - 1]}
    assert moved == {year for year in known if year > min(known)}
