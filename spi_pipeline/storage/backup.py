"""A copy of a store that can be put back: whole, checked, and taken while others write.

What names other files is copied before what it names, and files that a name tells the content of never change. So the
copy is what a process killed at that moment would have left, which every refresh can go on from. Databases of SQLite
are copied by its own means. ``backup.json`` in the copy names every file with its sha256.
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
    DAGSTER,
    INBOX,
    LAYOUT,
    MEMORY,
    PUBLISHED,
    QUARANTINE,
    RAW,
    RELEASES,
    RUNS,
    TABLES,
)

_CONTENTS = "backup.json"
# What names other files, before all others; what is there for the moment, such as locks, is left out.
_NAMING = (LAYOUT, f"{MEMORY}/*", f"{TABLES}/*/current.json", f"{RAW}/*/*.json", f"{RAW}/*/answers/*")
_FOLDERS = (TABLES, RAW, RUNS, QUARANTINE, PUBLISHED, RELEASES, INBOX, ALERTS, DAGSTER)
_PASSING = (".lock", "-wal", "-shm", "-journal")


def back_up(root: Path, to: Path) -> int:
    """Copy the store at ``root`` into the folder ``to``, which appears whole or not at all.

    Returns:
        How many bytes it holds.

    Raises:
        SpiError: where there is no store, ``to`` holds something, or the disk refuses.
    """
    if not (root / LAYOUT).is_file():
        raise SpiError(f"There is no store at {root} to back up: set SPI_STORE to the folder of one.")
    _refuse_occupied(to, "name another folder")
    if to.resolve().is_relative_to(root):
        raise SpiError(f"{to} lies inside the store {root}: name a folder elsewhere, best on another disk.")
    with replacing(to) as copy:
        copy.mkdir()
        for link in links(root):
            _place(copy, link.relative_to(root)).symlink_to(link.readlink())
        for file in _naming(root):
            copied(file, _place(copy, file.relative_to(root)))
        # Until nothing is new: what was added to meanwhile has another name.
        while [file for file in _missing(root, copy) if copied(file, _place(copy, file.relative_to(root)))]:
            pass
        if lost := _lost(copy):
            raise SpiError(f"{root} changed faster than it could be copied ({lost} went meanwhile): run it again.")
        files = {file.relative_to(copy).as_posix(): sha256_of(file) for file in _files(copy)}
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        (copy / _CONTENTS).write_bytes(sealed({"taken_at": taken, "files": files}))
        for file in _files(copy):
            sync(file)
        return sum(file.stat().st_size for file in _files(copy))


def restore(root: Path, source: Path, *, replace: bool) -> Path | None:
    """Put a copy back as the store at ``root``, checked file by file, in one move.

    Args:
        root: where the store is to be.
        source: the copy.
        replace: whether a store that is there gives way; the caller holds its lock.

    Returns:
        Where the store that gave way is now; None where there was none.

    Raises:
        SpiError: where the copy is damaged or no copy, something is in the way, or the disk refuses; the store is then
            as it was.
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
                if not copied(source / name, target) or sha256_of(target) != sha256:
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


def lasting(root: Path) -> list[Path]:
    """Every file of the store at ``root`` that outlasts commands, what names others first; locks do not."""
    rest = (file for folder in _FOLDERS for file in _files(root / folder) if _stays(file))
    return list(dict.fromkeys([*_naming(root), *rest]))


def links(root: Path) -> list[Path]:
    """Every link of the store at ``root``."""
    return [path for path in (*(root / PUBLISHED).glob("*"), *root.glob("*")) if path.is_symlink()]


def _naming(root: Path) -> list[Path]:
    return [file for pattern in _NAMING for file in sorted(root.glob(pattern)) if _stays(file)]


def _contents(source: Path) -> dict[str, str]:
    try:
        files: dict[str, str] = unsealed(read_bytes(source / _CONTENTS) or b"")["files"]
    except (ValueError, KeyError):
        raise SpiError(f"{source} is no backup of a store, or its {_CONTENTS} is damaged: name another one.") from None
    if odd := [name for name in files if Path(name).is_absolute() or ".." in Path(name).parts]:
        raise SpiError(f"{source} names {odd[0]!r}, which is not below a store: name another backup.")
    return files


def _missing(root: Path, copy: Path) -> list[Path]:
    found = (file for folder in _FOLDERS for file in _files(root / folder) if _stays(file))
    return [file for file in found if not (copy / file.relative_to(root)).exists()]


def _lost(copy: Path) -> str:
    """A table whose current version is not in the copy, since it was pruned meanwhile; empty where there is none."""
    for pointer in copy.glob(f"{TABLES}/*/current.json"):
        with suppress(ValueError):  # damaged before it was copied
            if not pointer.with_name(f"{unsealed(pointer.read_bytes()).get('sha256')}.parquet").exists():
                return pointer.parent.name
    return ""


def _stays(file: Path) -> bool:
    return file.is_file() and ".tmp-" not in str(file) and not file.name.endswith(_PASSING)


def _files(folder: Path) -> list[Path]:
    """Every file below a folder that no link leads to."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in sorted(names)
            if not Path(place, name).is_symlink()]  # fmt: skip


def _place(root: Path, name: Path) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    return root / name


def copied(file: Path, target: Path) -> bool:
    """Copy a file with the time of its writing, a database of SQLite whole; False where it is gone meanwhile.

    Raises:
        SpiError: where a database cannot be read.
    """
    if file.suffix == ".db" and file.is_file() and _is_sqlite(file):
        # Reading a database beside its writers makes a file beside it, which a disk that only reads refuses; where
        # nobody can write there are no writers.
        log = file.with_name(f"{file.name}-wal")
        how = "mode=ro" if log.exists() or os.access(file.parent, os.W_OK) else "immutable=1"
        try:
            with (
                closing(sqlite3.connect(f"{file.as_uri()}?{how}", uri=True)) as source,
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
            raise SpiError(f"{folder} is there and holds something: {remedy}.")
