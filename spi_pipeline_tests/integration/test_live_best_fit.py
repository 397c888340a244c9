"""Live mode for a council allocated by best fit: Luton, fetched from its publishers as if it had no output areas."""

from __future__ import annotations

import datetime as dt

import pytest

from spi_pipeline.run.plan import build_plan
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline_tests.imitations import Publishers
from spi_pipeline_tests.integration.sandboxes import SNAPSHOT, Sandbox

TABLES = ("lsoa_best_fit", "lsoa_2011_lookup", "census_car_availability", "local_health")


@pytest.fixture
def by_fit(live: Sandbox) -> Sandbox:
    live.amend(
        "geography.yaml",
        "police_force: bedfordshire}",
        "police_force: bedfordshire, placed_by: best_fit, without: [{reason: Not at hand., sources: [road_collisions, "
        "stop_and_search, msoa_2011_lookup]}]}",
    )
    return live


def test_the_areas_to_request_are_known_without_output_areas(by_fit: Sandbox, publishers: Publishers) -> None:
    runner, now = by_fit.runner, dt.datetime.now(dt.UTC)
    areas = runner.reader.publishers.areas
    lookup = read_embedded(SNAPSHOT, "output_area_lookup").table.to_pandas()
    assert areas.output_areas == ()
    assert set(areas.lsoas) == set(lookup["lsoa_code"])
    assert set(areas.msoas) == set(lookup["msoa_code"])
    plan = [step for step in build_plan(by_fit.contracts) if step.name in TABLES]
    with runner.store.lock():
        for kind in ("fetch", "source"):
            for outcome in runner.run([step for step in plan if step.kind == kind], "asked", now):
                assert outcome.message == "", outcome.table
    fit = by_fit.store.read("lsoa_best_fit").to_pandas()
    assert set(fit["area_code"]) == set(lookup["lsoa_code"])
    # This census table is read by output area elsewhere; here it has every LSOA, with the sum of its output areas.
    cars = by_fit.store.read("census_car_availability").to_pandas().set_index("area_code")
    own = read_embedded(SNAPSHOT, "census_car_availability").table.to_pandas()
    assert set(cars.index) == set(lookup["lsoa_code"])
    assert cars["households"].sum() == pytest.approx(own["households"].sum(), rel=0.01)
