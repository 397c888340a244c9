"""Both routes to a table, areas by code and everything at once: which one is taken, and that they agree."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import spi_pipeline
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.publishers.http.exchange import Request
from spi_pipeline.publishers.nomis.parsing import AGES
from spi_pipeline.publishers.nomis.tables import CENSUS
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.publishers.ons_geography.layers import CENTROIDS, OUTPUT_AREA_FIT, SERVICES
from spi_pipeline.publishers.ons_geography.services import fetch_service, parse_centroids, parse_service
from spi_pipeline.publishers.routes import Route
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline.steps.sources.publishers import Publishers
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.imitations import Publishers as Imitations
from spi_pipeline_tests.imitations import local_publishers
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.integration.sandboxes import CONTRACTS
from spi_pipeline_tests.published.files import FOLDER
from spi_pipeline_tests.publishers.costs import ENGLAND, LUTON, ROUTES
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, Response, as_download, body_of, fetch_and_parse

SNAPSHOT = Path(spi_pipeline.__file__).parent / "snapshot" / "tables"


# Calculated by hand, in kB: the cost of everything divided by the cost of an area. A request counts as 200 kB, or as
# 4,000 kB to the police, where 36 months of a force take 72 requests.
THRESHOLDS = {
    "census": 3_200,  # (1 x 200 + 3,000) / (200 / 400 + 0.5) = 3,200 / 1
    "population": 10_466,  # (6 x 200 + 5,707.52) / (200 / 400 + 0.16) = 6,907.52 / 0.66 = 10,465.9
    "claimant_count": 993,  # (1 x 200 + 336) / (200 / 400 + 0.04) = 536 / 0.54 = 992.6
    "wards": 368,  # (5 x 200 + 15,960) / (200 / 100 + 44.21) = 16,960 / 46.21 = 367.02
    "lsoa_boundaries": 17_845,  # (18 x 200 + 64,209.6) / (200 / 100 + 1.8) = 67,809.6 / 3.8 = 17,844.6
    "output_area_lookup": 21_089,  # (95 x 200 + 56,664) / (200 / 100 + 1.588) = 75,664 / 3.588 = 21,088.1
    "output_area_best_fit": 441,  # (95 x 200 + 47,220) / (200 / 100 + 148.49) = 66,220 / 150.49 = 440.03
    "lsoa_best_fit": 402,  # (18 x 200 + 10,701.6) / (200 / 100 + 33.652) = 14,301.6 / 35.652 = 401.1
    "lsoa_2011_lookup": 6_219,  # (18 x 200 + 10,701.6) / (200 / 100 + 0.3) = 14,301.6 / 2.3 = 6,218.1
    "lsoa_centroids": 6_219,  # the same as the lookup of 2011
    "street_crime": 6,  # (1 x 4,000 + 1,734,000) / (72 x 4,000 + 36,000) = 1,738,000 / 324,000 = 5.4
}


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_switches_to_bulk_at_its_cost_threshold(name: str) -> None:
    _, _, route = ROUTES[name]
    assert route.threshold == THRESHOLDS[name]
    assert [route.in_bulk(THRESHOLDS[name] + by) for by in (-1, 0)] == [False, True]


def test_one_council_is_requested_by_code_and_england_in_bulk() -> None:
    assert not any(route.in_bulk(LUTON[level]) for _, level, route in ROUTES.values())
    # A query by a hundred authorities already returns a third of the layer.
    assert {name for name, (_, level, route) in ROUTES.items() if not route.in_bulk(ENGLAND[level])} == {
        "wards", "lsoa_best_fit", "output_area_best_fit",
    }  # fmt: skip


contracts = cache(lambda: load_contracts(CONTRACTS))


@pytest.fixture(scope="module")
def served() -> Iterator[Imitations]:
    with local_publishers() as publishers:
        yield publishers


@pytest.fixture
def new_publishers(served: Imitations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Publishers]:
    """Publishers as a run uses them, each with its own store."""
    monkeypatch.setattr("spi_pipeline.publishers.http.limits.Limits.wait", lambda *_: None)
    stores, figures = iter(range(9)), Figures(SNAPSHOT, None, contracts().geography)
    return lambda keys=None: Publishers(
        served.bases, "2026-06", contracts(), Store(str(tmp_path / f"{next(stores)}")), figures, "keep", keys or {}, 1
    )


def table(publishers: Publishers, source_id: str) -> tuple[pd.DataFrame, int]:
    """A source's table, and the number of requests it took."""
    scope, client = publishers.scope(source_id, publishers.areas), publishers.client(source_id)
    if source_id == CENTROIDS:
        frame = parse_centroids(list(fetch_service(CENTROIDS, client, scope)), scope)
    elif source_id == OUTPUT_AREA_FIT:
        frame = parse_service(OUTPUT_AREA_FIT, list(fetch_service(OUTPUT_AREA_FIT, client, scope)), scope)
    else:
        offer = OFFERS[source_id]
        assert offer.fetch
        assert offer.parse
        frame = offer.parse(list(offer.fetch(client, scope)), scope)
    return frame.sort_values(list(frame), ignore_index=True), publishers.requests_sent(source_id)


# Most of a response consists of area codes and names, and the imitation's codes are as long as the publishers'.
MEASURED = {"census_general_health": "census", "population": "population", "claimant_count": "claimant_count",
            **{name: name for name in SERVICES}}  # fmt: skip


@pytest.mark.parametrize("source_id", MEASURED)
def test_the_cost_of_an_area_matches_the_imitations(new_publishers: Callable[..., Publishers], source_id: str) -> None:
    _, level, route = ROUTES[MEASURED[source_id]]
    publishers = new_publishers()
    _, requests = table(publishers, source_id)
    responses = {one.url: one.size for one in publishers.raw(source_id).held()}
    if source_id == "claimant_count":  # three months
        requests, responses = requests // 3, dict([*responses.items()][:1])
    if source_id in ("lsoa_best_fit", "output_area_lookup"):  # another lookup is fetched as well
        responses = {url: size for url, size in responses.items() if SERVICES[source_id].name in url}
        requests = len(responses)
    assert requests == math.ceil(LUTON[level] * route.requests)
    assert 0.4 < sum(responses.values()) / (LUTON[level] * route.area) < 1.6


SOURCES = [*CENSUS, "population", "claimant_count", *SERVICES]


@pytest.mark.parametrize("source_id", SOURCES)
def test_both_routes_give_the_same_table(
    new_publishers: Callable[..., Publishers], source_id: str, served: Imitations, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_code, _ = table(new_publishers(), source_id)
    monkeypatch.setattr(Route, "in_bulk", lambda *_: True)
    served.requests.clear()
    at_once, requests = table(new_publishers(), source_id)
    assert len(by_code) > 0
    pd.testing.assert_frame_equal(by_code, at_once)
    queries = [seen.query for seen in served.requests]
    assert len(queries) == requests
    assert not any("E0" in query for query in queries), "no request names an area"


KEY = "0x0123456789abcdef"


def test_a_key_brings_longer_pages_and_the_same_table_and_is_stored_nowhere(
    new_publishers: Callable[..., Publishers], served: Imitations, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served.site.nomis_rows = 100
    try:
        guest, pages = table(new_publishers(), "population")
        served.requests.clear()
        with caplog.at_level(logging.DEBUG):
            publishers = new_publishers({"NOMIS": KEY})
            keyed, requests = table(publishers, "population")
    finally:
        served.site.nomis_rows = 25_000
    pd.testing.assert_frame_equal(guest, keyed)
    assert (pages, requests) == (5, 1)
    assert [seen.query.split("&")[-1] for seen in served.requests] == [f"uid={KEY}"]
    kept_files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(kept_files) > 4
    assert [file for file in kept_files if KEY.encode() in file.read_bytes()] == []
    assert KEY not in caplog.text + repr(publishers.scope("population", publishers.areas))


def test_responses_fetched_with_a_key_are_reused_without_one(
    new_publishers: Callable[..., Publishers], served: Imitations
) -> None:
    with_key = new_publishers({"NOMIS": KEY})
    assert table(with_key, "census_tenure")[1] == 2
    client, scope = with_key.client("census_tenure"), replace(with_key.areas, keys={})
    offer = OFFERS["census_tenure"]
    assert offer.fetch
    assert len(list(offer.fetch(client, scope))) == 2
    assert client.requests_sent == 2, "no request is repeated"


@pytest.fixture
def bulk_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the route for many areas."""
    monkeypatch.setattr(Route, "in_bulk", lambda *_: True)


def monthly(types: dict[str, tuple[str, ...]], named: object) -> Callable[[Request], bytes]:
    """Claimants by type of area, and the list of types."""

    def respond(request: Request) -> bytes:
        if request.path.endswith("/geography/TYPE.def.sdmx.json"):
            return json.dumps(named).encode()
        parameters = dict(request.params)
        if parameters["geography"] == "TYPE180":
            return body_of(pd.DataFrame(columns=["DATE_CODE", "GEOGRAPHY_CODE", "OBS_VALUE", "RECORD_COUNT"]))
        areas = types.get(parameters["geography"], tuple(parameters["geography"].split(",")))
        month = "2026-08" if parameters["date"] == "latest" else parameters["date"]
        rows = pd.DataFrame(
            [(month, area, 5 * n, "A", len(areas)) for n, area in enumerate(areas)],
            columns=["DATE_CODE", "GEOGRAPHY_CODE", "OBS_VALUE", "OBS_STATUS", "RECORD_COUNT"],
        )
        return body_of(rows)

    return respond


def listing(**names: str) -> object:
    codes = [{"value": kind, "description": {"value": name, "lang": "en"}} for kind, name in names.items()]
    return {"structure": {"codelists": {"codelist": [{"id": "CL_162_1_GEOGRAPHY", "code": codes}]}}}


NAMED = listing(
    TYPE499="countries", TYPE153="2022 wards", TYPE182="wards as of May 2025", TYPE181="wards as of May 2024",
    TYPE448="electoral wards", TYPE180="wards as of May 2026, without figures",
)  # fmt: skip
ELSEWHERE = ("E05700001", *TOWN.wards, "W05000001")
CLAIMANTS = "/api/v01/dataset/NM_162_1"


def claimants(folder: Path, response: Response) -> tuple[pd.DataFrame, list[str]]:
    """The table, and the values of ``geography`` in the requests."""
    client = FakeClient(
        folder, {f"{CLAIMANTS}{end}": response for end in (".data.csv", "/geography/TYPE.def.sdmx.json")}
    )
    frame = fetch_and_parse(OFFERS["claimant_count"], client, replace(TOWN, since="2026-07"))
    return frame, [dict(request.params)["geography"] for request in client.requests if request.params]


@pytest.mark.usefixtures("bulk_route")
def test_wards_are_requested_by_the_newest_type_that_holds_all_of_ours(tmp_path: Path) -> None:
    types = {"TYPE182": ELSEWHERE[:2], "TYPE181": ELSEWHERE}
    frame, requested = claimants(tmp_path, monthly(types, NAMED))
    assert requested == ["TYPE180", "TYPE182", "TYPE181", "TYPE181", "TYPE181"]
    assert frame.values.tolist() == [[ward, m, v] for ward, v in zip(TOWN.wards, (5, 10), strict=True)
                                     for m in ("2026-07", "2026-08")]  # fmt: skip


@pytest.mark.usefixtures("bulk_route")
@pytest.mark.parametrize("named", [NAMED, listing(), {"error": "unavailable"}, {"structure": {}}])
def test_wards_in_no_type_are_requested_by_code(tmp_path: Path, named: object) -> None:
    frame, requested = claimants(
        tmp_path, monthly(dict.fromkeys(("TYPE182", "TYPE181", "TYPE153"), ELSEWHERE[:2]), named)
    )
    assert set(requested[-2:]) == {",".join(TOWN.wards)}
    assert frame["claimants"].tolist() == [0, 0, 5, 5]


@pytest.mark.usefixtures("bulk_route")
def test_an_area_of_ours_missing_from_the_bulk_table_is_reported(tmp_path: Path) -> None:
    rows = [("2024", area, age, 9, "A") for area in ("E01700001", TOWN.lsoas[0]) for age in AGES.values()]
    page = pd.DataFrame(rows, columns=["DATE_CODE", "GEOGRAPHY_CODE", "C_AGE", "OBS_VALUE", "OBS_STATUS"])
    client = FakeClient(tmp_path, {"/api/v01/dataset/NM_2014_1.data.csv": body_of(page.assign(RECORD_COUNT=8))})
    with pytest.raises(SpiError, match=r"NM_2014_1.data.csv of Nomis lacks 1 of 2 areas, E01900002; download it again"):
        fetch_and_parse(OFFERS["population"], client, TOWN)


HEADER = "date,geography,geography code,General health: Total: All usual residents," + ",".join(
    f"General health: {label}" for label in CENSUS["census_general_health"].labels.values() if label != "Total"
)
ROWS = [f"2021,{area},{area},{100 * n},1,2,3,4,5" for n, area in enumerate(("E00700001", *TOWN.output_areas))]
ZIP = "/output/census/2021/census2021-ts037.zip"


def packed(lines: list[str], member: str = "census2021-ts037-oa.csv") -> bytes:
    return zipped({"metadata/ts037-2021-1.txt": "A note\n", member: "\n".join([*lines, ""])})


@pytest.mark.usefixtures("bulk_route")
def test_a_census_table_is_read_from_its_zip_for_our_areas(tmp_path: Path) -> None:
    client = FakeClient(tmp_path, {ZIP: packed([HEADER, *ROWS])})
    frame = fetch_and_parse(OFFERS["census_general_health"], client, TOWN)
    assert frame["area_code"].tolist() == list(TOWN.output_areas)
    assert frame["residents"].tolist() == [100, 200, 300]
    assert frame["bad"].tolist() == [1, 1, 1]
    (request,) = client.requests
    assert (request.params, request.media, request.immutable) == ((), ("zip",), True)


@pytest.mark.usefixtures("bulk_route")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (packed([HEADER, *ROWS], "census2021-ts037-lsoa.csv"), r"no member matches census2021-ts037-oa"),
        (packed([HEADER.replace("Bad health,", "Dreadful health,", 1), *ROWS]), r"has 0 categories 'Bad health'"),
        (packed([HEADER, *ROWS[:-1]]), r"ts037-oa.csv of Nomis lacks 1 of 3 areas, E00900003; download it again"),
        (packed([HEADER, *ROWS, ROWS[-1]]), r"ts037-oa.csv of Nomis holds E00900003 twice; download it again"),
        (packed([HEADER, *ROWS[:-1], ROWS[-1].replace(",3,", ",c,")]), r"holds 'c' where a number belongs"),
        (packed(["<!DOCTYPE html>"]), r"has 0 categories"),
    ],
    ids=["another level", "another label", "an area missing", "an area twice", "a word", "a page"],
)
def test_another_zip_is_refused(tmp_path: Path, body: bytes, expected: str) -> None:
    with pytest.raises(SpiError, match=expected):
        fetch_and_parse(OFFERS["census_general_health"], FakeClient(tmp_path, {ZIP: body}), TOWN)


PUBLISHED = FOLDER.parent / "census2021_nomis"
# The zip files available; TS044 and TS063 were available only as extracts, ten others not at all.
AVAILABLE = {"ts001", "ts011", "ts037", "ts038", "ts041", "ts045", "ts046", "ts054", "ts067"}


@pytest.mark.parametrize("source_id", [name for name, one in CENSUS.items() if one.bulk in AVAILABLE])
def test_zips_from_nomis_hold_the_embedded_figures(tmp_path: Path, source_id: str) -> None:
    """Nine zip files as Nomis served them, compared with the figures that another reader embedded from them."""
    archive = PUBLISHED / f"census2021-{CENSUS[source_id].bulk}.zip"
    if not archive.exists():
        pytest.skip(f"{archive.name} is not in a folder 'shared' next to the checkout")
    embedded = read_embedded(SNAPSHOT, source_id).table.to_pandas().sort_values("area_code", ignore_index=True)
    scope = replace(TOWN, output_areas=tuple(embedded["area_code"]))
    frame = OFFERS[source_id].parse([as_download(tmp_path, archive.read_bytes(), archive.name)], scope)
    pd.testing.assert_frame_equal(frame, embedded[list(frame)], check_dtype=False)
