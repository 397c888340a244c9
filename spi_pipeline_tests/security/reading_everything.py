"""Everything in a folder as plain bytes: archives are unpacked, and databases are read row by row."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pypdf


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield places and their bytes: for each path its name, then the bytes on disk, then the unpacked content."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)), str(path).encode()
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path), content
        for unpacked in _unpacked(path, content):
            yield f"inside {path}", unpacked


def _unpacked(path: Path, content: bytes) -> Iterator[bytes]:
    if content.startswith(b"PAR1"):
        table = pq.read_table(path)
        yield repr((table.schema.metadata, table.to_pydict())).encode()
    elif content.startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(path)) as connection:  # SQLite splits a long cell on disk
            connection.text_factory = bytes
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in connection.execute(f'SELECT * FROM "{name.decode()}"'):
                    yield b"\x00".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
    elif content[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as database:
            for schema, name in database.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
                yield repr(database.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall()).encode()
            yield repr(database.execute("SELECT comment FROM duckdb_columns()").fetchall()).encode()
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name.encode() + archive.read(name)
    elif content.startswith(b"%PDF"):
        reader = pypdf.PdfReader(path)
        yield repr((reader.metadata, [page.extract_text() for page in reader.pages])).encode()
    elif content.startswith((b"x\x01", b"x\x9c", b"x\xda")):
        yield zlib.decompress(content)
