"""The Dagster instance of a store: one for the command line and the UI, so that each shows what the other did."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, EventLogEntry, RunRecord, RunsFilter
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.store import Store

# One run at a time writes to a store. Telemetry is off, freshness policies are evaluated. Our own log goes into that
# of the run. The event log is Dagster's own but for its open connections and fewer transactions.
DAGSTER_YAML = """\
telemetry:
  enabled: false
freshness:
  enabled: true
run_queue:
  max_concurrent_runs: 1
python_logs:
  managed_python_loggers: [spi_pipeline]
  python_log_level: ERROR
event_log_storage:
  module: spi_pipeline.orchestration.instance
  class: PooledEventLogStorage
  config:
    base_dir: {base_dir}
"""
# Without it a dialogue that asks for a mail address covers the first page.
NUX_YAML = "seen: 1\n"
OPEN_DATABASES = 8
BUSY_SECONDS = 60
NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
STORE_TAG = "spi/store"
# As Dagster calls the module that `spi ui` and workspace.yaml name.
LOCATION = "spi_pipeline.definitions"
# From its start a run of the UI takes some hundredths of a second to the lock.
STARTING_SECONDS = 60


# Three of these come for each check of an operation, with nothing between them.
SWARM = frozenset(
    {
        DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        DagsterEventType.ASSET_CHECK_EVALUATION,
        DagsterEventType.STEP_OUTPUT,
    }
)


class PooledEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, its last few databases kept open and the events of checks stored together.

    The original opens a database, compiles its statements, commits and closes it some seven times for every check:
    1,200 checks of 80 assets took 61 s CPU on a busy machine, with the databases kept open 23 s. Here such events wait
    for the next of another kind, or for anyone who reads, and are stored in one transaction: 12 s. Nothing else
    differs; the files are the same.
    """

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._open_engines: OrderedDict[str, Engine] = OrderedDict()
        self._waiting: list[EventLogEntry] = []
        self._transaction = threading.local()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> PooledEventLogStorage:
        """Made from ``dagster.yaml``; the original's names its own class."""
        return cls(inst_data=inst_data, **config_value)

    @cached_property
    def supports_asset_checks(self) -> bool:
        """Whether there is a table for checks; the original looks twice for every check."""
        return bool(super().supports_asset_checks)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, or let it wait for those that come with it."""
        if event.is_dagster_event and event.dagster_event_type in SWARM:
            self._waiting.append(event)
            return
        self._store_waiting()
        super().store_event(event)

    def _store_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        with self._db_lock, ExitStack() as stack:
            opened: dict[str, Connection] = {}

            def connection(shard: str) -> Connection:
                if shard not in opened:
                    opened[shard] = stack.enter_context(self._begun(shard))
                return opened[shard]

            self._transaction.connection = connection
            try:
                for event in waiting:
                    super().store_event(event)
            finally:
                del self._transaction.connection

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if connection := getattr(self._transaction, "connection", None):
            yield connection(shard)
            return
        self._store_waiting()
        with self._db_lock, self._begun(shard) as begun:
            yield begun

    @contextmanager
    def _begun(self, shard: str) -> Iterator[Connection]:
        engine = self._engine(shard)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        with engine.connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        engines = self._open_engines
        if shard not in engines:
            engines[shard] = create_engine(self.conn_string_for_shard(shard), connect_args={"timeout": BUSY_SECONDS})
            if len(engines) > OPEN_DATABASES:
                engines.popitem(last=False)[1].dispose()
        engines.move_to_end(shard)
        return engines[shard]

    def dispose(self) -> None:
        """Store what still waits and close every database."""
        self._store_waiting()
        while self._open_engines:
            self._open_engines.popitem()[1].dispose()
        super().dispose()


def prepare_home(home: Path) -> Path:
    """The folder of the instance, with its settings in place; ``DAGSTER_HOME`` wins where it is set.

    Args:
        home: the folder that belongs to the store.

    Returns:
        The folder in use.

    Raises:
        SpiError: when ``DAGSTER_HOME`` names no folder.
    """
    chosen = os.environ.get("DAGSTER_HOME")
    if chosen:
        if not Path(chosen).is_dir():
            raise SpiError(f"DAGSTER_HOME names {chosen}, which is no folder; make it, or unset DAGSTER_HOME")
        return Path(chosen)
    (home / ".nux").mkdir(parents=True, exist_ok=True)
    (home / ".nux" / "nux.yaml").write_text(NUX_YAML, encoding="utf-8")
    settings = DAGSTER_YAML.format(base_dir=(home / "history" / "runs").as_posix())
    if not (home / "dagster.yaml").is_file() or (home / "dagster.yaml").read_text(encoding="utf-8") != settings:
        (home / "dagster.yaml").write_text(settings, encoding="utf-8")
    return home


def open_instance(home: Path, *, on_terminal: bool = False) -> DagsterInstance:
    """The instance of a store.

    Args:
        home: its folder.
        on_terminal: what a run prints goes to the terminal, as progress must, and not to files of the run.
    """
    found = str(prepare_home(home))
    return DagsterInstance.from_ref(InstanceRef.from_dir(found, overrides=NO_CAPTURE if on_terminal else None))


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
