"""A report holds no personal data, secret or path, and once read back it is judged as before."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.publishers.offers import HOSTS, PROBES
from spi_pipeline.publishers.probing.judging import judge
from spi_pipeline.publishers.probing.probe import Shape
from spi_pipeline.publishers.probing.report import Observation, Report, as_data, read_report, versions, write_report
from spi_pipeline_tests.publishers.fake import TOWN
from spi_pipeline_tests.publishers.http.publisher import Response, publisher
from spi_pipeline_tests.publishers.probing.visiting import Visit

KEY = "0123456789abcdef0123456789abcdef01234567"
# A publisher, or a proxy in its place, that gives away details of people and machines wherever it can.
CRIMES = [
    {
        "category": "burglary", "month": "2026-07", "id": 135724829, "persistent_id": KEY, "location_type": "Force",
        "location": {
            "latitude": "51.878914", "longitude": "-0.417245", "street": {"id": 1825098, "name": "Secret Road"},
        },
    }
]  # fmt: skip
STOPS = [
    {"datetime": "2026-07-01T22:15:00+00:00", "age_range": "18-24", "officer_defined_ethnicity": "Black",
     "location": {"latitude": "51.878914", "longitude": "-0.417245", "street": {"name": "On Secret Road"}}},
]  # fmt: skip
HEADER = {
    "Content-Type": "application/json", "Set-Cookie": "session=s3cr3t-cookie", "Via": "1.1 proxy-of-john.corp.example",
    "Server": "john-laptop", "X-Forwarded-For": "10.1.2.3", "ETag": f'"{KEY}"',
    "Location": "https://portal.corp.example/?u=john",
}  # fmt: skip
PRIVATE = (
    KEY, "135724829", "1825098", "Secret Road", "51.878914", "-0.417245", "Black", "18-24", "22:15", "s3cr3t",
    "corp.example", "john", "10.1.2.3", "ann@example.org", "Ann Example", "127.0.0.1", "p4ss",
)  # fmt: skip


def observed(response: Response, probe: str, folder: Path) -> Observation:
    with publisher(response) as served:
        return Visit({HOSTS[endpoint].name: served.base for endpoint in HOSTS}, TOWN, folder, [probe]).seen[probe]


def as_report(*observations: Observation) -> Report:
    return Report(
        versions=versions(), visited_at="2026-11-27T06:00:00+00:00", seconds=1.5, requests=len(observations),
        authorities=TOWN.authorities, through_proxy=True, own_authorities=False, observations=observations,
    )  # fmt: skip


def response(body: object, status: int = 200) -> Response:
    return Response(body if isinstance(body, bytes) else json.dumps(body).encode(), status, HEADER)


INJECTED = {
    "incidents": ("police/crimes-street", response(CRIMES)),
    "stops": ("police/stops-force", response(STOPS)),
    "a refusal by name": ("stats19/collisions", response(b"User john at 10.1.2.3 is not allowed, token s3cr3t", 403)),
    "a page of a portal": ("stats19/collisions", response(b"<html>Dear Ann Example, your session is s3cr3t</html>")),
    "a redirect to a portal": ("stats19/collisions", response(b"", 302)),
    "a file without its header": (
        "stats19/collisions", Response(f"ann@example.org,{KEY},135724829\n".encode()),
    ),
    "candidates": (
        "democracy_club/export",
        Response(b"person_id,person_name,by_election,cancelled_poll\n135724829,Ann Example,t,f\n"),
    ),
    "candidates without their header": ("democracy_club/export", Response(b"135724829,Ann Example,t,f\n")),
    "a key for JSON": ("fingertips/indicator_metadata", response({KEY: {"DataChange": {"LastUploadedAt": "2026"}}})),
}  # fmt: skip


@pytest.mark.parametrize("what", INJECTED)
def test_a_report_holds_no_person_secret_or_path(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://john:p4ss@127.0.0.1:1")
    probe, sent = INJECTED[what]
    if PROBES[probe].probe.follows:
        months = response([{"date": "2026-07", "stop-and-search": ["anyshire"]}])
        with publisher(months, sent) as served:
            before = PROBES[probe].probe.follows
            assert before
            found = Visit({"POLICE": served.base}, TOWN, tmp_path, [before.name, probe])
        assert found.seen[probe].outcome == "received"
        one = found.seen[probe]
    else:
        one = observed(sent, probe, tmp_path)
    write_report(as_report(one), tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text("utf-8")
    assert probe in text
    machine = (str(tmp_path), str(Path.home()), platform.node(), f'"{getpass.getuser()}"')
    assert [private for private in (*PRIVATE, *machine) if private in text] == []


def test_a_report_is_unchanged_by_writing_and_reading_and_judged_alike(tmp_path: Path) -> None:
    shape = Shape(form="csv", columns=("a", "b"), rows=2, total=2, labels={"Total": 0}, facts={"x": "y"})
    seen = (
        Observation(probe="nomis/NM_2063_1", endpoint="NOMIS", path="/x", outcome="received", status=200, shape=shape),
        Observation(
            probe="stats19/collisions", endpoint="STATS19", outcome="refused", status=403, reason="john is refused"
        ),
        Observation(probe="of/another version", outcome="refused", status=404),
    )
    write_report(as_report(*seen), tmp_path / "report.json")
    read = read_report(tmp_path / "report.json")
    assert as_data(read) == as_data(as_report(*seen))
    assert [one.reason for one in read.observations] == ["", "", ""], "the reason given on that machine is not reported"
    faults = [str(fault) for fault in judge(read.observations, PROBES, {})]
    assert faults == [str(fault) for fault in judge(seen, PROBES, {})]
    assert len(faults) == 2
    assert faults[0].startswith(
        "census_car_availability at NOMIS /x: NM_2063_1 lacks the columns GEOGRAPHY_CODE, c2021"
    )
    assert "road_collisions at STATS19: expected a response, found status 403" in faults[1]


@pytest.mark.parametrize(
    ("name", "received", "stored"),
    [
        ("content-length", "1733868300", "1733868300"),
        ("content-length", "1733868300@home", "(masked)"),
        ("content-range", "bytes 1732868300-1733868299/1733868300", "bytes 1732868300-1733868299/1733868300"),
        ("content-range", "bytes */1733868300", "bytes */1733868300"),
        ("content-range", f"bytes 0-1/{KEY}", "bytes 0-1/(masked)"),
        ("etag", f'"{KEY[:32]}-207"', f'"{KEY[:32]}-207"'),
        ("etag", f'W/"{KEY[:32]}"', f'W/"{KEY[:32]}"'),
        ("etag", f'"{KEY}"', '"(masked)"'),
        ("etag", '"66f2a1b3-1a2b3c"', '"66f2a1b3-1a2b3c"'),
        ("last-modified", "135724829123", "(masked)"),
    ],
)
def test_headers_keep_only_well_formed_sizes_and_tags(name: str, received: str, stored: str) -> None:
    one = Observation(probe="police/archive", outcome="received", headers={name: received})
    assert one.headers == {name: stored}
    assert Observation.model_validate(one.model_dump()).headers == one.headers


def test_known_fields_of_a_later_report_version_are_read(tmp_path: Path) -> None:
    data = json.loads(json.dumps(as_data(as_report(Observation(probe="stats19/collisions", outcome="late")))))
    data["news"] = data["observations"][0]["more"] = 1
    (tmp_path / "report.json").write_text(json.dumps(data))
    assert read_report(tmp_path / "report.json").observations[0].outcome == "late"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not a report of spi doctor"), ("[]", "is not a report"), ('{"form": 2}', "versions: Field required"),
        ('{"form": 1}', "is not a report"), ("\x00\xff", "is not a report"), ("[" * 100_000, "is not a report"),
        (" " * 11_000_000, "more than 10 MB"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_a_report_is_refused_in_one_sentence(text: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    with pytest.raises(SpiError, match="cannot be read"):
        read_report(file)
    file.write_text(text, encoding="latin-1")
    with pytest.raises(SpiError, match=expected) as failure:
        read_report(file)
    assert "\n" not in str(failure.value)


def test_text_injected_into_a_report_is_shown_harmlessly(tmp_path: Path) -> None:
    evil = {
        "probe": "stats19/collisions", "outcome": "received", "endpoint": "\x1b]0;x\x07", "path": "\x1b[2J" + "x" * 999,
        "headers": {"content-type": "\x1b[31m", "x": "y"}, "shape": {"columns": ["\x1b[2J"], "links": ["y"] * 9999},
    }  # fmt: skip
    data = as_data(as_report()) | {"observations": [evil]}
    (tmp_path / "report.json").write_text(json.dumps(data))
    read = read_report(tmp_path / "report.json")
    (fault, *_) = judge(read.observations, PROBES, {})
    assert "\x1b" not in str(fault) + json.dumps(as_data(read), ensure_ascii=False)
    assert len(str(fault)) < 1500
    assert read.observations[0].headers == {"content-type": "[31m"}


def test_an_empty_scope_sends_no_request(tmp_path: Path) -> None:
    with publisher() as served:
        found = Visit(dict.fromkeys(HOSTS, served.base), Scope(as_of="2026-11-27"), tmp_path, ["nomis/NM_2014_1"])
    assert [one.outcome for one in found.observations] == ["not sent"]
    assert "needs the lookups of small areas" in found.observations[0].reason
    assert served.requests == []
