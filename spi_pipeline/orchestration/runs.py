"""All runs, whoever started them: the command records its own, and Dagster's instance knows the others.

Dagster is imported only where there is an instance to look at.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spi_pipeline.run.records import checks_of
from spi_pipeline.storage.going import Going
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, RunRecord

# The list of runs that the command keeps, and the job of its runs.
RUN, REFRESH, COMMAND = "run", "refresh", "spi refresh"
KILLED = "killed"
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
        requests: how many requests it made, where the command counted them.
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
    requests: int | None = None


def recorded(store: Store, run_ids: Iterable[str]) -> list[Run]:
    """Runs from the list: those of the command, and those that were killed, whoever started them."""
    records = [store.read_run(RUN, run_id) for run_id in run_ids]
    return [
        Run(
            row["run_id"], row.get("name") or REFRESH, row.get("launched_by") or COMMAND, row["run_at"],
            row["run_at"] + dt.timedelta(seconds=row["seconds"] or 0), row["seconds"], row["state"], row.get("cause"),
            row["failed_checks"], row["stale_steps"], row["requests"] or 0,
        )
        for record in records if record for row in record.to_pylist()
    ]  # fmt: skip


def cause_of_death(going: Going) -> str:
    """Why a run is over that did not say how it ended, in a sentence."""
    about = going.about
    process = f"process {about['pid']} of {about['host']}" if about.get("pid") else "its process"
    if going.stood:
        return f"the run hung: {process} was ended past the deadline; where it stood is in {going.stood}"
    return f"the process of this run ended before the run did ({process}): killed, out of memory, or a restart"


def began(going: Going) -> dt.datetime:
    """When a run began, by its own record; now where that is damaged."""
    try:
        return dt.datetime.fromisoformat(going.about["began"])
    except (KeyError, TypeError, ValueError):
        return dt.datetime.now(dt.UTC)


def begun(going: Going, listed: Collection[str]) -> Run | None:
    """A run that has not said how it ended: it goes on, or was killed; None where the list knows how it ended."""
    if going.run_id in listed:
        return None
    about, at = going.about, began(going)
    state, cause = ("running", None) if going.alive else (KILLED, cause_of_death(going))
    return Run(
        going.run_id, about.get("name") or REFRESH, about.get("launched_by") or COMMAND, at, at, None, state, cause, 0
    )


def launched(record: RunRecord, instance: DagsterInstance, store: Store) -> Run:
    """A run as Dagster knows it: started from the UI, by a schedule or sensor, or killed."""
    from spi_pipeline.orchestration.instance import is_abandoned

    run = record.dagster_run
    checks = checks_of(store, run.run_id)
    rows = checks.to_pylist() if checks else []
    return Run(
        run_id=run.run_id,
        name=name_of(run),
        launched_by=launched_by(run),
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


def name_of(run: DagsterRun) -> str:
    """What people call a run: its job, or the assets that were picked in the UI."""
    if not run.job_name.startswith("__"):
        return run.job_name
    checks = (key.asset_key for key in run.asset_check_selection or ())
    picked = sorted({key.to_user_string() for key in (*(run.asset_selection or ()), *checks)})
    more = f" and {len(picked) - NAMED} more" if len(picked) > NAMED else ""
    return f"of {', '.join(picked[:NAMED])}{more}" if picked else "of all assets"


def launched_by(run: DagsterRun) -> str:
    """Who started a run, as its tags tell."""
    from spi_pipeline.orchestration.instance import LAUNCHED_TAG

    for tag, what in (("dagster/schedule_name", "schedule"), ("dagster/sensor_name", "sensor")):
        if tag in run.tags:
            return f"{what} {run.tags[tag]}"
    return run.tags.get(LAUNCHED_TAG, "the UI")
