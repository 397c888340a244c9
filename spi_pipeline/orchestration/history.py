"""Dagster's history of a store, on disk: that it is whole, that it stays small, and what is done where it is damaged.

A figure never rests on it. Runs older than the newest so many lose their events, except the last materialization and
evaluation of each asset, on which the UI's words about what there is rest.
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

# What each database must hold, by its place in the instance's folder.
_EVENTS = ("event_logs", "asset_keys", "asset_event_tags", "asset_check_executions")
_DATABASES = {
    "history/runs.db": ("runs", "run_tags", "snapshots"),
    "history/event_log.db": _EVENTS,
    "history/runs/index.db": _EVENTS,
    "schedules/schedules.db": ("instigators", "job_ticks"),
}
# What a table says in JSON; of events there are too many to read each time.
_TEXTS = {"runs": "run_body", "asset_keys": "last_materialization", "event_logs": "event",
          "asset_check_executions": "evaluation_event"}  # fmt: skip
_LONG = ("event_logs", "asset_check_executions")
_ASIDE = "damaged"
# An event is 2 kB of JSON: in a page of 4 kB one fits and the rest is lost. The history of a full run takes 6.8 MB in
# pages of 4 kB, 6.2 in 8, 5.9 in 16 and 6.2 in 32.
_PAGE_BYTES = 16_384
_FULL = 1
# A database that another process opens or closes between two of our looks can seem torn: it is looked at so often, so
# many seconds apart, before it is called damaged.
_LOOKS, _APART = 3, 0.2
# Events that say what there is, of which the last stays.
_LASTING = [DagsterEventType.ASSET_MATERIALIZATION.value, DagsterEventType.ASSET_OBSERVATION.value]
_PARENT = re.compile(rb'"parent_snapshot_id": "(\w+)"')


def damage(home: Path, *, deep: bool = False) -> list[str]:
    """What is damaged of an instance's databases, in sentences; one that is busy is not judged.

    Args:
        home: the instance's folder.
        deep: read every event too, which a run need not.
    """
    found = []
    for name, tables in _DATABASES.items():
        file = home / name
        if file.is_file() and (fault := _fault(file, tables, deep)):
            found.append(f"Dagster's history is damaged ({file}: {fault})")
    return found


def set_aside(home: Path, now: dt.datetime | None = None, *, deep: bool = False) -> list[str]:
    """Rename the folders of damaged databases, so that Dagster begins new ones.

    Args:
        home: the instance's folder.
        now: the moment that names go by; the clock's when left out.
        deep: as for ``damage``.

    Returns:
        A sentence on each folder: what was found and where it is now.
    """
    said = []
    for told, folder in _damaged(home, deep):
        if folder.is_dir():
            place = _renamed(folder, now)
            said.append(f"{told}: it was set aside as {place} and a new one begun; no figure rests on it")
    return said


def aside(home: Path) -> list[Path]:
    """The folders that were set aside, newest first."""
    return sorted(home.glob(f"*-{_ASIDE}-*"), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def pack(home: Path) -> None:
    """Give databases that were just made pages that events fit into, and let them shrink when something is deleted.

    One that others have open stays as it is until a later time; the old form is as good, and takes more room.
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
    """Delete what runs that ended left in Dagster's history, the newest so many aside.

    Args:
        instance: the instance.
        keep: so many runs stay as they are.
        ours: whether a run belongs to the store: others may share an instance.
        dry: only count.

    Returns:
        How many bytes of events went; 0 where Dagster keeps a file for each run, as earlier versions had it.
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
    gone = (log.c.run_id.in_(old), log.c.id.not_in(last_events))
    judged = (checks.c.run_id.in_(old), checks.c.id.not_in(last_checks))
    with events.index_connection() as connection:
        sizes = [sa.select(sa.func.sum(sa.func.length(column))).where(*which)
                 for column, which in ((log.c.event, gone), (checks.c.evaluation_event, judged))]  # fmt: skip
        freed = sum(int(connection.execute(size).scalar() or 0) for size in sizes)
        if not dry:
            connection.execute(tags.delete().where(tags.c.event_id.in_(sa.select(log.c.id).where(*gone))))
            connection.execute(log.delete().where(*gone))
            connection.execute(checks.delete().where(*judged))
        staying = {row[0] for row in connection.execute(sa.select(log.c.run_id).distinct())}
    if not dry:
        for run_id in (run_id for run_id in old if run_id not in staying):
            runs.delete_run(run_id)
        _forget_snapshots(runs, [record.dagster_run for record in instance.get_run_records()])
    return freed


def _forget_snapshots(storage: SqlRunStorage, runs: Sequence[DagsterRun]) -> None:
    """Delete the descriptions of jobs and plans that no run names, nor the job that a run's is a part of."""
    named = {name for run in runs for name in (run.job_snapshot_id, run.execution_plan_snapshot_id) if name}
    table = SnapshotsTable
    with storage.connect() as connection:
        rows = connection.execute(sa.select(table.c.snapshot_id, table.c.snapshot_body)).fetchall()
        bodies = {row[0]: row[1] for row in rows}
        parents = {_parent(bodies[name]) for name in named.intersection(bodies)}
        unnamed = bodies.keys() - named - parents
        connection.execute(table.delete().where(table.c.snapshot_id.in_(unnamed)))


def _parent(body: bytes) -> str:
    found = _PARENT.search(zlib.decompress(body))
    return found.group(1).decode() if found else ""


def _by_run(storage: SqlEventLogStorage) -> bool:
    """Whether events lie in a file for each run."""
    return type(storage).__name__ == "SqliteEventLogStorage"


def _damaged(home: Path, deep: bool) -> Iterator[tuple[str, Path]]:
    for told in damage(home, deep=deep):
        for name in _DATABASES:
            if str(home / name) in told:
                yield told, home / name.partition("/")[0]


def _renamed(folder: Path, now: dt.datetime | None) -> Path:
    moment = f"{now or dt.datetime.now(dt.UTC):%Y-%m-%dT%H%M%S}"
    place = folder.with_name(f"{folder.name}-{_ASIDE}-{moment}")
    folder.rename(place)
    return place


def _fault(file: Path, tables: Sequence[str], deep: bool) -> str:
    """What is wrong with a database, in words; empty where nothing is, or where it cannot be said now."""
    for look in range(_LOOKS):
        time.sleep(_APART * bool(look))
        if not (fault := _seen(file, tables, deep)):
            return ""
    return fault


def _seen(file: Path, tables: Sequence[str], deep: bool) -> str:
    # Where nobody has it open there is no log beside it, and looking at it shall leave none.
    how = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?{how}", uri=True)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                return str(said)
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if gone := [name for name in tables if name not in there]:
                return f"it holds no table {gone[0]}"
            for name, column in _TEXTS.items():
                read = name in there and (deep or name not in _LONG)
                query = f"SELECT count(*) FROM {name} WHERE {column} IS NOT NULL AND NOT json_valid({column})"
                if read and (count := connection.execute(query).fetchone()[0]):
                    return f"{count} rows of {name} cannot be read"
            for (body,) in connection.execute("SELECT snapshot_body FROM snapshots") if "snapshots" in there else ():
                zlib.decompress(body)
            return ""
    except zlib.error as error:
        return f"a row of snapshots cannot be read: {error}"
    except sqlite3.OperationalError:  # locked, or a disk that refuses: nothing is known of the content
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
