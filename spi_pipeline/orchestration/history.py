"""Dagster's history of a store, on disk: how to find damage, set damaged databases aside, and delete old events.

No figure depends on it. Pruning retains the newest runs in full. Older runs lose their events, except the last
materialization of each asset and the last evaluation of each check, from which the UI shows the current state.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from dagster import DagsterEventType, DagsterInstance, DagsterRun

from spi_pipeline.orchestration.dagster_internals import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SnapshotsTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
    SqlRunStorage,
)

# The tables that each database must hold, by its path in the instance's folder.
_EVENTS = ("event_logs", "asset_keys", "asset_event_tags", "asset_check_executions")
_DATABASES = {
    "history/runs.db": ("runs", "run_tags", "snapshots"),
    "history/event_log.db": _EVENTS,
    "history/runs/index.db": _EVENTS,
    "schedules/schedules.db": ("instigators", "job_ticks"),
}
# The JSON column of each table. The long tables hold too many events to read each time.
_TEXTS = {"runs": "run_body", "asset_keys": "last_materialization", "event_logs": "event",
          "asset_check_executions": "evaluation_event"}  # fmt: skip
_LONG = ("event_logs", "asset_check_executions")
_ASIDE = "damaged"
# An event is 2 kB of JSON: a page of 4 kB holds one and wastes the rest. The history of a full run takes 6.8 MB with
# pages of 4 kB, 6.2 MB with 8 kB, 5.9 MB with 16 kB and 6.2 MB with 32 kB.
_PAGE_BYTES = 16_384
_FULL = 1
# A database that another process opens or closes during a check can seem torn. It counts as damaged only if
# this many checks find it damaged, this many seconds apart.
_LOOKS, _APART = 3, 0.2
# Events that describe the current state of an asset; the last of each is retained.
_LASTING = [DagsterEventType.ASSET_MATERIALIZATION.value, DagsterEventType.ASSET_OBSERVATION.value]
_PARENT = re.compile(rb'"parent_snapshot_id": "(\w+)"')


def damage(home: Path, *, deep: bool = False) -> list[str]:
    """Find damage in an instance's databases; a busy database is not judged.

    Args:
        home: the instance's folder.
        deep: whether to read every event too, which a run need not do.

    Returns:
        A sentence for each damaged database.
    """
    faults = []
    for name, tables in _DATABASES.items():
        file = home / name
        if file.is_file() and (fault := _fault(file, tables, deep)):
            faults.append(f"Dagster's history is damaged ({file}: {fault})")
    return faults


def set_aside(home: Path, now: dt.datetime | None = None, *, deep: bool = False) -> list[str]:
    """Rename the folders of damaged databases, so that Dagster begins new ones.

    Args:
        home: the instance's folder.
        now: the moment that goes into the new names; the clock's when left out.
        deep: as for ``damage``.

    Returns:
        A sentence for each folder: the fault, and where the folder is now.
    """
    notices = []
    for fault, folder in _damaged(home, deep):
        if folder.is_dir():
            place = _renamed(folder, now)
            notices.append(f"{fault}: it was set aside as {place} and a new one was begun; no figure depends on it")
    return notices


def set_aside_folders(home: Path) -> list[Path]:
    """The folders set aside, newest first."""
    return sorted(home.glob(f"*-{_ASIDE}-*"), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def pack(home: Path) -> None:
    """Give new databases pages that suit the size of events, and let them shrink after deletions.

    A database that another process has open is left for a later call; the old format works too, but takes more space.
    """
    for name, tables in _DATABASES.items():
        file = home / name
        if not file.is_file():
            continue
        try:
            with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as connection:
                if connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _FULL:
                    continue
                connection.execute("PRAGMA journal_mode = DELETE")
                if tables == _EVENTS:
                    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                connection.execute(f"PRAGMA auto_vacuum = {_FULL}")
                connection.execute("VACUUM")
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error:
            continue


def prune(instance: DagsterInstance, keep: int, ours: Callable[[DagsterRun], bool], *, dry: bool = False) -> int:
    """Delete the events of finished runs from Dagster's history, except those of the newest runs.

    Args:
        instance: the instance.
        keep: the number of newest runs that stay complete.
        ours: whether a run belongs to the store; several stores may share an instance.
        dry: whether to count only.

    Returns:
        The number of bytes of events deleted; 0 where Dagster stores a file for each run, as earlier versions did.
    """
    events, runs = instance.event_log_storage, instance.run_storage
    if not isinstance(events, SqlEventLogStorage) or not isinstance(runs, SqlRunStorage) or _by_run(events):
        return 0
    records = instance.get_run_records()
    over = [record.dagster_run for record in records if ours(record.dagster_run)][keep:]
    old = [run.run_id for run in over if run.is_finished]
    log, checks, tags = SqlEventLogStorageTable, AssetCheckExecutionsTable, AssetEventTagsTable
    kinds = log.c.dagster_event_type.in_(_LASTING)
    last_events = sa.select(sa.func.max(log.c.id)).where(log.c.asset_key.is_not(None), kinds)
    last_events = last_events.group_by(log.c.asset_key, log.c.partition, log.c.dagster_event_type)
    one = (checks.c.asset_key, checks.c.check_name, checks.c.partition)
    last_checks = sa.select(sa.func.max(checks.c.id)).group_by(*one)
    old_events = (log.c.run_id.in_(old), log.c.id.not_in(last_events))
    old_checks = (checks.c.run_id.in_(old), checks.c.id.not_in(last_checks))
    with events.index_connection() as connection:
        sizes = [sa.select(sa.func.sum(sa.func.length(column))).where(*which)
                 for column, which in ((log.c.event, old_events), (checks.c.evaluation_event, old_checks))]  # fmt: skip
        freed = sum(int(connection.execute(size).scalar() or 0) for size in sizes)
        if not dry:
            connection.execute(tags.delete().where(tags.c.event_id.in_(sa.select(log.c.id).where(*old_events))))
            connection.execute(log.delete().where(*old_events))
            connection.execute(checks.delete().where(*old_checks))
        with_events = {row[0] for row in connection.execute(sa.select(log.c.run_id).distinct())}
    if not dry:
        for run_id in (run_id for run_id in old if run_id not in with_events):
            runs.delete_run(run_id)
        _forget_snapshots(runs, [record.dagster_run for record in instance.get_run_records()])
    return freed


def _forget_snapshots(storage: SqlRunStorage, runs: Sequence[DagsterRun]) -> None:
    """Delete the snapshots of jobs and plans that no run names and that are not the parent of a named snapshot."""
    named = {name for run in runs for name in (run.job_snapshot_id, run.execution_plan_snapshot_id) if name}
    table = SnapshotsTable
    with storage.connect() as connection:
        rows = connection.execute(sa.select(table.c.snapshot_id, table.c.snapshot_body)).fetchall()
        bodies = {row[0]: row[1] for row in rows}
        parents = {_parent(bodies[name]) for name in named.intersection(bodies)}
        unnamed = bodies.keys() - named - parents
        connection.execute(table.delete().where(table.c.snapshot_id.in_(unnamed)))


def _parent(body: bytes) -> str:
    match = _PARENT.search(zlib.decompress(body))
    return match.group(1).decode() if match else ""


def _by_run(storage: SqlEventLogStorage) -> bool:
    """Whether events are in a separate file for each run."""
    return type(storage).__name__ == "SqliteEventLogStorage"


def _damaged(home: Path, deep: bool) -> Iterator[tuple[str, Path]]:
    for message in damage(home, deep=deep):
        for name in _DATABASES:
            if str(home / name) in message:
                yield message, home / name.partition("/")[0]


def _renamed(folder: Path, now: dt.datetime | None) -> Path:
    moment = f"{now or dt.datetime.now(dt.UTC):%Y-%m-%dT%H%M%S}"
    place = folder.with_name(f"{folder.name}-{_ASIDE}-{moment}")
    folder.rename(place)
    return place


def _fault(file: Path, tables: Sequence[str], deep: bool) -> str:
    """The fault of a database, in words; empty if it has none, or if it cannot be judged now."""
    for look in range(_LOOKS):
        time.sleep(_APART * bool(look))
        if not (fault := _seen(file, tables, deep)):
            return ""
    return fault


def _seen(file: Path, tables: Sequence[str], deep: bool) -> str:
    # If no process has the database open, it has no WAL file, and this check must not create one.
    mode = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?{mode}", uri=True)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                return str(answer)
            tables_present = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if missing := [name for name in tables if name not in tables_present]:
                return f"it has no table {missing[0]}"
            for name, column in _TEXTS.items():
                read = name in tables_present and (deep or name not in _LONG)
                query = f"SELECT count(*) FROM {name} WHERE {column} IS NOT NULL AND NOT json_valid({column})"
                if read and (count := connection.execute(query).fetchone()[0]):
                    return f"{count} rows of {name} cannot be read"
            for (body,) in (
                connection.execute("SELECT snapshot_body FROM snapshots") if "snapshots" in tables_present else ()
            ):
                zlib.decompress(body)
            return ""
    except zlib.error as error:
        return f"a row of snapshots cannot be read: {error}"
    except sqlite3.OperationalError:  # locked, or a failing disk: the content is unknown
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
