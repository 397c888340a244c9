"""Tests of the dialects of data.police.uk and Nomis through a plain client."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator

import pytest
import requests

from spi_pipeline_tests.imitations import Publishers, local_publishers


@pytest.fixture(scope="module")
def served() -> Iterator[Publishers]:
    with local_publishers(months=2, archive_months=2) as publishers:
        yield publishers


@pytest.fixture
def police(served: Publishers) -> Iterator[str]:
    served.site.police_bucket.__init__(rate=1e9, burst=30)  # type: ignore[misc]
    yield served.endpoints["SPI_ENDPOINT_POLICE"]
    served.clear_faults()


@pytest.fixture
def nomis(served: Publishers) -> Iterator[str]:
    yield served.endpoints["SPI_ENDPOINT_NOMIS"] + "/api/v01/dataset"
    served.clear_faults()


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


SQUARE = "51.86,-0.46:51.92,-0.46:51.92,-0.38:51.86,-0.38"


def test_dates_are_listed_newest_first_and_the_newest_is_the_default(police: str) -> None:
    dates = [entry["date"] for entry in requests.get(f"{police}/api/crimes-street-dates").json()]
    assert dates == ["2024-04", "2024-03"]
    robberies = requests.get(f"{police}/api/crimes-street/robbery", {"poly": SQUARE}).json()
    assert {crime["month"] for crime in robberies} == {"2024-04"}
    assert {type(crime["location"]["latitude"]) for crime in robberies} == {str}


def test_antisocial_behaviour_has_no_persistent_id_and_ids_are_unique(police: str) -> None:
    crimes = requests.get(f"{police}/api/crimes-street/all-crime", {"poly": SQUARE, "date": "2024-03"}).json()
    assert len({crime["id"] for crime in crimes}) == len(crimes) > 1000
    blank = {crime["category"] for crime in crimes if not crime["persistent_id"]}
    assert blank == {"anti-social-behaviour"}


def test_a_month_before_the_window_is_404_and_one_after_it_is_empty(police: str) -> None:
    before = requests.get(f"{police}/api/crimes-street/all-crime?poly={SQUARE}&date=2019-01")
    assert (before.status_code, before.content) == (404, b"")
    assert requests.get(f"{police}/api/crimes-street/all-crime?poly={SQUARE}&date=2031-01").json() == []
    assert requests.get(f"{police}/api/stops-force?force=bedfordshire&date=2019-01").status_code == 502
    assert requests.get(f"{police}/api/no-such-thing").status_code == 404


def test_a_month_held_back_appears_nowhere(served: Publishers, police: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = requests.get(f"{police}/api/crime-last-updated").json()
    monkeypatch.setattr(served.site, "police_held_back", 1)
    assert (newest, requests.get(f"{police}/api/crime-last-updated").json()) == (
        {"date": "2024-04-01"}, {"date": "2024-03-01"}
    )  # fmt: skip
    assert requests.get(f"{police}/api/crimes-street/all-crime?poly={SQUARE}&date=2024-04").json() == []
    assert requests.get(f"{police}/data/archive/2024-04.zip").status_code == 404


def test_an_unknown_category_is_all_crime_and_an_unknown_force_a_bad_gateway(police: str) -> None:
    query = {"poly": SQUARE, "date": "2024-03"}
    every, odd = (requests.get(f"{police}/api/crimes-street/{kind}", query).json() for kind in ("all-crime", "arson"))
    assert len(every) == len(odd) > 1000
    (unplaced,) = {
        crime["location_type"]
        for crime in requests.get(f"{police}/api/crimes-no-location?category=all-crime&force=bedfordshire").json()
    }
    assert unplaced is None
    assert requests.get(f"{police}/api/crimes-no-location?category=all-crime&force=nowhere").status_code == 502


def test_the_archive_page_states_the_md5_of_the_newest_archive(police: str) -> None:
    page = requests.get(f"{police}/data/archive/").text
    newest, before = re.findall(r'href="/data/archive/([0-9-]+)\.zip">.*?class="md5sum">([^<]+)<', page, re.DOTALL)[:2]
    body = requests.get(f"{police}/data/archive/2024-04.zip").content
    assert newest == ("2024-04", hashlib.md5(body, usedforsecurity=False).hexdigest())
    assert (before[0], before[1][-4:]) == ("2024-03", "-207")


def test_too_many_crimes_are_503_until_the_polygon_is_split(
    served: Publishers, police: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.site, "police_crimes", 1500)
    whole = requests.get(f"{police}/api/crimes-street/all-crime", {"poly": SQUARE})
    part = requests.get(f"{police}/api/crimes-street/all-crime", {"poly": SQUARE.replace("-0.38", "-0.45")})
    assert (whole.status_code, part.status_code) == (503, 200)


def test_a_long_polygon_is_refused_by_get_and_accepted_by_post(police: str) -> None:
    corners = ":".join(f"{51.86 + n * 1e-5:.6f},-0.46" for n in range(300))
    long = f"{corners}:{SQUARE}"
    assert requests.get(f"{police}/api/crimes-street/robbery", {"poly": long}).status_code == 400
    assert requests.post(f"{police}/api/crimes-street/robbery", {"poly": long}).status_code == 200


def test_a_burst_of_thirty_passes_and_the_next_is_429(served: Publishers, police: str) -> None:
    served.site.police_bucket.__init__(rate=0.001, burst=30)  # type: ignore[misc]
    with requests.Session() as session:
        statuses = [session.get(f"{police}/api/crime-last-updated").status_code for _ in range(32)]
    assert statuses == [200] * 30 + [429] * 2


def test_the_archive_redirects_to_a_bucket_with_validators(
    served: Publishers, police: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = requests.get(f"{police}/data/archive/latest.zip")
    assert first.history[0].headers["Location"].endswith("/police_bucket/archive/latest.zip")
    assert requests.head(first.url).headers["Content-Length"] == str(len(first.content))
    assert requests.get(first.url, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    with zipfile.ZipFile(io.BytesIO(first.content)) as archive:
        assert "2024-04/2024-04-bedfordshire-stop-and-search.csv" in archive.namelist()
        street = archive.read("2024-03/2024-03-bedfordshire-street.csv").decode()
    assert street.startswith("Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name")
    assert len(_rows(street)) == 5272  # the count of the embedded table for that month
    monkeypatch.setattr(served.site, "redirects", "published")
    location = requests.get(f"{police}/data/archive/2024-04.zip", allow_redirects=False).headers["Location"]
    assert location == "https://policeuk-data.s3.amazonaws.com/archive/2024-04.zip"


def test_stops_without_a_place_have_their_own_endpoint(police: str) -> None:
    everywhere = requests.get(f"{police}/api/stops-force?force=bedfordshire").json()
    nowhere = requests.get(f"{police}/api/stops-no-location?force=bedfordshire").json()
    assert len(everywhere) == 312
    assert 0 < len(nowhere) == sum(stop["location"] is None for stop in everywhere)


def test_rows_beyond_the_limit_are_cut_and_record_count_gives_the_total(
    served: Publishers, nomis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.site, "nomis_rows", 100)
    query = {"geography": "E06000032TYPE151", "c2021_hiqual_8": "0,1", "measures": "20100"}
    select = {"select": "geography_code,c2021_hiqual_8,obs_value,record_count"}
    pages = [
        _rows(requests.get(f"{nomis}/NM_2084_1.data.csv", {**query, **select, "RecordOffset": n}).text)
        for n in (0, 100, 200)
    ]
    assert [len(page) for page in pages] == [100, 100, 50]
    assert {row["RECORD_COUNT"] for page in pages for row in page} == {"250"}
    assert len({(row["GEOGRAPHY_CODE"], row["C2021_HIQUAL_8"]) for page in pages for row in page}) == 250


def test_leaving_out_a_dimension_returns_totals_and_percentages_as_well(nomis: str) -> None:
    rows = _rows(requests.get(f"{nomis}/NM_2063_1.data.csv?geography=E06000032").text)
    assert len(rows) == 10
    assert {row["MEASURES_NAME"] for row in rows} == {"value", "percent"}
    assert list(rows[0])[:6] == ["DATE", "DATE_NAME", "DATE_CODE", "DATE_TYPE", "DATE_TYPECODE", "DATE_SORTORDER"]


def test_unknown_codes_and_tables_return_200_and_no_rows(nomis: str) -> None:
    for query in (
        "NM_2084_1.data.csv?geography=E05014735",
        "NM_2084_1.data.csv?geography=E06000032&wrong=1",
        "NM_9_1.data.csv",
    ):
        response = requests.get(f"{nomis}/{query}")
        assert (response.status_code, response.content) == (200, b"")
    assert "error" in requests.get(f"{nomis}/NM_2084_1.data.json?geography=E05014735").json()


def test_census_wards_are_the_nineteen_former_ones(nomis: str) -> None:
    text = requests.get(f"{nomis}/NM_2021_1.data.csv?geography=TYPE153&c2021_restype_3=0&measures=20100").text
    assert {row["GEOGRAPHY_CODE"] for row in _rows(text)} == {f"E0500{n}" for n in range(2193, 2212)}


def test_estimates_accept_a_range_of_current_ward_codes(nomis: str) -> None:
    query = "geography=E05014735...E05014754&gender=0&c_age=0&measures=20100&date=latest"
    obs = requests.get(f"{nomis}/NM_2014_1.data.json?{query}").json()["obs"]
    assert len(obs) == 20
    assert {type(row["obs_value"]["value"]) for row in obs} == {int, str}
    assert obs[0]["dataset"]["description"].startswith("Population estimates - small area (2021 based)")


def test_suppressed_claimants_are_an_empty_value_with_status_q(nomis: str) -> None:
    query = "geography=E06000032TYPE151&gender=0&age=0&measure=1&measures=20100&date=latestMINUS5-latest"
    rows = _rows(requests.get(f"{nomis}/NM_162_1.data.csv?{query}").text)
    assert {row["OBS_VALUE"] for row in rows if row["OBS_STATUS"] == "Q"} == {""}
    assert len(rows) == 125 * 6
    assert all(int(row["OBS_VALUE"]) % 5 == 0 for row in rows if row["OBS_STATUS"] == "A")


def test_many_output_areas_are_accepted_by_post(nomis: str) -> None:
    codes = ",".join(f"E{number:08d}" for number in range(79367, 80367))
    form = {"geography": codes, "measures": "20100", "select": "GEOGRAPHY_CODE,OBS_VALUE"}
    assert requests.get(f"{nomis}/NM_2059_1.data.csv", form).status_code == 414
    assert len(_rows(requests.post(f"{nomis}/NM_2059_1.data.csv", form).text)) > 500


def test_bulk_zips_have_two_layouts_and_agree_with_the_query(served: Publishers, nomis: str) -> None:
    def member(table: str) -> str:
        content = requests.get(
            f"{served.endpoints['SPI_ENDPOINT_NOMIS']}/output/census/2021/census2021-{table}.zip"
        ).content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert not [name for name in archive.namelist() if "ward" in name]
            return archive.read(f"census2021-{table}-lsoa.csv").decode()

    quoted, plain = member("ts041"), member("ts067")
    assert quoted.startswith(
        '"date","geography","geography code","Number of households: Number of households; measures: Value"'
    )
    assert '"2021","Luton 007A","E01015693",530' in quoted
    column = "Highest level of qualification: No qualifications"
    bulk = {row["geography code"]: row[column] for row in _rows(plain) if row["geography"].startswith("Luton")}
    query = "geography=E06000032TYPE151&c2021_hiqual_8=1&measures=20100"
    queried = {
        row["GEOGRAPHY_CODE"]: row["OBS_VALUE"]
        for row in _rows(requests.get(f"{nomis}/NM_2084_1.data.csv?{query}").text)
    }
    assert bulk == queried
