"""Is the Dagster daemon alive? The answer comes from the ticks and heartbeats in the instance, from outside the daemon.

The module loads no definitions; a dead daemon and a broken code location look the same from here.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from spi_pipeline.orchestration.dagster_internals import InstigatorState

# A sensor may miss this many intervals, and at least this much time, since a machine may be busy or a tick long.
MISSED, PATIENCE = 3, dt.timedelta(minutes=5)
# The instance does not record a schedule's time zone; an hour covers the change of the clocks.
SCHEDULE_PATIENCE = dt.timedelta(hours=1, minutes=15)


@dataclass(frozen=True)
class Ticker:
    """A schedule or sensor that is switched on.

    Attributes:
        name: its name.
        kind: ``schedule`` or ``sensor``.
        last: its last tick; None if there was none.
        trouble: what is wrong with it, in words; empty if nothing is.
        since: when the trouble began, as far as known.
    """

    name: str
    kind: str
    last: dt.datetime | None
    trouble: str = ""
    since: dt.datetime | None = None


def existing_instance(store: Store) -> AbstractContextManager[DagsterInstance | None]:
    """The store's instance, or None if there is none; Dagster is then not even imported.

    A damaged instance counts as none. This function neither creates an instance nor sets a damaged one aside.
    """
    alone = not os.environ.get("DAGSTER_HOME")
    if alone and not store.dagster_home.is_dir():
        return nullcontext()
    from spi_pipeline.orchestration.history import damage
    from spi_pipeline.orchestration.instance import open_read_only

    if alone and damage(store.dagster_home):
        return nullcontext()
    return open_read_only(store.dagster_home)


def tickers(instance: DagsterInstance, now: dt.datetime) -> list[Ticker]:
    """Every schedule and sensor that is switched on, by name."""
    beats = {name: _moment(beat.timestamp) for name, beat in instance.get_daemon_heartbeats().items()}
    states = [state for state in instance.all_instigator_state() if state.is_running]
    return [_ticker(instance, state, beats, now) for state in sorted(states, key=lambda state: state.instigator_name)]


def _ticker(
    instance: DagsterInstance, state: InstigatorState, beats: dict[str, dt.datetime], now: dt.datetime
) -> Ticker:
    from spi_pipeline.orchestration.dagster_internals import ScheduleInstigatorData, SensorInstigatorData, TickStatus

    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
    last = _moment(ticks[0].timestamp) if ticks else None
    data = state.instigator_data
    started = None
    if isinstance(data, ScheduleInstigatorData):
        kind, daemon, allowed = "schedule", "SCHEDULER", _longest_gap(data.cron_schedule, now) + SCHEDULE_PATIENCE
        started = data.start_timestamp
    else:
        interval = data.min_interval if isinstance(data, SensorInstigatorData) else None
        kind, daemon, allowed = "sensor", "SENSOR", max(dt.timedelta(seconds=MISSED * (interval or 30)), PATIENCE)
        started = data.last_sensor_start_timestamp if isinstance(data, SensorInstigatorData) else None
    alive = beats.get(daemon)
    # After it is switched on again, its time starts again.
    known = max(filter(None, [last, _moment(started) if started else None]), default=alive)
    if alive is None or now - alive > PATIENCE:
        message = f"the daemon that ticks it has given no sign of life {_since(alive)}"
        return Ticker(state.instigator_name, kind, last, message, alive or known)
    if known is not None and now - known > allowed:
        return Ticker(state.instigator_name, kind, last, f"it has not ticked {_since(last)}", known)
    if ticks and ticks[0].status == TickStatus.FAILURE:
        error = ticks[0].error
        reason = " ".join((error.cause or error).message.split())[:300] if error else "it gave no reason"
        return Ticker(state.instigator_name, kind, last, f"its last tick failed: {reason}", last)
    return Ticker(state.instigator_name, kind, last)


def _longest_gap(cron: str | Sequence[str], now: dt.datetime) -> dt.timedelta:
    """The longest time between two ticks of a schedule, over its next fifty."""
    from spi_pipeline.orchestration.dagster_internals import schedule_execution_time_iterator

    moments = list(itertools.islice(schedule_execution_time_iterator(now.timestamp(), cron, "UTC"), 50))
    return max(after - before for before, after in itertools.pairwise(moments))


def _moment(timestamp: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(timestamp, dt.UTC)


def _since(moment: dt.datetime | None) -> str:
    return f"since {moment:%Y-%m-%d %H:%M} UTC" if moment else "yet"
