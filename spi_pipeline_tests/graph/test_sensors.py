"""Live sources refresh automatically, on a schedule and when a publisher has news."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.contracts.errors import SettingError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.sensors import affected
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.pointing import point


@pytest.fixture(scope="module")
def publishers() -> Any:
    with local_publishers() as served, pytest.MonkeyPatch.context() as patch:
        point(patch, served.bases)
        yield served


def test_news_of_a_publisher_refreshes_only_the_steps_that_depend_on_it(publishers: Publishers, tmp_path: Path) -> None:
    definitions = build_definitions(Settings(mode="live", store=str(tmp_path / "store")))
    sensor = definitions.resolve_sensor_def("publishers_news")

    def tick(cursor: str | None) -> Any:
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions) as context,
        ):
            return sensor(context)

    first = tick(None)
    last_changes = json.loads(first.cursor)
    assert {"street_crime", "stop_and_search"} <= set(last_changes)
    assert tick(first.cursor).skip_message == "no publisher has news"

    last_changes["street_crime"] = "2020-01-01"
    (request,) = tick(json.dumps(last_changes)).run_requests
    selected = {key.to_user_string() for key in request.asset_selection}
    assert {"fetch/street_crime", "source/street_crime", "publication/outputs"} <= selected
    selected_sources = {key for key in selected if key.startswith(("fetch/", "source/"))}
    assert selected_sources == {"fetch/street_crime", "source/street_crime"}
    assert json.loads(request.run_key).keys() == {"street_crime"}

    publishers.fault("*", "404")
    failed = tick(first.cursor)
    publishers.clear_faults()
    assert "responded with 404" in failed.skip_message


def tick_schedule(settings: Settings, name: str, instance: dg.DagsterInstance) -> Any:
    """Evaluate a schedule now; return its request for a run, or the reason for launching none."""
    schedule = build_definitions(settings).resolve_schedule_def(name)
    at = dt.datetime.now(dt.UTC)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        evaluation = schedule.evaluate_tick(context)
    return evaluation.run_requests[0] if evaluation.run_requests else evaluation.skip_message


def keys_of(request: Any) -> set[str]:
    return {key.to_user_string() for key in request.asset_selection}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path / "store" / "dagster") as opened:
        yield opened


def test_schedules_request_each_live_source_at_the_cadence_of_its_contract(
    contracts: Contracts, tmp_path: Path, publishers: Publishers, instance: dg.DagsterInstance
) -> None:
    settings = Settings(mode="live", store=str(tmp_path / "store"))
    requested: dict[str, set[str]] = {}
    for name in ("everything", "daily", "weekly", "monthly"):
        request = tick_schedule(settings, f"refresh_{name}", instance)
        keys = keys_of(request)
        assert "publication/outputs" in keys
        assert ": never fetched" in request.tags["spi/why"]
        requested[name] = {key.removeprefix("fetch/") for key in keys if key.startswith("fetch/")}
        assert {f"source/{source_id}" for source_id in requested[name]} <= keys
    live = {name for name in contracts.sources if contracts.sources[name].properties.mode == "live"}
    readable = {name for name in live if name != "broadband_coverage"}  # read from the inbox alone
    assert requested.pop("everything") == readable
    assert set.union(*requested.values()) == readable
    assert sum(map(len, requested.values())) == len(readable)
    assert requested["daily"] == {"street_crime", "stop_and_search", "claimant_count"}
    assert {"census_residents", "lsoa_boundaries", "local_elections"} <= requested["monthly"]
    assert {"local_health", "population", "wards"} <= requested["weekly"]


def record_empty_fetch(store: Store, source_id: str, at: dt.datetime) -> None:
    """Record that a source was fetched at a given moment and returned nothing."""
    store.raw(source_id).complete([], since=None, run_id="before", at=at)


def test_a_tick_with_nothing_new_launches_no_run_and_gives_the_reason(
    tmp_path: Path, publishers: Publishers, instance: dg.DagsterInstance
) -> None:
    settings = Settings(mode="live", store=str(tmp_path / "store"))
    store, now = Store(settings.store), dt.datetime.now(dt.UTC)

    def tick() -> Any:
        return tick_schedule(settings, "refresh_daily", instance)

    def fetched(request: Any) -> set[str]:
        return {key.removeprefix("fetch/") for key in keys_of(request) if key.startswith("fetch/")}

    police = {"street_crime", "stop_and_search"}  # their publisher reports its last change
    for source_id in (*police, "claimant_count"):
        record_empty_fetch(store, source_id, now - dt.timedelta(hours=11))
    first = tick()
    assert fetched(first) == police
    assert "street_crime: its publisher says " in first.tags["spi/why"]
    job = dg.GraphDefinition(name="refresh", node_defs=[]).to_job()
    run = instance.create_run_for_job(job, tags=first.tags)
    assert tick() == "nothing is due: 1 source fetched within their cadence, 2 without news"
    record_empty_fetch(store, "claimant_count", now - dt.timedelta(hours=13))
    assert fetched(tick()) == {"claimant_count"}
    record_empty_fetch(store, "claimant_count", now + dt.timedelta(days=73 * 365))  # as if the clock had been in 2099
    assert fetched(tick()) == {"claimant_count"}
    record_empty_fetch(store, "claimant_count", now)
    store.keep("downloads/claimant_count", reason="it was away", run_id="r")
    assert tick().tags["spi/why"] == "claimant_count: the last fetch failed"
    instance.report_run_failed(run)
    assert police < fetched(tick()), "the run for this news failed, so the news is still due"


def test_snapshot_mode_has_no_schedules(tmp_path: Path) -> None:
    assert not build_definitions(Settings(mode="snapshot", store=str(tmp_path))).schedules


def test_schedules_are_stopped_by_default_and_follow_the_settings(tmp_path: Path) -> None:
    settings = Settings(mode="live", store=str(tmp_path), schedule_daily="15 6 * * 1-5")
    schedules = {each.name: each for each in build_definitions(settings).schedules or ()}
    assert schedules["refresh_daily"].cron_schedule == "15 6 * * 1-5"
    assert {each.default_status for each in schedules.values()} == {dg.DefaultScheduleStatus.STOPPED}
    assert {(each.job_name, each.execution_timezone) for each in schedules.values()} == {("refresh", "Europe/London")}
    with pytest.raises(SettingError, match="SPI_SCHEDULE_DAILY='at dawn' is not a valid time"):
        build_definitions(Settings(mode="live", store=str(tmp_path), schedule_daily="at dawn"))


def test_publishers_are_checked_for_news_in_live_mode_only(tmp_path: Path) -> None:
    for mode, expected in (("snapshot", False), ("live", True)):
        definitions = build_definitions(Settings(mode=mode, store=str(tmp_path / mode)))
        assert ("publishers_news" in {sensor.name for sensor in definitions.sensors or []}) == expected


def test_a_source_affects_exactly_the_steps_that_depend_on_it(contracts: Contracts) -> None:
    plan = build_plan(contracts)
    affected_steps = affected(plan, ["street_crime"])
    outputs = {table for step in affected_steps for table in step.outputs}
    for step in plan:
        assert (step in affected_steps) == (step.name == "street_crime" or bool(outputs.intersection(step.inputs)))
