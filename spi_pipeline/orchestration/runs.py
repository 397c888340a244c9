"""All runs, whoever started them: the command records its own, and Dagster's instance knows the others.

Dagster is imported only where there is an instance to look at.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spi_pipeline.run.records import checks_of
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, RunRecord

# The list of runs that the command keeps, and the job of its runs.
RUN, REFRESH = "run", "refresh"
STATES = {"SUCCESS": "succeeded", "FAILURE": "failed", "CANCELED": "stopped"}
# So many of the assets that were picked for a run are named.
NAMED = 3
# As in "spi_pipeline.contracts.errors.SpiError: …".
CLASS = re.compile(r"^[\w.]+(?:Error|Failure|Exception): ")


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        run_id: its id.
        name: its job, or the assets that were picked for it.
        launched_by: who started it.
        began: when it was asked for.
        heard: when it ended, or was last heard of.
        seconds: how long it took; None where it did not begin or goes on.
        state: ``succeeded``, ``failed``, ``stopped``, ``killed``, ``running`` or, of the command, ``nothing to do``.
        cause: why it failed as a whole; None where it did not.
        failed_checks: how many rules of severity error were broken.
        stale_steps: how many steps were stale, where the command counted them.
    """

    run_id: str
    name: str
    launched_by: str
    began: dt.datetime
    heard: dt.datetime
    seconds: float | None
    state: str
    cause: str | None
    failed_checks: int
    stale_steps: int | None = None


def recorded(store: Store, run_ids: Iterable[str]) -> list[Run]:
    """Runs of the command, from its list."""
    records = [store.read_run(RUN, run_id) for run_id in run_ids]
    return [
        Run(
            row["run_id"], REFRESH, "spi refresh", row["run_at"], row["run_at"] + dt.timedelta(seconds=row["seconds"]),
            row["seconds"], row["state"], row.get("cause"), row["failed_checks"], row["stale_steps"],
        )
        for record in records if record for row in record.to_pylist()
    ]  # fmt: skip


def launched(record: RunRecord, instance: DagsterInstance, store: Store) -> Run:
    """A run as Dagster knows it: started from the UI, by a schedule or sensor, or killed."""
    from spi_pipeline.orchestration.instance import is_abandoned

    run = record.dagster_run
    checks = checks_of(store, run.run_id)
    rows = checks.to_pylist() if checks else []
    return Run(
        run_id=run.run_id,
        name=_name(run),
        launched_by=_launched_by(run),
        began=record.create_timestamp.replace(tzinfo=dt.UTC),
        heard=record.update_timestamp.replace(tzinfo=dt.UTC),
        seconds=round(record.end_time - record.start_time, 3) if record.end_time and record.start_time else None,
        state="killed" if is_abandoned(record, store) else STATES.get(run.status.value, "running"),
        cause=_cause(instance, run) if run.status.value == "FAILURE" else None,
        failed_checks=sum(row["severity"] == "error" and row["outcome"] in ("failed", "errored") for row in rows),
    )


def _cause(instance: DagsterInstance, run: DagsterRun) -> str:
    """Why a run failed: the innermost error of the first step that did; steps after it only follow."""
    from dagster import DagsterEventType

    for kind in (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE):
        for entry in instance.all_logs(run.run_id, of_type=kind):
            event = entry.dagster_event
            data = event.event_specific_data if event else None
            error = getattr(data, "error", None)
            while error is not None and error.cause is not None:
                error = error.cause
            said = " ".join((error.message if error else (event.message if event else "") or "").split())
            # Dagster puts the class of an error before its sentence.
            said = CLASS.sub("", said)
            if said:
                step = f"{event.step_key}: " if event and event.step_key else ""
                return f"{step}{said}"[:600]
    return "Dagster's event log names no cause"


def _name(run: DagsterRun) -> str:
    """What people call a run: its job, or the assets that were picked in the UI."""
    if not run.job_name.startswith("__"):
        return run.job_name
    checks = (key.asset_key for key in run.asset_check_selection or ())
    picked = sorted({key.to_user_string() for key in (*(run.asset_selection or ()), *checks)})
    more = f" and {len(picked) - NAMED} more" if len(picked) > NAMED else ""
    return f"of {', '.join(picked[:NAMED])}{more}" if picked else "of all assets"


def _launched_by(run: DagsterRun) -> str:
    """Who started a run, as its tags tell."""
    from spi_pipeline.orchestration.instance import STORE_TAG

    for tag, what in (("dagster/schedule_name", "schedule"), ("dagster/sensor_name", "sensor")):
        if tag in run.tags:
            return f"{what} {run.tags[tag]}"
    return "spi refresh" if STORE_TAG in run.tags else "the UI"
