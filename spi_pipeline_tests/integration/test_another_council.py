"""Another council from the same files: Central Bedfordshire as ``docs/another-council.md`` configures it.

It has neither ward boundaries nor output areas nor postcodes at hand, so the official best fit places its figures. The
yardstick is that of the embedded snapshot: it is about England, takes long to build and has tests of its own.
"""

from __future__ import annotations

import datetime as dt
import shutil

import pandas as pd
import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.orchestration.metadata import run_metadata
from spi_pipeline.outputs.errors import errors
from spi_pipeline.outputs.queries import ward_table
from spi_pipeline.run.plan import build_plan
from spi_pipeline.snapshot import build
from spi_pipeline.snapshot.embedded import read_embedded, write_snapshot
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, blocks, markdown_table
from spi_pipeline_tests.integration.houses import CONTRACTS, SNAPSHOT, House, house_in

PUBLISHED = REPOSITORY.parent / "shared" / "data"
DOCUMENT = REPOSITORY / "docs" / "another-council.md"
COUNCIL = "E06000056"
WITHOUT = {
    "bus_service", "stop_and_search", "residents_flooded", "heavy_unpaid_care", "road_collisions",
    "electoral_registration",
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the publishers' files in ../shared/data are not at hand"
)


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A refreshed store of the council: the repository's contracts with another geography.yaml and nothing else."""
    house = house_in(tmp_path_factory.mktemp("council")).making("site", "report")
    shutil.copytree(CONTRACTS, house.settings.contracts)
    [geography] = blocks(DOCUMENT, "yaml")
    (house.settings.contracts / "geography.yaml").write_text(geography, encoding="utf-8")
    contracts = load_contracts(house.settings.contracts)
    with pytest.MonkeyPatch.context() as patch:
        yardstick = read_embedded(SNAPSHOT, "reference").table.to_pandas()
        patch.setattr(build, "reference", lambda *_: yardstick)
        tables = {item.source_id: item for item in build.import_tables(PUBLISHED, contracts, house.settings.england)}
        write_snapshot(house.settings.snapshot, tables, contracts.sources, dt.date(2026, 11, 23))
    # Step by step and without Dagster, which has nothing to do with the council and takes as long again.
    runner, now = house.runner, dt.datetime.now(dt.UTC)
    for steps in operations(build_plan(house.contracts)).values():
        outcomes = runner.run(steps, "council", now)
        assert [outcome.message for outcome in outcomes if outcome.message] == []
        # What Dagster would show of it.
        for step in steps:
            own = [outcome for outcome in outcomes if outcome.table in step.outputs]
            assert run_metadata(step, own, runner.reader, "council")
    return house


def test_its_site_and_report_are_published(council: House) -> None:
    site = council.store.published / "site"
    pages = {page.stem for page in (site / "wards").glob("*.html")}
    assert {"ampthill", "barton-le-clay-silsoe", "westoning-flitton-greenfield"} <= pages
    assert len(pages) == 32, "one for each ward, and their list"
    assert (site / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_its_site_says_how_small_areas_are_placed_and_asks_for_no_postcode(council: House) -> None:
    quality = (council.store.published / "site" / "quality.html").read_text(encoding="utf-8")
    assert "Each counts whole in the ward that it fits best" in quality
    assert "shared out by residents" not in quality
    assert "Name of a ward</label>" in (council.store.published / "site" / "index.html").read_text(encoding="utf-8")


def values(council: House, indicator: str) -> pd.Series:
    found = council.query(
        "SELECT area_code, value FROM observation WHERE indicator_id = ? AND edition = 2025", indicator
    )
    return pd.Series(dict(found), dtype="float64")


def test_the_ward_table_comes_out_as_the_document_shows_it(council: House) -> None:
    table = ward_table(council.store.database)
    wards = [row for row in table.rows if row["level"] == "ward"]
    assert len(wards) == 31
    assert sorted(row["rank"] for row in wards) == list(range(1, 32))
    assert [row["area_code"] for row in table.rows if row["level"] == "authority"] == [COUNCIL]
    shown = [
        (row["area_name"], f"{row['score']:.1f}", row["rank"] or "–", f"{row['coverage']:.0%}") for row in table.rows
    ]
    header = ["Ward", f"Score {table.edition}", "Rank", "Coverage"]
    assert_table(DOCUMENT, "wards", markdown_table(header, shown, numbers=header[1:]))


def test_figures_and_crimes_go_by_the_official_best_fit(council: House) -> None:
    fit = pd.read_csv(PUBLISHED / "geography" / "lookup_lsoa21_ward24_ltla24.csv.gz")
    ward_of = fit[fit["ltla24_code"] == COUNCIL].set_index("lsoa21_code")["ward24_code"]
    months = [f"{month:%Y-%m}" for month in pd.period_range("2023-05", "2024-04", freq="M")]
    files = [next(PUBLISHED.glob(f"police/bedfordshire_street/{month}-*.csv.gz")) for month in months]
    crimes = pd.concat([pd.read_csv(file, usecols=["Crime ID", "Month", "LSOA code", "Crime type"]) for file in files])
    crimes = crimes[crimes["Crime ID"].isna() | ~crimes.duplicated(["Month", "Crime ID"])]
    violence = (
        crimes.loc[crimes["Crime type"] == "Violence and sexual offences", "LSOA code"].map(ward_of).value_counts()
    )
    found = council.query(
        "SELECT area_code, numerator FROM observation WHERE indicator_id = 'violent_crime' AND edition = 2024"
    )
    assert dict(found) == violence.to_dict() | {COUNCIL: violence.sum()}
    assert council.query("SELECT DISTINCT method FROM allocation WHERE geography = 'lsoa21'") == [("best_fit",)]
    assert council.query("SELECT DISTINCT placed_by, split_share FROM area") == [("best_fit", None)]


def test_what_no_source_holds_is_missing_and_says_why(council: House) -> None:
    for name in WITHOUT:
        assert values(council, name).isna().all(), name
        [(limits,)] = council.query("SELECT limits FROM indicator WHERE indicator_id = ?", name)
        assert "Missing for Central Bedfordshire: " in limits
    assert values(council, "turnout").notna().sum() == 32, "elections name wards, here with and without commas"
    outcomes = dict(council.query("SELECT rule, outcome FROM check_result WHERE table_name = 'bus_service'"))
    promised = {rule: outcome for rule, outcome in outcomes.items() if rule not in ("computed", "fresh")}
    assert promised == {"columns": "passed", "types": "passed"}, "of an empty table nothing else is promised"


def test_its_errors_can_be_estimated_though_no_output_areas_tell_how_areas_differ_inside(council: House) -> None:
    figures = council.settings.snapshot
    found = errors(
        council.store.database, council.contracts, lambda name: read_embedded(figures, name).table.to_pandas()
    )
    by_name = found.set_index("what")
    assert "contrast" not in set(found["basis"])
    assert by_name.loc["patients_per_gp", ["stated", "estimated"]].tolist() == [340, 2500], "as the document says"


def test_without_boundaries_no_ward_is_held_against_its_neighbours(council: House) -> None:
    found = dict(council.query("SELECT table_name, outcome FROM check_result WHERE rule = 'nothing_unexplained'"))
    assert found["sanity.neighbours"] == "skipped", "what did not run has not passed"
    assert found["sanity.constant"] in ("passed", "failed")
    assert council.query("SELECT DISTINCT authority_code FROM sanity") == [(COUNCIL,)]
