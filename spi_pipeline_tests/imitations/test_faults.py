"""Tests of every fault, through a plain client, and of the control interface."""

from __future__ import annotations

import csv
import gzip
import io
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import openpyxl
import pytest
import requests

import spi_pipeline_tests
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.faults import Fault, parse_fault

CENSUS = "/api/v01/dataset/NM_2063_1.data.csv?geography=E06000032TYPE151&c2021_cars_5=0,1&measures=20100"
CENSUS += "&select=geography_code,c2021_cars_5,obs_value"
FINGERTIPS = "/all_data/csv/by_indicator_id?indicator_ids=93107&child_area_type_id=3&parent_area_type_id=15"
WARDS = "/WD_MAY_2025_UK_BSC_V2/FeatureServer/0/query?where=LAD25CD='E06000032'&outFields=*&f=json&returnGeometry=false"
CRIMES = "/api/crimes-street/robbery?poly=51.86,-0.46:51.92,-0.46:51.92,-0.38:51.86,-0.38&date="
ARCHIVE = "/data/archive/latest.zip"
BULK = "/output/census/2021/census2021-ts041.zip"


@pytest.fixture(scope="module")
def running() -> Iterator[Publishers]:
    with local_publishers(months=2, archive_months=2) as publishers:
        yield publishers


@pytest.fixture
def served(running: Publishers) -> Iterator[Publishers]:
    running.requests.clear()
    yield running
    running.clear_faults()


def _get(served: Publishers, publisher: str, path: str, **options: object) -> requests.Response:
    headers = {"User-Agent": "spi-pipeline/0.1 (tests)"}
    return requests.get(f"{served.site.base}/{publisher}{path}", headers=headers, timeout=60, **options)  # type: ignore[arg-type]


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _members(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_fault_lasts_for_its_number_of_requests_and_affects_its_path_only(served: Publishers) -> None:
    served.fault("nomis", "503", path="*NM_2063_1*", times=2)
    assert _get(served, "nomis", BULK).status_code == 200
    assert [_get(served, "nomis", CENSUS).status_code for _ in range(3)] == [503, 503, 200]
    assert _get(served, "fingertips", FINGERTIPS).status_code == 200
    assert [seen.faults for seen in served.requests_to("nomis", "NM_2063_1")] == [("503",), ("503",), ()]


def test_a_fault_without_a_number_lasts_until_it_is_cleared(served: Publishers) -> None:
    served.fault("*", "500")
    assert {_get(served, name, "/").status_code for name in ("nomis", "police", "stats19")} == {500}
    served.clear_faults()
    assert _get(served, "nomis", CENSUS).status_code == 200


def test_unknown_faults_and_publishers_are_refused(served: Publishers) -> None:
    with pytest.raises(ValueError, match="no fault 'gremlins'"):
        served.fault("nomis", "gremlins")
    with pytest.raises(ValueError, match="no publisher 'nommis'"):
        served.fault("nommis", "503")


def test_429_states_a_wait_in_seconds_or_as_a_date_or_not_at_all(served: Publishers) -> None:
    served.fault("police", "429", times=1, retry_after=7)
    served.fault("police", "429", times=1, retry_after="date:60")
    served.fault("police", "429", times=1)
    seconds, date, none = (_get(served, "police", CRIMES + "2024-04") for _ in range(3))
    assert seconds.headers["Retry-After"] == "7"
    wait = (parsedate_to_datetime(date.headers["Retry-After"]) - datetime.now(UTC)).total_seconds()
    assert 30 < wait <= 61
    assert "Retry-After" not in none.headers


def test_latency_delays_the_response(served: Publishers) -> None:
    served.fault("nomis", "latency", times=1, seconds=0.3)
    start = time.monotonic()
    assert _get(served, "nomis", CENSUS).status_code == 200
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize("kind", ["reset", "reset_midway"])
def test_resets_break_the_connection(served: Publishers, kind: str) -> None:
    served.fault("nomis", kind, times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        _get(served, "nomis", CENSUS)
    assert _get(served, "nomis", CENSUS).status_code == 200


def test_a_cut_body_is_shorter_than_its_content_length(served: Publishers) -> None:
    whole = len(_get(served, "police", ARCHIVE).content)
    served.fault("police_bucket", "cut_body", times=1)
    response = _get(served, "police", ARCHIVE, stream=True)
    assert response.headers["Content-Length"] == str(whole)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match=f"{whole // 2} bytes read"):
        assert response.content


def test_dripping_bodies_arrive_in_small_pieces(served: Publishers) -> None:
    for kind in ("drip_body", "drip_chunks", "drip_error"):
        served.fault("nomis", kind, times=1)
    body, chunks, error = (_get(served, "nomis", CENSUS, stream=True) for _ in range(3))
    for response in (body, chunks, error):
        assert response.raw.read1(100, decode_content=False) != b""
        response.close()
    assert int(body.headers["Content-Length"]) > 100
    assert (chunks.headers["Transfer-Encoding"], error.status_code) == ("chunked", 500)
    served.fault("nomis", "drip_header", times=1)
    with (
        socket.create_connection(("127.0.0.1", int(served.site.base.rpartition(":")[2]))) as plain,
        plain.makefile("rb") as reply,
    ):
        plain.sendall(f"GET /nomis{CENSUS} HTTP/1.1\r\nHost: x\r\nUser-Agent: tests\r\n\r\n".encode())
        lines = [reply.readline() for _ in range(12)]
    assert lines[0] == b"HTTP/1.1 200 OK\r\n"
    assert lines[-3:] == [b"X-Slow: a\r\n"] * 3


def test_a_range_is_sent_only_if_the_request_names_the_version(served: Publishers) -> None:
    whole = _get(served, "police", ARCHIVE)
    etag, half = whole.headers["ETag"], len(whole.content) // 2

    def rest(begin: int, named: str) -> requests.Response:
        headers = {"Range": f"bytes={begin}-", "If-Range": named, "User-Agent": "tests"}
        return requests.get(whole.url, headers=headers, timeout=60)

    response = rest(half, etag)
    assert (response.status_code, response.content) == (206, whole.content[half:])
    size = len(whole.content)
    assert response.headers["Content-Range"] == f"bytes {half}-{size - 1}/{size}"
    assert rest(half, whole.headers["Last-Modified"]).status_code == 206
    assert (rest(half, '"another"').status_code, rest(size, etag).status_code) == (200, 416)
    served.fault("police_bucket", "no_ranges", times=1)
    assert rest(half, etag).content == whole.content
    served.fault("police_bucket", "republished", times=1)
    again = rest(half, etag)
    assert (again.status_code, again.headers["ETag"] == etag) == (200, False)
    assert set(_members(again.content)) == set(_members(whole.content))
    served.fault("police_bucket", "another_byte", times=1)
    other = _get(served, "police", ARCHIVE).content
    assert sum(one != two for one, two in zip(whole.content, other, strict=True)) == 1


def test_a_cut_gzip_matches_its_content_length_and_does_not_unpack(served: Publishers) -> None:
    served.fault("fingertips", "cut_gzip", times=1)
    response = _get(served, "fingertips", FINGERTIPS, stream=True)
    assert response.headers["Content-Encoding"] == "gzip"
    raw = response.raw.read(decode_content=False)
    assert response.headers["Content-Length"] == str(len(raw))
    with pytest.raises(EOFError):
        gzip.decompress(raw)


def test_a_zip_cut_before_it_was_stored_is_not_a_zip(served: Publishers) -> None:
    served.fault("nomis", "cut_file", times=1)
    response = _get(served, "nomis", BULK)
    assert response.headers["Content-Length"] == str(len(response.content))
    assert response.content[:2] == b"PK"
    assert not zipfile.is_zipfile(io.BytesIO(response.content))


def test_pages_empty_bodies_and_errors_have_status_200(served: Publishers) -> None:
    for kind in ("html", "html_as_is", "empty", "json_error"):
        served.fault("nomis", kind, times=1)
    page, disguised, empty, error = (_get(served, "nomis", CENSUS) for _ in range(4))
    assert {response.status_code for response in (page, disguised, empty, error)} == {200}
    assert (page.text[:9], page.headers["Content-Type"]) == ("<!DOCTYPE", "text/html; charset=utf-8")
    assert (disguised.text[:9], disguised.headers["Content-Type"]) == ("<!DOCTYPE", "text/csv")
    assert empty.content == b""
    assert "error" in error.json()
    served.fault("ons_geography", "json_error", times=1)
    assert _get(served, "ons_geography", WARDS).json()["error"]["code"] == 504


def test_the_content_type_can_be_wrong(served: Publishers) -> None:
    served.fault("fingertips", "content_type", value="application/octet-stream")
    assert _get(served, "fingertips", FINGERTIPS).headers["Content-Type"] == "application/octet-stream"


def test_a_redirect_leads_to_a_foreign_host_that_responds(served: Publishers) -> None:
    served.fault("police_bucket", "foreign_redirect", times=1)
    followed = _get(served, "police", ARCHIVE)
    assert [response.status_code for response in followed.history] == [302, 302]
    assert followed.url.startswith("http://localhost:")
    assert zipfile.is_zipfile(io.BytesIO(followed.content))
    (foreign,) = served.requests_to("foreign")
    assert foreign.headers["Host"].startswith("localhost:")


def test_columns_are_renamed_and_headers_replaced_in_every_format(served: Publishers) -> None:
    served.fault("nomis", "rename_column", column="OBS_VALUE", times=1)
    served.fault("nomis", "wrong_header", times=1)
    assert list(_rows(_get(served, "nomis", CENSUS).text)[0]) == ["GEOGRAPHY_CODE", "C2021_CARS_5", "OBS_VALUE_v2"]
    assert list(_rows(_get(served, "nomis", CENSUS).text)[0]) == ["field0", "field1", "field2"]
    served.fault("ons_geography", "rename_column", column="WD25CD", to="WD26CD")
    feature = _get(served, "ons_geography", WARDS).json()["features"][0]
    assert "WD26CD" in feature["attributes"]
    served.fault("nomis", "rename_column", column="geography code", to="code")
    assert b"geography,code,Number" in _members(_get(served, "nomis", BULK).content)["census2021-ts041-oa.csv"]
    served.fault("defra_pcm", "rename_column", column="no2*", to="no2")
    lines = _get(served, "defra_pcm", "/mapno22024.csv").text.splitlines()
    assert (lines[0], lines[5]) == ("Modelled background no2", "gridcode,x,y,no2")


def test_a_workbook_is_edited_below_its_header(served: Publishers) -> None:
    path = "/media/6a05b2c19fe4a1d7c3b0e611/sub-regional-fuel-poverty-tables-2026-2024-data.xlsx"
    served.fault("govuk_assets", "rename_column", column="LSOA Code", to="Area")
    sheet = openpyxl.load_workbook(io.BytesIO(_get(served, "govuk_assets", path).content))["Table 3"]
    assert [sheet.cell(row, 1).value for row in (1, 3)] == [
        "Table 3: Sub-regional fuel poverty, England 2024 (LSOA)",
        "Area",
    ]
    assert sheet.cell(3, 2).value == "LSOA Name"
    assert sheet.cell(4, 1).value == "E01015693"


def test_rows_are_dropped_and_repeated_and_values_scaled(served: Publishers) -> None:
    before = _rows(_get(served, "nomis", CENSUS).text)
    for kind, options in {"drop_rows": {"share": 0.2}, "repeat_rows": {"share": 0.1}, "scale_values": {}}.items():
        served.fault("nomis", kind, times=1, **options)
    dropped, repeated, scaled = (_rows(_get(served, "nomis", CENSUS).text) for _ in range(3))
    assert (len(before), len(dropped), len(repeated)) == (250, 200, 275)
    assert [float(row["OBS_VALUE"]) for row in scaled] == [100 * float(row["OBS_VALUE"]) for row in before]
    served.fault("nomis", "scale_values", factor=10)
    cell = _get(served, "nomis", CENSUS.replace("data.csv", "data.json")).json()["obs"][0]["obs_value"]["value"]
    assert cell == 10 * float(before[0]["OBS_VALUE"])


def test_cells_are_overwritten(served: Publishers) -> None:
    before = _rows(_get(served, "fingertips", FINGERTIPS).text)
    served.fault("fingertips", "overwrite", column="Value", value="", share=0.25, times=1)
    served.fault("fingertips", "overwrite", column="Area Code", value="E02999999", times=1)
    some, all_ = (_rows(_get(served, "fingertips", FINGERTIPS).text) for _ in range(2))
    assert sum(row["Value"] == "" for row in some) == len(before) // 4
    assert {row["Area Code"] for row in all_} == {"E02999999"}


def test_a_month_is_revised_or_missing_in_both_archive_and_api(served: Publishers) -> None:
    def counted(month: str) -> tuple[int | None, int]:
        street = _members(_get(served, "police", ARCHIVE).content).get(f"{month}/{month}-bedfordshire-street.csv")
        crimes = _get(served, "police", CRIMES + month).json()
        return None if street is None else len(_rows(street.decode())), len(crimes)

    before = {month: counted(month) for month in ("2024-03", "2024-04")}
    validator = requests.head(f"{served.site.base}/police_bucket/archive/latest.zip").headers["ETag"]
    for publisher in ("police", "police_bucket"):
        served.fault(publisher, "revision", month="2024-03")
    from_archive, from_api = counted("2024-03")
    assert from_archive == pytest.approx(0.9 * before["2024-03"][0], abs=1)
    assert from_api == pytest.approx(0.9 * before["2024-03"][1], abs=1)
    assert counted("2024-04") == before["2024-04"]
    assert requests.head(f"{served.site.base}/police_bucket/archive/latest.zip").headers["ETag"] != validator
    served.clear_faults()
    for publisher in ("police", "police_bucket"):
        served.fault(publisher, "missing_month", month="2024-03")
    assert counted("2024-03") == (None, 0)
    assert counted("2024-04") == before["2024-04"]


def test_current_wards_are_replaced_by_the_former_ones(served: Publishers) -> None:
    served.fault("ons_geography", "old_wards")
    found = {feature["attributes"]["WD25CD"] for feature in _get(served, "ons_geography", WARDS).json()["features"]}
    assert found == {f"E0500{number}" for number in range(2193, 2212)}


def test_zips_hold_escaping_paths_or_unpack_to_great_size(served: Publishers) -> None:
    served.fault("nomis", "zip_climbs", times=1)
    served.fault("nomis", "zip_explodes", times=1, megabytes=3)
    climbing, exploding = (_get(served, "nomis", BULK).content for _ in range(2))
    assert "../../climbed.csv" in _members(climbing)
    sizes = {name: len(content) for name, content in _members(exploding).items()}
    assert max(sizes.values()) == 3_000_000
    assert len(exploding) < 100_000


@pytest.mark.parametrize(("mode", "publisher", "path", "has"), [
    ("documented", "police_bucket", "/archive/latest.zip", True), ("documented", "nomis", CENSUS, False),
    ("all", "nomis", CENSUS, True), ("none", "police_bucket", "/archive/latest.zip", False),
], ids=["archive", "nomis", "all", "none"])  # fmt: skip
def test_validators_are_sent_as_configured(served: Publishers, mode: str, publisher: str, path: str, has: bool) -> None:
    served.site.validators = mode
    response = _get(served, publisher, path)
    again = [
        requests.get(response.url, headers={header: response.headers.get(name, "x"), "User-Agent": "tests"}).status_code
        for header, name in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
    ]
    served.site.validators = "documented"
    assert ("ETag" in response.headers, again) == (has, [304, 304] if has else [200, 200])


def test_text_is_compressed_for_clients_that_accept_it(served: Publishers) -> None:
    plain = urllib.request.urlopen(f"{served.site.base}/fingertips{FINGERTIPS}")
    assert plain.headers["Content-Encoding"] is None
    packed = _get(served, "fingertips", FINGERTIPS)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.read()


def test_the_imitation_is_controlled_over_http(served: Publishers) -> None:
    control = f"{served.site.base}/_control"
    added = requests.post(f"{control}/faults", json={"publisher": "nomis", "kind": "429", "times": 2, "retry_after": 1})
    assert [entry["kind"] for entry in added.json()] == ["429"]
    assert _get(served, "nomis", CENSUS).status_code == 429
    (seen,) = requests.get(f"{control}/requests").json()
    assert (seen["publisher"], seen["status"], seen["faults"]) == ("nomis", 429, ["429"])
    assert requests.get(f"{control}/faults").json()[0]["times"] == 1
    assert requests.delete(f"{control}/faults").json() == requests.delete(f"{control}/requests").json() == []
    assert requests.post(f"{control}/settings", json={"nomis_rows": 10}).json()["nomis_rows"] == 10
    assert len(_rows(_get(served, "nomis", CENSUS).text)) == 10
    requests.post(f"{control}/settings", json={"nomis_rows": 25_000})
    assert requests.post(f"{control}/settings", json={"colour": 1}).status_code == 400
    assert requests.post(f"{control}/faults", json={"publisher": "nomis", "kind": "gremlins"}).status_code == 400
    assert requests.get(f"{control}/endpoints").json() == served.endpoints


@pytest.mark.parametrize(("text", "fault"), [
    ("police:503:3", Fault("police", "503", "*", 3, {})),
    ("nomis:html", Fault("nomis", "html", "*", None, {})),
    ("police:429:2:retry_after=date:5", Fault("police", "429", "*", 2, {"retry_after": "date:5"})),
    ("nomis:cut_body:path=*.zip", Fault("nomis", "cut_body", "*.zip", None, {})),
], ids=["times", "for good", "option with a colon", "path"])  # fmt: skip
def test_a_fault_is_parsed_from_one_word(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


def test_the_module_prints_variables_to_export_and_requests_received() -> None:
    command = [sys.executable, "-m", "spi_pipeline_tests.imitations", "--port", "0", "--fault", "democracy_club:503:1"]
    root = Path(spi_pipeline_tests.__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        exports = dict(process.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(11))
        status = requests.get(exports["SPI_ENDPOINT_DEMOCRACY_CLUB"] + "/data/export_csv/").status_code
        logged = process.stdout.readline()
        process.terminate()
    assert status == 503
    assert logged.startswith("democracy_club: GET /data/export_csv/ -> 503")
    names = "NOMIS ONS_GEOGRAPHY POLICE FINGERTIPS NHS_PAGES NHS_FILES GOVUK_CONTENT GOVUK_ASSETS DEFRA_PCM STATS19"
    assert set(exports) == {f"SPI_ENDPOINT_{name}" for name in [*names.split(), "DEMOCRACY_CLUB"]}
