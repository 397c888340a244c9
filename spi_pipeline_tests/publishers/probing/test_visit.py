"""Visits to both imitations and to failing servers: what they see, which faults they report, and that they end."""

from __future__ import annotations

import re
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.publishers.http.pace import Timeouts
from spi_pipeline.publishers.offers import HOSTS, PROBES
from spi_pipeline.publishers.probing import visit as visiting
from spi_pipeline.publishers.probing.visit import MOST_REQUESTS
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.second.files import BASES, PUBLISHERS
from spi_pipeline_tests.imitations.second.server import OLD, PLAIN, Manner, second_imitation
from spi_pipeline_tests.imitations.witness import police, town
from spi_pipeline_tests.imitations.witness.server import serving
from spi_pipeline_tests.publishers.fake import TOWN
from spi_pipeline_tests.publishers.http.publisher import Response, publisher
from spi_pipeline_tests.publishers.http.raw_server import dripping, server
from spi_pipeline_tests.publishers.probing.visiting import Visit

HASTY = Timeouts(connect=0.5, header=0.5, body=0.3, minimum_rate=1_000_000_000, refusal=0.2)
HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture(scope="module")
def luton(tmp_path_factory: pytest.TempPathFactory) -> Scope:
    settings = Settings(mode="live", store=str(tmp_path_factory.mktemp("luton") / "store"))
    publishers = Runner(settings, contracts_in_force(settings)).publishers
    assert publishers
    return publishers.areas


@pytest.fixture(scope="module")
def served() -> Iterator[Publishers]:
    with local_publishers(months=4) as publishers:
        yield publishers


@pytest.fixture(scope="module")
def clean_visit(served: Publishers, luton: Scope, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """A visit to publishers without faults."""
    return Visit(served.bases, luton, tmp_path_factory.mktemp("visit"))


@pytest.fixture
def revisit(served: Publishers, luton: Scope, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Runs some probes; faults that the test switched on are off afterwards."""
    yield lambda *names: Visit(served.bases, luton, tmp_path, names)
    served.clear_faults()


def test_every_endpoint_is_as_expected_without_faults(clean_visit: Visit) -> None:
    # One of our indicators is in no list, at the imitation as at the publisher.
    assert clean_visit.faults == {
        "fingertips/available_data": [
            "Fingertips lists 7 of our 8 indicators and not 93092; look for what took their place, and write its id "
            "into spi_pipeline/publishers/fingertips.py"
        ]
    }
    outcomes = [one.outcome for one in clean_visit.observations]
    assert outcomes.count("left out") == len(PROBES) - (MOST_REQUESTS - 2)
    assert set(outcomes) == {"received", "left out"}
    assert {one.endpoint for one in clean_visit.observations if one.outcome == "received"} == set(HOSTS)
    assert clean_visit.requests <= MOST_REQUESTS


def test_observations_hold_names_counts_and_dates(clean_visit: Visit) -> None:
    seen = clean_visit.seen
    cars = seen["nomis/NM_2059_1"]
    assert cars.shape
    assert (cars.status, cars.shape.rows, cars.shape.total, list(cars.shape.labels.values())) == (200, 1, 1, [0])
    patients = seen["nhs/patients_file"].shape
    assert patients
    assert "gp-reg-pat-prac-lsoa-all.csv" in patients.links
    assert (seen["police/archive"].size or 0) > 10_000
    crimes = seen["police/crimes-street"].shape
    assert crimes
    assert (crimes.rows or 0) > 0
    assert "location.latitude" in crimes.columns
    file_7 = seen["govuk/file_7"].shape
    assert file_7
    assert len(file_7.columns) == 56


# Tables and layers that the second imitation lacks; its archive has no stops.
ABSENT = {
    "ons_geography/lsoa_boundaries", "ons_geography/lsoa_2011_lookup", "police/archive", "nomis/NM_2048_1",
    "nomis/NM_2056_1", "nomis/NM_2057_1", "nomis/NM_2062_1", "nomis/NM_2064_1", "nomis/NM_2072_1", "nomis/NM_2023_1",
    "nomis/NM_2024_1", "nomis/NM_2028_1", "nomis/NM_2031_1", "nomis/NM_2037_1", "nomis/NM_2041_1", "nomis/NM_2080_1",
    "nomis/NM_2083_1",
}  # fmt: skip


def at_second_imitation(manner: Manner, folder: Path) -> Visit:
    shown = {name: f"/{name.lower()}" for name in PUBLISHERS}
    with second_imitation(manner, PUBLISHERS, BASES, shown) as other:
        found = Visit(other.endpoints, replace(TOWN, as_of="2024-05-01"), folder)
    assert len(other.requests) == found.requests
    return found


@pytest.mark.parametrize(
    ("manner", "requests"), [(PLAIN, 52), (OLD, 103)], ids=lambda value: getattr(value, "name", "")
)
def test_the_second_imitation_is_as_expected_except_for_what_it_does_not_serve(
    manner: Manner, requests: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every probe runs: the limit on requests is raised, since redirects in the old manner double them."""
    monkeypatch.setattr(visiting, "MOST_REQUESTS", 1000)
    found = at_second_imitation(manner, tmp_path)
    assert found.requests == requests
    assert found.faults.keys() == ABSENT
    # The fuel poverty page links to no release here.
    assert Counter(one.outcome for one in found.observations) == {"received": 38, "empty": 14, "not sent": 1}


def test_probes_beyond_the_request_limit_are_left_out(tmp_path: Path) -> None:
    """No publisher is reported to have refused a request that was never sent."""
    found = at_second_imitation(OLD, tmp_path)
    assert found.requests == MOST_REQUESTS
    left_out = [one for one in found.observations if one.outcome == "left out"]
    assert {one.reason for one in left_out} == {"", "one visit may send at most 40 requests"}
    # Each probe takes two requests, except crimes, which are requested by form and not redirected: 1 + 39 / 2.
    assert sum(one.outcome in ("received", "empty") for one in found.observations) <= 20
    assert {one.outcome for one in found.observations} <= {"received", "left out", "empty", "not sent"}
    assert found.faults.keys() <= ABSENT


MOVED = "found a redirect or name that leads elsewhere"
FAULTS = [
    ("nomis", "nomis/NM_2063_1", "rename_column", {"column": "OBS_VALUE"}, "lacks the columns OBS_VALUE of Nomis"),
    ("nomis", "nomis/NM_2063_1", "rename_column", {"column": "C2021_CARS_5_NAME"}, "lacks the columns c2021_cars_5_n"),
    ("stats19", "stats19/collisions", "rename_column", {"column": "longitude"}, "lacks the columns longitude"),
    ("defra_pcm", "defra/no2", "rename_column", {"column": "no22024"}, "ends in column 'no22024_v2'"),
    ("ons_geography", "ons_geography/wards", "rename_column", {"column": "WD24CD"}, "has no field like WD"),
    ("ons_geography", "ons_geography/wards", "json_error", {}, "returned error 504"),
    ("fingertips", "fingertips/all_data", "wrong_header", {}, "lacks the columns Indicator ID"),
    ("govuk_assets", "govuk/file_7", "wrong_header", {}, r"lacks the column LSOA code \(2021\)"),
    ("nomis", "nomis/NM_2063_1", "403", {}, "found status 403; the publisher blocks programs from here"),
    ("democracy_club", "democracy_club/export", "404", {}, "found status 404; look up its new address"),
    ("fingertips", "fingertips/all_data", "503", {}, "found status 503; the publisher is overloaded"),
    ("nomis", "nomis/NM_2063_1", "html", {}, "found a web page"),
    ("stats19", "stats19/collisions", "html_as_is", {}, "found a web page"),
    ("nomis", "nomis/NM_2063_1", "empty", {}, "found an empty response"),
    ("nomis", "nomis/NM_2063_1", "json_error", {}, "expected another form of body"),
    ("stats19", "stats19/collisions", "content_type", {"value": "application/pdf"}, "found the type 'application/pdf'"),
    ("stats19", "stats19/collisions", "oversized", {}, "expected at most 256,000,000 bytes, found 4,000,000,000"),
    ("democracy_club", "democracy_club/export", "reset", {}, "expected a connection, found none"),
    ("democracy_club", "democracy_club/export", "cut_body", {}, "found one that breaks off"),
    ("democracy_club", "democracy_club/export", "foreign_redirect", {}, MOVED),
]  # fmt: skip


@pytest.mark.parametrize(("at", "probe", "kind", "options", "expected"), FAULTS, ids=lambda value: str(value)[:30])
def test_a_fault_is_reported_in_one_sentence(
    served: Publishers,
    revisit: Callable[..., Visit],
    at: str,
    probe: str,
    kind: str,
    options: dict[str, str],
    expected: str,
) -> None:
    names = [probe, *([before.name] if (before := PROBES[probe].probe.follows) else [])]
    served.fault(at, kind, **options)
    found = revisit(*names)
    (sentence,) = found.faults[probe]
    assert re.search(expected, sentence), sentence
    (fault,) = [one for one in found.judged if one.probe == probe]
    assert str(fault).startswith(f"{', '.join(PROBES[probe].sources)} at {found.seen[probe].endpoint} /")


def test_a_probe_is_not_sent_if_the_one_it_follows_failed(served: Publishers, revisit: Callable[..., Visit]) -> None:
    served.fault("govuk_content", "403")
    found = revisit("govuk/indices_of_deprivation", "govuk/file_7")
    assert [one.outcome for one in found.observations] == ["refused", "not sent"]
    assert found.requests == 1


def test_an_archive_is_not_downloaded_if_its_publisher_sends_no_ranges(luton: Scope, tmp_path: Path) -> None:
    large = Response(b"PK\x03\x04" + bytes(3_000_000), headers={"Content-Type": "application/zip"})
    dates = Response(b'[{"date": "2026-07", "stop-and-search": []}]', headers={"Content-Type": "application/json"})
    with publisher(dates, large) as served:
        endpoints = {"POLICE": served.base}
        found = Visit(endpoints, luton, tmp_path, ["police/crimes-street-dates", "police/archive"])
    archive = found.seen["police/archive"]
    assert served.requests[1][2]["Range"] == "bytes=-1000000"
    assert (archive.outcome, archive.shape, archive.size) == ("received", None, 3_000_004)
    assert "police/archive" not in found.faults


@pytest.mark.parametrize(
    "body", [b"[1, null]", b"{}", b"[[]]", b'{"details": 3}', b'{"features": [{"properties": 1, "geometry": 2}]}']
)
def test_no_response_stops_a_visit(body: bytes, luton: Scope, tmp_path: Path) -> None:
    json = {"Content-Type": "application/json"}
    with publisher(Response(body, headers=json)) as served:
        found = Visit(dict.fromkeys(HOSTS, served.base), luton, tmp_path)
    words = {one.outcome for one in found.observations}
    assert words <= {"received", "unreadable", "other form", "leads nowhere", "not sent", "left out"}
    assert {"received", "other form"} <= words
    assert len(found.faults) > 10


def test_an_untrusted_certificate_is_reported(luton: Scope, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with server(lambda *_: None, context) as secure:
        endpoints = {"STATS19": f"https://127.0.0.1:{secure.port}"}
        found = Visit(endpoints, luton, tmp_path, ["stats19/collisions"])
    assert found.seen["stats19/collisions"].outcome == "untrusted"
    (sentence,) = found.faults["stats19/collisions"]
    assert "REQUESTS_CA_BUNDLE" in sentence


@pytest.mark.parametrize(
    "at_once", [b"", b"HTTP/1.1 200 OK\r\nX: ", HEADER, b"HTTP/1.1 403 No\r\nContent-Length: 99\r\n\r\n"]
)
def test_a_dripping_host_is_abandoned_and_not_requested_again(at_once: bytes, luton: Scope, tmp_path: Path) -> None:
    with server(dripping(at_once, b"a")) as slow:
        names = [name for name in PROBES if name.startswith("nomis/")]
        found = Visit({"NOMIS": slow.base}, luton, tmp_path, names, HASTY)
    outcomes = [one.outcome for one in found.observations]
    if b"403" in at_once:
        assert set(outcomes) == {"refused"}
    else:
        assert (outcomes.count("late"), found.requests) == (2, 2)
        assert set(outcomes) == {"late", "not sent"}


def test_a_visit_ends_even_if_no_host_ever_finishes(
    luton: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visiting, "SECONDS", 1.0)
    patient = Timeouts(connect=600, header=600, body=600)
    with ExitStack() as stack:
        slow = stack.enter_context(server(dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a")))
        found = Visit(dict.fromkeys(HOSTS, slow.base), luton, tmp_path, timeouts=patient)
    # One probe of each publisher was running; those after it were not sent.
    counts = Counter(one.outcome for one in found.observations)
    publishers = {name.split("/")[0] for name in PROBES}
    assert counts["late"] == len(publishers) == len(found.faults)
    assert counts["late"] + counts["not sent"] == MOST_REQUESTS - 2
    assert counts.keys() == {"late", "not sent", "left out"}
    assert {one.reason for one in found.observations if one.outcome == "not sent"} == {
        "the visit ended after 1 seconds"
    }


def test_every_endpoint_of_the_witness_is_as_expected(tmp_path: Path) -> None:
    shapes = Shapes.from_frame(town.table("wards"))
    scope = Scope(
        authorities=(town.CODE,),
        names=(town.NAME,),
        wards=tuple(town.wards()),
        output_areas=tuple(town.lookup()["oa"]),
        lsoas=tuple(town.lsoas()),
        msoas=tuple(town.msoas()),
        forces=(police.FORCE,),
        polygons=dict(zip(shapes.codes, shapes.polygons, strict=True)),
        as_of="2026-11-27",
    )
    with serving() as witness:
        found = Visit(witness.bases, scope, tmp_path)
    assert found.faults.keys() == {"fingertips/available_data"}, "93092 is in no list, as clients observed in 2026"
    assert {one.outcome for one in found.observations} == {"received", "left out"}
    archive = found.seen["police/archive"]
    assert archive.shape
    assert archive.status == 206, "the archive is read by a range at its end"
    assert "2026-07/2026-07-bedfordshire-street.csv" in archive.shape.links


def test_a_local_fault_stops_a_visit_without_blaming_a_publisher(
    luton: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SpiError("the request counts cannot be used: delete that folder")

    monkeypatch.setattr(visiting.FewRequests, "wait", refuse)
    with publisher() as served, pytest.raises(SpiError, match="request counts cannot be used: delete that folder"):
        Visit(dict.fromkeys(HOSTS, served.base), luton, tmp_path)
    assert served.requests == []


def test_a_body_in_an_unrequested_encoding_is_unreadable_not_a_redirect(luton: Scope, tmp_path: Path) -> None:
    with publisher(Response(headers={"Content-Type": "text/csv", "Content-Encoding": "br"})) as served:
        found = Visit({"STATS19": served.base}, luton, tmp_path, ["stats19/collisions"])
    (one,) = found.observations
    assert one.outcome == "unreadable"
    assert "packed as 'br'" in one.reason


def test_an_unsupported_proxy_is_reported_as_such(
    luton: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    (one,) = Visit({}, luton, tmp_path, ["stats19/collisions"]).observations
    assert (one.outcome, "set HTTPS_PROXY to an HTTP proxy" in one.reason) == ("proxy", True)


def test_network_failures_are_reported_by_their_cause(
    luton: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.1.2.3", 443))])
    (private,) = Visit({}, luton, tmp_path, ["stats19/collisions"]).observations
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nowhere/authority.pem")
    (untrusted,) = Visit({}, luton, tmp_path, ["stats19/collisions"]).observations
    monkeypatch.delenv("CURL_CA_BUNDLE")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    (proxied,) = Visit({}, luton, tmp_path, ["stats19/collisions"]).observations
    assert [one.outcome for one in (private, untrusted, proxied)] == ["elsewhere", "untrusted", "proxy"]
