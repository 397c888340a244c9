"""Functions that the store tests run in child processes; the module does not import pytest, so children start fast."""

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


def send_downloads(root: Path, pipe: Connection) -> None:
    """Send the current downloads as another process reads them."""
    pipe.send(Store(root).raw("census").current())


def publish_new(store: Store) -> None:
    store.publish(built(2.0), fingerprint="new", run_id="r2")


def die_at(root: Path, action: Action, moment: int, _: Connection) -> None:
    """Run ``action``, and kill the process just before its ``moment``-th change to the file system or flush."""
    moments = itertools.count(1)

    def strike() -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink")
        if changes or (event == "open" and arguments[1] == "wb" and str(arguments[0]).startswith(str(root))):
            strike()

    def fsync(fd: Any) -> None:
        # Do not really flush: it is slow, and the operating system keeps what a killed process wrote.
        strike()

    os.fsync = fsync
    sys.addaudithook(hook)
    action(Store(root))


def hold_run(root: Path, pipe: Connection) -> None:
    """Hold a run open until this process is killed."""
    with Store(root).running("r1", {"name": "refresh"}):
        pipe.send("begun")
        pipe.recv()


def take_shared_lock(descriptor: int) -> None:
    """Try a shared lock, as a reader does to see whether a run is still going."""
    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def hold_lock(root: Path, pipe: Connection) -> None:
    with Store(root).lock():
        pipe.send("held")
        pipe.recv()


def read_twice(database: Path, pipe: Connection) -> None:
    """Send the scores in the database after opening it, and again over the same connection on each message."""
    with duckdb.connect(str(database), read_only=True) as connection:
        for _ in range(2):
            pipe.send(connection.execute("SELECT DISTINCT score FROM score").fetchall())
            pipe.recv()


def publish_on_a_small_disk(root: Path, pipe: Connection) -> None:
    """Publish where no file may grow beyond 16 kB, so that the database engine meets an operating system error."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    try:
        publish_new(Store(root))
    except SpiError as error:
        pipe.send(str(error))
