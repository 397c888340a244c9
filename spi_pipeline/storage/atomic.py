"""Replacing files, links and folders so that a reader sees the old or the new one, never a part.

Everything is written under a temporary name in the folder of its target, forced to disk and moved over the target. A
process killed on the way leaves a temporary name behind, which ``remove_leftovers`` deletes. This module does not know
the content of the files.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.places import CACHE, PUBLISHED, QUARANTINE, RAW, RELEASES, RUNNING, RUNS, TABLES

_MARK = ".tmp-"
# Where temporary names can appear, relative to the root; ``dagster/`` and ``inbox/`` belong to others.
_WRITTEN = (
    "", f"{RUNNING}/", f"{CACHE}/", f"{PUBLISHED}/", f"{RELEASES}/", f"{TABLES}/*/", f"{QUARANTINE}/*/", f"{RUNS}/*/",
    f"{RAW}/*/", f"{RAW}/*/answers/", f"{RAW}/*/receiving/", f"{RAW}/*/sets/",
)  # fmt: skip


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name next to ``path``; when the body succeeds, the file it wrote there replaces ``path``.

    The body makes a file, a link or (if ``path`` does not exist yet) a folder, and forces it to disk with ``sync``.
    When it fails, the temporary is removed and ``path`` is unchanged. The one exception: if the disk moves the file but
    then fails to sync the folder, the new file stays.

    Raises:
        SpiError: for an ``OSError`` of the body or of the move, such as a full disk.
    """
    temporary = _temporary(path)
    with os_errors(f"{path} could not be written"):
        try:
            make_folder(path.parent)
            _remove(temporary)
            yield temporary
            temporary.replace(path)
            sync(path.parent)
        finally:
            _remove(temporary)


def write_bytes(path: Path, data: bytes) -> None:
    """Make ``data`` the content of the file ``path``.

    Raises:
        SpiError: if the disk refuses; ``path`` is then unchanged.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)
        sync(temporary)


def read_bytes(path: Path) -> bytes | None:
    """Return the content of the file ``path``, or None if there is no such file.

    Raises:
        SpiError: if it exists and cannot be read.
    """
    with os_errors(f"{path} could not be read"):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard(path: Path) -> None:
    """Delete a folder or file that may be in use; it disappears under its own name at once, or not at all."""
    temporary = _temporary(path)
    with os_errors(f"{path} could not be deleted"):
        _remove(temporary)
        path.replace(temporary)
    _remove(temporary)


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents, and force their names to disk.

    Raises:
        OSError: if the disk refuses.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


def sync(path: Path) -> None:
    """Force a file, or the entries of a folder, to disk.

    Raises:
        OSError: if the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(root: Path) -> None:
    """Delete the temporaries of killed processes below the store root; the caller holds the store's lock."""
    for folder in _WRITTEN:
        for path in root.glob(f"{folder}*{_MARK}[0-9]*"):
            _remove(path)


@contextmanager
def os_errors(finding: str, remedy: str = "check the folder and its permissions") -> Iterator[None]:
    """Turn an ``OSError`` of the body into a sentence that begins with ``finding`` and ends with ``remedy``.

    Raises:
        SpiError: instead of the ``OSError``.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some disk space" if full else remedy
        raise SpiError(f"{finding} ({error.strerror or error}): {advice} and run the command again.") from error


def _temporary(path: Path) -> Path:
    return path.with_name(f"{path.name}{_MARK}{os.getpid()}")


def _remove(path: Path) -> None:
    """Delete a file, link or folder if it exists; anything that resists is left to the next ``remove_leftovers``."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink(missing_ok=True)
