"""Arrow tables as Parquet bytes, with equal bytes for equal tables.

The content hash of a table version relies on this: settings are fixed, the layout of row groups does not depend on the
chunks of the table, and only the given metadata is written (not the pandas index, for example). A new version of the
Parquet writer may still write other bytes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.contracts.errors import SpiError

_ROWS_PER_GROUP = 1 << 20


def encode(table: pa.Table, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return ``table`` as Parquet bytes whose schema metadata is exactly ``metadata``."""
    schema = pa.schema(
        [field.remove_metadata() for field in table.schema], metadata=dict(sorted((metadata or {}).items()))
    )
    plain = pa.Table.from_arrays([column.combine_chunks() for column in table.columns], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(plain, sink, compression="zstd", compression_level=3, row_group_size=_ROWS_PER_GROUP)
    return bytes(sink.getvalue().to_pybytes())


def decode(data: bytes, path: Path) -> pa.Table:
    """Return the table of the Parquet bytes ``data``, read from the file ``path``.

    Raises:
        SpiError: if they are incomplete or damaged; names the file.
    """
    with _damage(path):
        # Without threads: if there is no memory for a thread, pyarrow waits for it for ever.
        return pq.read_table(pa.BufferReader(data), use_threads=False, pre_buffer=False)


def decode_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of the Parquet file ``path`` without reading its rows.

    Raises:
        SpiError: if it is incomplete or damaged; names the file.
    """
    with _damage(path):
        metadata = pq.read_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in metadata.items()}


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise SpiError(
            f"{path} is not a whole Parquet file ({str(error).splitlines()[0]}): move it out of the store and run the "
            "command again."
        ) from error
