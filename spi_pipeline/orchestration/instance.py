"""The Dagster instance of a store: one for the command line and the UI, so that each shows what the other did."""

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
from spi_pipeline.orchestration.history import aside, pack, prune, set_aside
from spi_pipeline.orchestration.lifetime import GRACE, bury, living
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
from spi_pipeline.storage.retention import Retention, Superfluous
from spi_pipeline.storage.store import Store

# One run at a time writes to a store. A run that does not start, or does not stop when it is told to, ends; one that
# hangs has a deadline of its own. Telemetry is off, freshness policies are evaluated. Our own log goes into that
# of the run.
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
# What SQLite takes beside a database to read it, and how a disk says that it does not give it.
ROOM_TO_READ = 1 << 16
NO_ROOM = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
# A run that waits for the store looks so often whether it was stopped.
WAIT_SECONDS = 5
NEVER_BEGAN = "the process of this run ended before its first step"


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
        return _without_url(Path(chosen))
    home = _without_url(home)
    history = home / "history"
    wanted = DAGSTER_YAML
    if not _in_files_by_run(history):
        wanted += ONE_FILE.format(base_dir=json.dumps(str(history)))
    for path, text in ((home / "dagster.yaml", wanted), (home / ".nux" / "nux.yaml", NUX_YAML)):
        if read_bytes(path) != text.encode():
            write_bytes(path, text.encode())
    return home


def _without_url(home: Path) -> Path:
    """The folder by a name that is a path and part of a URL alike: Dagster takes one for the other as it is.

    Of ``a?b`` it would open ``a``, of ``a%41`` the file ``aA``. A link in the folder for passing files names it then.

    Raises:
        SpiError: where there can be no such link.
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
        found = f"{links} is another user's"
    except (OSError, SpiError) as error:
        found = str(error)
    raise SpiError(
        f"Dagster cannot use {home}, whose name holds a ? or %, and there can be no link to it ({found}): "
        "set SPI_STORE to a folder of another name, or TMPDIR to one of your own."
    )


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

    Raises:
        SpiError: where ``DAGSTER_HOME`` says where the history is, and it is not to be had there.
    """
    used = prepare_home(home)
    # By its name for a passing folder; it is the public way to an instance in a folder of one's choice with a setting
    # of one's own, and it removes nothing.
    overrides = NO_CAPTURE if run_id else None
    with ExitStack() as held:
        try:
            instance = held.enter_context(DagsterInstance.local_temp(str(used), overrides=overrides))
        except Exception as error:  # whatever the storage that somebody named raises
            if _is_ours(home):
                raise
            told = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise SpiError(
                f"Dagster's history cannot be opened as {used / 'dagster.yaml'} says ({told}): start what it names, or "
                "mend that file, or unset DAGSTER_HOME."
            ) from error
        if _is_ours(home):
            pack(home)
        held.enter_context(_kept_open(used, run_id))
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
def look(home: Path) -> Iterator[DagsterInstance]:
    """The instance of a store for who only looks: a passing copy where the disk takes nothing.

    SQLite writes beside a database that it reads.

    Args:
        home: its folder.

    Raises:
        SpiError: where there is no room for the copy either.
    """
    if os.environ.get("DAGSTER_HOME") or _takes_something(home):
        with open_instance(home) as instance:
            yield instance
        return
    with tempfile.TemporaryDirectory() as folder:
        with os_errors(f"{home} can only be looked at in a copy, and {folder} could not be written"):
            copy = shutil.copytree(home, Path(folder, home.name))
        with open_instance(copy) as instance:
            yield instance


def _takes_something(home: Path) -> bool:
    """Whether there is room in a folder for what SQLite writes beside a database to read it."""
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(bytes(ROOM_TO_READ))
    except OSError as error:
        if error.errno in NO_ROOM:
            return False
        raise
    return True


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
    """What marks a run of the command: its store and its launcher."""
    return {STORE_TAG: str(store), LAUNCHED_TAG: COMMAND}


def close_abandoned_runs(instance: DagsterInstance, store: Store) -> None:
    """Mark runs whose process is gone as failed: they would count as running for ever, and others queue behind them.

    What was killed is also written down in the list of runs. Nothing is done while another process writes to the
    store, nor to the runs of other stores.

    Args:
        instance: the instance, which other stores may share where ``DAGSTER_HOME`` names it.
        store: the store.

    Raises:
        SpiError: where the disk refuses.
    """
    under_way = instance.get_run_records(RunsFilter(statuses=list(map(DagsterRunStatus, UNDER_WAY))))
    dead = [record for record in under_way if is_dead(record, store)]
    if not dead and all(going.alive for going in store.all_going()):
        return
    try:
        with store.lock():
            bury(store)
            for run in (record.dagster_run for record in dead):
                told = next(iter(recorded(store, [run.run_id])), None)
                instance.report_run_failed(run, told.cause if told and told.cause else NEVER_BEGAN)
    except SpiError:
        if not store.is_locked():
            raise


@contextmanager
def on_record(instance: DagsterInstance, runner: Runner, run: DagsterRun) -> Iterator[None]:
    """A context in which a run that Dagster launched goes on, holds the lock of the store, and has a deadline.

    It waits for another run that holds the lock, as it would in the queue: who launched it went away long ago.

    Raises:
        SpiError: where the other run goes on longer than any may.
    """
    settings, store = runner.settings, runner.store
    instance.add_run_tags(run.run_id, {STORE_TAG: str(store.root)})
    hours = settings.compute_hours + (settings.fetch_hours if runner.publishers else 0)
    with living(runner, run.run_id, launched_by(run), name_of(run)) as deadline:
        with _waited_for(instance, store, run.run_id, hours * 3600 + GRACE):
            deadline.begin(hours, "SPI_FETCH_HOURS and SPI_COMPUTE_HOURS")
            try:
                for told in store.set_records_aside():
                    note(told, level=logging.WARNING)
                yield
            finally:
                deadline.end()
        instance.add_run_tags(run.run_id, {ENDED_TAG: str(time.time())})
        store.ended(run.run_id)
        note("the run ended; Dagster knows how", name=name_of(run))


@contextmanager
def _waited_for(instance: DagsterInstance, store: Store, run_id: str, seconds: float) -> Iterator[None]:
    """A context in which a run of Dagster holds the lock of the store, waited for unless the run is stopped."""
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
