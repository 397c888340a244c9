"""What publishers state of their endpoints: each source has a probe, each probe a place, and few are asked at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spi_pipeline import publishers
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers import fingertips, stats19
from spi_pipeline.publishers.http.exchange import Client, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.http.limits import Limits
from spi_pipeline.publishers.offers import OFFERS, PROBES
from spi_pipeline.publishers.police.answers import STOPS, STREET
from spi_pipeline.publishers.police.probes import CRIMES, FORCE_STOPS
from spi_pipeline.publishers.probing.probe import LONGEST, MOST, Earlier, Shape, first_asked, told
from spi_pipeline.publishers.probing.visit import MOST_REQUESTS, EnoughError, FewRequests, planned, smallest
from spi_pipeline_tests.publishers.fake import TOWN

ALL = [one.probe for one in PROBES.values()]


def nowhere(url: str, allowed: object) -> Request:
    raise AssertionError(url)


def test_whatever_is_fetched_has_a_probe_and_nothing_else() -> None:
    assert {name for name, offer in OFFERS.items() if offer.fetch} == {
        name for name, one in OFFERS.items() if one.probes
    }


def test_a_probe_is_named_after_the_module_that_states_it_and_stands_behind_what_it_follows() -> None:
    for place, (name, known) in enumerate(PROBES.items()):
        assert name == known.probe.name
        assert hasattr(publishers, name.split("/")[0])
        assert known.sources
        before = known.probe.follows
        assert before is None or [*PROBES].index(before.name) < place
        assert known.probe.expects, f"{name} expects nothing"


def test_one_visit_asks_every_publisher_and_no_more_than_it_may() -> None:
    asked, left = planned(ALL)
    assert (len(asked), len(asked) + len(left)) == (MOST_REQUESTS - 2, len(ALL))
    assert {probe.name.split("/")[0] for probe in asked} == {probe.name.split("/")[0] for probe in ALL}
    assert {probe.name.split("/")[0] for probe in left} <= {"nomis"}, "of a dialect that others show"
    names = [probe.name for probe in asked]
    assert all(probe.follows is None or probe.follows.name in names for probe in asked)


def test_redirects_count_as_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limits, "wait", lambda *_: None)
    limits = FewRequests()
    for _ in range(MOST_REQUESTS):
        limits.wait("a", 5)
    with pytest.raises(EnoughError, match=r"^40 requests are the most of one visit$"):
        limits.wait("b", 5)
    assert limits.asked == MOST_REQUESTS


def test_the_first_request_of_a_fetcher_is_heard_and_nothing_is_asked() -> None:
    assert first_asked(stats19.fetch, TOWN).path == stats19.FILE
    asked = first_asked(fingertips.last_upload, TOWN)
    assert asked.path == "/indicator_metadata/by_indicator_id"

    def fetch(client: Client, scope: Scope) -> object:
        client.announce([Request(Host("A", "https://a"), "/large")])
        return client.head(Request(Host("A", "https://a"), "/head"))

    assert first_asked(fetch, TOWN).path == "/head"
    assert first_asked(lambda client, scope: [], TOWN) is None
    with pytest.raises(SpiError, match="no area is known"):
        PROBES["nomis/NM_2014_1"].probe.ask(Scope(), Earlier(b"", nowhere))
    assert PROBES["democracy_club/export"].probe.ask(Scope(), Earlier(b"", nowhere)) is None


def test_a_probe_asks_for_one_area() -> None:
    few = smallest(replace(TOWN, since="2020-01"))
    assert [len(areas) for areas in (few.wards, few.lsoas, few.msoas, few.output_areas, few.polygons)] == [1] * 5
    nothing = Earlier(b"", nowhere)
    for probe in (probe for probe in ALL if not probe.follows):
        request = probe.ask(few, nothing)
        assert request is not None
        values = ",".join(value for _, value in (*request.params, *(request.data or ())))
        areas = [*TOWN.output_areas[1:], *TOWN.lsoas[1:], *TOWN.wards[1:]]
        assert [code for code in areas if code in values] == [], probe.name
        assert request.secret == ()


def test_texts_are_cut_and_masked_where_they_look_like_a_key_or_a_person() -> None:
    key = "0123456789abcdef0123456789abcdef"
    for text in (key, f"id {key}", "ann@example.org", "135724829123", f"{key}{key}"):
        assert "(masked)" in told(text)
        assert text not in told(text)
    for text in ("OBS_VALUE", "no22024", "202601_fixed_oa_coverage_r1.csv", "20240101", "E05014735", "2024-06-18"):
        assert told(text) == text
    assert told("a\x1b[31mb\n") == "a [31mb"
    assert len(told("x" * 500)) == LONGEST
    assert len(Shape(links=tuple(map(str, range(500)))).links) == MOST


@pytest.mark.parametrize(
    ("probe", "kind", "keys"),
    [
        (CRIMES, STREET, ("category", "month", "location", "location.latitude", "location.longitude")),
        (FORCE_STOPS, STOPS, ("datetime", "location", "location.latitude", "location.longitude")),
    ],
)
def test_an_incident_is_expected_to_have_the_keys_its_parser_reads(
    probe: object, kind: object, keys: tuple[str, ...]
) -> None:
    labels = {"burglary": None} if "category" in keys else {}
    expect = PROBES[probe.name].probe.expects[0]  # type: ignore[attr-defined]
    expect(Shape(columns=keys, rows=1, labels=labels))
    expect(Shape(rows=0))
    for gone in ("location.latitude", "location"):
        with pytest.raises(SpiError, match=r"an incident of data\.police\.uk cannot be read .*police/answers\.py"):
            expect(Shape(columns=tuple(key for key in keys if not key.startswith(gone)), rows=1, labels=labels))
    if labels:
        with pytest.raises(SpiError, match="'arson' is not known"):
            expect(Shape(columns=keys, rows=1, labels={"arson": None}))


def test_a_page_of_fewer_rows_is_no_fault() -> None:
    census = PROBES["nomis/NM_2063_1"].probe
    columns = ("GEOGRAPHY_CODE", "C2021_CARS_5", "C2021_CARS_5_NAME", "OBS_VALUE", "OBS_STATUS", "RECORD_COUNT")
    for expect in census.expects:
        expect(Shape(columns=columns, rows=2, total=5, labels={"Total": 0, "1 car or van in household": 2}))
    with pytest.raises(SpiError, match="has 0 categories 'No cars or vans in household'"):
        census.expects[1](Shape(columns=columns, rows=2, total=2, labels={"Total": 0, "1 car or van in household": 2}))


def test_enough_is_no_refusal_of_a_publisher() -> None:
    assert issubclass(EnoughError, PermanentFailure)
