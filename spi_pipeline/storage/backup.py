"""Backups of a store: complete and checked copies that can be restored, taken while other processes write.

Files that name other files are copied before the files they name, and files named by their content never change. So the
copy is the state that a process killed at that moment would have left, and every refresh can continue from it. SQLite
databases are copied with the backup function of SQLite. ``backup.json`` in the copy lists every file with its sha256.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import os_errors, read_bytes, replacing, sha256_of, sync
from spi_pipeline.storage.documents import sealed, unsealed
from spi_pipeline.storage.places import (
    ALERTS,
    CACHE,
    DAGSTER,
    INBOX,
    LAYOUT,
    PUBLISHED,
    QUARANTINE,
    RAW,
    RELEASES,
    RUNS,
    TABLES,
)

_CONTENTS = "backup.json"
# Files that name other files come first; files that exist only for the moment, such as locks, are left out.
_POINTERS = (LAYOUT, f"{CACHE}/*", f"{TABLES}/*/current.json", f"{RAW}/*/*.json", f"{RAW}/*/answers/*")
_FOLDERS = (TABLES, RAW, RUNS, QUARANTINE, PUBLISHED, RELEASES, INBOX, ALERTS, DAGSTER)
_PASSING = (".lock", "-wal", "-shm", "-journal")


def back_up(root: Path, to: Path) -> int:
    """Copy the store at ``root`` into the folder ``to``, which appears whole or not at all.

    Returns:
        The number of bytes copied.

    Raises:
        SpiError: if there is no store, ``to`` is not empty, or the disk refuses.
    """
    if not (root / LAYOUT).is_file():
        raise SpiError(f"There is no store at {root} to back up: set SPI_STORE to the folder of a store.")
    _refuse_occupied(to, "name another folder")
    if to.resolve().is_relative_to(root):
        raise SpiError(f"{to} is inside the store {root}: name a folder elsewhere, preferably on another disk.")
    with replacing(to) as copy:
        copy.mkdir()
        for link in links(root):
            _place(copy, link.relative_to(root)).symlink_to(link.readlink())
        for file in _naming(root):
            copy_file(file, _place(copy, file.relative_to(root)))
        # Until nothing is new: a file that changed meanwhile has another name.
        while [file for file in _missing(root, copy) if copy_file(file, _place(copy, file.relative_to(root)))]:
            pass
        if lost := _lost(copy):
            raise SpiError(
                f"{root} changed faster than it could be copied ({lost} was removed meanwhile): run the command again."
            )
        files = {file.relative_to(copy).as_posix(): sha256_of(file) for file in _files(copy)}
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        (copy / _CONTENTS).write_bytes(sealed({"taken_at": taken, "files": files}))
        for file in _files(copy):
            sync(file)
        return sum(file.stat().st_size for file in _files(copy))


def restore(root: Path, source: Path, *, replace: bool) -> Path | None:
    """Restore a copy as the store at ``root``, checked file by file, in one move.

    Args:
        root: the root of the store.
        source: the copy.
        replace: whether to move an existing store aside; the caller holds its lock.

    Returns:
        The new path of the store that was moved aside; None if there was none.

    Raises:
        SpiError: if the copy is damaged or is not a backup, something is in the way, or the disk refuses; the store is
            then unchanged.
    """
    contents = _contents(source)
    if not replace:
        _refuse_occupied(root, "give --replace to move it aside, or set SPI_STORE to another folder")
    staged, aside = root.with_name(f"{root.name}.restoring"), None
    with os_errors(f"{root} could not be restored"):
        shutil.rmtree(staged, ignore_errors=True)
        try:
            for link in (path for path in source.rglob("*") if path.is_symlink()):
                _place(staged, link.relative_to(source)).symlink_to(link.readlink())
            for name, sha256 in contents.items():
                target = _place(staged, Path(name))
                if not copy_file(source / name, target) or sha256_of(target) != sha256:
                    raise SpiError(f"{source / name} does not hold what was backed up: take another backup.")
                sync(target)
            if root.exists() and any(root.iterdir()):
                aside = root.with_name(f"{root.name}.before-{datetime.now(UTC):%Y-%m-%dT%H%M%S}")
                root.rename(aside)
            staged.replace(root)
            sync(root.parent)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return aside


def lasting_files(root: Path) -> list[Path]:
    """Every file of the store at ``root`` that outlasts commands, unlike locks; files that name others come first."""
    others = (file for folder in _FOLDERS for file in _files(root / folder) if _stays(file))
    return list(dict.fromkeys([*_naming(root), *others]))


def links(root: Path) -> list[Path]:
    """Every link of the store at ``root``."""
    return [path for path in (*(root / PUBLISHED).glob("*"), *root.glob("*")) if path.is_symlink()]


def _naming(root: Path) -> list[Path]:
    return [file for pattern in _POINTERS for file in sorted(root.glob(pattern)) if _stays(file)]


def _contents(source: Path) -> dict[str, str]:
    if not source.is_dir():
        raise SpiError(f"There is no folder {source}: name the folder of a backup.")
    content = read_bytes(source / _CONTENTS)
    if content is None:
        raise SpiError(f"{source} is not a backup, since it holds no {_CONTENTS}: name the folder of a backup.")
    try:
        files: dict[str, str] = unsealed(content)["files"]
    except (ValueError, KeyError):
        raise SpiError(f"{source / _CONTENTS} is damaged, so the backup cannot be checked: name another one.") from None
    if odd := [name for name in files if Path(name).is_absolute() or ".." in Path(name).parts]:
        raise SpiError(f"{source} names {odd[0]!r}, which is not below a store: name another backup.")
    return files


def _missing(root: Path, copy: Path) -> list[Path]:
    files = (file for folder in _FOLDERS for file in _files(root / folder) if _stays(file))
    return [file for file in files if not (copy / file.relative_to(root)).exists()]


def _lost(copy: Path) -> str:
    """A table whose current version is not in the copy, since it was pruned meanwhile; empty if there is none."""
    for pointer in copy.glob(f"{TABLES}/*/current.json"):
        with suppress(ValueError):  # damaged before it was copied
            if not pointer.with_name(f"{unsealed(pointer.read_bytes()).get('sha256')}.parquet").exists():
                return pointer.parent.name
    return ""


def _stays(file: Path) -> bool:
    return file.is_file() and ".tmp-" not in str(file) and not file.name.endswith(_PASSING)


def _files(folder: Path) -> list[Path]:
    """Every file below a folder, without links."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in sorted(names)
            if not Path(place, name).is_symlink()]  # fmt: skip


def _place(root: Path, name: Path) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    return root / name


def copy_file(file: Path, target: Path) -> bool:
    """Copy a file with its modification time, and a SQLite database as a whole; False if the file has disappeared.

    Raises:
        SpiError: if a database cannot be read.
    """
    if file.suffix == ".db" and file.is_file() and _is_sqlite(file):
        # Reading a database while others write creates a file next to it, which a read-only disk refuses; but where
        # nobody can write, there are no writers.
        log = file.with_name(f"{file.name}-wal")
        mode = "mode=ro" if log.exists() or os.access(file.parent, os.W_OK) else "immutable=1"
        try:
            with (
                closing(sqlite3.connect(f"{file.as_uri()}?{mode}", uri=True)) as source,
                closing(sqlite3.connect(target)) as copy,
            ):
                source.backup(copy)
        except sqlite3.Error as error:
            raise SpiError(f"{file} could not be copied ({error}): run spi refresh, then back up again.") from error
        return True
    try:
        shutil.copy2(file, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
        return False
    return True


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(16) == b"SQLite format 3\0"


def _refuse_occupied(folder: Path, remedy: str) -> None:
    with os_errors(f"{folder} could not be read"):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise SpiError(f"{folder} exists and is not empty: {remedy}.")
