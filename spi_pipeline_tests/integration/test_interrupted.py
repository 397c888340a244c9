"""A full disk, a second refresh, a killed process: the user gets one message and readers keep the last good state.

Each test interrupts a refresh that rebuilds the index and the publication, because the index is made due by hand.
"""

from __future__ import annotations

import datetime as dt
import errno
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.engine import Engine

from spi_pipeline.orchestration import executing
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline.run.runner import Runner
from spi_pipeline.storage import atomic
from spi_pipeline.storage.published import publication
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.alerts.servers import webhook
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox

INDEX = "element_score.social_progress_index"
SCORES = "SELECT * FROM score ORDER BY ALL"
# A forked child inherits the imports, which take seconds; the children never return to pytest.
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def due(sandbox: Sandbox) -> Sandbox:
    """A sandbox in which only the index and the steps that depend on it are due."""
    sandbox.make_due("index/social_progress_index")
    return sandbox


def _faults(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if " done" not in line]


def _assert_recovers(sandbox: Sandbox, before: dict[str, str], scores: list[tuple]) -> None:
    """Assert that readers still see the old state and that the next refresh repairs everything."""
    assert sandbox.query(SCORES) == scores
    assert status_of(sandbox.settings)["stale_steps"]
    done = sandbox.refresh()
    assert (done.state, done.faults) == ("succeeded", [])
    assert sandbox.digests() == before
    assert sandbox.query(SCORES) == scores
    assert status_of(sandbox.settings)["stale_steps"] == []
    assert not [path for path in Path(sandbox.settings.store).rglob("*.tmp-*") if "dagster" not in path.parts]


# --- a full disk


@pytest.mark.parametrize("folder", ["tables", "published", "runs/check_result", "runs/run"])
def test_a_full_disk_is_reported_in_one_message(
    due: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    before, scores = due.digests(), due.query(SCORES)
    full = Path(due.settings.store) / folder

    def sync(path: Path) -> None:
        if path.is_relative_to(full):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "sync", sync)
        patch.setattr(publication, "sync", sync)
        result = spi(due, "refresh")
    assert "Traceback" not in result.err + result.out
    faults = _faults(result.err)
    assert result.code == 1
    (fault,) = faults
    assert str(full) in fault
    assert "No space left on device" in fault
    assert "free some disk space and run the command again" in fault
    if folder.startswith("runs/"):  # all is built but not recorded; for runs/run only the start is
        status = status_of(due.settings)
        assert (status["healthy"], status["last_run"]["state"]) == (
            False,
            "killed" if folder == "runs/run" else "failed",
        )
        assert due.refresh().state == "nothing to do"
        assert status_of(due.settings)["healthy"]
        return
    _assert_recovers(due, before, scores)


def test_a_fault_that_cannot_be_recorded_is_still_reported(due: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure to record a run must not replace the original fault: both are reported."""
    full = due.store.root / "runs" / "run"

    def sync(path: Path) -> None:
        if path.is_relative_to(full):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def broken(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic, "sync", sync)
    monkeypatch.setattr(executing, "execute", broken)
    done = due.refresh()
    assert done.state == "failed"
    run, record = done.faults
    assert run.startswith("Dagster could not continue (")
    assert record.startswith(f"{full / done.run_id}.")
    assert ".parquet could not be written (" in record


def test_a_version_that_the_store_lacks_does_not_count_as_done(due: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even without a fault, the refresh checks that the store holds the versions it reports as written."""
    lost: list[str] = []
    whole = Runner._write_table

    def write(self: Runner, name: str, *rest: Any) -> Any:
        outcome = whole(self, name, *rest)
        if name == INDEX:
            lost.append(name)
            return replace(outcome, version=replace(outcome.version, sha256="0" * 64))
        return outcome

    monkeypatch.setattr(Runner, "_write_table", write)
    done = due.refresh()
    assert lost == [INDEX]
    assert done.state == "failed"
    assert done.faults == ["1 step did not finish (index/social_progress_index); run spi refresh"]
    assert not status_of(due.settings)["healthy"]


def test_a_full_disk_under_dagsters_history_is_reported_in_one_message(due: Sandbox, spi: Command) -> None:
    """SQLite reports a full disk, here because its files must not grow."""
    before, scores = due.digests(), due.query(SCORES)

    def no_growth(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {max(pages, 40)}")

    event.listen(Engine, "connect", no_growth)
    try:
        result = spi(due, "refresh")
    finally:
        event.remove(Engine, "connect", no_growth)
    assert result.code == 1
    assert "Traceback" not in result.err + result.out
    (fault,) = _faults(result.err)
    assert fault == (
        "Dagster could not continue (database or disk is full); readers still see the last publication: fix this and "
        "run spi refresh"
    )
    _assert_recovers(due, before, scores)


def test_a_truncated_table_is_rebuilt(sandbox: Sandbox) -> None:
    before = sandbox.digests()
    version = sandbox.store.current(INDEX)
    assert version is not None
    version.path.write_bytes(version.path.read_bytes()[:-20])
    done = sandbox.refresh()
    assert (done.state, done.faults) == ("succeeded", [])
    assert sandbox.digests() == before
    assert sandbox.store.read(INDEX).num_rows


def test_a_corrupt_table_is_noticed_on_reading_and_rebuilt(due: Sandbox) -> None:
    """The file has the right size but other bytes, so only reading it reveals the damage."""
    before, scores = due.digests(), due.query(SCORES)
    version = due.store.current("element_score.opportunity")
    assert version is not None
    version.path.write_bytes(version.path.read_bytes()[::-1])
    (message,) = status_of(due.settings)["damage"]
    assert message.startswith("Table 'element_score.opportunity' of the store is damaged")
    _assert_recovers(due, before, scores)


# --- a second refresh at once


def _hold(root: str, ours: Connection) -> None:
    with Store(root).lock():
        ours.send("held")
        time.sleep(60)


def test_a_second_refresh_is_refused_and_the_lock_dies_with_its_holder(due: Sandbox, spi: Command) -> None:
    here, there = FORK.Pipe()
    holder = FORK.Process(target=_hold, args=(due.settings.store, there))
    holder.start()
    try:
        assert here.recv() == "held"
        result = spi(due, "refresh")
        assert result.code == 1
        (fault,) = _faults(result.err)
        assert f"is being written by process {holder.pid} since " in fault
        assert "wait until that has ended, then run the command again" in fault
        assert spi(due, "refresh", "--dry-run").code == 0  # a dry run needs no lock
        assert due.store.is_locked()
    finally:
        holder.kill()
        holder.join()
    assert not due.store.is_locked()
    assert due.refresh().state == "succeeded"


# --- a killed process


def _die(*_arguments: Any, **_options: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _at_the_first_event(_sandbox: Sandbox) -> None:
    dg.DagsterInstance.handle_new_event = _die  # type: ignore[method-assign, assignment]


def _before_the_pointer(_sandbox: Sandbox) -> None:
    """Die when the Parquet file of a version exists but the pointer to it does not."""
    whole = atomic.write_bytes

    def write(path: Path, data: bytes) -> None:
        if path.name == "current.json":
            _die()
        whole(path, data)

    from spi_pipeline.storage import tables

    tables.write_bytes = write  # type: ignore[attr-defined]


def _between_two_tables_of_a_step(_sandbox: Sandbox) -> None:
    whole = Runner._write_table

    def write(self: Runner, name: str, *rest: Any) -> Any:
        if name.startswith("weight."):
            _die()
        return whole(self, name, *rest)

    Runner._write_table = write  # type: ignore[method-assign]


def _before_the_database_is_swapped(_sandbox: Sandbox) -> None:
    publication._link = _die  # type: ignore[assignment]


def _before_the_first_step(_sandbox: Sandbox) -> None:
    """Die where a live refresh spends most of its time: it makes requests to publishers, and Dagster has no run yet."""
    from spi_pipeline.orchestration import refresh

    refresh._find_stale = _die  # type: ignore[assignment]


def _refresh_and_die(sandbox: Sandbox, arm: Callable[[Sandbox], None]) -> None:
    with open(os.devnull, "w") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
        arm(sandbox)
        sandbox.refresh()
        os._exit(0)


@pytest.fixture
def child() -> Iterator[Callable[..., BaseProcess]]:
    started: list[BaseProcess] = []

    def start(target: Callable[..., None], *arguments: Any) -> BaseProcess:
        process = FORK.Process(target=target, args=arguments)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.mark.parametrize(
    "moment",
    [_at_the_first_event, _before_the_pointer, _between_two_tables_of_a_step, _before_the_database_is_swapped],
)
def test_a_kill_at_any_moment_leaves_the_last_whole_state(
    due: Sandbox, child: Callable[..., BaseProcess], moment: Callable[[Sandbox], None]
) -> None:
    before, scores = due.digests(), due.query(SCORES)
    process = child(_refresh_and_die, due, moment)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    _assert_recovers(due, before, scores)
    with open_instance(due.store.dagster_home) as instance:
        ended = {run.status for run in instance.get_runs()}
    assert dg.DagsterRunStatus.STARTED not in ended  # otherwise it would count as running for ever


def test_a_killed_refresh_is_reported_before_the_next_refresh(
    due: Sandbox, child: Callable[..., BaseProcess], spi: Command
) -> None:
    with webhook() as hook:
        notified = replace(due, settings=due.settings.model_copy(update={"alert_urls": SecretStr(f"hook={hook.url}")}))
        assert spi(notified, "alerts", "send").code == 0
        before = {title for title, _ in hook.received}
        child(_refresh_and_die, due, _before_the_database_is_swapped).join(60)
        status = status_of(due.settings)
        assert not status["healthy"]
        assert status["last_run"]["state"] == "killed"
        assert any("by spi refresh, was killed: the process" in trouble for trouble in status["trouble"])
        for _ in range(2):  # the second time the failure is already known
            assert spi(notified, "alerts", "send").code == 0
        new = [(title, body) for title, body in hook.received if title not in before]
        ((title, body),) = [(title, body) for title, body in new if "the run" in title]
        assert title == "[spi_pipeline] Failed: the run refresh failed"
        assert "Observed: the process of this run ended before the run did" in body
        assert "the run that spi refresh started succeeds" in body
        assert due.refresh().state == "succeeded"
        assert spi(notified, "alerts", "send").code == 0
        assert "Resolved: the run refresh failed" in hook.text


def test_a_refresh_killed_before_its_first_step_is_reported(
    due: Sandbox, child: Callable[..., BaseProcess], spi: Command
) -> None:
    with webhook() as hook:
        notified = replace(due, settings=due.settings.model_copy(update={"alert_urls": SecretStr(f"hook={hook.url}")}))
        assert spi(notified, "alerts", "send").code == 0
        process = child(_refresh_and_die, due, _before_the_first_step)
        process.join(60)
        status = status_of(due.settings)
        assert (status["healthy"], status["last_run"]["state"]) == (False, "killed")
        assert f"process {process.pid} of " in status["last_run"]["cause"]
        assert spi(notified, "alerts", "send").code == 0
        assert hook.titles[-1] == "[spi_pipeline] Failed: the run refresh failed"
        assert status_of(due.settings)["last_run"]["state"] == "killed", "it is in the list of runs now"
        assert not due.store.runs_in_progress()
    assert due.refresh().state == "succeeded"
    assert status_of(due.settings)["healthy"]


def test_a_run_in_progress_is_reported_as_running(due: Sandbox) -> None:
    about = {"began": dt.datetime.now(dt.UTC).isoformat(), "name": "refresh", "pid": 1, "host": "one"}
    with due.store.running("a-run", about):
        status = status_of(due.settings)
        assert (status["last_run"]["state"], status["last_run"]["run_id"]) == ("running", "a-run")
    assert status_of(due.settings)["last_run"]["state"] == "killed"


# --- a run that hangs


def _hang(sandbox: Sandbox) -> None:
    def hang(*_arguments: Any) -> None:
        time.sleep(600)

    from spi_pipeline.orchestration import lifetime

    lifetime.GRACE = 0.5
    Runner._made = hang  # type: ignore[method-assign, assignment]


def test_a_hanging_run_is_ended_and_the_next_one_starts(due: Sandbox, child: Callable[..., BaseProcess]) -> None:
    before, scores = due.digests(), due.query(SCORES)
    hasty = replace(due, settings=due.settings.model_copy(update={"compute_hours": 2e-3}))
    process = child(_refresh_and_die, hasty, _hang)
    process.join(60)
    assert process.exitcode == 1
    assert not due.store.is_locked()
    run = status_of(due.settings)["last_run"]
    assert run["state"] == "killed"
    assert run["cause"].startswith(f"the run hung: process {process.pid} of ")
    assert Path(run["cause"].rpartition("is in ")[2]).read_text().startswith("Timeout (")
    _assert_recovers(due, before, scores)


def test_a_run_past_its_deadline_ends_before_its_next_operation(due: Sandbox) -> None:
    hasty = replace(due, settings=due.settings.model_copy(update={"compute_hours": 1e-9}))
    done = hasty.refresh()
    assert done.state == "failed"
    assert done.broken == "the run is past its deadline: it may take 1e-09 hours (SPI_COMPUTE_HOURS)"
    assert due.refresh().state == "succeeded"


# Each step takes half a second longer, so that the signal arrives before the last step even on a busy machine. The
# handlers are reset, because a test run in the background may have been started with signals ignored.
SLOWLY = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from spi_pipeline.cli import main
from spi_pipeline.run.runner import Runner
made = Runner._made
Runner._made = lambda *given: (time.sleep(0.5), made(*given))[1]
sys.argv = ["spi", "refresh"]
main()
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_ended_half_way_leaves_the_last_good_state(due: Sandbox, ending: signal.Signals) -> None:
    before, scores = due.digests(), due.query(SCORES)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY],
        env=os.environ | due.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    history = Path(due.settings.store) / "dagster" / "history"
    while process.poll() is None and not any(file.stat().st_size for file in history.glob("event_log.db-wal")):
        time.sleep(0.05)
    process.send_signal(ending)
    _out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode != 0
    status = status_of(due.settings)
    assert not status["healthy"]
    if ending == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
        assert status["last_run"]["state"] == "killed"
    else:
        assert process.returncode == 130
        assert err.rstrip().endswith("stopped; finished work is kept, run the command again to continue")
        assert status["last_run"]["state"] == "stopped"
    _assert_recovers(due, before, scores)
