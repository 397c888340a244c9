"""What each run recorded: one Parquet file per kind of record and run, so that no run can spoil another's.

Rows are only ever added. ``<run_id>.<sha256>.parquet`` is named by its content; adding rows writes another file and
deletes the one before. A process killed between the two leaves both, of which the newer counts. A file without a
sha256 in its name is of an earlier version of this program. What the rows say is up to those who add them. A damaged
file is renamed, so that it does not count and can still be looked at.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import os_errors, read_bytes, write_bytes
from spi_pipeline.storage.parquet import decode, encode

# A reader without the lock may find a file gone that was there when it looked: its rows are in a newer one.
_LOOKS = 5
_ASIDE = ".damaged"


def append(folder: Path, run_id: str, rows: pa.Table) -> None:
    """Add ``rows`` to what a run recorded in the folder of a kind; see ``Store.append_run``."""
    data = encode(_concatenate([*_read(folder, run_id), rows], folder))
    path = folder / f"{run_id}.{hashlib.sha256(data).hexdigest()}.parquet"
    write_bytes(path, data)
    for other in files_of(folder, run_id):
        if other != path:
            with suppress(OSError):  # what stays is older and does not count
                other.unlink()


def files_of(folder: Path, run_id: str) -> list[Path]:
    """The files of a run in the folder of a kind, the one that counts last."""
    found = [*folder.glob(f"{run_id}.*.parquet"), *folder.glob(f"{run_id}.parquet")]
    return sorted(found, key=_written)


def newest_first(folder: Path) -> list[str]:
    """The runs that recorded something, the one that recorded last before all others."""
    with os_errors(f"{folder} could not be read"):
        paths = sorted(folder.glob("*.parquet"), key=_written, reverse=True)
    return list(dict.fromkeys(_run_of(path) for path in paths))


def read_all(folder: Path) -> pa.Table | None:
    """Return the records of all runs in ``folder``; see ``Store.read_runs``."""
    records = [record for run_id in sorted(newest_first(folder)) for record in _read(folder, run_id)]
    return _concatenate(records, folder) if records else None


def stamps(folder: Path) -> dict[str, str]:
    """Return a stamp of each run's record in ``folder``; see ``Store.run_stamps``."""
    found = {}
    with os_errors(f"{folder} could not be read"):
        for path in sorted(folder.glob("*.parquet"), key=_written):
            found[_run_of(path)] = _sha256_of(path) or f"{_written(path)}"
    return found


def read_one(folder: Path, run_id: str) -> pa.Table | None:
    """Return the record of one run; see ``Store.read_run``."""
    return next(iter(_read(folder, run_id)), None)


def damage(folder: Path) -> list[str]:
    """What is damaged in ``folder``, in sentences."""
    return [told for _, told in _damaged(folder)]


def set_aside(folder: Path) -> list[str]:
    """Rename what is damaged in ``folder``; see ``Store.set_records_aside``."""
    said = []
    for path, _ in _damaged(folder):
        place = path.with_name(f"{path.name}{_ASIDE}")
        with os_errors(f"{path} is damaged and could not be set aside"):
            path.replace(place)
        said.append(f"{path} is damaged: it was set aside as {place.name}; what that run found is lost, no figure is")
    return said


def aside(folder: Path) -> dict[Path, str]:
    """What was set aside in ``folder``, each file with its run."""
    return {path: _run_of(path) for path in sorted(folder.glob(f"*{_ASIDE}"))}


def _damaged(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob("*.parquet")):
        try:
            _decoded(path, read_bytes(path))
        except SpiError as error:
            yield path, str(error)


def _read(folder: Path, run_id: str) -> list[pa.Table]:
    for _ in range(_LOOKS):
        paths = files_of(folder, run_id)
        if not paths:
            return []
        data = read_bytes(paths[-1])
        if data is not None:
            return _decoded(paths[-1], data)
    return []


def _decoded(path: Path, data: bytes | None) -> list[pa.Table]:
    if data is None:
        return []
    promised = _sha256_of(path)
    if promised and hashlib.sha256(data).hexdigest() != promised:
        raise SpiError(
            f"{path} does not hold the bytes that were written: run spi refresh, which sets it aside; what that run "
            "found is lost, no figure is."
        )
    return [decode(data, path)]


def _run_of(path: Path) -> str:
    return path.name.partition(".")[0]


def _sha256_of(path: Path) -> str:
    """The digest in the name of a file; empty where an earlier version wrote none."""
    return path.stem.partition(".")[2]


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _concatenate(records: Sequence[pa.Table], place: Path) -> pa.Table:
    try:
        return pa.concat_tables(records, promote_options="permissive")
    except pa.ArrowException as error:
        raise SpiError(
            f"The run records in {place} do not fit together ({error}): move the older ones out of the store and run "
            "the command again."
        ) from error
