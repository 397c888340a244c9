"""The folder of publishers' files that a snapshot is built from.

Every read goes through ``Folder``, which records the file and its sha256, so that every figure has an origin. A file
that does not match its name is refused with a sentence.
"""

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import FAULTS, opened, zip_members
from spi_pipeline.publishers.files.inputs import InputFile
from spi_pipeline.publishers.files.plain import plain
from spi_pipeline.publishers.files.workbooks import sheets

# R writes missing values like this, and many of these files were written by R. Any other word is refused as a figure.
MISSING = ("", "NA")
# Blanks around a cell; cells are stripped only if a file has any.
BLANKS = re.compile(rb"[ \t](?=[,\n\"])|(?<=[,\n\"])[ \t]")


class Folder:
    """A folder of publishers' files.

    Attributes:
        root: the folder.
        used: the files read since the last ``collect``.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SpiError(f"the folder {root} does not exist; give --from the folder of publishers' files")
        self.root = root
        self.used: dict[str, InputFile] = {}

    def collect(self) -> tuple[InputFile, ...]:
        """Return the files read since the last call, ordered by period and name."""
        used, self.used = self.used, {}
        return tuple(sorted(used.values(), key=lambda item: (item.period, item.file)))

    def remark(self, name: str, text: str) -> None:
        """Add a remark to a file that was read, on what was left out or how it was read, if its contract omits it."""
        self.used[name] = replace(self.used[name], remark=text)

    def has(self, name: str) -> bool:
        """Whether a file exists."""
        return (self.root / name).is_file()

    def names(self, pattern: str) -> list[str]:
        """Return the files that match a glob pattern, sorted.

        Raises:
            SpiError: when there is none.
        """
        names = sorted(file.relative_to(self.root).as_posix() for file in self.root.glob(pattern))
        if not names:
            raise SpiError(f"no file {pattern} in {self.root}; docs/snapshot-folder.md describes what belongs there")
        return names

    def name(self, pattern: str) -> str:
        """Return the one file that matches a glob pattern.

        Raises:
            SpiError: when there is none, or more than one.
        """
        names = self.names(pattern)
        if len(names) > 1:
            raise SpiError(f"{', '.join(names)} in {self.root} all match {pattern}; keep the one to be read")
        return names[0]

    def bytes(self, name: str, period: str) -> bytes:
        """Return the bytes of a file, unpacked if its name ends in ``.gz``.

        Raises:
            SpiError: when it is missing or cannot be unpacked.
        """
        try:
            content = (self.root / name).read_bytes()
            unpacked = gzip.decompress(content) if name.endswith(".gz") else content
        except FileNotFoundError as error:
            fault = f"no file {name} in {self.root}; docs/snapshot-folder.md describes what belongs there"
            raise SpiError(fault) from error
        except (OSError, EOFError, zlib.error) as error:
            raise SpiError(f"{name} cannot be read: {error}; download it again") from error
        self.used[name] = InputFile(name, period, hashlib.sha256(content).hexdigest(), len(content))
        return unpacked

    def csv(
        self,
        name: str,
        period: str,
        *,
        needs: Collection[str] = (),
        header: Sequence[str] | None = None,
        after: str = "",
    ) -> pd.DataFrame:
        """Read a CSV file as text; code that knows a column converts its numbers.

        Args:
            name: the file.
            period: its period, as in ``InputFile``.
            needs: columns it must have.
            header: the names of all columns, for a file without a header.
            after: a text in the header line, for a file that begins with the publisher's notes.

        Raises:
            SpiError: when it is missing, is not a table, or lacks a column.
        """
        content = _plain(self.bytes(name, period), name)
        notes, mark, _ = content.partition(after.encode()) if after else (b"", b"", b"")
        if not mark and after:
            raise SpiError(f"{name} has no header line with {after!r}; compare it with its release notes")
        return _table(content[notes.rfind(b"\n") + 1 :] if after else content, name, needs, header)

    def zipped_csv(self, name: str, member: str, period: str, *, needs: Collection[str] = ()) -> pd.DataFrame:
        """Read one member of a zip file as text; ``needs`` as for ``csv``.

        Raises:
            SpiError: when the member is missing, lacks a column, or the zip is broken.
        """
        packed = io.BytesIO(self.bytes(name, period))
        try:
            with zip_members(packed, name, "its publisher") as archive, opened(archive, member, name) as stream:
                content = stream.read()
        except (SpiError, *FAULTS) as error:
            raise SpiError(f"{name} holds no readable {member}; download it again") from error
        return _table(_plain(content, f"{name}/{member}"), f"{name}/{member}", needs)

    def parquet(self, name: str, period: str, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read a Parquet file, or only the columns named.

        Raises:
            SpiError: when it is missing or broken.
        """
        try:
            content = io.BytesIO(self.bytes(name, period))
            return pd.read_parquet(content, columns=None if columns is None else list(columns))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SpiError(f"{name} is not a readable Parquet file; download it again") from error

    def workbook(self, name: str, sheet: str, period: str) -> pd.DataFrame:
        """Read a sheet of an Excel workbook with two header lines, as text; their names are joined by a bar.

        Raises:
            SpiError: when it is missing, is not a workbook, or lacks the sheet.
        """
        content = io.BytesIO(self.bytes(name, period))
        try:
            cells = pd.read_excel(
                content, sheet_name=sheet, header=None, dtype=str, keep_default_na=False, na_values=[*MISSING]
            )
        # A damaged workbook may raise many kinds of exception: see ``workbooks``.
        except Exception as error:
            raise SpiError(f"{name} holds no readable sheet {sheet!r}: {error}; download it again") from error
        if len(cells) < 2:
            raise SpiError(f"{name}: sheet {sheet!r} lacks its two header lines; download it again")
        # A cell merged over several columns has its text in the first of them.
        above, below = cells.iloc[0].ffill(), cells.iloc[1]
        cells.columns = pd.Index(above.where(below.isna(), above + " | " + below))
        _check_once(cells.columns, f"{name}: sheet {sheet!r}")
        return cells.iloc[2:].reset_index(drop=True)

    def sheet(self, name: str, period: str, needs: Collection[str]) -> pd.DataFrame:
        """Read the first sheet of an Excel workbook with certain columns, as text; notes may stand above the header.

        Raises:
            SpiError: when it is missing, is not a workbook, or no sheet has them in one of its first dozen lines.
        """
        self.bytes(name, period)
        for _, rows in sheets(self.root / name, name, "its publisher"):
            for line in islice(rows, 12):
                header = [_cell(cell) or "" for cell in line]
                if set(needs) <= set(header):
                    _check_once(header, name)
                    # A row ends with its last filled cell.
                    cells = [dict(zip(header, map(_cell, row), strict=False)) for row in rows]
                    table = pd.DataFrame(cells, columns=[column for column in header if column], dtype=object)
                    return table.dropna(how="all", ignore_index=True)
        raise SpiError(f"{name} has no sheet with the columns {sorted(needs)}; download it again")

    def rdata(self, name: str, period: str) -> pd.DataFrame:
        """Read the one table of an R data file.

        Raises:
            SpiError: when it is missing or broken, or the reader of R data is not installed.
        """
        self.bytes(name, period)
        try:
            import pyreadr
        except ImportError as error:
            raise SpiError(
                f"{name} needs a reader of R data; install the extra: pip install -e '.[snapshot]'"
            ) from error
        try:
            (table,) = pyreadr.read_r(str(self.root / name)).values()
        except (pyreadr.PyreadrError, pyreadr.LibrdataError, ValueError) as error:
            raise SpiError(f"{name} is not an R data file with one table; download it again") from error
        return pd.DataFrame(table)

    def geojson(self, name: str, period: str) -> list[dict[str, Any]]:
        """Read the features of a GeoJSON file.

        Raises:
            SpiError: when it is missing or holds no features.
        """
        try:
            return list(json.loads(self.bytes(name, period))["features"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SpiError(f"{name} is not a GeoJSON file with features; download it again") from error


def _cell(value: object) -> str | None:
    """Return a cell of a workbook as text; None if it is empty."""
    return None if value is None else str(value).strip() or None


def _plain(content: bytes, name: str) -> bytes:
    """See ``plain``."""
    return plain(io.BytesIO(content), name).read()


def _check_once(names: Iterable[str], name: str) -> None:
    """Refuse a repeated column name, since it is unclear which column is meant."""
    twice = [column for column, times in Counter(names).items() if not pd.isna(column) and column and times > 1]
    if twice:
        raise SpiError(f"{name} has the column {twice[0]} more than once; download it again")


def _table(content: bytes, name: str, needs: Collection[str] = (), header: Sequence[str] | None = None) -> pd.DataFrame:
    """Parse a table of text, with blanks around cells removed."""
    try:
        if header is None:
            names = next(csv.reader(io.StringIO(content[: 1 << 20].decode("utf-8", "replace"))))
            _check_once(names, name)
            last = content[content.rfind(b"\n") + 1 :]
            if last.strip() and last.count(b",") < len(names) - 1:
                raise SpiError(
                    f"{name} ends within a line: {last[:60].decode('utf-8', 'replace')!r}; download it again"
                )
        table = pd.read_csv(
            io.BytesIO(content),
            dtype=str,
            header="infer" if header is None else None,
            keep_default_na=False,
            na_values=[*MISSING],
        )
    except StopIteration as error:
        raise SpiError(f"{name} is not a CSV file: it is empty; download it again") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, csv.Error) as error:
        raise SpiError(f"{name} is not a CSV file: {error}; download it again") from error
    if header is not None:
        if len(header) != table.shape[1]:
            raise SpiError(
                f"{name} has {table.shape[1]} columns where {len(header)} belong; compare it with its release notes"
            )
        table.columns = pd.Index(header)
    if BLANKS.search(content):
        table = table.apply(lambda cells: cells.str.strip().replace("", None))
    # pandas takes surplus fields for row names, which would move every column by one.
    if not isinstance(table.index, pd.RangeIndex):
        raise SpiError(f"{name} has rows with more fields than the header has columns; download it again")
    missing = [column for column in needs if column not in table.columns]
    if missing:
        raise SpiError(f"{name} lacks {missing}; it has {list(table.columns)[:20]}")
    return table
