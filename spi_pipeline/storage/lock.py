"""The lock that keeps two processes from writing one store.

It is a lock of the operating system on an open file, so it ends with its holder, however the holder ends. The file next
to it names the holder for people and decides nothing.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import make_folder, os_errors, read_bytes, remove_leftovers, write_bytes

# How often a waiting process tries to take the lock.
POLL_SECONDS = 0.5


@contextmanager
def exclusive(root: Path, wait: float = 0) -> Iterator[None]:
    """Hold the lock of the store at ``root``; within one process any thread may take it again.

    Taking it for the first time deletes the temporaries of killed processes, since no other process can be writing.

    Args:
        root: the folder of the store.
        wait: seconds to wait for another process that holds it.

    Raises:
        SpiError: if another process still holds it after ``wait``; names that process and since when.
    """
    holder = root / "refresh.holder.json"
    with os_errors(f"The store {root} could not be locked"):
        if not root.is_dir():
            absent = f"The store {root} does not exist and cannot be created"
            with os_errors(absent, "set SPI_STORE to a folder that can be written"):
                make_folder(root)
        lock = _lock(root)
        try:
            lock.acquire(timeout=wait, poll_interval=POLL_SECONDS)
        except Timeout:
            raise SpiError(
                f"The store {root} is being written by {_describe(holder)}: wait until that has ended, "
                "then run the command again."
            ) from None
    try:
        if lock.lock_counter == 1:
            remove_leftovers(root)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            write_bytes(holder, json.dumps({"pid": os.getpid(), "since": since}).encode())
        yield
    finally:
        if lock.lock_counter == 1:
            with suppress(OSError):
                holder.unlink(missing_ok=True)
        lock.release()


def is_held(root: Path) -> bool:
    """Whether any process is writing to the store at ``root``; the check creates no file."""
    lock = _lock(root)
    if lock.is_locked or not Path(lock.lock_file).exists():
        return lock.is_locked
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _lock(root: Path) -> BaseFileLock:
    # One object per process, shared by its threads, so that taking it twice increases a count and does not fail.
    return FileLock(root / "refresh.lock", thread_local=False, is_singleton=True)


def _describe(holder: Path) -> str:
    try:
        document = json.loads(read_bytes(holder) or b"")
        return f"process {document['pid']} since {document['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
