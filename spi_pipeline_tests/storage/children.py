"""What the store tests run in processes of their own: importable and free of pytest, so that a child starts soon."""

from __future__ import annotations

import fcntl
import itertools
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage.examples import AT, built, fetched, scores

Action = Callable[[Store], Any]


def write_new(store: Store) -> None:
    store.write("score", scores(2.0), fingerprint="f2", run_id="r2")


def write_under_lock(store: Store) -> None:
    with store.lock():
        write_new(store)


def keep_old(store: Store) -> None:
    store.keep("score", reason="the publisher was away", run_id="r2")


def append_rows(store: Store) -> None:
    store.append_run("check_result", "r1", scores(2.0))


def complete_downloads(store: Store) -> None:
    fetched(store, "2026-02", "r2")


def fail_to_fetch(store: Store) -> None:
    store.raw("census").fail("the publisher was away", run_id="r2", at=AT)


def tell_downloads(root: Path, said: Connection) -> None:
    """What another process reads of the downloads that were fetched."""
    said.send(Store(root).raw("census").current())


def publish_new(store: Store) -> None:
    store.publish(built(2.0), fingerprint="new", run_id="r2")


def die_at(root: Path, action: Action, moment: int, _: Connection) -> None:
    """Do ``action``, killed just before the ``moment``-th change or flush it asks of the file system."""
    moments = itertools.count(1)

    def strike() -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink")
        if changes or (event == "open" and arguments[1] == "wb" and str(arguments[0]).startswith(str(root))):
            strike()

    def fsync(fd: Any) -> None:
        # Nothing is really flushed: what a killed process wrote is safe with the system, and flushing is slow.
        strike()

    os.fsync = fsync
    sys.addaudithook(hook)
    action(Store(root))


def hold_run(root: Path, said: Connection) -> None:
    """A run that goes on until its process is killed."""
    with Store(root).going("r1", {"name": "refresh"}):
        said.send("begun")
        said.recv()


def look(descriptor: int) -> None:
    """Look at a lock, as whoever asks whether a run goes on does."""
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def hold_lock(root: Path, pipe: Connection) -> None:
    with Store(root).lock():
        pipe.send("held")
        pipe.recv()


def read_twice(database: Path, pipe: Connection) -> None:
    """Report what the database says when opened, and again, over the same connection, when told to."""
    with duckdb.connect(str(database), read_only=True) as connection:
        for _ in range(2):
            pipe.send(connection.execute("SELECT DISTINCT score FROM score").fetchall())
            pipe.recv()


def publish_on_a_small_disk(root: Path, pipe: Connection) -> None:
    """Publish where no file may grow beyond 16 kB: what the database engine then meets is an error of the system."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    try:
        publish_new(Store(root))
    except SpiError as error:
        pipe.send(str(error))
