"""The Dagster instance of a store: one for the command line and the UI, so that each shows what the other did."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration.dagster_internals import NO_CAPTURE
from spi_pipeline.orchestration.history import aside, pack, prune, set_aside
from spi_pipeline.storage.retention import Retention, Superfluous
from spi_pipeline.storage.store import Store

# One run at a time writes to a store. Telemetry is off, freshness policies are evaluated. Our own log goes into that
# of the run.
DAGSTER_YAML = """\
telemetry:
  enabled: false
freshness:
  enabled: true
run_queue:
  max_concurrent_runs: 1
retention:
  schedule: {purge_after_days: 90}
  sensor: {purge_after_days: 7}
python_logs:
  managed_python_loggers: [spi_pipeline]
  python_log_level: ERROR
"""
# Events in one file. By default Dagster keeps a file for each run and a copy of most events in another, which made the
# history of a run half as large again and took twice the time; that is for many runs at once, of which here is one.
ONE_FILE = """\
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config:
    base_dir: {base_dir}
"""
# Without it a dialogue that asks for a mail address covers the first page.
NUX_YAML = "seen: 1\n"
STORE_TAG = "spi/store"
# As Dagster calls the module that `spi ui` and workspace.yaml name.
LOCATION = "spi_pipeline.definitions"
# From its start a run of the UI takes some hundredths of a second to the lock.
STARTING_SECONDS = 60


def prepare_home(home: Path) -> Path:
    """The folder of the instance; ``DAGSTER_HOME`` wins where it is set.

    The store's own folder always gets this version's settings, which replace those that another version wrote, even
    where ``DAGSTER_HOME`` names that folder.

    Args:
        home: the folder that belongs to the store.

    Returns:
        The folder in use.

    Raises:
        SpiError: when ``DAGSTER_HOME`` names no folder.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    if chosen and not _is_ours(home):
        if not Path(chosen).is_dir():
            raise SpiError(f"DAGSTER_HOME names {chosen}, which is not a folder; make it, or unset DAGSTER_HOME")
        return Path(chosen)
    (home / ".nux").mkdir(parents=True, exist_ok=True)
    (home / ".nux" / "nux.yaml").write_text(NUX_YAML, encoding="utf-8")
    settings, history = home / "dagster.yaml", home / "history"
    wanted = DAGSTER_YAML
    if not _in_files_by_run(history):
        wanted += ONE_FILE.format(base_dir=json.dumps(str(history)))
    if not settings.is_file() or settings.read_text(encoding="utf-8") != wanted:
        settings.write_text(wanted, encoding="utf-8")
    return home


def _in_files_by_run(history: Path) -> bool:
    """Whether a store of an earlier version keeps its events in a file for each run: there they stay readable."""
    return (history / "runs" / "index.db").is_file()


@contextmanager
def open_instance(home: Path, *, run_id: str = "") -> Iterator[DagsterInstance]:
    """The instance of a store.

    Args:
        home: its folder.
        run_id: of the run that this process is about to execute. What it prints goes to the terminal, as progress
            must, and not to files of the run; and its databases are kept open.
    """
    used = prepare_home(home)
    # By its name for a passing folder; it is the public way to an instance in a folder of one's choice with a setting
    # of one's own, and it removes nothing.
    overrides = NO_CAPTURE if run_id else None
    with DagsterInstance.local_temp(str(used), overrides=overrides) as instance:
        if used == home:
            pack(home)
        with _kept_open(used, run_id):
            yield instance


def renew(home: Path, *, deep: bool = False) -> list[str]:
    """Set a damaged history aside, so that a new one is begun: nothing rests on it, and it must not stop a refresh.

    In a ``DAGSTER_HOME`` of one's own nothing is touched.

    Args:
        home: the folder that belongs to the store.
        deep: read every event too.

    Returns:
        A sentence on each folder that was set aside.
    """
    return set_aside(home, deep=deep) if _is_ours(home) else []


def tidy(
    instance: DagsterInstance, store: Store, retention: Retention, *, dry: bool = False
) -> tuple[list[Superfluous], int]:
    """Delete what a store no longer keeps, and the history of its older runs.

    In a ``DAGSTER_HOME`` of one's own, only runs that say that they are of this store are looked at.

    Args:
        instance: the instance.
        store: the store, whose lock is held.
        retention: how much is kept.
        dry: only say what would go.

    Returns:
        Files and folders that went, and the bytes of Dagster's events that did.
    """
    alone = _is_ours(store.dagster_home)
    gone = store.prune(retention, dry=dry)
    for folder in aside(store.dagster_home)[1:] if alone and not dry else ():
        shutil.rmtree(folder, ignore_errors=True)
    root = str(store.root)
    return gone, prune(instance, retention.runs, lambda run: run.tags.get(STORE_TAG, alone and root) == root, dry=dry)


def _is_ours(home: Path) -> bool:
    """Whether the instance in use is the store's own."""
    chosen = os.environ.get("DAGSTER_HOME")
    return not chosen or Path(chosen).resolve() == home.resolve()


@contextmanager
def _kept_open(home: Path, run_id: str) -> Iterator[None]:
    """Hold a connection to the databases of a run, which Dagster opens and closes some seven times for each event.

    SQLite tidies a database up whenever its last connection closes. With another one open that is done once, at the
    end: 500 checks of 130 assets took 17 s CPU, and take 10 s. Elsewhere than in SQLite there is nothing to hold.
    """
    history = home / "history"
    names = ["runs", "runs/index", f"runs/{run_id}"] if _in_files_by_run(history) else ["runs", "event_log"]
    with ExitStack() as stack:
        for name in names if run_id and (history / f"{names[1]}.db").is_file() else ():
            connection = stack.enter_context(closing(sqlite3.connect(history / f"{name}.db")))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield


def run_tags(store: Path) -> dict[str, str]:
    """What marks a run of the command: its store, and the code location, under which the UI lists the runs of a job."""
    return {STORE_TAG: str(store), ".dagster/repository": f"__repository__@{LOCATION}"}


def close_abandoned_runs(instance: DagsterInstance, store: Store) -> None:
    """Mark runs that were killed as failed: they would count as running for ever, and the UI's runs queue behind them.

    Nothing is done while another process writes to the store, nor to the runs of other stores.

    Args:
        instance: the instance, which other stores may share where ``DAGSTER_HOME`` names it.
        store: the store.
    """
    started = instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.STARTED]))
    if not started:
        return
    try:
        with store.lock():
            for record in started:
                if _needs_the_lock(record, store.root):
                    instance.report_run_failed(record.dagster_run, "the process of this run ended before the run did")
    except SpiError:
        return


def is_abandoned(record: RunRecord, store: Store) -> bool:
    """Whether a run is said to go on and does not: nobody holds the lock it needs."""
    started = record.dagster_run.status == DagsterRunStatus.STARTED
    return started and _needs_the_lock(record, store.root) and not store.is_locked()


def _needs_the_lock(record: RunRecord, store: Path) -> bool:
    """Whether a run that goes on holds the lock of a store.

    A run of the command holds the lock from before its start; one of the UI takes it just after.
    """
    if STORE_TAG in record.dagster_run.tags:
        return record.dagster_run.tags[STORE_TAG] == str(store)
    return not os.environ.get("DAGSTER_HOME") and time.time() - (record.start_time or 0) > STARTING_SECONDS
