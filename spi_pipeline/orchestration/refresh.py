"""``spi refresh``: find the stale steps, run only those through Dagster, and report the results.

A Dagster job runs all assets in its selection, whatever their data versions, so the selection is made here, before the
run. A refresh with nothing stale writes one row to the list of runs and never imports Dagster.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from spi_pipeline.contracts.errors import NO_MEMORY, SpiError
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.versions import CONTRACT, FIRST
from spi_pipeline.orchestration.lifetime import record_killed_runs, run_lifetime, stopping_between_steps
from spi_pipeline.orchestration.runs import CLASS, COMMAND, REFRESH, RUN
from spi_pipeline.rules.wording import counted, listing
from spi_pipeline.run.due import due_steps, selected_steps
from spi_pipeline.run.logs import note
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.run.records import run_row
from spi_pipeline.run.result import StepResult, quality
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    import dagster as dg

# Part of the names of the exceptions that Dagster raises on a signal.
INTERRUPTED = "Interrupt"
# The fetch ends by itself at its time limit, with a reason for each source; the deadline is this many hours later.
FETCH_MARGIN_HOURS = 0.1
# SQLite's error within SQLAlchemy's message; Dagster's event log is the only part of a run that uses SQLAlchemy.
EVENT_LOG_ERROR = re.compile(r"\bsqlite3\.\w+(?:\)|:) (.*)")
ProgressCallback = Callable[[Sequence[Step], Sequence[StepResult]], None]


@dataclass(frozen=True)
class Fetching:
    """Callbacks and recording for the fetch.

    Attributes:
        ended: called with the result of each live source's downloads.
        waiting: called now and then with a line about what the fetch is waiting for.
        record: folder in which to record each request and its response; None to record none.
    """

    ended: Callable[[StepResult], None] = lambda _outcome: None
    waiting: Callable[[str], None] = lambda _line: None
    record: Path | None = None


@dataclass
class Refresh:
    """The results of a refresh.

    Attributes:
        run_id: its id.
        stale: the steps that were stale, in order.
        started: when it began.
        name: its name for people, with the selected steps if there was a selection.
        outcomes: the result of each output.
        seconds: its duration.
        requests: the number of requests sent to publishers.
        broken: why the run as a whole ended early; empty otherwise.
        undone: stale steps for which the store does not hold the outputs of this run.
        unrecorded: why the end of the run could not be recorded; empty otherwise.
        renewed: tables to recompute because they were written under another version of their contract, each with that
            version and the present one.
        stopped: whether somebody stopped it.
        notices: further notices for the operator, such as a history that was set aside.
    """

    run_id: str
    stale: list[Step]
    started: dt.datetime
    name: str
    outcomes: list[StepResult] = field(default_factory=list)
    seconds: float = 0.0
    requests: int = 0
    broken: str = ""
    undone: list[str] = field(default_factory=list)
    unrecorded: str = ""
    renewed: dict[str, tuple[str, str]] = field(default_factory=dict)
    stopped: bool = False
    notices: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Why tables were kept or failed, each sentence once."""
        # A failed download is reported once, by the table that keeps its last good version because of it.
        reported = {outcome.reason for outcome in self.outcomes if is_table(outcome.table)}
        messages = [o.message for o in self.outcomes if o.message and (is_table(o.table) or o.reason not in reported)]
        if self.undone and not messages and not self.broken:
            labels = listing(self.undone, 5)
            messages.append(f"{counted(len(self.undone), 'step')} did not finish ({labels}); run spi refresh")
        return list(dict.fromkeys(filter(None, [*messages, self.broken, self.unrecorded])))

    @property
    def warnings(self) -> list[str]:
        """Warning rules that failed, as sentences."""
        return list(
            dict.fromkeys(
                f"{outcome.table}: {result.rule.id}: {result.observed}, promised: {result.expected}"
                for outcome in self.outcomes
                for result in outcome.results
                if result.rule.severity == "warning" and result.outcome in ("failed", "errored")
            )
        )

    @property
    def quality(self) -> dict[str, int]:
        """The evaluated rules by outcome: see ``result.quality``."""
        return quality((o.table, r.rule.severity, r.outcome) for o in self.outcomes for r in o.results)

    @property
    def state(self) -> str:
        """``stopped``, ``failed``, ``succeeded`` or ``nothing to do``."""
        if self.stopped:
            return "stopped"
        return "failed" if self.faults else "succeeded" if self.stale else "nothing to do"

    def confirm(self, store: Store) -> None:
        """Compare the result of each stale step with the store: a step that the store does not confirm is undone."""
        made = {outcome.table: outcome for outcome in self.outcomes}
        self.undone = [step.label for step in self.stale if not all(_holds(store, made.get(o)) for o in step.outputs)]


def refresh(
    settings: Settings,
    contracts: Contracts,
    select: Sequence[str] = (),
    progress: Callable[[list[Step]], ProgressCallback] | None = None,
    fetching: Fetching | None = None,
    wait: float = 0,
) -> Refresh:
    """Bring the store up to date.

    Args:
        settings: the settings.
        contracts: all contracts.
        select: see ``due_steps``.
        progress: called with the steps about to run; the function it returns is called after each operation.
        fetching: callbacks and recording for the fetch.
        wait: seconds to wait for another process that writes to the store.

    Returns:
        The results, with any faults, which are not raised.

    Raises:
        SpiError: if another refresh holds the store, or if the store cannot be read at all; in the second case the run
            is on record.
    """
    runner, plan = Runner(settings, contracts), build_plan(contracts)
    fetch_steps = [step for step in selected_steps(plan, select) if step.cadence is not None]
    name = f"{REFRESH} of {', '.join(select)}" if select else REFRESH
    start, result = time.monotonic(), Refresh(str(uuid.uuid4()), [], dt.datetime.now(dt.UTC), name)
    with runner.store.lock(wait), run_lifetime(runner, result.run_id, COMMAND, name) as deadline:
        result.notices += runner.store.set_records_aside()
        record_killed_runs(runner.store)
        try:
            with stopping_between_steps(runner):
                deadline.begin(settings.fetch_hours + FETCH_MARGIN_HOURS, "SPI_FETCH_HOURS")
                fetched = _fetch(runner, fetch_steps, result, fetching)
                deadline.begin(settings.compute_hours, "SPI_COMPUTE_HOURS")
                _find_stale(result, plan, runner, select, fetched)
                if result.stale:
                    _run(result, runner, settings, progress(result.stale) if progress else None)
        except KeyboardInterrupt:
            result.stopped, result.broken = True, result.broken or "the run was stopped"
        except MemoryError:
            result.broken = f"the run could not continue: {NO_MEMORY}"
        except BaseException as error:
            result.broken = " ".join(str(error).split()) or type(error).__name__
            raise
        finally:
            result.seconds = time.monotonic() - start
            result.confirm(runner.store)
            _record(result, runner, settings)
    return result


def _holds(store: Store, outcome: StepResult | None) -> bool:
    """Whether the store holds the outcome's version of an output, according to the store's own record."""
    if outcome is None or outcome.version is None or outcome.state == "failed":
        return False
    try:
        current = store.current(outcome.table)
    except SpiError:
        return False
    return current is not None and current.sha256 == outcome.version.sha256


def _find_stale(
    result: Refresh, plan: Sequence[Step], runner: Runner, select: Sequence[str], fetched: Sequence[StepResult]
) -> None:
    """Set the stale steps, including those with new downloads, and the results of sources without any."""
    news = {outcome.table for outcome in fetched if outcome.state != "unchanged"}
    due = {step for step in due_steps(plan, runner, select) if step.cadence is None}
    result.stale = [step for step in plan if step in due or news.intersection(step.outputs)]
    result.outcomes = [outcome for outcome in fetched if outcome.table not in news]
    result.requests = sum(outcome.requests for outcome in fetched)
    result.renewed = _renewed(result.stale, runner)
    runner.store.cache("code", runner.code.cached)


def _record(result: Refresh, runner: Runner, settings: Settings) -> None:
    """Record how the run ended, and only then remove the record that it is in progress."""
    try:
        runner.store.append_run(RUN, result.run_id, _row(result, settings))
    except (SpiError, MemoryError) as error:
        result.unrecorded = str(error) or NO_MEMORY
    else:
        runner.store.ended(result.run_id)
    facts = {
        "outcome": result.state,
        "seconds": round(result.seconds, 3),
        "requests": result.requests,
        **result.quality,
    }
    level = logging.ERROR if result.faults else logging.INFO
    note(result.broken or f"the run ended: {result.state}", level=level, steps=len(result.stale), **facts)


def _fetch(runner: Runner, steps: Sequence[Step], result: Refresh, fetching: Fetching | None) -> list[StepResult]:
    """Fetch the selected sources, whatever their cadence, before anything else.

    A source whose downloads have not changed is then not even parsed, and does not start Dagster.
    """
    if not steps or runner.publishers is None:
        return []
    from spi_pipeline.publishers.http.recording import Recording

    def waiting(line: str) -> None:
        note(line, source=line.partition(":")[0])
        if fetching:
            fetching.waiting(line)

    runner.publishers.progress = waiting
    if fetching:
        runner.publishers.recording = Recording(fetching.record) if fetching.record else None
    outcomes = runner.run(steps, result.run_id, result.started)
    if fetching:
        for outcome in outcomes:
            fetching.ended(outcome)
    if recording := runner.publishers.recording:
        complete = {outcome.table.removeprefix(DOWNLOADS): not outcome.message for outcome in outcomes}
        recording.about(runner.settings.since, complete)
    runner.publishers.close()
    if runner.stopping:
        raise KeyboardInterrupt
    return outcomes


def _renewed(stale: Sequence[Step], runner: Runner) -> dict[str, tuple[str, str]]:
    """The tables of stale steps that are in the store under another version of their contract."""
    versions_by_table = {}
    for name in (name for step in stale for name in step.outputs if is_table(name)):
        try:
            current, metadata = runner.store.current(name), runner.store.metadata(name)
        except SpiError:  # damaged, and recomputed for that reason
            continue
        versions = (metadata.get(CONTRACT, FIRST), contract_of(name, runner.contracts).version)
        if current and versions[0] != versions[1]:
            versions_by_table[name] = versions
    return versions_by_table


def _run(result: Refresh, runner: Runner, settings: Settings, progress: ProgressCallback | None) -> None:
    """Run the stale steps; if Dagster broke over a damaged history, set that aside and run them a second time."""
    from spi_pipeline.orchestration.instance import renew

    home, fetched = runner.store.dagster_home, list(result.outcomes)
    result.notices += renew(home)
    try:
        _run_once(result, runner, settings, progress)
        broken = bool(result.broken) and not result.stopped
    except Exception:
        if not (notices := renew(home, deep=True)):
            raise
    else:
        notices = renew(home, deep=True) if broken else []
    if notices:
        result.notices, result.outcomes, result.broken = [*result.notices, *notices], fetched, ""
        _run_once(result, runner, settings, progress)


def _run_once(result: Refresh, runner: Runner, settings: Settings, progress: ProgressCallback | None) -> None:
    """Run the stale steps as one Dagster run on the store's own instance."""
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from spi_pipeline.orchestration.assets import asset_key
    from spi_pipeline.orchestration.build import build_definitions
    from spi_pipeline.orchestration.dagster_internals import without_event_log_errors
    from spi_pipeline.orchestration.executing import execute
    from spi_pipeline.orchestration.instance import close_abandoned_runs, open_instance, run_tags, tidy

    def listen(steps: Sequence[Step], outcomes: Sequence[StepResult]) -> None:
        result.outcomes.extend(outcomes)
        if progress:
            progress(steps, outcomes)

    runner.listen = listen
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    try:
        due = frozenset(asset_key(step) for step in result.stale)
        job = build_definitions(settings, runner).resolve_job_def(REFRESH)
        with open_instance(runner.store.dagster_home, run_id=result.run_id) as instance:
            close_abandoned_runs(instance, runner.store)
            with without_event_log_errors():
                execution = execute(job, due, instance, result.run_id, run_tags(runner.store.root))
            stopped = _stopped(execution)
            result.stopped, result.broken = bool(stopped), stopped or runner.overran or _defects(execution)
            tidy(instance, runner.store, settings.retention)
    except (OSError, sqlite3.Error, SQLAlchemyError, dg.DagsterError) as error:
        result.broken = _ended_early(error)


def _ended_early(error: object) -> str:
    message = " ".join(str(getattr(error, "orig", error)).split())[:200]
    return (
        f"Dagster could not continue ({message}); readers still see the last publication: fix this and run spi refresh"
    )


def _stopped(execution: dg.JobExecutionResult) -> str:
    """A sentence that says where Ctrl-C or a signal stopped the run; empty if none did."""
    for event in execution.all_events:
        error = getattr(event.event_specific_data, "error", None)
        if error and INTERRUPTED in ((error.cause or error).cls_name or ""):
            at = event.step_key or "its first step"
            return f"the run was stopped at {at}"
    return ""


def _defects(execution: dg.JobExecutionResult) -> str:
    """A sentence about the operations that broke without reporting it as an outcome; empty if none did."""
    # Each fault once, with the first operation that met it: a failing disk causes the same fault in all of them.
    broken: dict[str, str] = {}
    report = ""
    for event in execution.all_events:
        failure = event.step_failure_data if event.is_step_failure else None
        # A failure with user data is a dg.Failure of ours, and an outcome reports its reason.
        if not failure or not failure.error or failure.user_failure_data:
            continue
        error = failure.error.cause or failure.error
        if match := EVENT_LOG_ERROR.search(error.message):
            return _ended_early(match[1])
        message = " ".join(CLASS.sub("", error.message).split())
        if error.cls_name == SpiError.__name__:  # for example from the store, while a materialization is logged
            broken.setdefault(message, f"{event.step_key}: {message}")
        else:
            sentence = f"{event.step_key} broke in our own code ({error.cls_name}: {message[:200]})"
            broken.setdefault(sentence, sentence)
            report = f"report it with the log of run {execution.run_id} (spi ui)"
    return "; ".join(filter(None, [*broken.values(), report]))


def _row(result: Refresh, settings: Settings) -> pa.Table:
    counts = result.quality
    return run_row(
        run_id=result.run_id,
        run_at=result.started,
        seconds=round(result.seconds, 3),
        mode=settings.mode,
        requests=result.requests,
        stale_steps=len(result.stale),
        failed_checks=sum(rule.blocks for outcome in result.outcomes for rule in outcome.results),
        warnings=len(result.warnings),
        passed_checks=counts["passed"],
        errored_checks=counts["errored"],
        skipped_checks=counts["skipped"],
        state=result.state,
        cause=result.broken or next((o.message for o in result.outcomes if o.state == "failed"), None),
        name=result.name,
        launched_by=COMMAND,
    )
