"""The Dagster instance of a store: the command line and the UI share it, so that each shows the other's runs."""

import errno
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration.dagster_internals import NO_CAPTURE
from spi_pipeline.orchestration.history import pack, prune, set_aside, set_aside_folders
from spi_pipeline.orchestration.lifetime import GRACE, record_killed_runs, run_lifetime
from spi_pipeline.orchestration.runs import (
    COMMAND,
    ENDED_TAG,
    LAUNCHED_TAG,
    STORE_TAG,
    UNDER_WAY,
    is_dead,
    launched_by,
    name_of,
    recorded,
)
from spi_pipeline.run.logs import note
from spi_pipeline.run.runner import Runner
from spi_pipeline.storage.atomic import make_folder, os_errors, read_bytes, replacing, write_bytes
from spi_pipeline.storage.retention import Removable, Retention
from spi_pipeline.storage.store import Store

# One run at a time writes to a store. Run monitoring ends a run that does not start, or does not stop when cancelled; a
# run that hangs has a separate deadline. Telemetry is off, freshness policies are evaluated. The messages of our own
# logger go into the run's event log.
DAGSTER_YAML = """\
telemetry:
  enabled: false
freshness:
  enabled: true
run_queue:
  max_concurrent_runs: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  cancel_timeout_seconds: 300
retention:
  schedule: {purge_after_days: 90}
  sensor: {purge_after_days: 7}
python_logs:
  managed_python_loggers: [spi_pipeline]
  python_log_level: ERROR
"""
# All events in one file. By default Dagster writes a file for each run and copies most events to another, which suits
# many concurrent runs. Here runs go one at a time, and that default makes the history of a run half as large again and
# takes twice the time.
ONE_FILE = """\
event_log_storage:
  module: dagster._core.storage.event_log
  class: ConsolidatedSqliteEventLogStorage
  config:
    base_dir: {base_dir}
"""
# Without this file a dialogue that asks for an email address covers the first page.
NUX_YAML = "seen: 1\n"
# The bytes that SQLite writes next to a database to read it, and the errors of a disk that refuses them.
SQLITE_SIDE_FILE_BYTES = 1 << 16
NO_ROOM = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
# A run that waits for the store checks this often, in seconds, whether it was stopped.
WAIT_SECONDS = 5
NEVER_BEGAN = "the process of this run ended before its first step"


def prepare_home(home: Path) -> Path:
    """Prepare the folder of the instance; ``DAGSTER_HOME``, if set, takes precedence.

    The store's own folder always gets this version's settings, which replace those of another version, even if
    ``DAGSTER_HOME`` names that folder.

    Args:
        home: the folder that belongs to the store.

    Returns:
        The folder in use.

    Raises:
        SpiError: if ``DAGSTER_HOME`` names something that is not a folder.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    if chosen and not _is_ours(home):
        if not Path(chosen).is_dir():
            raise SpiError(f"DAGSTER_HOME names {chosen}, which is not a folder; make it, or unset DAGSTER_HOME")
        return _url_safe(Path(chosen))
    home = _url_safe(home)
    history = home / "history"
    wanted = DAGSTER_YAML
    if not _in_files_by_run(history):
        wanted += ONE_FILE.format(base_dir=json.dumps(str(history)))
    for path, text in ((home / "dagster.yaml", wanted), (home / ".nux" / "nux.yaml", NUX_YAML)):
        if read_bytes(path) != text.encode():
            write_bytes(path, text.encode())
    return home


def _url_safe(home: Path) -> Path:
    """A name for the folder that is valid both as a path and in a URL, since Dagster puts paths into URLs unescaped.

    For ``a?b`` Dagster would open ``a``, for ``a%41`` the file ``aA``. A symbolic link in the temporary folder then
    stands for the folder.

    Raises:
        SpiError: if the link cannot be made.
    """
    if not {"?", "%"}.intersection(str(home)):
        return home
    links = Path(tempfile.gettempdir(), f"spi-{os.getuid()}")
    link = links / hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    try:
        make_folder(home)
        links.mkdir(mode=0o700, exist_ok=True)
        if not link.is_symlink() or link.readlink() != home:
            with replacing(link) as temporary:
                temporary.symlink_to(home)
        if links.stat().st_uid == os.getuid():
            return link
        fault = f"{links} belongs to another user"
    except (OSError, SpiError) as error:
        fault = str(error)
    raise SpiError(
        f"Dagster cannot use {home}, whose path contains a ? or %, and no link to it could be made ({fault}): "
        "set SPI_STORE to a path without them, or TMPDIR to a folder that you own."
    )


def _in_files_by_run(history: Path) -> bool:
    """Whether a store of an earlier version has a file of events for each run, a format that it then retains."""
    return (history / "runs" / "index.db").is_file()


@contextmanager
def open_instance(home: Path, *, run_id: str = "") -> Iterator[DagsterInstance]:
    """The instance of a store.

    Args:
        home: its folder.
        run_id: the id of the run that this process is about to execute. Its output then goes to the terminal, so that
            progress is visible, and not to files of the run; and its databases are held open.

    Raises:
        SpiError: if ``DAGSTER_HOME`` configures a history that cannot be opened.
    """
    folder = prepare_home(home)
    # ``local_temp`` is meant for temporary folders, but it is the public way to open an instance in a given folder with
    # overridden settings, and it deletes nothing.
    overrides = NO_CAPTURE if run_id else None
    with ExitStack() as held:
        try:
            instance = held.enter_context(DagsterInstance.local_temp(str(folder), overrides=overrides))
        except Exception as error:  # any error of the storage that dagster.yaml names
            if _is_ours(home):
                raise
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise SpiError(
                f"Dagster's history cannot be opened with the storage that {folder / 'dagster.yaml'} configures "
                f"({message}): start that storage, or correct the file, or unset DAGSTER_HOME."
            ) from error
        if _is_ours(home):
            pack(home)
        held.enter_context(_held_open(folder, run_id))
        yield instance


def renew(home: Path, *, deep: bool = False) -> list[str]:
    """Set a damaged history aside, so that Dagster begins a new one.

    No figure depends on the history, and damage must not stop a refresh. A separate ``DAGSTER_HOME`` is not touched.

    Args:
        home: the folder that belongs to the store.
        deep: whether to read every event too.

    Returns:
        A sentence for each folder set aside.
    """
    return set_aside(home, deep=deep) if _is_ours(home) else []


def tidy(
    instance: DagsterInstance, store: Store, retention: Retention, *, dry: bool = False
) -> tuple[list[Removable], int]:
    """Delete what is past the store's retention, and the history of its older runs.

    In a separate ``DAGSTER_HOME``, this touches only runs tagged with this store.

    Args:
        instance: the instance.
        store: the store, whose lock is held.
        retention: how much to retain.
        dry: whether to report only what would be deleted.

    Returns:
        The files and folders deleted, and the number of bytes deleted from Dagster's events.
    """
    alone = _is_ours(store.dagster_home)
    removed = store.prune(retention, dry=dry)
    for folder in set_aside_folders(store.dagster_home)[1:] if alone and not dry else ():
        shutil.rmtree(folder, ignore_errors=True)
    root = str(store.root)
    return removed, prune(
        instance, retention.runs, lambda run: run.tags.get(STORE_TAG, alone and root) == root, dry=dry
    )


def _is_ours(home: Path) -> bool:
    """Whether the instance in use is the store's own."""
    chosen = os.environ.get("DAGSTER_HOME")
    return not chosen or Path(chosen).resolve() == home.resolve()


@contextmanager
def open_read_only(home: Path) -> Iterator[DagsterInstance]:
    """The instance of a store for reading only: a temporary copy if the disk accepts no writes.

    SQLite writes files next to a database that it reads.

    Args:
        home: its folder.

    Raises:
        SpiError: if there is no room for the copy either.
    """
    if os.environ.get("DAGSTER_HOME") or _has_room(home):
        with open_instance(home) as instance:
            yield instance
        return
    with tempfile.TemporaryDirectory() as folder:
        with os_errors(f"{home} can only be read from a copy, and {folder} could not be written"):
            copy = shutil.copytree(home, Path(folder, home.name))
        with open_instance(copy) as instance:
            yield instance


def _has_room(home: Path) -> bool:
    """Whether a folder has room for the files that SQLite writes next to a database to read it."""
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(bytes(SQLITE_SIDE_FILE_BYTES))
    except OSError as error:
        if error.errno in NO_ROOM:
            return False
        raise
    return True


@contextmanager
def _held_open(home: Path, run_id: str) -> Iterator[None]:
    """Hold a connection to the databases of a run, which Dagster opens and closes some seven times for each event.

    SQLite checkpoints a database whenever its last connection closes. A connection that stays open defers that to the
    end of the run: 500 checks of 130 assets took 17 s of CPU without it, and take 10 s with it. Other storages than
    SQLite need no such connection.
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
    """The tags of a run of the command: its store and its launcher."""
    return {STORE_TAG: str(store), LAUNCHED_TAG: COMMAND}


def close_abandoned_runs(instance: DagsterInstance, store: Store) -> None:
    """Mark runs whose process is gone as failed: they would count as running for ever, and others queue behind them.

    Killed runs are also recorded in the list of runs. While another process writes to the store, nothing is marked or
    recorded. Runs of other stores are never touched.

    Args:
        instance: the instance, which other stores may share if ``DAGSTER_HOME`` names it.
        store: the store.

    Raises:
        SpiError: if the disk refuses to write.
    """
    under_way = instance.get_run_records(RunsFilter(statuses=list(map(DagsterRunStatus, UNDER_WAY))))
    dead = [record for record in under_way if is_dead(record, store)]
    if not dead and all(going.alive for going in store.runs_in_progress()):
        return
    try:
        with store.lock():
            record_killed_runs(store)
            for run in (record.dagster_run for record in dead):
                killed = next(iter(recorded(store, [run.run_id])), None)
                instance.report_run_failed(run, killed.cause if killed and killed.cause else NEVER_BEGAN)
    except SpiError:
        if not store.is_locked():
            raise


@contextmanager
def dagster_run_lifetime(instance: DagsterInstance, runner: Runner, run: DagsterRun) -> Iterator[None]:
    """A context for a run that Dagster launched: the run is on record, holds the store's lock, and has a deadline.

    The run waits for another run that holds the lock, as it would in the queue: nobody is there to launch it again.

    Raises:
        SpiError: if the other run exceeds the longest time that a run may take.
    """
    settings, store = runner.settings, runner.store
    instance.add_run_tags(run.run_id, {STORE_TAG: str(store.root)})
    hours = settings.compute_hours + (settings.fetch_hours if runner.publishers else 0)
    with run_lifetime(runner, run.run_id, launched_by(run), name_of(run)) as deadline:
        with _waited_for(instance, store, run.run_id, hours * 3600 + GRACE):
            deadline.begin(hours, "SPI_FETCH_HOURS and SPI_COMPUTE_HOURS")
            try:
                for notice in store.set_records_aside():
                    note(notice, level=logging.WARNING)
                yield
            finally:
                deadline.end()
        instance.add_run_tags(run.run_id, {ENDED_TAG: str(time.time())})
        store.ended(run.run_id)
        note("the run ended; Dagster has its outcome", name=name_of(run))


@contextmanager
def _waited_for(instance: DagsterInstance, store: Store, run_id: str, seconds: float) -> Iterator[None]:
    """A context in which a Dagster run holds the store's lock; it waits for the lock unless the run is stopped."""
    until = time.monotonic() + seconds
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(store.lock(wait=WAIT_SECONDS))
                break
            except SpiError:
                run = instance.get_run_by_id(run_id)
                stopped = run is None or run.is_finished or run.status == DagsterRunStatus.CANCELING
                if stopped or time.monotonic() > until or not store.is_locked():
                    raise
        yield
