"""Reading what publishers serve: CSV in blocks, members of zip files, JSON, numbers in texts; each fault a sentence.

What a column means is the affair of the publisher's own module.
"""

import csv as lines
import json
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.http.exchange import TransientFailure

BLOCK = 1 << 20
# Deflate reaches 1,000 on zeros; the tables of our publishers reach 5 to 15.
MAX_RATIO = 200


def begins(path: Path) -> bytes:
    """The first byte of a file that is not blank, by which a table is told from JSON or a zip file."""
    with path.open("rb") as stream:
        return stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def header_of(stream: IO[bytes], name: str, publisher: str, starts: str = "") -> list[str]:
    """The column names of a CSV file, the stream left at its first row.

    Args:
        stream: the open file.
        name: the file, for errors.
        publisher: whose dialect it should be, likewise.
        starts: what the header line starts with, where notes stand above it; a dozen lines are looked at.

    Raises:
        SpiError: when there is no such line, or it is not text.
    """
    for _ in range(12 if starts else 1):
        try:
            line = stream.readline(1 << 16).decode("utf-8-sig").strip("\r\n")
        except (UnicodeDecodeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise SpiError(f"{name} is not a CSV file of {publisher}: {error}; fetch it again") from error
        if line.lstrip('"').lower().startswith(starts.lower()) and line:
            return next(lines.reader([line]))
    what = f"no line starts with {starts!r}" if starts else "it is empty"
    raise SpiError(f"{name} is not a CSV file of {publisher}: {what}; fetch it again")


def text_blocks(
    stream: IO[bytes], name: str, publisher: str, header: Sequence[str], columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows below the header as text, block by block; first an empty block, which tells the columns.

    Args:
        stream: the open file, at its first row.
        name: the file, for errors.
        publisher: whose dialect it should be, likewise.
        header: as ``header_of`` returns it.
        columns: those to read; all, where left out.

    Raises:
        SpiError: when it is not a CSV file, or a row has more or fewer fields than the header.
    """
    wanted = list(columns or header)
    yield pa.table({column: pa.array([], pa.string()) for column in wanted})
    # Text, since Arrow judges a type by the first block; only an empty cell is null, a street may be named NA.
    convert = csv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pa.string()),
        include_columns=wanted,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=[""],
    )
    try:
        reader = csv.open_csv(stream, csv.ReadOptions(block_size=BLOCK, column_names=header), convert_options=convert)
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):
            return
        raise _broken(name, publisher, error) from error
    try:
        for batch in reader:
            yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _broken(name, publisher, error) from error


def text_rows(
    stream: IO[bytes],
    name: str,
    publisher: str,
    columns: Mapping[str, str | Sequence[str]],
    *,
    where: Mapping[str, Collection[str]] | None = None,
    starts: str = "",
) -> pd.DataFrame:
    """Some columns of a CSV file as text, of the rows wanted: only those are held, however long the file.

    Args:
        stream: the open file, at its header.
        name: the file, for errors.
        publisher: whose dialect it should be, likewise.
        columns: by our name the published one, or several it had over the years; compared without regard to case.
        where: by our name of a column the values a row must hold to be kept.
        starts: as for ``header_of``.

    Returns:
        Our columns, as text.

    Raises:
        SpiError: naming the columns that are missing and those that are there; or as for ``text_blocks``.
    """
    header = header_of(stream, name, publisher, starts)
    found = found_columns(header, name, publisher, columns)
    kept = []
    for block in text_blocks(stream, name, publisher, header, list(dict.fromkeys(found.values()))):
        table = pa.table({ours: block[published] for ours, published in found.items()})
        for column, allowed in (where or {}).items():
            table = table.filter(pc.is_in(table[column], pa.array(sorted(allowed), pa.string())))
        kept.append(table)
    frame: pd.DataFrame = pa.concat_tables(kept).to_pandas()
    return frame


def found_columns(
    header: Sequence[str], name: str, publisher: str, columns: Mapping[str, str | Sequence[str]]
) -> dict[str, str]:
    """Which column of a header holds what we want.

    Raises:
        SpiError: naming what is missing and what is there.
    """
    known = {column.strip().lower(): column for column in reversed(header)}
    found, missing = {}, []
    for ours, published in columns.items():
        names = [published] if isinstance(published, str) else list(published)
        match = next((known[one.lower()] for one in names if one.lower() in known), None)
        found[ours] = match or ""
        missing += [] if match else [" or ".join(names)]
    if missing:
        raise SpiError(
            f"{name} lacks the columns {listed(missing)} of {publisher}, it has {listed(header)}; fetch it again, and "
            "if the publisher renamed them, name them so in spi_pipeline/publishers"
        )
    return found


def json_of(path: Path, name: str, publisher: str) -> Any:
    """A JSON file.

    Raises:
        TransientFailure: when it is none.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TransientFailure(f"{name} is not a JSON answer of {publisher}: {error}; fetch it again") from error


@contextmanager
def zip_members(path: Path, name: str, publisher: str) -> Iterator[zipfile.ZipFile]:
    """An open zip file, nothing of it unpacked to disk.

    Raises:
        SpiError: when it is cut short, holds a path that leads out of it, or unpacks to far more than its size.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise SpiError(f"{name} is not a whole zip file of {publisher}: {error}; fetch it again") from error
    with archive:
        for info in archive.infolist():
            if info.filename.startswith("/") or ".." in info.filename.split("/"):
                raise SpiError(
                    f"{name} holds the path {info.filename}, which leads out of it; fetch it from {publisher}"
                )
            if info.file_size > MAX_RATIO * max(info.compress_size, 1 << 16):
                raise SpiError(
                    f"{name}: {info.filename} unpacks from {info.compress_size:,} to {info.file_size:,} bytes, which "
                    f"no table of {publisher} does; fetch it again"
                )
        yield archive


def member_named(archive: zipfile.ZipFile, pattern: str, name: str) -> str:
    """The one member whose file name matches a regular expression, case ignored.

    Raises:
        SpiError: when none does, or several.
    """
    members = [one for one in archive.namelist() if not one.endswith("/")]
    found = [one for one in members if re.fullmatch(pattern, one.rsplit("/", 1)[-1], re.IGNORECASE)]
    if len(found) != 1:
        met = f"{len(found)} members match" if found else "no member matches"
        raise SpiError(f"{name}: {met} {pattern}, it holds {listed(members)}; fetch the right file")
    return found[0]


def numbers(values: pd.Series, file: str, name: str) -> pd.Series:
    """Text as numbers: thousands commas are understood, anything else that is not a number is refused.

    Raises:
        SpiError: naming file, column and the first value that is not a number.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    texts = values.str.replace(",", "", regex=False)
    parsed = pd.to_numeric(texts, errors="coerce").astype("float64")
    wrong = values[parsed.isna() & values.notna()]
    if len(wrong):
        found = f"{wrong.iloc[0]!r} where a number belongs ({len(wrong)} such cells)"
        raise SpiError(f"{file}: column {name} holds {found}; fetch it again, or teach its reader the mark")
    return parsed


def whole(values: pd.Series, file: str, name: str) -> pd.Series:
    """Numbers as integers.

    Raises:
        SpiError: when one has a fraction.
    """
    fractions = values[values.notna() & (values % 1 != 0)]
    if len(fractions):
        raise SpiError(f"{file}: column {name} holds {fractions.iloc[0]:g} where a count belongs; fetch it again")
    return values.astype("Int64")


def whole_numbers(frame: pd.DataFrame, columns: Collection[str], file: str) -> pd.DataFrame:
    """A frame, some of its columns of text made integers."""
    return frame.assign(**{name: whole(numbers(frame[name], file, name), file, name) for name in columns})


def _broken(name: str, publisher: str, error: Exception) -> SpiError:
    said = " ".join(str(error).split())[:120]
    return SpiError(f"{name} is not a CSV file of {publisher}: {said}; fetch it again")
