"""``spi refresh``: find what is stale, run only that through Dagster, say what became of it.

A Dagster job runs everything it selects whatever the data versions say, so the selection is made here, before the run.
A refresh with nothing stale writes one row to the list of runs and never imports Dagster.
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
from spi_pipeline.orchestration.lifetime import bury, living, stopping_between_steps
from spi_pipeline.orchestration.runs import CLASS, COMMAND, REFRESH, RUN
from spi_pipeline.rules.wording import counted, listing
from spi_pipeline.run.due import due_steps, selected_steps
from spi_pipeline.run.logs import note
from spi_pipeline.run.outcome import Outcome, quality
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline.run.records import run_row
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline.steps.inputs import DOWNLOADS
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    import dagster as dg

# In the name of what Dagster raises when it takes a signal.
INTERRUPTED = "Interrupt"
# Asking ends by itself at its hours, each source with word of why; only then is it time to ask the run to end.
FETCH_ENDS = 0.1
# What SQLite says, as SQLAlchemy tells it: nothing else in a run speaks through them than Dagster's log.
OF_ITS_LOG = re.compile(r"\bsqlite3\.\w+(?:\)|:) (.*)")
Tell = Callable[[Sequence[Step], Sequence[Outcome]], None]


@dataclass(frozen=True)
class Fetching:
    """What to do beside fetching.

    Attributes:
        ended: told what became of the downloads of each live source.
        waiting: told, in a line now and then, what is waited for.
        record: folder to keep each request in with its answer; None for none.
    """

    ended: Callable[[Outcome], None] = lambda _outcome: None
    waiting: Callable[[str], None] = lambda _line: None
    record: Path | None = None


@dataclass
class Refresh:
    """What a refresh did.

    Attributes:
        run_id: its id.
        stale: the steps that were stale, in order.
        started: when it began.
        name: what people call it: which steps were picked, where some were.
        outcomes: what became of each table.
        seconds: how long it took.
        requests: how many requests went out to publishers.
        broken: why the run as a whole ended early; empty otherwise.
        undone: steps that were stale and of whose outputs the store does not hold what the run came to.
        unrecorded: why it could not be written down how the run ended; empty otherwise.
        renewed: tables to be made anew that were written under another version of their contract: which, and now.
        stopped: whether somebody stopped it.
        told: what an operator should know all the same, such as a history that was set aside.
    """

    run_id: str
    stale: list[Step]
    started: dt.datetime
    name: str
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    requests: int = 0
    broken: str = ""
    undone: list[str] = field(default_factory=list)
    unrecorded: str = ""
    renewed: dict[str, tuple[str, str]] = field(default_factory=dict)
    stopped: bool = False
    told: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Why tables were kept or failed, each sentence once."""
        # That downloads could not be had is told once, by the table that keeps its last good version for it.
        told = {outcome.reason for outcome in self.outcomes if is_table(outcome.table)}
        messages = [o.message for o in self.outcomes if o.message and (is_table(o.table) or o.reason not in told)]
        if self.undone and not messages and not self.broken:
            named = listing(self.undone, 5)
            messages.append(f"{counted(len(self.undone), 'step')} did not come to an end ({named}); run spi refresh")
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
        """What became of the rules evaluated: see ``quality.quality``."""
        return quality((o.table, r.rule.severity, r.outcome) for o in self.outcomes for r in o.results)

    @property
    def state(self) -> str:
        """``stopped``, ``failed``, ``succeeded`` or ``nothing to do``."""
        if self.stopped:
            return "stopped"
        return "failed" if self.faults else "succeeded" if self.stale else "nothing to do"

    def confirm(self, store: Store) -> None:
        """Compare what became of each stale step with what the store holds: what no record proves is not done."""
        made = {outcome.table: outcome for outcome in self.outcomes}
        self.undone = [step.label for step in self.stale if not all(_holds(store, made.get(o)) for o in step.outputs)]


def refresh(
    settings: Settings,
    contracts: Contracts,
    select: Sequence[str] = (),
    progress: Callable[[list[Step]], Tell] | None = None,
    fetching: Fetching | None = None,
    wait: float = 0,
) -> Refresh:
    """Bring the store up to date.

    Args:
        settings: where and how.
        contracts: all contracts.
        select: see ``due_steps``.
        progress: told the steps about to run; what it returns is told of each operation that ended.
        fetching: what to do beside fetching.
        wait: seconds to wait for another process that writes to the store.

    Returns:
        What was done; faults are in it, not raised.

    Raises:
        SpiError: when another refresh holds the store, or the store cannot be read at all; the run is on record then.
    """
    runner, plan = Runner(settings, contracts), build_plan(contracts)
    asked = [step for step in selected_steps(plan, select) if step.cadence is not None]
    name = f"{REFRESH} of {', '.join(select)}" if select else REFRESH
    began, done = time.monotonic(), Refresh(str(uuid.uuid4()), [], dt.datetime.now(dt.UTC), name)
    with runner.store.lock(wait), living(runner, done.run_id, COMMAND, name) as deadline:
        done.told += runner.store.set_records_aside()
        bury(runner.store)
        try:
            with stopping_between_steps(runner):
                deadline.begin(settings.fetch_hours + FETCH_ENDS, "SPI_FETCH_HOURS")
                fetched = _fetch(runner, asked, done, fetching)
                deadline.begin(settings.compute_hours, "SPI_COMPUTE_HOURS")
                _find_stale(done, plan, runner, select, fetched)
                if done.stale:
                    _run(done, runner, settings, progress(done.stale) if progress else None)
        except KeyboardInterrupt:
            done.stopped, done.broken = True, done.broken or "the run was stopped"
        except MemoryError:
            done.broken = f"the run could not go on: {NO_MEMORY}"
        except BaseException as error:
            done.broken = " ".join(str(error).split()) or type(error).__name__
            raise
        finally:
            done.seconds = time.monotonic() - began
            done.confirm(runner.store)
            _record(done, runner, settings)
    return done


def _holds(store: Store, outcome: Outcome | None) -> bool:
    """Whether the store holds what became of an output, read from its own record of it."""
    if outcome is None or outcome.version is None or outcome.state == "failed":
        return False
    try:
        current = store.current(outcome.table)
    except SpiError:
        return False
    return current is not None and current.sha256 == outcome.version.sha256


def _find_stale(
    done: Refresh, plan: Sequence[Step], runner: Runner, select: Sequence[str], fetched: Sequence[Outcome]
) -> None:
    """Note what is to be run, what of that the publishers had news for, and what became of all else that was asked."""
    news = {outcome.table for outcome in fetched if outcome.state != "unchanged"}
    due = {step for step in due_steps(plan, runner, select) if step.cadence is None}
    done.stale = [step for step in plan if step in due or news.intersection(step.outputs)]
    done.outcomes = [outcome for outcome in fetched if outcome.table not in news]
    done.requests = sum(outcome.requests for outcome in fetched)
    done.renewed = _renewed(done.stale, runner)
    runner.store.remember("code", runner.code.remembered)


def _record(done: Refresh, runner: Runner, settings: Settings) -> None:
    """Write down how the run ended, and only then take away the record that it goes on."""
    try:
        runner.store.append_run(RUN, done.run_id, _row(done, settings))
    except (SpiError, MemoryError) as error:
        done.unrecorded = str(error) or NO_MEMORY
    else:
        runner.store.ended(done.run_id)
    told = {"outcome": done.state, "seconds": round(done.seconds, 3), "requests": done.requests, **done.quality}
    level = logging.ERROR if done.faults else logging.INFO
    note(done.broken or f"the run ended: {done.state}", level=level, steps=len(done.stale), **told)


def _fetch(runner: Runner, asked: Sequence[Step], done: Refresh, beside: Fetching | None) -> list[Outcome]:
    """Ask the publishers of the selected sources, whatever their cadence, before anything else.

    So a source whose downloads are as before is not even parsed, and Dagster is not started for it.
    """
    if not asked or runner.publishers is None:
        return []
    from spi_pipeline.publishers.http.recording import Recording

    def waiting(line: str) -> None:
        note(line, source=line.partition(":")[0])
        if beside:
            beside.waiting(line)

    runner.publishers.tell = waiting
    if beside:
        runner.publishers.recording = Recording(beside.record) if beside.record else None
    outcomes = runner.run(asked, done.run_id, done.started)
    if beside:
        for outcome in outcomes:
            beside.ended(outcome)
    if recording := runner.publishers.recording:
        had = {outcome.table.removeprefix(DOWNLOADS): not outcome.message for outcome in outcomes}
        recording.about(runner.settings.since, had)
    runner.publishers.close()
    if runner.stopping:
        raise KeyboardInterrupt
    return outcomes


def _renewed(stale: Sequence[Step], runner: Runner) -> dict[str, tuple[str, str]]:
    """The tables of stale steps that stand in the store under another version of their contract."""
    found = {}
    for name in (name for step in stale for name in step.outputs if is_table(name)):
        try:
            there, metadata = runner.store.current(name), runner.store.metadata(name)
        except SpiError:  # damaged, and made anew for that
            continue
        versions = (metadata.get(CONTRACT, FIRST), contract_of(name, runner.contracts).version)
        if there and versions[0] != versions[1]:
            found[name] = versions
    return found


def _run(done: Refresh, runner: Runner, settings: Settings, tell: Tell | None) -> None:
    """Run the stale steps, once more where Dagster broke and cannot read its own history, which is then begun anew."""
    from spi_pipeline.orchestration.instance import renew

    home, fetched = runner.store.dagster_home, list(done.outcomes)
    done.told += renew(home)
    try:
        _run_once(done, runner, settings, tell)
        broken = bool(done.broken) and not done.stopped
    except Exception:
        if not (said := renew(home, deep=True)):
            raise
    else:
        said = renew(home, deep=True) if broken else []
    if said:
        done.told, done.outcomes, done.broken = [*done.told, *said], fetched, ""
        _run_once(done, runner, settings, tell)


def _run_once(done: Refresh, runner: Runner, settings: Settings, tell: Tell | None) -> None:
    """Run the stale steps as one Dagster run on the store's own instance."""
    import dagster as dg
    from sqlalchemy.exc import SQLAlchemyError

    from spi_pipeline.orchestration.assets import asset_key
    from spi_pipeline.orchestration.build import build_definitions
    from spi_pipeline.orchestration.dagster_internals import without_its_stderr
    from spi_pipeline.orchestration.executing import execute
    from spi_pipeline.orchestration.instance import close_abandoned_runs, open_instance, run_tags, tidy

    def listen(steps: Sequence[Step], outcomes: Sequence[Outcome]) -> None:
        done.outcomes.extend(outcomes)
        if tell:
            tell(steps, outcomes)

    runner.listen = listen
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    try:
        due = frozenset(asset_key(step) for step in done.stale)
        job = build_definitions(settings, runner).resolve_job_def(REFRESH)
        with open_instance(runner.store.dagster_home, run_id=done.run_id) as instance:
            close_abandoned_runs(instance, runner.store)
            with without_its_stderr():
                result = execute(job, due, instance, done.run_id, run_tags(runner.store.root))
            stopped = _stopped(result)
            done.stopped, done.broken = bool(stopped), stopped or runner.overtime or _defects(result)
            tidy(instance, runner.store, settings.retention)
    except (OSError, sqlite3.Error, SQLAlchemyError, dg.DagsterError) as error:
        done.broken = _ended_early(error)


def _ended_early(error: object) -> str:
    said = " ".join(str(getattr(error, "orig", error)).split())[:200]
    return f"Dagster could not go on ({said}); readers still see the last whole state: cure that and run spi refresh"


def _stopped(result: dg.JobExecutionResult) -> str:
    """A sentence on where a run was stopped, by Ctrl-C or a signal; empty where it was not."""
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        if error and INTERRUPTED in ((error.cause or error).cls_name or ""):
            at = event.step_key or "its first step"
            return f"the run was stopped at {at}"
    return ""


def _defects(result: dg.JobExecutionResult) -> str:
    """A sentence on the operations that broke without being able to say so themselves; empty where none did."""
    # Each fault once, with the first operation that met it: of a disk that fails all tell the same.
    broken: dict[str, str] = {}
    report = ""
    for event in result.all_events:
        failure = event.step_failure_data if event.is_step_failure else None
        # A failure with user data is one we raised, its reason told by the outcome.
        if not failure or not failure.error or failure.user_failure_data:
            continue
        error = failure.error.cause or failure.error
        if found := OF_ITS_LOG.search(error.message):
            return _ended_early(found[1])
        said = " ".join(CLASS.sub("", error.message).split())
        if error.cls_name == SpiError.__name__:  # of the store, say, when Dagster was to be told what became of a table
            broken.setdefault(said, f"{event.step_key}: {said}")
        else:
            told = f"{event.step_key} broke in our own code ({error.cls_name}: {said[:200]})"
            broken.setdefault(told, told)
            report = f"report it with the log of run {result.run_id} (spi ui)"
    return "; ".join(filter(None, [*broken.values(), report]))


def _row(done: Refresh, settings: Settings) -> pa.Table:
    counts = done.quality
    return run_row(
        run_id=done.run_id,
        run_at=done.started,
        seconds=round(done.seconds, 3),
        mode=settings.mode,
        requests=done.requests,
        stale_steps=len(done.stale),
        failed_checks=sum(result.blocks for outcome in done.outcomes for result in outcome.results),
        warnings=len(done.warnings),
        passed_checks=counts["passed"],
        errored_checks=counts["errored"],
        skipped_checks=counts["skipped"],
        state=done.state,
        cause=done.broken or next((o.message for o in done.outcomes if o.state == "failed"), None),
        name=done.name,
        launched_by=COMMAND,
    )
