"""Tests of every fetcher against the second imitation, which uses the documented dialects, in each of its manners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.offers import HOSTS, OFFERS
from spi_pipeline.storage.raw import Raw
from spi_pipeline_tests.imitations.second.files import BASES, PUBLISHERS
from spi_pipeline_tests.imitations.second.server import OLD, ORNATE, PLAIN, Manner, SecondImitation, second_imitation
from spi_pipeline_tests.imitations.second.town import MONTHS, TABLES, value
from spi_pipeline_tests.publishers.fake import TOWN, matches_contract

SCOPE = replace(TOWN, as_of="2024-05-01")
CENSUS = {
    "census_residents": ("NM_2021_1", {"residents": 0, "in_households": 1, "in_communal_establishments": 2}),
    "census_households": ("NM_2059_1", {"households": 0}),
    "census_age": ("NM_2020_1", {"residents": 0, "aged_0_4": 1, "aged_60_64": 13, "aged_85_and_over": 18}),
    "census_general_health": ("NM_2055_1", {"residents": 0, "bad": 4, "very_bad": 5, "fair": 3, "good": 2}),
    "census_car_availability": ("NM_2063_1", {"households": 0, "none": 1, "three_or_more": 4}),
    "census_overcrowding": ("NM_2070_1", {"households": 0, "minus_1": 4, "minus_2_or_less": 5, "standard": 3}),
    "census_qualifications": ("NM_2084_1", {"residents_16_and_over": 0, "none": 1, "level_4_and_above": 6}),
}


@pytest.fixture(params=[PLAIN, ORNATE, OLD], ids=lambda manner: manner.name)
def manner(request: pytest.FixtureRequest) -> Manner:
    return request.param


@pytest.fixture
def other(manner: Manner) -> Iterator[SecondImitation]:
    # Each publisher has a short path of its own; in the old manner two have paths like those of the publishers.
    shown = {name: f"/{name.lower()}" for name in PUBLISHERS}
    if manner is OLD:
        shown |= {"ONS_GEOGRAPHY": "/ons/arcgis/rest/services", "FINGERTIPS": "/fingertips/api"}
    with second_imitation(manner, PUBLISHERS, BASES, shown) as served:
        yield served


class SourceReader:
    """Fetches and reads a source as a refresh does, any number of times."""

    def __init__(self, folder: Path, other: SecondImitation) -> None:
        self.folder, self.other = folder, other
        self.addresses = Addresses(other.endpoints, HOSTS)
        self.limits = Limits(folder / "limits")

    def read(self, source_id: str, scope: Scope = SCOPE) -> pd.DataFrame:
        raw = Raw(self.folder / source_id)
        raw.begin()
        client = HttpClient(raw, self.addresses, self.limits, Budget(), sleep=lambda _: None)
        offer = OFFERS[source_id]
        assert offer.fetch
        assert offer.parse
        self.downloads = list(offer.fetch(client, replace(scope, have=raw.held())))
        raw.finish()
        frame = offer.parse(self.downloads, scope)
        assert matches_contract(source_id, frame)
        return frame


@pytest.fixture
def reader(tmp_path: Path, other: SecondImitation, monkeypatch: pytest.MonkeyPatch) -> SourceReader:
    monkeypatch.setattr("spi_pipeline.publishers.http.limits.Limits.wait", lambda *_: None)
    return SourceReader(tmp_path, other)


@pytest.mark.parametrize("source_id", CENSUS)
def test_census(reader: SourceReader, source_id: str) -> None:
    dataset, columns = CENSUS[source_id]
    frame = reader.read(source_id).set_index("area_code")
    assert set(frame.index) == set(TOWN.lsoas if source_id == "census_age" else TOWN.output_areas)
    for area, row in frame.iterrows():
        assert {column: row[column] for column in columns} == {c: value(str(area), code) for c, code in columns.items()}
    assert len(TABLES[dataset][1]) >= len(columns)


def test_population_and_claimants(reader: SourceReader) -> None:
    people = reader.read("population")
    assert people["year"].unique().tolist() == [2024]
    assert people.set_index("area_code").loc[TOWN.lsoas[0], ["residents", "aged_0_15"]].tolist() == [1200, 1201]
    claimants = reader.read("claimant_count", replace(SCOPE, since=MONTHS[0]))
    assert sorted(claimants["month"].unique()) == list(MONTHS)
    assert claimants.groupby("area_code")["claimants"].apply(list).to_dict()[TOWN.wards[0]] == [35] * 3
    assert claimants.loc[claimants["area_code"] == TOWN.wards[1], "claimants"].isna().all(), (
        "suppressed values are missing, not zero"
    )


def test_geography(reader: SourceReader) -> None:
    assert reader.read("wards")["area_code"].tolist() == list(TOWN.wards)
    areas = reader.read("output_area_lookup")
    assert areas["ward_code"].tolist() == [TOWN.wards[0], TOWN.wards[0], TOWN.wards[1]]
    fit = reader.read("lsoa_best_fit")
    assert fit["msoa_code"].unique().tolist() == list(TOWN.msoas)


def test_police(reader: SourceReader) -> None:
    crimes = reader.read("street_crime", replace(SCOPE, since="2025-06"))
    # A 503 for more than three crimes makes the client halve the outline. Each crime counts once. November is missing.
    by_month = crimes.groupby("month")["crimes"].sum().to_dict()
    assert by_month == {"2025-10": 2, "2025-12": 2, **dict.fromkeys(MONTHS, 6)}
    assert crimes.loc[crimes["longitude"].isna(), "crimes"].sum() == 5
    assert {method for method, name, path, _ in reader.other.requests if "crimes-street/" in path} == {"POST"}
    assert 500 not in {status for _, name, _, status in reader.other.requests if name == "POLICE"}
    stops = reader.read("stop_and_search")
    assert stops.groupby("month")["stops"].sum().to_dict() == dict.fromkeys(MONTHS, 3)


def test_health(reader: SourceReader) -> None:
    (row,) = reader.read("local_health").to_dict("records")
    assert (row["area_code"], row["year"]) == (TOWN.msoas[0], 2025)
    assert (row["life_expectancy_male"], row["life_expectancy"], row["year_6_obesity"]) == (80.0, 81.0, 24.5)
    patients = reader.read("diagnosed_conditions")
    assert patients["diabetes"].tolist() == [10, 10]
    assert patients["copd"].isna().all()


def test_government_files(reader: SourceReader) -> None:
    scores = reader.read("deprivation_2025_subdomains")
    assert scores["outdoors"].tolist() == [5.5, 5.5]
    assert reader.read("fuel_poverty_lilee").values.tolist() == [[lsoa, 2024, 600, 90] for lsoa in TOWN.lsoas]
    pollution = reader.read("background_pollution")
    assert pollution["year"].unique().tolist() == [2022, 2023]
    assert pollution["no2"].between(10, 11).all()


def test_collisions_and_elections(reader: SourceReader) -> None:
    collisions = reader.read("road_collisions")
    assert collisions["severity"].tolist() == ["serious", "slight"]
    assert collisions["longitude"].isna().tolist() == [False, True]
    turnout = reader.read("local_elections")
    assert turnout[["turnout", "electorate"]].values.tolist() == [[30, 3000], [30, 3000]]


def test_the_same_bytes_fetched_again_are_the_same_downloads(reader: SourceReader, manner: Manner) -> None:
    reader.read("local_health")
    before, sent = reader.downloads, len(reader.other.requests)
    reader.read("local_health")
    assert reader.downloads == before
    statuses = [status for _, _, _, status in reader.other.requests[sent:]]
    assert statuses.count(200) == (4 if manner.etag is None else 0), "a matching ETag of either kind returns 304"
