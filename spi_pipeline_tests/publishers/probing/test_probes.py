"""Probes of endpoints: each fetched source has one, each follows the probe it needs, and a visit sends few requests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spi_pipeline import publishers
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers import fingertips, stats19
from spi_pipeline.publishers.http.exchange import Client, Host, Request, Scope
from spi_pipeline.publishers.http.limits import Limits
from spi_pipeline.publishers.http.peeking import Peek
from spi_pipeline.publishers.offers import OFFERS, PROBES
from spi_pipeline.publishers.police.parsing import STOPS, STREET
from spi_pipeline.publishers.police.probes import ARCHIVE, CRIMES, DATES, FORCE_STOPS
from spi_pipeline.publishers.probing.probe import (
    LONGEST,
    MOST,
    EarlierResponse,
    Shape,
    first_request,
    newest_first,
    sanitised,
)
from spi_pipeline.publishers.probing.visit import MOST_REQUESTS, EnoughError, FewRequests, planned, smallest
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers.fake import TOWN

ALL = [one.probe for one in PROBES.values()]


def nowhere(url: str, allowed: object) -> Request:
    raise AssertionError(url)


def test_exactly_the_sources_that_are_fetched_have_probes() -> None:
    assert {name for name, offer in OFFERS.items() if offer.fetch} == {
        name for name, one in OFFERS.items() if one.probes
    }


def test_a_probe_is_named_after_its_module_and_comes_after_the_probe_it_follows() -> None:
    for place, (name, known) in enumerate(PROBES.items()):
        assert name == known.probe.name
        assert hasattr(publishers, name.split("/")[0])
        assert known.sources
        before = known.probe.follows
        assert before is None or [*PROBES].index(before.name) < place
        assert known.probe.expects, f"{name} has no expectations"


def test_one_visit_reaches_every_publisher_within_the_limit_on_requests() -> None:
    planned_probes, left_out = planned(ALL)
    assert (len(planned_probes), len(planned_probes) + len(left_out)) == (MOST_REQUESTS - 2, len(ALL))
    assert {probe.name.split("/")[0] for probe in planned_probes} == {probe.name.split("/")[0] for probe in ALL}
    assert {probe.name.split("/")[0] for probe in left_out} <= {"nomis"}, (
        "only probes of Nomis, whose format other probes cover, are left out"
    )
    names = [probe.name for probe in planned_probes]
    assert all(probe.follows is None or probe.follows.name in names for probe in planned_probes)


def test_redirects_count_as_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limits, "wait", lambda *_: None)
    limits = FewRequests()
    for _ in range(MOST_REQUESTS):
        limits.wait("a", 5)
    with pytest.raises(EnoughError, match=r"^one visit may send at most 40 requests$"):
        limits.wait("b", 5)
    assert limits.requests_sent == MOST_REQUESTS


def test_the_first_request_of_a_fetcher_is_recorded_and_not_sent() -> None:
    assert first_request(stats19.fetch, TOWN).path == stats19.FILE
    request = first_request(fingertips.last_upload, TOWN)
    assert request.path == "/indicator_metadata/by_indicator_id"

    def fetch(client: Client, scope: Scope) -> object:
        client.announce([Request(Host("A", "https://a"), "/large")])
        return client.get(Request(Host("A", "https://a"), "/large"))

    assert first_request(fetch, TOWN).path == "/large"
    assert first_request(lambda client, scope: [], TOWN) is None
    with pytest.raises(SpiError, match="needs the lookups of small areas"):
        PROBES["nomis/NM_2014_1"].probe.make_request(Scope(), EarlierResponse(b"", nowhere))
    assert PROBES["democracy_club/export"].probe.make_request(Scope(), EarlierResponse(b"", nowhere)) is None


def test_a_probe_requests_one_area() -> None:
    few = smallest(replace(TOWN, since="2020-01"))
    assert [len(areas) for areas in (few.wards, few.lsoas, few.msoas, few.output_areas, few.polygons)] == [1] * 5
    nothing = EarlierResponse(b"", nowhere)
    for probe in (probe for probe in ALL if not probe.follows):
        request = probe.make_request(few, nothing)
        assert request is not None
        values = ",".join(value for _, value in (*request.params, *(request.data or ())))
        areas = [*TOWN.output_areas[1:], *TOWN.lsoas[1:], *TOWN.wards[1:]]
        assert [code for code in areas if code in values] == [], probe.name
        assert request.secret == ()


def test_texts_are_cut_and_masked_if_they_resemble_a_key_or_a_person() -> None:
    key = "0123456789abcdef0123456789abcdef"
    for text in (key, f"id {key}", "ann@example.org", "135724829123", f"{key}{key}"):
        assert "(masked)" in sanitised(text)
        assert text not in sanitised(text)
    for text in ("OBS_VALUE", "no22024", "202601_fixed_oa_coverage_r1.csv", "20240101", "E05014735", "2024-06-18"):
        assert sanitised(text) == text
    assert sanitised("a\x1b[31mb\n") == "a [31mb"
    assert len(sanitised("x" * 500)) == LONGEST
    many = [str(number) for number in range(500)]
    shape = Shape(links=tuple(many), labels=dict.fromkeys(many), facts=dict.fromkeys(many, "x" * 500))
    assert [len(shape.links), len(shape.labels), len(shape.facts)] == [MOST] * 3
    assert {len(fact) for fact in shape.facts.values()} == {LONGEST}


@pytest.mark.parametrize("kind", ["patients", "qof"])
def test_the_needed_file_is_found_among_any_number_of_files(kind: str) -> None:
    """More files than a report holds, some with long names, come before the one that is needed."""
    linked = {"patients": "gp-reg-pat-prac-lsoa-quin-age.zip", "qof": "qof-2526-prev-ach-pca.zip"}[kind]
    read = {"patients": "gp-reg-pat-prac-lsoa-all-2026-07.csv", "qof": "PREVALENCE_2526.csv"}[kind]
    others = [f"{'a' * 90}-{number}.csv" for number in range(200)]
    page = "".join(f'<a href="https://files.digital.nhs.uk/{name}">x</a>' for name in [*others, linked]).encode()
    body = zipped(dict.fromkeys([*others, read], b"x"))
    for probe, seen in ((f"nhs/{kind}_publication", page), (f"nhs/{kind}_file", body)):
        stated = PROBES[probe].probe
        shape = stated.shape(Peek(200, {}, seen, len(seen), whole=True))
        stated.expects[0](shape)
        assert len(shape.links) == MOST
        without = Shape(links=tuple(name for name in shape.links if name not in (linked, read)))
        with pytest.raises(SpiError, match=r"links no file|holds no member"):
            stated.expects[0](without)


@pytest.mark.parametrize(
    ("probe", "kind", "keys"),
    [
        (CRIMES, STREET, ("category", "month", "location", "location.latitude", "location.longitude")),
        (FORCE_STOPS, STOPS, ("datetime", "location", "location.latitude", "location.longitude")),
    ],
)
def test_a_probe_expects_the_keys_that_the_incident_parser_reads(
    probe: object, kind: object, keys: tuple[str, ...]
) -> None:
    labels = {"burglary": None} if "category" in keys else {}
    expect = PROBES[probe.name].probe.expects[0]  # type: ignore[attr-defined]
    expect(Shape(columns=keys, rows=1, labels=labels))
    expect(Shape(rows=0))
    for missing in ("location.latitude", "location"):
        with pytest.raises(SpiError, match=r"an incident of data\.police\.uk cannot be read .*police/parsing\.py"):
            expect(Shape(columns=tuple(key for key in keys if not key.startswith(missing)), rows=1, labels=labels))
    if labels:
        with pytest.raises(SpiError, match="'arson' is not known"):
            expect(Shape(columns=keys, rows=1, labels={"arson": None}))


def test_a_page_with_fewer_rows_is_not_a_fault() -> None:
    census = PROBES["nomis/NM_2063_1"].probe
    columns = ("GEOGRAPHY_CODE", "C2021_CARS_5", "C2021_CARS_5_NAME", "OBS_VALUE", "OBS_STATUS", "RECORD_COUNT")
    for expect in census.expects:
        expect(Shape(columns=columns, rows=2, total=5, labels={"Total": 0, "1 car or van in household": 2}))
    with pytest.raises(SpiError, match="has 0 categories 'No cars or vans in household'"):
        census.expects[1](Shape(columns=columns, rows=2, total=2, labels={"Total": 0, "1 car or van in household": 2}))


def test_months_are_listed_newest_first_with_the_oldest() -> None:
    """Lists of months come newest first, files of an archive oldest first."""
    months = ["2023-09", "2024-01", "2026-07", "2026-08"]
    dates = json.dumps([{"date": month} for month in reversed(months)]).encode()
    archive = zipped({f"{month}/{month}-anyshire-street.csv": b"x" for month in months})
    for probe, body in ((DATES, dates), (ARCHIVE, archive)):
        shape = probe.shape(Peek(200, {}, body, len(body), whole=True))
        assert (shape.periods, shape.facts) == (("2026-08", "2026-07", "2024-01"), {"oldest": "2023-09"})
    assert newest_first(["2024", "", "2026", "2024"]) == ("2026", "2024")


@pytest.mark.parametrize("name", PROBES)
def test_the_module_a_fault_names_exists(name: str) -> None:
    assert Path(PROBES[name].module).exists()
