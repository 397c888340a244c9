"""The folder of publishers' files that a snapshot is built from.

Every read goes through ``Folder``, which notes the file and its sha256, so that no figure is without an origin. A file
that is not what its name promises is refused with a sentence.
"""

import gzip
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.inputs import InputFile


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
        """The files read since the last call, ordered by period and name."""
        used, self.used = self.used, {}
        return tuple(sorted(used.values(), key=lambda item: (item.period, item.file)))

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.root / name).is_file()

    def names(self, pattern: str) -> list[str]:
        """Files that match a glob pattern, sorted.

        Raises:
            SpiError: when there is none.
        """
        found = sorted(file.relative_to(self.root).as_posix() for file in self.root.glob(pattern))
        if not found:
            raise SpiError(f"no file {pattern} in {self.root}; docs/snapshot-folder.md describes what belongs there")
        return found

    def name(self, pattern: str) -> str:
        """The one file that matches a glob pattern.

        Raises:
            SpiError: when there is none, or more than one to choose from.
        """
        found = self.names(pattern)
        if len(found) > 1:
            raise SpiError(f"{', '.join(found)} in {self.root} all match {pattern}; keep the one to be read")
        return found[0]

    def bytes(self, name: str, period: str) -> bytes:
        """The bytes of a file, unpacked where its name ends in ``.gz``.

        Raises:
            SpiError: when it is missing or cannot be unpacked.
        """
        try:
            content = (self.root / name).read_bytes()
            unpacked = gzip.decompress(content) if name.endswith(".gz") else content
        except FileNotFoundError as error:
            said = f"no file {name} in {self.root}; docs/snapshot-folder.md describes what belongs there"
            raise SpiError(said) from error
        except (OSError, EOFError, zlib.error) as error:
            raise SpiError(f"{name} cannot be read: {error}; fetch it again") from error
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
        """A CSV file as text: numbers are made numbers where their column is known.

        Args:
            name: the file.
            period: what it refers to, as in ``InputFile``.
            needs: columns it must have.
            header: the names of all columns, for a file that comes without them.
            after: a text of the header line, for a file that begins with the publisher's notes.

        Raises:
            SpiError: when it is missing, no table, or lacks a column.
        """
        content = self.bytes(name, period)
        notes, mark, _ = content.partition(after.encode()) if after else (b"", b"", b"")
        if not mark and after:
            raise SpiError(f"{name} has no header line with {after!r}; compare it with its release notes")
        return _table(content[notes.rfind(b"\n") + 1 :] if after else content, name, needs, header)

    def zipped_csv(self, name: str, member: str, period: str) -> pd.DataFrame:
        """One member of a zip file as text.

        Raises:
            SpiError: when the member is missing or the zip is broken.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(self.bytes(name, period))) as archive:
                content = archive.read(member)
        except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
            raise SpiError(f"{name} holds no readable {member}; fetch it again") from error
        return _table(content, f"{name}/{member}")

    def parquet(self, name: str, period: str) -> pd.DataFrame:
        """A Parquet file.

        Raises:
            SpiError: when it is missing or broken.
        """
        try:
            return pd.read_parquet(io.BytesIO(self.bytes(name, period)))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise SpiError(f"{name} is not a readable Parquet file; fetch it again") from error

    def workbook(self, name: str, sheet: str, period: str) -> pd.DataFrame:
        """A sheet of an Excel workbook with two header lines, as text; their names are joined by a bar.

        Raises:
            SpiError: when it is missing, no workbook, or lacks the sheet.
        """
        content = io.BytesIO(self.bytes(name, period))
        try:
            cells = pd.read_excel(content, sheet_name=sheet, header=None, dtype=str)
        except (zipfile.BadZipFile, ValueError, KeyError, OSError) as error:
            raise SpiError(f"{name} holds no readable sheet {sheet!r}: {error}; fetch it again") from error
        # A cell merged over several columns holds its text in the first of them.
        above, below = cells.iloc[0].ffill(), cells.iloc[1]
        cells.columns = pd.Index(above.where(below.isna(), above + " | " + below))
        return cells.iloc[2:].reset_index(drop=True)

    def rdata(self, name: str, period: str) -> pd.DataFrame:
        """The one table of an R data file.

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
        except (pyreadr.PyreadrError, ValueError) as error:
            raise SpiError(f"{name} is not an R data file with one table; fetch it again") from error
        return pd.DataFrame(table)

    def geojson(self, name: str, period: str) -> list[dict[str, Any]]:
        """The features of a GeoJSON file.

        Raises:
            SpiError: when it is missing or holds no features.
        """
        try:
            return list(json.loads(self.bytes(name, period))["features"])
        except (ValueError, KeyError, TypeError) as error:
            raise SpiError(f"{name} is not a GeoJSON file with features; fetch it again") from error


def _table(content: bytes, name: str, needs: Collection[str] = (), header: Sequence[str] | None = None) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str, header="infer" if header is None else None)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise SpiError(f"{name} is not a CSV file: {error}; fetch it again") from error
    if header is not None:
        if len(header) != table.shape[1]:
            raise SpiError(
                f"{name} has {table.shape[1]} columns where {len(header)} belong; compare it with its release notes"
            )
        table.columns = pd.Index(header)
    # pandas takes surplus fields for row names, and every column would move by one.
    if not isinstance(table.index, pd.RangeIndex):
        raise SpiError(f"{name} has rows with more fields than its header names; fetch it again")
    missing = [column for column in needs if column not in table.columns]
    if missing:
        raise SpiError(f"{name} lacks {missing}; it has {list(table.columns)[:20]}")
    return table
