"""What makes live sources refresh by themselves: the time of day, and publishers' news."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.plan import build_plan
from spi_pipeline.orchestration.sensors import affected
from spi_pipeline.settings import Settings
from spi_pipeline_tests.publishers import Publishers, local_publishers


@pytest.fixture(scope="module")
def publishers() -> Any:
    with local_publishers() as served, pytest.MonkeyPatch.context() as patch:
        for name, base in served.endpoints.items():
            patch.setenv(name, base)
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
    assert {"source/street_crime", "database/spi_duckdb"} <= asked
    assert not {key for key in asked if key.startswith("source/")} - {"source/street_crime"}
    assert json.loads(request.run_key).keys() == {"street_crime"}

    publishers.fault("*", "404")
    silent = tick(first.cursor)
    publishers.heal()
    assert "answered 404" in silent.skip_message


def test_a_schedule_asks_every_day_and_a_sensor_only_live(tmp_path: Path) -> None:
    definitions = build_definitions(Settings(mode="snapshot", store=str(tmp_path / "store")))
    schedule = definitions.resolve_schedule_def("refresh_daily")
    assert (schedule.job_name, schedule.execution_timezone) == ("refresh", "Europe/London")
    assert [sensor.name for sensor in definitions.sensors or []] == ["alerts"]


def test_what_a_source_affects_is_all_that_reads_it(contracts: Contracts) -> None:
    plan = build_plan(contracts)
    found = affected(plan, ["street_crime"])
    outputs = {table for step in found for table in step.outputs}
    for step in plan:
        assert (step in found) == (step.name == "street_crime" or bool(outputs.intersection(step.inputs)))
