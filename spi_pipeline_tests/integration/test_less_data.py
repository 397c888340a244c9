"""An index that stands on less data: Luton as if neither its police nor its elections were known.

What is missing is missing with its reason, and the rest makes the index that it can.
"""

from __future__ import annotations

import datetime as dt

import pytest

from spi_pipeline.orchestration.assets import operations
from spi_pipeline.orchestration.metadata import run_metadata
from spi_pipeline.run.plan import build_plan
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline_tests.integration.houses import SNAPSHOT, House, empty_house

REASON = "No figures of it are at hand."
CRIMES = [
    "violent_crime", "burglary", "theft", "criminal_damage", "public_order_and_weapons", "anti_social_behaviour",
]  # fmt: skip


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A refreshed store of Luton without the counts of its police."""
    house = empty_house(tmp_path_factory.mktemp("spare")).making("site", "report")
    house.amend(
        "geography.yaml",
        "police_force: bedfordshire}",
        f"police_force: bedfordshire, without: [{{reason: {REASON}, sources: [street_crime]}}]}}",
    )
    # Step by step and without Dagster, which has nothing to do with it and takes as long again.
    runner, now = house.runner, dt.datetime.now(dt.UTC)
    for steps in operations(build_plan(house.contracts)).values():
        outcomes = runner.run(steps, "spare", now)
        assert [outcome.message for outcome in outcomes if outcome.message] == []
        # What Dagster would show of it.
        for step in steps:
            own = [outcome for outcome in outcomes if outcome.table in step.outputs]
            assert run_metadata(step, own, runner.reader, "spare")
    return house


def test_crime_stands_at_its_level_where_no_counts_move_it(spare: House) -> None:
    figures = read_embedded(SNAPSHOT, "deprivation_2025").table.to_pandas().set_index("area_code")
    weights = spare.runner.reader.frame("allocation").query("geography == 'lsoa21'")
    rate = weights["small_area_code"].map(figures["theft"])
    own = weights["weight"] * weights["residents"]
    stood = (rate * own).groupby(weights["area_code"]).sum() / own.groupby(weights["area_code"]).sum()
    found = spare.query(
        "SELECT area_code, value, lower, upper FROM observation JOIN area USING (area_code) "
        "WHERE indicator_id = 'theft' AND level = 'ward' AND edition = 2026"
    )
    assert len(found) == 20
    for code, value, lower, upper in found:
        assert value == pytest.approx(stood[code])
        # What single years of Luton's wards differ from their level by, 1.96 times on either side.
        assert (value - lower, upper - value) == pytest.approx([1.96 * 0.11 * value] * 2, rel=1e-4)


def test_a_level_says_of_when_it_is_and_that_nothing_newer_moves_it(spare: House) -> None:
    rows = spare.query(
        "SELECT indicator_id, in_basis, source_id, useful_years, limits FROM indicator WHERE component_id = 'safety'"
    )
    told = {name: tuple(rest) for name, *rest in rows}
    for name, start in {**dict.fromkeys(CRIMES, "2018-04"), "anti_social_behaviour": "2022-04"}.items():
        used, source, years, limits = told[name]
        assert (used, source, years) == (True, "deprivation_2025", 8)
        assert limits.endswith(
            f" It is the level of {start} to 2024-03, which no newer counts move. Missing for Luton: {REASON}"
        )
        dated = spare.query(
            "SELECT DISTINCT period_start, period_end, status, error_basis FROM observation "
            "WHERE indicator_id = ? AND edition = 2026", name
        )  # fmt: skip
        assert dated == [(dt.date(int(start[:4]), 4, 1), dt.date(2024, 3, 31), "carried", "dispersion")]
        page = (spare.store.published / "site" / "indicators" / f"{name}.html").read_text(encoding="utf-8")
        assert "which no newer counts move" in page
        assert "published in April" not in page, "the months are those of what was counted"
    assert spare.query("SELECT DISTINCT measure_id FROM recent") == [("stop_and_search",)]
