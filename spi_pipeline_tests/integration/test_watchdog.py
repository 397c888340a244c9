"""Schedules and sensors that have stopped ticking, detected from outside the daemon that should tick them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from dagster import DagsterInstance
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo
from pydantic import SecretStr

from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.watching.alerting import check_and_alert
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline.orchestration.watching.watchdog import Ticker, tickers
from spi_pipeline.settings import Settings
from spi_pipeline_tests.alerts.servers import webhook
from spi_pipeline_tests.integration.sandboxes import Sandbox

NOW = dt.datetime(2026, 11, 24, 2, 0, tzinfo=dt.UTC)
MINUTE, FUTURE = dt.timedelta(minutes=1), NOW + dt.timedelta(days=9)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox(Settings(store=str(tmp_path_factory.mktemp("store")), mode="snapshot"))


@pytest.fixture(scope="module")
def opened(sandbox: Sandbox) -> Iterator[DagsterInstance]:
    """One instance shared by the tests, because opening one takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        with open_instance(sandbox.store.dagster_home) as instance:
            yield instance


@pytest.fixture
def instance(opened: DagsterInstance) -> Iterator[DagsterInstance]:
    yield opened
    for state in opened.all_instigator_state():
        opened.delete_instigator_state(state.instigator_origin_id, state.selector_id)
        opened.purge_ticks(state.instigator_origin_id, state.selector_id, before=FUTURE.timestamp())


def beat(instance: DagsterInstance, at: dt.datetime) -> None:
    """Record a heartbeat of both daemons."""
    for daemon in ("SENSOR", "SCHEDULER"):
        instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), daemon, "one", None))


def switched_on(
    instance: DagsterInstance, name: str, data: ScheduleInstigatorData | SensorInstigatorData
) -> InstigatorState:
    target = LoadableTargetOrigin(executable_path="python", module_name="spi_pipeline.definitions")
    location = InProcessCodeLocationOrigin(target, location_name="spi")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "repository"), name)
    kind = InstigatorType.SCHEDULE if isinstance(data, ScheduleInstigatorData) else InstigatorType.SENSOR
    return instance.add_instigator_state(InstigatorState(origin, kind, InstigatorStatus.RUNNING, data))


def tick(instance: DagsterInstance, state: InstigatorState, at: dt.datetime, error: str = "") -> None:
    instance.create_tick(
        TickData(
            state.instigator_origin_id,
            state.instigator_name,
            state.instigator_type,
            TickStatus.FAILURE if error else TickStatus.SKIPPED,
            at.timestamp(),
            selector_id=state.selector_id,
            error=SerializableErrorInfo(error, [], "SpiError") if error else None,
        )
    )


def test_a_store_without_a_daemon_expects_no_ticks(instance: DagsterInstance) -> None:
    assert tickers(instance, NOW) == []


@pytest.mark.parametrize(
    ("last", "trouble"),
    [
        (NOW - 4 * MINUTE, ""),
        (NOW - 6 * MINUTE, "it has not ticked since 2026-11-24 01:54 UTC"),
    ],
    ids=["ticks", "silent"],
)
def test_a_sensor_that_stops_ticking_is_reported(instance: DagsterInstance, last: dt.datetime, trouble: str) -> None:
    beat(instance, NOW - MINUTE)
    state = switched_on(instance, "alerts", SensorInstigatorData(min_interval=30))
    tick(instance, state, last)
    assert tickers(instance, NOW) == [Ticker("alerts", "sensor", last, trouble, last if trouble else None)]


def test_a_sensor_whose_tick_failed_is_reported(instance: DagsterInstance) -> None:
    beat(instance, NOW)
    state = switched_on(instance, "alerts", SensorInstigatorData(min_interval=30))
    tick(instance, state, NOW - MINUTE, error="the disk\nis full")
    (ticker,) = tickers(instance, NOW)
    assert ticker.trouble == "its last tick failed: the disk is full"


@pytest.mark.parametrize(
    ("last", "silent"),
    # Early on a Monday, a weekday schedule last ticked on Friday.
    [(dt.datetime(2026, 11, 20, 6, tzinfo=dt.UTC), False), (dt.datetime(2026, 11, 19, 6, tzinfo=dt.UTC), True)],
    ids=["weekend", "missed"],
)
def test_a_schedule_may_be_silent_for_its_longest_gap(
    instance: DagsterInstance, last: dt.datetime, silent: bool
) -> None:
    now = dt.datetime(2026, 11, 23, 5, 0, tzinfo=dt.UTC)
    beat(instance, now)
    state = switched_on(instance, "nightly", ScheduleInstigatorData("0 6 * * 1-5"))
    tick(instance, state, last)
    (ticker,) = tickers(instance, now)
    assert (ticker.kind, ticker.last, bool(ticker.trouble)) == ("schedule", last, silent)


def test_a_sensor_switched_on_again_gets_its_full_interval(instance: DagsterInstance) -> None:
    beat(instance, NOW)
    switched_on(instance, "alerts", SensorInstigatorData(last_sensor_start_timestamp=(NOW - MINUTE).timestamp()))
    assert tickers(instance, NOW) == [Ticker("alerts", "sensor", None)]


def test_a_dead_daemon_is_detected_from_outside_and_reported_once(sandbox: Sandbox, instance: DagsterInstance) -> None:
    beat(instance, NOW - 10 * MINUTE)
    state = switched_on(instance, "alerts", SensorInstigatorData(min_interval=30))
    tick(instance, state, NOW - 10 * MINUTE)
    status = status_of(sandbox.settings, NOW)
    trouble = "the daemon that ticks it has given no sign of life since 2026-11-24 01:50 UTC"
    (ticker,) = status["tickers"]
    assert ticker == {
        "name": "alerts",
        "kind": "sensor",
        "last_tick": "2026-11-24T01:50:00+00:00",
        "age_seconds": 600,
        "trouble": trouble,
    }
    assert not status["healthy"]
    assert f"the sensor alerts does not tick: {trouble}" in status["trouble"]
    assert json.dumps(status)

    with webhook() as hook:
        notified = replace(sandbox, settings=sandbox.settings.model_copy(update={"alert_urls": SecretStr(hook.url)}))
        for minutes in (0, 5, 10):
            check_and_alert(notified.settings, notified.contracts, NOW + minutes * MINUTE)
        beat(instance, NOW + 20 * MINUTE)
        tick(instance, state, NOW + 20 * MINUTE)
        check_and_alert(notified.settings, notified.contracts, NOW + 20 * MINUTE)
        assert hook.titles == [
            "[spi_pipeline] Failed: the sensor alerts does not tick",
            "[spi_pipeline] Resolved: the sensor alerts does not tick",
        ]
        assert f"Observed: {trouble}" in hook.received[0][1]
        assert "Since: 2026-11-24 01:50 UTC" in hook.received[0][1]
