"""Runs in progress: each writes a record when it begins and removes it once it has recorded its end.

Next to the record is a lock of the operating system, which ends with its holder. So a record whose lock is free belongs
to a run that was killed. This does not depend on the clock or on process ids, which other processes may have after a
restart of the machine. The caller decides what a record contains.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from spi_pipeline.storage.atomic import make_folder, os_errors
from spi_pipeline.storage.documents import read_document, write_document


@dataclass(frozen=True)
class RunInProgress:
    """A run that began and has not recorded its end.

    Attributes:
        run_id: its id.
        details: its description from when it began.
        alive: whether its process exists; otherwise it was killed.
        trace: the file with the stack traces of a process that ended itself at its deadline; None otherwise.
    """

    run_id: str
    details: Mapping[str, Any]
    alive: bool
    trace: Path | None = None


@contextmanager
def begin(folder: Path, run_id: str, details: Mapping[str, Any]) -> Iterator[Path]:
    """Hold the record of a run, which ``forget`` removes; see ``Store.running``."""
    lock = FileLock(folder / f"{run_id}.lock", thread_local=False)
    with ExitStack() as held:
        with os_errors(f"{folder} could not be written"):
            make_folder(folder)
            held.enter_context(lock.acquire(timeout=0))
        write_document(folder / f"{run_id}.json", details)
        yield folder / f"{run_id}.trace"


def in_progress(folder: Path) -> list[RunInProgress]:
    """Every run that has a record, by id; see ``Store.runs_in_progress``."""
    return [_run_of(folder, path.stem) for path in sorted(folder.glob("*.json"))]


def forget(folder: Path, run_id: str) -> None:
    """Remove the record of a run; a stack trace stays as long as the run's other records."""
    for ending in ("json", "lock"):
        with suppress(OSError):
            (folder / f"{run_id}.{ending}").unlink(missing_ok=True)
    trace = folder / f"{run_id}.trace"
    with suppress(OSError):
        if trace.is_file() and not trace.stat().st_size:
            trace.unlink()


def _run_of(folder: Path, run_id: str) -> RunInProgress:
    file = folder / f"{run_id}.trace"
    trace = file if file.is_file() and file.stat().st_size else None
    return RunInProgress(run_id, read_document(folder / f"{run_id}.json"), _is_held(folder / f"{run_id}.lock"), trace)


def _is_held(path: Path) -> bool:
    """Whether a lock is held. It is tried as a shared lock, so that simultaneous checks do not see each other."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:  # for example, of another user: assume that it is held
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
