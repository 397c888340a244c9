"""Read and write the embedded tables: figures with their provenance inside the same Parquet file.

Contracts define the meaning of the figures; importers read them from publishers' files. An embedded file describes
itself: its Parquet metadata hold publisher, dataset, period, vintage, licence, attribution and the sha256 of every file
it was read from.

``<source>.<first digits of sha256>.parquet`` is named by its content. The manifest lists the files with the sha256 of
each, and its own. So readers notice only the replacement of the manifest, and a snapshot is available at every moment.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.inputs import InputFile
from spi_pipeline.storage.atomic import discard, read_bytes, write_bytes
from spi_pipeline.storage.documents import sealed, unsealed

MANIFEST = "manifest.json"
_METADATA = b"spi_provenance"
# How many digits of a file's sha256 its name contains.
_DIGITS = 16


@dataclass(frozen=True)
class EmbeddedTable:
    """One embedded table.

    Attributes:
        source_id: the source whose contract describes it.
        table: the figures.
        inputs: the files they were read from, ordered by period and name.
        contract: the version of the contract it was written under; empty if it was not read from a file.
    """

    source_id: str
    table: pa.Table
    inputs: tuple[InputFile, ...]
    contract: str = ""


def write_snapshot(
    folder: Path, tables: Mapping[str, EmbeddedTable], sources: Mapping[str, Source], as_of: dt.date
) -> None:
    """Replace the embedded tables; equal tables give identical bytes.

    Args:
        folder: the folder of the snapshot; readers see the earlier snapshot until the new one is complete.
        tables: the tables, by source id.
        sources: the contracts.
        as_of: the day the figures were taken.

    Raises:
        SpiError: when the folder cannot be written, or holds files that are not a snapshot.
    """
    if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise SpiError(f"{folder} holds files that are not a snapshot and would be lost; choose another --to")
    digests: dict[str, str] = {}
    for source_id, embedded in sorted(tables.items()):
        data = encoded(embedded, sources[source_id])
        digests[source_id] = _sha256(data)
        write_bytes(_file(folder, source_id, digests[source_id]), data)
    write_bytes(folder / MANIFEST, manifest(as_of, digests))
    wanted = {folder / MANIFEST, *(_file(folder, *item) for item in digests.items())}
    for file in set(folder.iterdir()) - wanted:
        discard(file)


def encoded(embedded: EmbeddedTable, source: Source) -> bytes:
    """The bytes of an embedded table's file; equal tables give identical bytes."""
    metadata = {_METADATA: json.dumps(_provenance(source, embedded), sort_keys=True).encode()}
    sink = pa.BufferOutputStream()
    table = embedded.table.replace_schema_metadata(metadata)
    pq.write_table(table, sink, compression="zstd", compression_level=19)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def file_name(source_id: str, sha256: str) -> str:
    """The file name of an embedded table with this sha256."""
    return f"{source_id}.{sha256[:_DIGITS]}.parquet"


def _file(folder: Path, source_id: str, sha256: str) -> Path:
    return folder / file_name(source_id, sha256)


def _provenance(source: Source, embedded: EmbeddedTable) -> dict[str, object]:
    properties = source.properties
    period = properties.period
    return {
        "publisher": properties.publisher,
        "dataset": properties.dataset,
        "url": properties.url,
        "period": f"by {period.column}" if period.column else f"{period.start} to {period.end}",
        "geography_vintage": properties.geography.vintage,
        "licence": properties.terms(),
        "attribution": properties.attribution,
        "contract_version": embedded.contract or source.version,
        "inputs": [item.record() for item in embedded.inputs],
    }


def snapshot_as_of(folder: Path) -> dt.date:
    """The day the embedded figures were taken.

    Raises:
        SpiError: when there is no snapshot, or its manifest is damaged.
    """
    return _manifest(folder)[0]


def snapshot_tables(folder: Path) -> list[str]:
    """Source ids of the embedded tables.

    Raises:
        SpiError: as for ``snapshot_as_of``.
    """
    return sorted(snapshot_digests(folder))


def snapshot_digests(folder: Path) -> dict[str, str]:
    """The sha256 that each embedded table's file must have, by source id.

    Raises:
        SpiError: as for ``snapshot_as_of``.
    """
    return _manifest(folder)[1]


def manifest(as_of: dt.date, digests: Mapping[str, str]) -> bytes:
    """The bytes of a manifest.

    Args:
        as_of: the day the figures were taken.
        digests: the sha256 of each table's file by source id.
    """
    return sealed({"as_of": as_of.isoformat(), "tables": dict(sorted(digests.items()))}) + b"\n"


def _manifest(folder: Path) -> tuple[dt.date, dict[str, str]]:
    file = folder / MANIFEST
    try:
        document = unsealed(file.read_bytes())
        if isinstance(document["tables"], list):
            raise SpiError(
                f"{file} is of an earlier version and does not list the sha256 of its tables; rewrite the snapshot "
                "with spi snapshot build"
            )
        return dt.date.fromisoformat(document["as_of"]), dict(document["tables"])
    except FileNotFoundError as error:
        raise SpiError(f"there is no snapshot at {folder}; write one with spi snapshot build --from FOLDER") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpiError(f"{file} is damaged; rewrite the snapshot with spi snapshot build --from FOLDER") from error


def embedded_file(folder: Path, source_id: str) -> Path:
    """The file of an embedded table.

    Raises:
        SpiError: when the snapshot has no table of this source, or its manifest is damaged.
    """
    digests = snapshot_digests(folder)
    if source_id not in digests:
        raise SpiError(
            f"source {source_id} has no embedded table in {folder}; add it with spi snapshot build --from FOLDER"
        )
    return _file(folder, source_id, digests[source_id])


def read_embedded(folder: Path, source_id: str) -> EmbeddedTable:
    """Read one embedded table.

    Raises:
        SpiError: when the table is missing, or the sha256 of its file differs from the manifest's.
    """
    file, data = _file_and_bytes(folder, source_id)
    if data is None:
        message = f"source {source_id} has no embedded table {file}; add it with spi snapshot build --from FOLDER"
        raise SpiError(message)
    try:
        if _sha256(data) != snapshot_digests(folder).get(source_id):
            raise ValueError("other bytes")
        table = pq.read_table(pa.BufferReader(data))
        provenance = json.loads((table.schema.metadata or {})[_METADATA])
        inputs = tuple(InputFile(**item) for item in provenance["inputs"])
        return EmbeddedTable(source_id, table, inputs, provenance["contract_version"])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        message = f"the embedded table {file} is broken; restore it, or write it with spi snapshot build --from FOLDER"
        raise SpiError(message) from error


def embedded_digest(folder: Path, source_id: str) -> str:
    """The actual sha256 of an embedded table's file, or ``missing``."""
    try:
        data = _file_and_bytes(folder, source_id)[1]
    except SpiError:
        return "missing"
    return _sha256(data) if data is not None else "missing"


def _file_and_bytes(folder: Path, source_id: str) -> tuple[Path, bytes | None]:
    """The file of an embedded table and its bytes; None where the file is missing.

    A file may be missing because the snapshot was replaced after the manifest was read; then the manifest is read
    again.
    """
    file = embedded_file(folder, source_id)
    while (data := read_bytes(file)) is None and (now := embedded_file(folder, source_id)) != file:
        file = now
    return file, data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def damaged(folder: Path) -> list[str]:
    """A sentence for each damaged part of a snapshot."""
    try:
        digests = snapshot_digests(folder)
    except SpiError as error:
        return [str(error)]
    faults = []
    for name in sorted(name for name, promised in digests.items() if embedded_digest(folder, name) != promised):
        try:
            read_embedded(folder, name)
        except SpiError as error:
            faults.append(str(error))
    return faults
