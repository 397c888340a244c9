"""Police files: every incident counts once, nothing about a person is stored, and other files are refused."""

from __future__ import annotations

import io
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.police.files import parse_stop_and_search, parse_street_crime
from spi_pipeline_tests.imitations.publishers.police import STOP_HEADER, STREET_HEADER

STREET_COLUMNS = ["month", "crime_type", "longitude", "latitude", "lsoa_code", "crimes"]
STOP_COLUMNS = ["month", "longitude", "latitude", "stops"]

types = st.sampled_from(["Burglary", "Drugs", "Anti-social behaviour"])
points = st.none() | st.tuples(st.sampled_from([-0.41, -0.420001]), st.sampled_from([51.88, 51.9]))
incidents = st.tuples(st.none() | st.sampled_from("abcdef"), types, points)


def street(rows: list[dict[str, object]]) -> bytes:
    return pd.DataFrame(rows, columns=STREET_HEADER.split(",")).to_csv(index=False).encode()


def stops(rows: list[dict[str, object]]) -> bytes:
    return pd.DataFrame(rows, columns=STOP_HEADER.split(",")).to_csv(index=False).encode()


def incident(
    crime_id: str | None, kind: str, point: tuple[float, float] | None, month: str = "2024-01"
) -> dict[str, object]:
    longitude, latitude = point or (None, None)
    return {
        "Crime ID": crime_id, "Month": month, "Crime type": kind, "Longitude": longitude, "Latitude": latitude,
        "Location": "On or near A Road", "LSOA code": point and "E01900001", "Last outcome category": "Under review",
    }  # fmt: skip


def stop(when: str | None, point: tuple[float, float] | None = (-0.41, 51.88)) -> dict[str, object]:
    longitude, latitude = point or (None, None)
    return {
        "Type": "Person search", "Date": when, "Longitude": longitude, "Latitude": latitude, "Gender": "Male",
        "Age range": "18-24", "Self-defined ethnicity": "Other", "Officer-defined ethnicity": "White",
        "Legislation": "Misuse of Drugs Act 1971", "Object of search": "Controlled drugs", "Outcome": "Arrest",
    }  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(incidents, max_size=12))
def test_each_identified_crime_counts_once_and_each_row_without_id_counts(
    rows: list[tuple[str | None, str, tuple[float, float] | None]],
) -> None:
    expected: Counter[tuple[str, float | None, float | None]] = Counter()
    seen: set[str] = set()
    for crime_id, kind, point in rows:
        if crime_id is None or crime_id not in seen:
            expected[(kind, *(point or (None, None)))] += 1
        seen |= {crime_id} if crime_id else set()
    frame = parse_street_crime(street([incident(*row) for row in rows]), "some.csv")
    assert list(frame.columns) == STREET_COLUMNS
    found = frame.astype(object).where(frame.notna(), None)
    assert {(r.crime_type, r.longitude, r.latitude): r.crimes for r in found.itertuples()} == expected
    assert frame["crimes"].sum() == sum(crime_id is None for crime_id, _, _ in rows) + len(seen)
    assert not frame.duplicated(STREET_COLUMNS[:-1]).any()


@settings(max_examples=15, deadline=None)
@given(places=st.lists(points, max_size=12))
def test_every_stop_counts_with_or_without_a_place(places: list[tuple[float, float] | None]) -> None:
    frame = parse_stop_and_search(stops([stop("2024-04-10T12:00:00+00:00", place) for place in places]), "some.csv")
    assert list(frame.columns) == STOP_COLUMNS
    assert frame["stops"].sum() == len(places)
    assert frame.loc[frame["longitude"].isna(), "stops"].sum() == sum(place is None for place in places)


def test_identical_rows_of_anti_social_behaviour_are_separate_incidents() -> None:
    row = incident(None, "Anti-social behaviour", (-0.41, 51.88))
    assert parse_street_crime(street([row] * 5), "some.csv")["crimes"].tolist() == [5]


def test_a_repeated_crime_id_counts_at_its_first_row() -> None:
    first, again = incident("a1", "Burglary", (-0.41, 51.88)), incident("a1", "Drugs", (-0.42, 51.88))
    frame = parse_street_crime(street([first, again]), "some.csv")
    assert frame[["crime_type", "longitude", "crimes"]].values.tolist() == [["Burglary", -0.41, 1]]


def test_points_that_differ_by_less_than_a_tenth_of_a_metre_are_one_point() -> None:
    rows = [incident("a", "Drugs", (-0.4100001, 51.88)), incident("b", "Drugs", (-0.4100002, 51.88))]
    assert parse_street_crime(street(rows), "some.csv")[["longitude", "crimes"]].values.tolist() == [[-0.41, 2]]


def test_nothing_about_a_person_or_a_case_survives() -> None:
    crimes = parse_street_crime(street([incident("deadbeef" * 8, "Drugs", (-0.41, 51.88))]), "some.csv")
    searches = parse_stop_and_search(stops([stop("2024-04-10T12:00:00+00:00")]), "some.csv")
    output = crimes.to_csv() + searches.to_csv()
    for given_away in ("deadbeef", "Under review", "A Road", "Male", "18-24", "White", "Other", "Misuse", "Arrest"):
        assert given_away not in output


def test_a_stop_belongs_to_its_month_in_local_time() -> None:
    stamped = ["2024-03-31T22:59:59+00:00", "2024-03-31T23:00:00+00:00", "2024-04-30T22:59:59+00:00"]
    with pytest.raises(SpiError, match=r"2 months \(2024-03 to 2024-04\)"):
        parse_stop_and_search(stops([stop(when) for when in stamped]), "some.csv")
    frame = parse_stop_and_search(stops([stop(when) for when in stamped[1:]]), "some.csv")
    assert frame[["month", "stops"]].values.tolist() == [["2024-04", 2]]
    winter = parse_stop_and_search(stops([stop("2024-01-31T23:59:59+00:00")]), "some.csv")
    assert winter["month"].tolist() == ["2024-01"]


def test_a_file_with_only_a_header_holds_no_incident() -> None:
    assert parse_street_crime(street([]), "some.csv").empty
    assert list(parse_stop_and_search(stops([]), "some.csv").columns) == STOP_COLUMNS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "some.csv is not a CSV file of data.police.uk: it is empty; download it again"),
        (b"\xff\xfe\x00", "some.csv is in UTF-16, not UTF-8; save it as CSV in UTF-8, or "),
        (b"<html>Not found</html>", "some.csv has another header than data.police.uk publishes: missing Crime ID, "),
        (
            street([]).replace(b"Crime ID", b"Reference"),
            "some.csv has another header than data.police.uk publishes: missing Crime ID, unknown Reference; "
            "download it again",
        ),
        (
            street([]).replace(b"Crime ID,Month", b"Month,Crime ID"),
            "some.csv has another header than data.police.uk publishes: the columns in another order; download it "
            "again",
        ),
        (
            street([]) + b"a,2024-01,F,F,-0.41,51.88,R,E01900001,L,Drugs,None,,\n",
            "some.csv is not a CSV file of data.police.uk: CSV parse error: Expected 12 columns, got 13: ",
        ),
        (
            street([incident("a", "Drugs", None) | {"Longitude": "west"}]),
            "some.csv: column Longitude holds 'west' where a coordinate belongs (1 such cells); download it again",
        ),
        (
            street([incident("a", "Drugs", None), incident("b", "Drugs", None, "2024-02")]),
            "some.csv holds 2 months (2024-01 to 2024-02) where one belongs; download it again",
        ),
        (b"0" * 60_000, "some.csv has another header than data.police.uk publishes: missing Crime ID, "),
        (stops([]), "some.csv has another header than data.police.uk publishes: missing Crime ID, "),
    ],
    ids=[
        "empty",
        "no text",
        "a web page",
        "renamed",
        "reordered",
        "surplus fields",
        "text",
        "two months",
        "one long line",
        "other file",
    ],
)
def test_another_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        parse_street_crime(content, "some.csv")
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("download it again")
    assert len(str(caught.value)) < 1000


def test_an_unreadable_time_is_refused() -> None:
    with pytest.raises(
        SpiError, match=r"^some\.csv: column Date holds 'last Tuesday' where a time belongs \(1 such cells\); "
    ):
        parse_stop_and_search(stops([stop("last Tuesday")]), "some.csv")


def test_coordinates_are_read_as_published() -> None:
    content = street([incident("a", "Drugs", (-0.420001, 51.9))])
    assert b"-0.420001" in content
    frame = pd.read_csv(io.BytesIO(content))
    assert parse_street_crime(content, "some.csv")["longitude"].tolist() == frame["Longitude"].tolist()
