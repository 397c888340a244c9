"""What makes live sources refresh by themselves: the time of day, and publishers' news."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.sensors import affected
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.pointing import point


@pytest.fixture(scope="module")
def publishers() -> Any:
    with local_publishers() as served, pytest.MonkeyPatch.context() as patch:
        point(patch, served.bases)
        yield served


def test_news_of_a_publisher_refreshes_what_reads_it_and_nothing_else(publishers: Publishers, tmp_path: Path) -> None:
    definitions = build_definitions(Settings(mode="live", store=str(tmp_path / "store")))
    sensor = definitions.resolve_sensor_def("publishers_news")

    def tick(cursor: str | None) -> Any:
        with dg.DagsterInstance.ephemeral() as instance:
            return sensor(dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions))

    first = tick(None)
    told = json.loads(first.cursor)
    assert {"street_crime", "stop_and_search"} <= set(told)
    assert tick(first.cursor).skip_message == "no publisher has news"

    told["street_crime"] = "2020-01-01"
    (request,) = tick(json.dumps(told)).run_requests
    asked = {key.to_user_string() for key in request.asset_selection}
    assert {"fetch/street_crime", "source/street_crime", "publication/outputs"} <= asked
    of_sources = {key for key in asked if key.startswith(("fetch/", "source/"))}
    assert of_sources == {"fetch/street_crime", "source/street_crime"}
    assert json.loads(request.run_key).keys() == {"street_crime"}

    publishers.fault("*", "404")
    silent = tick(first.cursor)
    publishers.heal()
    assert "answered 404" in silent.skip_message


def test_schedules_ask_for_each_live_source_at_the_pace_of_its_contract(contracts: Contracts, tmp_path: Path) -> None:
    settings = Settings(mode="live", store=str(tmp_path / "store"))
    definitions = build_definitions(settings)
    asked: dict[str, set[str]] = {}
    for name in ("daily", "weekly", "monthly"):
        schedule = definitions.resolve_schedule_def(f"refresh_{name}")
        assert (schedule.job_name, schedule.execution_timezone) == ("refresh", "Europe/London")
        with dg.DagsterInstance.ephemeral() as instance:
            (request,) = schedule.evaluate_tick(
                dg.build_schedule_context(instance=instance, scheduled_execution_time=dt.datetime.now(dt.UTC))
            ).run_requests
        keys = {key.to_user_string() for key in request.asset_selection}
        assert "publication/outputs" in keys
        asked[name] = {key.removeprefix("fetch/") for key in keys if key.startswith("fetch/")}
        assert {f"source/{source_id}" for source_id in asked[name]} <= keys
    live = {name for name in contracts.sources if contracts.sources[name].properties.mode == "live"}
    readable = {name for name in live if name != "broadband_coverage"}  # read from the inbox alone
    assert set.union(*asked.values()) == readable
    assert sum(map(len, asked.values())) == len(readable)
    assert asked["daily"] == {"street_crime", "stop_and_search", "claimant_count"}
    assert {"census_residents", "lsoa_boundaries", "local_elections"} <= asked["monthly"]
    assert {"local_health", "population", "wards"} <= asked["weekly"]


def test_publishers_are_asked_for_news_in_live_mode_only(tmp_path: Path) -> None:
    for mode, there in (("snapshot", False), ("live", True)):
        definitions = build_definitions(Settings(mode=mode, store=str(tmp_path / mode)))
        assert ("publishers_news" in {sensor.name for sensor in definitions.sensors or []}) == there


def test_what_a_source_affects_is_all_that_reads_it(contracts: Contracts) -> None:
    plan = build_plan(contracts)
    found = affected(plan, ["street_crime"])
    outputs = {table for step in found for table in step.outputs}
    for step in plan:
        assert (step in found) == (step.name == "street_crime" or bool(outputs.intersection(step.inputs)))
