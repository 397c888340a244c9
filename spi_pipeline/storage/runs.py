"""Records of runs: one Parquet file per kind of record and run, so that no run can damage another's record.

Rows are only ever added. ``<run_id>.<sha256>.parquet`` is named by its content; adding rows writes a new file and
deletes the previous one. A process killed between the two leaves both, and the newer one counts. A file without a
sha256 in its name was written by an earlier version of this program. The caller decides what the rows contain. A
damaged file is renamed, so that it does not count but can still be inspected.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import os_errors, read_bytes, write_bytes
from spi_pipeline.storage.parquet import decode, encode

# For a reader without the lock, a file may disappear after it was listed: its rows are then in a newer one.
_ATTEMPTS = 5
_ASIDE = ".damaged"


def append(folder: Path, run_id: str, rows: pa.Table) -> None:
    """Add ``rows`` to the record of a run in the folder of a kind; see ``Store.append_run``."""
    data = encode(_concatenate([*_read(folder, run_id), rows], folder))
    path = folder / f"{run_id}.{hashlib.sha256(data).hexdigest()}.parquet"
    write_bytes(path, data)
    for other in files_of(folder, run_id):
        if other != path:
            with suppress(OSError):  # a file that stays is older and does not count
                other.unlink()


def files_of(folder: Path, run_id: str) -> list[Path]:
    """The files of a run in the folder of a kind; the last one counts."""
    files = [*folder.glob(f"{run_id}.*.parquet"), *folder.glob(f"{run_id}.parquet")]
    return sorted(files, key=_written)


def newest_first(folder: Path) -> list[str]:
    """The runs that have a record, from the newest to the oldest."""
    with os_errors(f"{folder} could not be read"):
        paths = sorted(folder.glob("*.parquet"), key=_written, reverse=True)
    return list(dict.fromkeys(_run_of(path) for path in paths))


def read_all(folder: Path) -> pa.Table | None:
    """Return the records of all runs in ``folder``; see ``Store.read_runs``."""
    records = [record for run_id in sorted(newest_first(folder)) for record in _read(folder, run_id)]
    return _concatenate(records, folder) if records else None


def stamps(folder: Path) -> dict[str, str]:
    """Return a stamp of each run's record in ``folder``; see ``Store.run_stamps``."""
    by_run = {}
    with os_errors(f"{folder} could not be read"):
        for path in sorted(folder.glob("*.parquet"), key=_written):
            by_run[_run_of(path)] = _sha256_of(path) or f"{_written(path)}"
    return by_run


def read_one(folder: Path, run_id: str) -> pa.Table | None:
    """Return the record of one run; see ``Store.read_run``."""
    return next(iter(_read(folder, run_id)), None)


def damage(folder: Path) -> list[str]:
    """Return a sentence on each damaged file in ``folder``."""
    return [sentence for _, sentence in _damaged(folder)]


def set_aside(folder: Path) -> list[str]:
    """Rename the damaged files in ``folder``; see ``Store.set_records_aside``."""
    sentences = []
    for path, _ in _damaged(folder):
        target = path.with_name(f"{path.name}{_ASIDE}")
        with os_errors(f"{path} is damaged and could not be set aside"):
            path.replace(target)
        sentences.append(
            f"{path} was damaged and is set aside as {target.name}; the records of that run are lost, but no figures"
        )
    return sentences


def set_aside_files(folder: Path) -> dict[Path, str]:
    """The files set aside in ``folder``, each with its run."""
    return {path: _run_of(path) for path in sorted(folder.glob(f"*{_ASIDE}"))}


def _damaged(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob("*.parquet")):
        try:
            _decoded(path, read_bytes(path))
        except SpiError as error:
            yield path, str(error)


def _read(folder: Path, run_id: str) -> list[pa.Table]:
    for _ in range(_ATTEMPTS):
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
            f"{path} does not hold the bytes that were written: run spi refresh, which sets it aside; the records of "
            "that run are lost, but no figures."
        )
    return [decode(data, path)]


def _run_of(path: Path) -> str:
    return path.name.partition(".")[0]


def _sha256_of(path: Path) -> str:
    """The digest in the name of a file; empty if an earlier version wrote none."""
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
