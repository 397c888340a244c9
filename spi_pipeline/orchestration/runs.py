"""All runs: the command records its own in a list, and Dagster's instance has those started elsewhere.

Dagster is imported only if there is an instance to read.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spi_pipeline.run.records import checks_of
from spi_pipeline.storage.running import RunInProgress
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun, RunRecord

# The name of the command's list of runs, the job of its runs, and the two launchers.
RUN, REFRESH, COMMAND, UI = "run", "refresh", "spi refresh", "the UI"
KILLED = "killed"
STATES = {"SUCCESS": "succeeded", "FAILURE": "failed", "CANCELED": "stopped"}
STORE_TAG, LAUNCHED_TAG, ENDED_TAG = "spi/store", "spi/launched_by", "spi/ended"
# Dagster's name for the code location that `spi ui` and workspace.yaml load.
LOCATION = "spi_pipeline.definitions"
# As long as Dagster waits for the process of a run to start. The process then tags the run with its store within some
# hundredths of a second.
STARTING_SECONDS = 180
UNDER_WAY = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")
# The name of a run lists at most this many of its selected assets.
NAMED = 3
# As in "spi_pipeline.contracts.errors.SpiError: …".
CLASS = re.compile(r"^[\w.]+(?:Error|Failure|Exception): ")


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        run_id: its id.
        name: its job, or the assets selected for it.
        launched_by: who started it.
        began: when it was requested.
        updated: when it ended, or was last updated.
        seconds: its duration; None if it did not begin or is still running.
        state: ``succeeded``, ``failed``, ``stopped``, ``killed``, ``running`` or, for the command, ``nothing to do``.
        cause: why it failed as a whole; None if it did not.
        failed_checks: the number of rules of severity error that failed or errored.
        stale_steps: the number of stale steps; None if not counted, as only the command does.
        requests: the number of requests; None if not counted, as only the command does.
    """

    run_id: str
    name: str
    launched_by: str
    began: dt.datetime
    updated: dt.datetime
    seconds: float | None
    state: str
    cause: str | None
    failed_checks: int
    stale_steps: int | None = None
    requests: int | None = None


def recorded(store: Store, run_ids: Iterable[str]) -> list[Run]:
    """Runs from the list: those of the command, and all killed runs."""
    records = [store.read_run(RUN, run_id) for run_id in run_ids]
    return [
        Run(
            row["run_id"], row.get("name") or REFRESH, row.get("launched_by") or COMMAND, row["run_at"],
            row["run_at"] + dt.timedelta(seconds=row["seconds"] or 0), row["seconds"], row["state"], row.get("cause"),
            row["failed_checks"], row["stale_steps"], row["requests"] or 0,
        )
        for record in records if record for row in record.to_pylist()
    ]  # fmt: skip


def cause_of_death(going: RunInProgress) -> str:
    """The reason, as a sentence, for the end of a run that did not record how it ended."""
    details = going.details
    process = f"process {details['pid']} of {details['host']}" if details.get("pid") else "its process"
    if going.trace:
        return f"the run hung: {process} was ended after the deadline; its trace is in {going.trace}"
    return f"the process of this run ended before the run did ({process}): killed, out of memory, or a restart"


def began_at(going: RunInProgress) -> dt.datetime:
    """When a run began, from its own record; the current time if the record is damaged."""
    try:
        return dt.datetime.fromisoformat(going.details["began"])
    except (KeyError, TypeError, ValueError):
        return dt.datetime.now(dt.UTC)


def unlisted_run(going: RunInProgress, listed: Collection[str]) -> Run | None:
    """A run that is in progress or was killed; None if the list already has it."""
    if going.run_id in listed:
        return None
    facts, at = going.details, began_at(going)
    state, cause = ("running", None) if going.alive else (KILLED, cause_of_death(going))
    return Run(
        going.run_id, facts.get("name") or REFRESH, facts.get("launched_by") or COMMAND, at, at, None, state, cause, 0
    )


def is_abandoned(record: RunRecord, store: Store) -> bool:
    """Whether Dagster lists a run as in progress although its process is gone."""
    return record.dagster_run.status.value in UNDER_WAY and is_dead(record, store)


def is_dead(record: RunRecord, store: Store) -> bool:
    """Whether the process of a run that Dagster lists as in progress is gone.

    A run of the command is on record in its store before Dagster knows of it, a run of Dagster as soon as it has begun.
    """
    run, on_record = record.dagster_run, {each.run_id: each.alive for each in store.runs_in_progress()}
    if run.run_id in on_record:
        return not on_record[run.run_id]
    if run.run_id in store.run_stamps(RUN):
        return True
    origin = run.remote_job_origin
    ours = origin is None or origin.repository_origin.code_location_origin.location_name == LOCATION
    if run.tags.get(STORE_TAG, str(store.root)) != str(store.root) or not ours:
        return False
    # The run is not yet on record, or no longer: Dagster may soon know how it ended. A time in the future, from a clock
    # that was wrong, counts as long ago. A re-executed run has the tags of the first run, its end among them.
    began = record.start_time or record.create_timestamp.replace(tzinfo=dt.UTC).timestamp()
    last_seen = max(began, float(run.tags.get(ENDED_TAG, 0)))
    return not 0 <= time.time() - last_seen <= STARTING_SECONDS


def run_from_dagster(record: RunRecord, instance: DagsterInstance, store: Store) -> Run:
    """A run from Dagster's records: started from the UI or by a schedule or sensor, or killed."""
    run = record.dagster_run
    checks = checks_of(store, run.run_id)
    rows = checks.to_pylist() if checks else []
    return Run(
        run_id=run.run_id,
        name=name_of(run),
        launched_by=launched_by(run),
        began=record.create_timestamp.replace(tzinfo=dt.UTC),
        updated=record.update_timestamp.replace(tzinfo=dt.UTC),
        seconds=round(record.end_time - record.start_time, 3) if record.end_time and record.start_time else None,
        state="killed" if is_abandoned(record, store) else STATES.get(run.status.value, "running"),
        cause=_cause(instance, run) if run.status.value == "FAILURE" else None,
        failed_checks=sum(row["severity"] == "error" and row["outcome"] in ("failed", "errored") for row in rows),
    )


def _cause(instance: DagsterInstance, run: DagsterRun) -> str:
    """Why a run failed: the innermost error of its first failed step, since later steps fail as a consequence."""
    from dagster import DagsterEventType

    for kind in (DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE):
        for entry in instance.all_logs(run.run_id, of_type=kind):
            event = entry.dagster_event
            data = event.event_specific_data if event else None
            error = getattr(data, "error", None)
            while error is not None and error.cause is not None:
                error = error.cause
            sentence = " ".join((error.message if error else (event.message if event else "") or "").split())
            # Dagster puts the class of an error before its sentence.
            sentence = CLASS.sub("", sentence)
            if sentence:
                step = f"{event.step_key}: " if event and event.step_key else ""
                return f"{step}{sentence}"[:600]
    return "Dagster's event log names no cause"


def name_of(run: DagsterRun) -> str:
    """The name of a run for people: its job, or the assets selected in the UI."""
    if not run.job_name.startswith("__"):
        return run.job_name
    checks = (key.asset_key for key in run.asset_check_selection or ())
    selected = sorted({key.to_user_string() for key in (*(run.asset_selection or ()), *checks)})
    more = f" and {len(selected) - NAMED} more" if len(selected) > NAMED else ""
    return f"of {', '.join(selected[:NAMED])}{more}" if selected else "of all assets"


def launched_by(run: DagsterRun) -> str:
    """Who started a run, from its tags."""
    for tag, kind in (("dagster/schedule_name", "schedule"), ("dagster/sensor_name", "sensor")):
        if tag in run.tags:
            return f"{kind} {run.tags[tag]}"
    # When the UI runs a run again, the new run has the tags of the first.
    return run.tags.get(LAUNCHED_TAG, UI) if run.parent_run_id is None else UI
