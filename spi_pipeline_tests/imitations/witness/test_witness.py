"""Tests that fetch every source from the witness and compare the figures with those it serves."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pandas as pd
import pytest
import shapely

from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.publishers.http.addresses import Addresses
from spi_pipeline.publishers.http.client import HttpClient
from spi_pipeline.publishers.http.exchange import Download, Scope
from spi_pipeline.publishers.http.limits import Budget, Limits
from spi_pipeline.publishers.nomis.tables import CENSUS
from spi_pipeline.publishers.offers import HOSTS, OFFERS
from spi_pipeline.publishers.police.fetching import newest_month
from spi_pipeline.run.activity import with_activity
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.runner import Runner
from spi_pipeline.storage.raw import Raw
from spi_pipeline_tests.imitations.pointing import point
from spi_pipeline_tests.imitations.witness import fingertips, nhs, police, stats19, town
from spi_pipeline_tests.imitations.witness.server import SITES, Witness, serving
from spi_pipeline_tests.integration.fixtures import live, no_dagster_home
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.publishers.fake import matches_contract

__all__ = ["live", "no_dagster_home"]

TODAY = "2026-11-27"
# Figures that the witness derives from shares are rounded twice.
ROUNDED = {"little_english": 1, "hours_20_or_more": 2, "in_employment": 1, "unemployed": 1, "economically_active": 2}


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    with serving() as served:
        yield served


class SourceReader:
    """Fetches and reads a source as a refresh does, any number of times."""

    def __init__(self, folder: Path, witness: Witness) -> None:
        self.folder, self.witness = folder, witness
        self.addresses = Addresses(witness.bases, HOSTS)
        shapes = Shapes.from_frame(town.table("wards"))
        older = town.table("lsoa_2011_lookup")["lsoa_2011_code"]
        self.scope = Scope(
            authorities=(town.CODE,),
            names=(town.NAME,),
            wards=tuple(town.wards()),
            former_wards=tuple(town.former_wards()),
            output_areas=tuple(town.lookup()["oa"]),
            lsoas=tuple(town.lsoas()),
            lsoas_2011=tuple(sorted(set(older))),
            msoas=tuple(town.msoas()),
            forces=(police.FORCE,),
            polygons=dict(zip(shapes.codes, shapes.polygons, strict=True)),
            as_of=TODAY,
        )

    def client(self, raw: Raw) -> HttpClient:
        return HttpClient(raw, self.addresses, Limits(self.folder / "limits"), Budget(), sleep=lambda _: None)

    def fetched(self, source_id: str, since: str = "") -> Sequence[Download]:
        raw = Raw(self.folder / source_id)
        raw.begin()
        offer = OFFERS[source_id]
        assert offer.fetch
        self.witness.requests.clear()
        downloads = list(offer.fetch(self.client(raw), replace(self.scope, since=since, have=raw.held())))
        raw.finish()
        return downloads

    def read(self, source_id: str, since: str = "") -> pd.DataFrame:
        offer = OFFERS[source_id]
        assert offer.parse
        frame = offer.parse(self.fetched(source_id, since), replace(self.scope, since=since))
        assert matches_contract(source_id, frame)
        return frame


@pytest.fixture
def reader(tmp_path: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch) -> SourceReader:
    monkeypatch.setattr("spi_pipeline.publishers.http.limits.Limits.wait", lambda *_: None)
    return SourceReader(tmp_path, witness)


def assert_same(found: pd.DataFrame, embedded: str, *, within: float = 0.51) -> None:
    """A table equals the embedded one, except for rounding and the order of rows."""
    held = town.table(embedded).set_index("area_code").sort_index()
    rows = found.set_index("area_code").sort_index()
    assert list(rows.index) == list(held.index)
    for column in held:
        apart = (rows[column].astype(float) - held[column].astype(float)).abs().max()
        assert apart <= ROUNDED.get(str(column), within), column


@pytest.mark.parametrize("source_id", CENSUS)
def test_census(reader: SourceReader, source_id: str) -> None:
    assert_same(reader.read(source_id), source_id)


def test_population_and_claimants(reader: SourceReader) -> None:
    people = reader.read("population").set_index("area_code")
    assert set(people["year"]) == {2024}
    assert (people[["aged_0_15", "aged_16_64", "aged_65_and_over"]].sum(axis=1) == people["residents"]).all()
    claimants = reader.read("claimant_count", "2026-01")
    assert sorted(claimants["month"].unique()) == town.months("2026-08", 8)
    assert len(claimants) == 8 * len(town.wards())
    assert (claimants["claimants"] % 5 == 0).all()


def test_geography(reader: SourceReader) -> None:
    wards = reader.read("wards").set_index("area_code")
    assert wards["area_name"].to_dict() == town.wards()
    assert set(wards["authority_code"]) == {town.CODE}
    for name in ("wards", "lsoa_boundaries"):
        drawn = reader.read(name).set_index("area_code")["geometry"]
        for code, shape in town.shapes(name).items():
            assert shapely.from_wkb(drawn[code]).symmetric_difference(shape).area == pytest.approx(0, abs=1e-12)
    for name in ("output_area_lookup", "lsoa_best_fit", "lsoa_2011_lookup"):
        held, found = town.table(name), reader.read(name)
        # No ward is embedded for output areas; the witness serves the ward of the LSOA.
        columns = [column for column in held.columns if held[column].notna().any()]
        assert sorted(found[columns].values.tolist()) == sorted(held[columns].values.tolist())


def test_crimes_of_the_api(reader: SourceReader) -> None:
    """The client counts each crime inside the wards once, and all crimes without a place."""
    crimes = reader.read("street_crime", "2026-02")
    union = shapely.union_all(list(town.shapes("wards").values()))
    for month, rows in crimes.groupby("month"):
        held = police.crimes(str(month))
        inside = shapely.contains_xy(union, held["longitude"].astype(float), held["latitude"].astype(float))
        ours = rows[shapely.contains_xy(union, rows["longitude"].astype(float), rows["latitude"].astype(float))]
        assert ours["crimes"].sum() == inside.sum() > 0
        assert (
            ours.groupby("crime_type")["crimes"].sum().to_dict() == held[inside]["crime_type"].value_counts().to_dict()
        )
        assert rows.loc[rows["longitude"].isna(), "crimes"].sum() == 4, "all four count, although two are of one kind"
    assert sorted(crimes["month"].unique()) == town.months(police.NEWEST, 6)
    assert not [request for request in reader.witness.requests if request.startswith("GET /police/api/crimes-street/")]


def test_stops_of_the_api(reader: SourceReader) -> None:
    stops = reader.read("stop_and_search", "2026-05")
    expected = {month: len(police.stops(month)) + 3 for month in town.months(police.NEWEST, 3)}
    assert stops.groupby("month")["stops"].sum().to_dict() == expected


@pytest.mark.parametrize("source_id", ["street_crime", "stop_and_search"])
def test_no_month_is_lost_between_archives_and_the_api(reader: SourceReader, source_id: str) -> None:
    found = reader.read(source_id, "2023-04")
    assert sorted(found["month"].unique()) == town.months(police.NEWEST, 40)


def test_newest_police_month(reader: SourceReader) -> None:
    assert newest_month(reader.client(Raw(reader.folder / "news")), reader.scope) == police.NEWEST


def test_local_health(reader: SourceReader) -> None:
    health = reader.read("local_health").set_index("area_code")
    assert list(health.index) == list(town.msoas())
    assert set(health["year"]) == {2025}
    assert health["low_birth_weight"].isna().all(), "this indicator is not offered by MSOA"
    assert health["self_harm_admissions"].isna().sum() == 1, "one value is suppressed"
    apart = health["life_expectancy_female"] - health["life_expectancy_male"]
    assert apart.round(6).unique().tolist() == [3.712]
    middle = fingertips.INDICATORS[93107].middle
    assert health["year_6_obesity"].mean() == pytest.approx(middle, abs=1)


def test_diagnosed_conditions(reader: SourceReader) -> None:
    """Compare with a calculation by hand: each practice's share on its register, weighted by where its patients live.

    If practices without a register have more than 35 % of an LSOA's patients, the condition is withheld.
    """
    found = reader.read("diagnosed_conditions").set_index("area_code")
    assert set(found["year"]) == {2026}
    assert list(found.index) == list(town.lsoas())
    lists = {code: sum(n for practice, _, n in nhs.registered() if practice == code) for code in nhs.PRACTICES}
    for group, column in (("DM", "diabetes"), ("DEP", "depression"), ("HYP", "hypertension"), ("COPD", "copd")):
        (share, part) = next((share, part) for name, _, share, part in nhs.CONDITIONS if name == group)
        rates = {}
        for number, (code, patients) in enumerate(lists.items()):
            size = round(patients * part)
            if (number, group) != (3, "COPD"):
                rates[code] = 100 * round(size * share * (1 + number % 5 / 10)) / size
        for lsoa, group_of in groupby(sorted(nhs.registered(), key=lambda row: row[1]), key=lambda row: row[1]):
            rows = list(group_of)
            weighed = [(rates[practice], n) for practice, _, n in rows if practice in rates]
            if lsoa in found.index:
                seen = sum(n for _, n in weighed)
                expected = sum(rate * n for rate, n in weighed) / seen
                enough = seen >= 0.65 * sum(n for _, _, n in rows)
                assert found.at[lsoa, column] == pytest.approx(expected if enough else float("nan"), nan_ok=True)
    assert found["copd"].isna().any()
    assert found["diabetes"].notna().all()


def test_government_files(reader: SourceReader) -> None:
    assert_same(reader.read("deprivation_2025_subdomains"), "deprivation_2025_subdomains", within=0.0005)
    fuel = reader.read("fuel_poverty_lilee")
    held = town.table("fuel_poverty_lilee")
    assert sorted(fuel["year"].unique()) == [2021, 2022, 2023, 2024]
    totals = held.groupby("year")["fuel_poor"].sum()
    expected = [totals[2021], totals[2022], totals[2022], totals[2022]]
    assert fuel.groupby("year")["fuel_poor"].sum().tolist() == expected


def test_background_pollution(reader: SourceReader) -> None:
    air = reader.read("background_pollution")
    assert sorted(air["year"].unique()) == [2021, 2022, 2023, 2024], "2025 is not published yet"
    assert set(air["area_code"]) == set(town.lsoas())
    assert air[["no2", "pm25"]].notna().all(axis=None)


def test_collisions(reader: SourceReader) -> None:
    collisions = reader.read("road_collisions")
    assert collisions.groupby("year")["collisions"].sum().to_dict() == dict.fromkeys(stats19.YEARS, 152)
    assert collisions.loc[collisions["longitude"].isna(), "collisions"].sum() == len(stats19.YEARS)
    assert set(collisions["severity"]) == {"fatal", "serious", "slight"}


def test_elections(reader: SourceReader) -> None:
    """By-elections and cancelled polls are left out; a ward without a recorded result is missing, not zero."""
    turnout = reader.read("local_elections").set_index("area_code")
    assert set(turnout["year"]) == {2023}
    assert len(turnout) == len(town.wards()) - 1
    held = town.table("local_elections_2023").set_index("area_code")
    known = turnout.dropna()
    assert len(known) == len(turnout) - 1
    for code, row in known.iterrows():
        assert (row["electorate"], row["turnout"]) == (held.at[code, "electorate"], held.at[code, "turnout"])


def test_the_same_bytes_fetched_again_are_the_same_downloads(reader: SourceReader) -> None:
    for source_id in ("local_health", "diagnosed_conditions", "fuel_poverty_lilee"):
        assert reader.fetched(source_id) == reader.fetched(source_id)


def test_a_refresh(live: Sandbox, witness: Witness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetch, parse and check against contracts as ``spi refresh --live`` does, without the surrounding job."""
    monkeypatch.setattr("spi_pipeline.publishers.http.limits.Limits.wait", lambda *_: None)
    point(monkeypatch, witness.bases)
    sources = ("local_health", "diagnosed_conditions", "road_collisions")
    contracts = with_activity(live.contracts, live.settings)
    runner = Runner(live.settings, contracts)
    with runner.store.lock():
        for kind in ("fetch", "source"):
            plan = [step for step in build_plan(contracts) if step.name in sources and step.kind == kind]
            outcomes = runner.run(plan, "by_hand", dt.datetime.now(dt.UTC))
            assert {outcome.state for outcome in outcomes} <= {"fetched", "written"}, outcomes
    released = live.store.read_runs("source_release")
    assert released is not None
    assert {(row["source_id"], row["state"]) for row in released.to_pylist()} == {(name, "fresh") for name in sources}
    origins = json.loads(live.store.read("local_health").schema.metadata[b"spi_origins"])
    dates = {str(origin["published_at"])[:10] for origin in origins if origin["published_at"]}
    assert dates == {"2025-08-05"}, "figures carry the date of their upload"


def test_every_endpoint_has_a_witness() -> None:
    assert {name.upper() for name in SITES} == set(HOSTS)
    for module, _ in SITES.values():
        assert any(one.known for one in module.EVIDENCE)
        assert len({(one.endpoint, one.trait) for one in module.EVIDENCE}) == len(module.EVIDENCE)
