"""Describes bodies: the header and rows of a table, the keys of JSON, the files in an archive.

The publisher's module decides what they mean. Cells are returned only to code that counts or dates them.
"""

import csv
import io
import zipfile
from typing import Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import FAULTS
from spi_pipeline.publishers.files.plain import plain
from spi_pipeline.publishers.files.reading import header_of, read_json
from spi_pipeline.publishers.http.peeking import Peek
from spi_pipeline.publishers.probing.probe import Shape


def table_of(peek: Peek, publisher: str, starts: str | tuple[str, ...] = "") -> tuple[list[str], list[dict[str, str]]]:
    """Return the header of a CSV file and the rows received whole.

    Args:
        peek: the beginning of the file.
        publisher: the publisher, for errors.
        starts: as for ``header_of``.

    Raises:
        SpiError: when the file has no header.
    """
    stream = plain(io.BytesIO(peek.body), "the response")
    header = [column.strip() for column in header_of(stream, "the response", publisher, starts)]
    rest = stream.read() if peek.whole else stream.read().rpartition(b"\n")[0]
    cells = csv.reader(io.StringIO(rest.decode("utf-8", "replace"), newline=""))
    return header, [dict(zip(header, row, strict=False)) for row in cells if row]


def table(peek: Peek, publisher: str, starts: str | tuple[str, ...] = "") -> Shape:
    """Describe a CSV file by its columns and the number of rows received."""
    header, rows = table_of(peek, publisher, starts)
    return Shape(columns=tuple(header), rows=len(rows))


def json_of(body: bytes, publisher: str) -> Any:
    """Return the JSON of a response.

    Raises:
        SpiError: when it is not JSON, or longer than the piece received.
    """
    try:
        return read_json(body)
    except (ValueError, RecursionError) as error:
        raise SpiError(f"the response of {publisher} is not JSON, or longer than {len(body):,} bytes") from error


def keys_of(items: Any) -> tuple[str, ...]:
    """Return the keys of an object, or of all objects in a list; a nested key is written as ``location.latitude``."""
    objects = [one for one in (items if isinstance(items, list) else [items]) if isinstance(one, dict)]
    keys = dict.fromkeys(key for one in objects for key in one)
    inner = [
        f"{key}.{below}" for one in objects for key, value in one.items() if isinstance(value, dict) for below in value
    ]
    return (*keys, *dict.fromkeys(inner))


def members_of(peek: Peek, publisher: str) -> list[str]:
    """Return the names of the files in an archive, from the directory at its end.

    Raises:
        SpiError: when it is not an archive, or its directory is longer than the piece received.
    """
    try:
        with zipfile.ZipFile(io.BufferedReader(_End(peek))) as archive:
            return archive.namelist()
    except FAULTS as error:
        fault = f"the archive of {publisher} has no directory in its last {len(peek.body):,} bytes"
        raise SpiError(fault) from error


class _End(io.RawIOBase):
    """A file of which only the end is available."""

    def __init__(self, peek: Peek) -> None:
        self._body = peek.body
        self._size = max(peek.size or 0, len(peek.body))
        self._missing = self._size - len(peek.body)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before its beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at < self._missing:
            raise OSError("that part is not available")
        part = self._body[self._at - self._missing :][: len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
