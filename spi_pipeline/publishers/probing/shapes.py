"""How bodies are seen: the header and rows of a table, the keys of JSON, the files in an archive.

What they mean to a publisher is for its own module. Nothing here returns a cell, except to those who count or date it.
"""

import csv
import io
import json
import zipfile
from typing import Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import FAULTS
from spi_pipeline.publishers.files.plain import plain
from spi_pipeline.publishers.files.reading import header_of
from spi_pipeline.publishers.http.peeking import Peek
from spi_pipeline.publishers.probing.probe import Shape


def table_of(peek: Peek, publisher: str, starts: str | tuple[str, ...] = "") -> tuple[list[str], list[dict[str, str]]]:
    """The header of a CSV file and the rows that came whole.

    Args:
        peek: its beginning.
        publisher: whose dialect it should be, for errors.
        starts: as for ``header_of``.

    Raises:
        SpiError: when it has no header.
    """
    stream = plain(io.BytesIO(peek.body), "the answer")
    header = [column.strip() for column in header_of(stream, "the answer", publisher, starts)]
    rest = stream.read() if peek.whole else stream.read().rpartition(b"\n")[0]
    cells = csv.reader(io.StringIO(rest.decode("utf-8", "replace"), newline=""))
    return header, [dict(zip(header, row, strict=False)) for row in cells if row]


def table(peek: Peek, publisher: str, starts: str | tuple[str, ...] = "") -> Shape:
    """The columns of a CSV file, and how many rows came."""
    header, rows = table_of(peek, publisher, starts)
    return Shape(columns=tuple(header), rows=len(rows))


def json_of(body: bytes, publisher: str) -> Any:
    """A JSON answer, read.

    Raises:
        SpiError: when it is none, or longer than what was looked at.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SpiError(f"the answer of {publisher} is no JSON, or longer than {len(body):,} bytes") from error


def keys_of(items: Any) -> tuple[str, ...]:
    """The keys of an object, or of all those in a list, those of an object below as ``location.latitude``."""
    objects = [one for one in (items if isinstance(items, list) else [items]) if isinstance(one, dict)]
    keys = dict.fromkeys(key for one in objects for key in one)
    inner = [
        f"{key}.{below}" for one in objects for key, value in one.items() if isinstance(value, dict) for below in value
    ]
    return (*keys, *dict.fromkeys(inner))


def members_of(peek: Peek, publisher: str) -> list[str]:
    """The names of the files in an archive, by its directory at the end.

    Raises:
        SpiError: when it is no archive, or its directory is longer than what was looked at.
    """
    try:
        with zipfile.ZipFile(io.BufferedReader(_End(peek))) as archive:
            return archive.namelist()
    except FAULTS as error:
        said = f"the archive of {publisher} has no directory in its last {len(peek.body):,} bytes"
        raise SpiError(said) from error


class _End(io.RawIOBase):
    """A file of which only the end is at hand."""

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
            raise OSError("that part is not at hand")
        part = self._body[self._at - self._missing :][: len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
