"""Table versions: immutable Parquet files named by their content, and the small pointer that says which is current.

``<name>/<sha256>.parquet`` is written once; ``<name>/current.json`` is replaced in one move. A process killed between
the two leaves a file that nothing refers to. The caller decides whether a version is good enough to be written.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import os_errors, read_bytes, write_bytes
from spi_pipeline.storage.documents import sealed, unsealed
from spi_pipeline.storage.parquet import decode, decode_metadata, encode
from spi_pipeline.storage.places import table_name

_SHA256 = re.compile(r"[0-9a-f]{64}")
_POINTER = "current.json"
# The metadata of the table of a source: the files it was read from.
ORIGINS = "spi_origins"


@dataclass(frozen=True)
class Version:
    """The current version of one table.

    Attributes:
        name: the table's name.
        sha256: the digest of its Parquet file; equal content, equal version.
        rows: number of rows.
        bytes: size of the Parquet file.
        fingerprint: of everything that the step that wrote it depends on, as the caller computed it.
        run_id: the run that wrote it.
        written_at: the time of writing, ISO 8601, UTC.
        path: its Parquet file.
        stale_since: when a newer version was first rejected or could not be made; None if it is not stale.
        stale_reason: the reason of the last such failure.
        stale_run_id: the run of the last such failure.
        judged: the digest of the rules it was last checked by and passed.
    """

    name: str
    sha256: str
    rows: int
    bytes: int
    fingerprint: str
    run_id: str
    written_at: str
    path: Path
    stale_since: str | None = None
    stale_reason: str | None = None
    stale_run_id: str | None = None
    judged: str = ""


class Tables:
    """The folder of all tables; ``Store`` documents what its methods promise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Files found to be whole: path, time of writing and size. Each file is read once per process.
        self._whole: set[tuple[Path, int, int]] = set()

    def current(self, name: str) -> Version | None:
        """See ``Store.current``."""
        pointer = self._pointer(name)
        data = read_bytes(pointer)
        if data is None:
            return None
        try:
            version = self._parse(name, data)
        except (ValueError, TypeError, KeyError):
            raise self._damaged(name, f"{pointer.name} cannot be read") from None
        self._verify(version)
        return version

    def names(self) -> list[str]:
        """The tables that have a pointer, in alphabetical order."""
        return sorted(pointer.parent.name for pointer in self._folder.glob(f"*/{_POINTER}"))

    def versions(self) -> dict[str, Version]:
        """See ``Store.versions``."""
        by_name = {name: self.current(name) for name in self.names()}
        return {name: version for name, version in by_name.items() if version is not None}

    def _verify(self, version: Version) -> None:
        """Verify that the file holds what was written, so that damage to a table that nobody reads is noticed too."""
        with os_errors(f"{version.path} could not be read"):
            if not version.path.exists():
                raise self._damaged(version.name, f"{version.path.name} is missing")
            stat = version.path.stat()
            if stat.st_size != version.bytes:
                state = f"has {stat.st_size} bytes where {version.bytes} were written"
                raise self._damaged(version.name, f"{version.path.name} {state}")
            key = (version.path, stat.st_mtime_ns, stat.st_size)
            if key not in self._whole:
                self._refuse_other_bytes(version, version.path.read_bytes())
                self._whole.add(key)

    def _refuse_other_bytes(self, version: Version, data: bytes) -> None:
        if hashlib.sha256(data).hexdigest() != version.sha256:
            raise self._damaged(version.name, f"{version.path.name} does not hold the bytes that were written")

    def metadata(self, name: str) -> dict[str, str]:
        """See ``Store.metadata``."""
        version = self.current(name)
        return decode_metadata(version.path) if version else {}

    def read(self, name: str) -> pa.Table:
        """See ``Store.read``."""
        version = self.current(name)
        if version is None:
            raise SpiError(
                f"There is no table {name!r} in the store {self._folder.parent}: run `spi refresh` to make it."
            )
        data = read_bytes(version.path) or b""
        self._refuse_other_bytes(version, data)
        return decode(data, version.path)

    def write(
        self,
        name: str,
        table: pa.Table,
        *,
        fingerprint: str,
        judged: str,
        run_id: str,
        metadata: Mapping[str, str] | None,
    ) -> Version:
        """See ``Store.write``."""
        data = encode(table, metadata)
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._file(name, sha256)
        # Compared by content, not by name, so that a damaged file is repaired.
        if read_bytes(path) != data:
            write_bytes(path, data)
        version = Version(name, sha256, table.num_rows, len(data), fingerprint, run_id, _now(), path, judged=judged)
        return self._point(version)

    def record_check(self, name: str, judged: str) -> Version:
        """See ``Store.record_check``."""
        version = self.current(name)
        if version is None:
            raise SpiError(f"There is no table {name!r} to check again: run `spi refresh` to make it.")
        return self._point(replace(version, judged=judged, stale_since=None, stale_reason=None, stale_run_id=None))

    def keep(self, name: str, *, reason: str, run_id: str) -> Version | None:
        """See ``Store.keep``."""
        version = self.current(name)
        if version is None:
            return None
        since = version.stale_since or _now()
        return self._point(replace(version, stale_since=since, stale_reason=reason, stale_run_id=run_id))

    def _pointer(self, name: str) -> Path:
        return self._folder / table_name(name) / _POINTER

    def _file(self, name: str, sha256: str) -> Path:
        return self._folder / table_name(name) / f"{sha256}.parquet"

    def _point(self, version: Version) -> Version:
        document = {key: value for key, value in asdict(version).items() if key not in ("name", "path")}
        write_bytes(self._pointer(version.name), sealed(document))
        return version

    def _parse(self, name: str, data: bytes) -> Version:
        document = unsealed(data)
        if not _SHA256.fullmatch(document["sha256"]):
            raise ValueError(document["sha256"])
        return Version(name=name, path=self._file(name, document["sha256"]), **document)

    def _damaged(self, name: str, finding: str) -> SpiError:
        pointer = self._pointer(name)
        return SpiError(
            f"Table {name!r} of the store is damaged, {finding} in {pointer.parent}: run `spi refresh` to rebuild "
            f"the table; if no step writes it any more, delete {pointer}."
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
