"""Another council from its name alone: Central Bedfordshire, as ``docs/another-council.md`` sets it up."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.models.geography import GOES_WITH, STANDING
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.orchestration.metadata import run_metadata
from spi_pipeline.outputs.errors import errors
from spi_pipeline.outputs.queries import ward_table
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_code, councils
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table
from spi_pipeline_tests.integration.councils import computed, council_in
from spi_pipeline_tests.integration.sandboxes import Sandbox

DOCUMENT = REPOSITORY / "docs" / "another-council.md"
ENGLAND = Settings().england
KNOWN = councils(ENGLAND)
NAMES = [row["area_name"] for row in KNOWN]
COUNCIL = "E06000056"
WITHOUT = {
    "bus_service", "stop_and_search", "residents_flooded", "heavy_unpaid_care", "road_collisions",
    "electoral_registration", "shared_or_temporary_homes",
}  # fmt: skip


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A refreshed store of the council, in its own folder."""
    sandbox = council_in(tmp_path_factory.mktemp("council"), COUNCIL, "site", "report")
    # Step by step and without Dagster, which would double the time and behaves the same for every council.
    runner, now = sandbox.runner, dt.datetime.now(dt.UTC)
    for steps in operations(build_plan(sandbox.contracts)).values():
        outcomes = runner.run(steps, "council", now)
        assert [outcome.message for outcome in outcomes if outcome.message] == []
        # The metadata that Dagster would show.
        for step in steps:
            own = [outcome for outcome in outcomes if outcome.table in step.outputs]
            assert run_metadata(step, own, runner.reader, "council")
    return sandbox


# A single ward; wards that share one MSOA; and one more council, drawn with a fixed seed. ``docs/councils.md`` has all.
@pytest.mark.parametrize("name", ["Isles of Scilly", "City of London", *random.Random(18).sample(NAMES, 1)])
def test_a_council_is_computed_completely(name: str, tmp_path: Path) -> None:
    result = computed(council_code(name, KNOWN), tmp_path, "site", "report")
    assert result.faults == ()
    assert result.scored == result.wards
    assert result.slots >= 25


def test_its_site_and_report_are_published(council: Sandbox) -> None:
    site = council.store.published / "site"
    pages = {page.stem for page in (site / "wards").glob("*.html")}
    assert {"ampthill", "barton-le-clay-silsoe", "westoning-flitton-greenfield"} <= pages
    assert len(pages) == 32, "one for each ward, and their list"
    assert (site / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_its_site_explains_the_allocation_and_offers_no_postcode_search(council: Sandbox) -> None:
    quality = (council.store.published / "site" / "quality.html").read_text(encoding="utf-8")
    assert "Each LSOA counts whole in the ward that it fits best" in quality
    assert "shared out by residents" not in quality
    assert "Name of a ward</label>" in (council.store.published / "site" / "index.html").read_text(encoding="utf-8")


def values(council: Sandbox, indicator: str) -> pd.Series:
    rows = council.query(
        "SELECT area_code, value FROM observation WHERE indicator_id = ? AND edition = 2025", indicator
    )
    return pd.Series(dict(rows), dtype="float64")


def test_the_ward_table_matches_the_document(council: Sandbox) -> None:
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


def national(source_id: str) -> pd.DataFrame:
    return read_embedded(ENGLAND, source_id).table.to_pandas()


def test_its_scores_have_their_national_percentiles_and_correlations(council: Sandbox) -> None:
    own = {ward.code for ward in council.contracts.geography.wards}
    standing = national(STANDING)
    expected = standing[standing["area_code"].isin(own)].set_index(["id", "area_code"])["england_percentile"]
    percentiles = council.query(
        "SELECT id, area_code, england_percentile, edition, profile FROM score "
        "WHERE level <> 'indicator' AND england_percentile IS NOT NULL"
    )
    assert {(name, code): share for name, code, share, *_ in percentiles} == expected.to_dict()
    assert {(edition, profile) for *_, edition, profile in percentiles} == {(2026, "spi")}
    correlations = national(GOES_WITH).set_index(["profile", "id", "measure_id"])["correlation"]
    published = council.query(
        "SELECT profile, id, measure_id, correlation FROM composition "
        "WHERE authority_code = 'E92000001' AND level <> 'indicator'"
    )
    assert {tuple(key): r for *key, r in published} == correlations.to_dict()


def test_figures_are_allocated_by_the_official_best_fit(council: Sandbox) -> None:
    fit = national("lsoa_best_fit")
    ward_of = fit[fit["authority_code"] == COUNCIL].set_index("area_code")["ward_code"]
    homes = national("census_central_heating").set_index("area_code")
    cold = homes["none"].loc[ward_of.index].groupby(ward_of).sum()
    counts = council.query(
        "SELECT area_code, numerator FROM observation WHERE indicator_id = 'no_central_heating' AND edition = 2026"
    )
    assert dict(counts) == cold.to_dict() | {COUNCIL: cold.sum()}
    assert council.query("SELECT DISTINCT method FROM allocation WHERE geography = 'lsoa21'") == [("best_fit",)]
    assert council.query("SELECT DISTINCT placed_by, split_share FROM area") == [("best_fit", None)]


def test_crime_stays_at_its_level(council: Sandbox) -> None:
    rows = council.query("SELECT limits FROM indicator WHERE indicator_id = 'burglary'")
    assert "It is the level of 2018-04 to 2024-03, which no newer counts move." in rows[0][0]
    assert values(council, "burglary").notna().all()


def test_indicators_without_a_source_are_missing_with_a_reason(council: Sandbox) -> None:
    for name in WITHOUT:
        assert values(council, name).isna().all(), name
        [(limits,)] = council.query("SELECT limits FROM indicator WHERE indicator_id = ?", name)
        assert "Missing for Central Bedfordshire: " in limits or "Missing here: " in limits
    assert values(council, "turnout").notna().sum() == 32, "elections name wards, here with and without commas"
    outcomes = dict(council.query("SELECT rule, outcome FROM check_result WHERE table_name = 'bus_service'"))
    promised = {rule: outcome for rule, outcome in outcomes.items() if rule not in ("computed", "fresh")}
    assert promised == {"columns": "passed", "types": "passed"}, "an empty table keeps no other rules"


def test_its_errors_can_be_estimated_without_output_areas(council: Sandbox) -> None:
    figures = council.settings.figures(council.contracts.geography)
    estimates = errors(council.store.database, council.contracts, lambda name: figures.read(name).table.to_pandas())
    by_name = estimates.set_index("subject")
    assert "contrast" not in set(estimates["evidence"])
    assert by_name.loc["patients_per_gp", ["declared", "estimated"]].tolist() == [340, 2500]


def test_without_boundaries_no_ward_is_compared_with_its_neighbours(council: Sandbox) -> None:
    outcomes = dict(council.query("SELECT table_name, outcome FROM check_result WHERE rule = 'nothing_unexplained'"))
    assert outcomes["sanity.neighbours"] == "skipped", "a rule that did not run has not passed"
    assert outcomes["sanity.constant"] in ("passed", "failed")
    assert council.query("SELECT DISTINCT authority_code FROM sanity") == [(COUNCIL,)]
