"""Reading and writing the embedded tables: figures with their provenance inside the same Parquet file.

What the figures mean is the contract's to say; how they were read from publishers' files is the importers'. A file
here is self-describing: publisher, dataset, period, vintage, licence, attribution and the sha256 of every file it was
read from travel in its Parquet metadata.
"""

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.inputs import InputFile

MANIFEST = "manifest.json"
_METADATA = b"spi_provenance"
# What source tables in a store carry along in their metadata: the files they were read from.
ORIGINS = "spi_origins"


@dataclass(frozen=True)
class EmbeddedTable:
    """One embedded table.

    Attributes:
        source_id: the source whose contract describes it.
        table: the figures.
        inputs: the files they were read from, ordered by period and name.
        contract: the version of the contract it was written under; empty where it was not read from a file.
    """

    source_id: str
    table: pa.Table
    inputs: tuple[InputFile, ...]
    contract: str = ""


def write_snapshot(
    folder: Path, tables: Mapping[str, EmbeddedTable], sources: Mapping[str, Source], as_of: dt.date
) -> None:
    """Replace the embedded tables: the same tables give the same bytes.

    Args:
        folder: where they go; written beside it first and swapped in whole.
        tables: by source id.
        sources: the contracts.
        as_of: the day the figures were taken.

    Raises:
        SpiError: when the folder cannot be written, or holds something that is not a snapshot.
    """
    if folder.exists() and not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise SpiError(f"{folder} holds files that are not a snapshot and would be lost; choose another --to")
    staged = folder.with_name(f"{folder.name}.new")
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        for source_id, embedded in sorted(tables.items()):
            metadata = {_METADATA: json.dumps(_provenance(sources[source_id], embedded), sort_keys=True).encode()}
            table = embedded.table.replace_schema_metadata(metadata)
            pq.write_table(table, staged / f"{source_id}.parquet", compression="zstd", compression_level=19)
        manifest = {"as_of": as_of.isoformat(), "tables": sorted(tables)}
        (staged / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        staged.rename(folder)
    except OSError as error:
        reason = error.strerror or error
        raise SpiError(
            f"the snapshot was not written to {folder}: {reason}; free space or choose another --to"
        ) from error


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
        "contract_version": source.version,
        "inputs": [item.told() for item in embedded.inputs],
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
    return _manifest(folder)[1]


def _manifest(folder: Path) -> tuple[dt.date, list[str]]:
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        return dt.date.fromisoformat(manifest["as_of"]), [str(name) for name in manifest["tables"]]
    except FileNotFoundError as error:
        raise SpiError(f"there is no snapshot at {folder}; write one with spi snapshot build --from FOLDER") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpiError(f"{file} is damaged; write the snapshot anew with spi snapshot build --from FOLDER") from error


def read_embedded(folder: Path, source_id: str) -> EmbeddedTable:
    """Read one embedded table.

    Raises:
        SpiError: when the table is missing or its file is broken.
    """
    file = folder / f"{source_id}.parquet"
    try:
        table = pq.read_table(file, memory_map=False)
        provenance = json.loads((table.schema.metadata or {})[_METADATA])
        inputs = tuple(InputFile(**item) for item in provenance["inputs"])
        return EmbeddedTable(source_id, table, inputs, provenance["contract_version"])
    except FileNotFoundError as error:
        said = f"source {source_id} has no embedded table {file}; add it with spi snapshot build --from FOLDER"
        raise SpiError(said) from error
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        said = f"the embedded table {file} is broken; restore it, or write it with spi snapshot build --from FOLDER"
        raise SpiError(said) from error


def embedded_digest(folder: Path, source_id: str) -> str:
    """The sha256 of an embedded table's file, or ``missing``."""
    file = folder / f"{source_id}.parquet"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"


def without_figures(folder: Path, sources: Mapping[str, Source]) -> frozenset[str]:
    """The sources that have no embedded table because they are fetched or laid in.

    A frozen source without one is a fault, which is told when the source is read.

    Raises:
        SpiError: as for ``snapshot_as_of``.
    """
    others = {name for name, source in sources.items() if source.properties.mode != "frozen"}
    return frozenset(others.difference(snapshot_tables(folder)))
