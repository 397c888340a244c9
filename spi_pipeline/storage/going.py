"""Runs that go on: each leaves a record when it begins and takes it away when it has ended and said how.

Beside the record lies a lock of the operating system, which dies with its holder. So a record whose lock nobody holds
is that of a run that was killed, whoever looks, and whatever the clock says: no process id is compared, which after a
restart of the machine may be that of another. What a record says is up to those who begin runs.
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
class Going:
    """A run that began and has not said how it ended.

    Attributes:
        run_id: its id.
        about: what it said of itself when it began.
        alive: whether its process is there; where it is not, it was killed.
        stood: file that says where its process stood when it ended itself at its deadline; None where it did not.
    """

    run_id: str
    about: Mapping[str, Any]
    alive: bool
    stood: Path | None = None


@contextmanager
def begin(folder: Path, run_id: str, about: Mapping[str, Any]) -> Iterator[Path]:
    """Hold the record of a run; ``forget`` takes it away. See ``Store.going``."""
    lock = FileLock(folder / f"{run_id}.lock", thread_local=False)
    with ExitStack() as held:
        with os_errors(f"{folder} could not be written"):
            make_folder(folder)
            held.enter_context(lock.acquire(timeout=0))
        write_document(folder / f"{run_id}.json", about)
        yield folder / f"{run_id}.trace"


def found(folder: Path) -> list[Going]:
    """Every run that has a record, by id; see ``Store.all_going``."""
    return [_looked_at(folder, path.stem) for path in sorted(folder.glob("*.json"))]


def forget(folder: Path, run_id: str) -> None:
    """Take the record of a run away; where its process stood stays as long as what the run recorded."""
    for ending in ("json", "lock"):
        with suppress(OSError):
            (folder / f"{run_id}.{ending}").unlink(missing_ok=True)
    trace = folder / f"{run_id}.trace"
    with suppress(OSError):
        if trace.is_file() and not trace.stat().st_size:
            trace.unlink()


def _looked_at(folder: Path, run_id: str) -> Going:
    trace = folder / f"{run_id}.trace"
    stood = trace if trace.is_file() and trace.stat().st_size else None
    return Going(run_id, read_document(folder / f"{run_id}.json"), _is_held(folder / f"{run_id}.lock"), stood)


def _is_held(path: Path) -> bool:
    """Asked for as one of many readers: so those who look at once do not take each other for the run."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:  # of another user, say: nothing speaks against it
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
