"""What each run recorded: one Parquet file per kind of record and run, so that no run can spoil another's.

Rows are only ever added. What the rows say is up to those who add them.
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import os_errors, read_bytes, write_bytes
from spi_pipeline.storage.parquet import decode, encode


def append(path: Path, rows: pa.Table) -> None:
    """Add ``rows`` to the record in the file ``path``; see ``Store.append_run``."""
    write_bytes(path, encode(_concatenate([*_read(path), rows], path)))


def read_all(folder: Path) -> pa.Table | None:
    """Return the records of all runs in ``folder``; see ``Store.read_runs``."""
    records = [record for path in sorted(folder.glob("*.parquet")) for record in _read(path)]
    return _concatenate(records, folder) if records else None


def stamps(folder: Path) -> dict[str, str]:
    """Return a stamp of each run's record in ``folder``; see ``Store.run_stamps``."""
    with os_errors(f"{folder} could not be read"):
        found = {path.stem: path.stat() for path in folder.glob("*.parquet")}
    return {run_id: f"{about.st_mtime_ns}-{about.st_size}" for run_id, about in found.items()}


def read_one(path: Path) -> pa.Table | None:
    """Return the record of one run; see ``Store.read_run``."""
    return next(iter(_read(path)), None)


def _read(path: Path) -> list[pa.Table]:
    data = read_bytes(path)
    return [] if data is None else [decode(data, path)]


def _concatenate(records: Sequence[pa.Table], place: Path) -> pa.Table:
    try:
        return pa.concat_tables(records, promote_options="permissive")
    except pa.ArrowException as error:
        raise SpiError(
            f"The run records in {place} do not fit together ({error}): move the older ones out of the store and run "
            "the command again."
        ) from error
