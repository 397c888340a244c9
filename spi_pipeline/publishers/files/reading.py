"""Reading what publishers serve: CSV in blocks, JSON, numbers in texts; each fault a sentence.

What a column means is the affair of the publisher's own module; zip files are for ``archives``.
"""

import csv as lines
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.archives import FAULTS
from spi_pipeline.publishers.files.plain import BLOCK, plain
from spi_pipeline.publishers.http.exchange import TransientFailure

# As people and programs here write a number; "1.234,5" could be 1234.5 or a slip, and "nan" is none.
NUMBER = r"[+-]?(?:(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# Above it a floating-point number does not tell a count from the next.
MOST = 2**53


def begins(path: Path) -> bytes:
    """The first byte of a file that is not blank, by which a table is told from JSON or a zip file."""
    with path.open("rb") as stream:
        return stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def header_of(stream: IO[bytes], name: str, publisher: str, starts: str | tuple[str, ...] = "") -> list[str]:
    """The column names of a CSV file; the stream is left at its first row where it is a ``plain`` one.

    Args:
        stream: the open file, at its beginning.
        name: the file, for errors.
        publisher: whose dialect it should be, likewise.
        starts: what the header line starts with, or several that it may, where notes stand above it; a dozen lines are
            looked at.

    Raises:
        SpiError: when there is no such line, or it is not text.
    """
    text = plain(stream, name)
    begins_with = tuple(one.lower() for one in ((starts,) if isinstance(starts, str) else starts))
    for _ in range(12 if starts else 1):
        try:
            line = text.readline(1 << 16).decode("utf-8").strip("\n")
            if line.lstrip('"').lower().startswith(begins_with) and line:
                return next(lines.reader([line]))
        except (UnicodeDecodeError, lines.Error, *FAULTS) as error:
            raise SpiError(f"{name} is not a CSV file of {publisher}: {error}; fetch it again") from error
    what = f"no line starts with {' or '.join(map(repr, begins_with))}" if starts else "it is empty"
    raise SpiError(f"{name} is not a CSV file of {publisher}: {what}; fetch it again")


def text_blocks(
    stream: IO[bytes], name: str, publisher: str, header: Sequence[str], columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows below the header as text, block by block; first an empty block, which tells the columns.

    What stands in cells is told apart from the blanks around it; an empty cell is null.

    Args:
        stream: the open file, a ``plain`` one, at its first row.
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
    except (pa.ArrowInvalid, *FAULTS) as error:
        if "Empty CSV file" in str(error):
            return
        raise _broken(name, publisher, error) from error
    try:
        for batch in reader:
            yield pa.table({column: _told(batch[column]) for column in wanted})
    except (pa.ArrowInvalid, *FAULTS) as error:
        raise _broken(name, publisher, error) from error


def _told(cells: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def text_rows(
    stream: IO[bytes],
    name: str,
    publisher: str,
    columns: Mapping[str, str | Sequence[str]],
    *,
    where: Mapping[str, Collection[str]] | None = None,
    starts: str | tuple[str, ...] = "",
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
    text = plain(stream, name)
    header = header_of(text, name, publisher, starts)
    found = found_columns(header, name, publisher, columns)
    kept = []
    for block in text_blocks(text, name, publisher, header, list(dict.fromkeys(found.values()))):
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
            f"{name} lacks the columns {listed(missing)} of {publisher}, it has "
            f"{listed([column[:60] for column in header])}; fetch it again, and "
            "if the publisher renamed them, name them so in spi_pipeline/publishers"
        )
    times = Counter(column.strip().lower() for column in header)
    if twice := [column for column in found.values() if times[column.strip().lower()] > 1]:
        raise SpiError(
            f"{name} of {publisher} has the column {twice[0]} {times[twice[0].strip().lower()]} times, and which is "
            "meant is not told; fetch it again"
        )
    return found


def json_of(path: Path, name: str, publisher: str) -> Any:
    """A JSON file.

    Raises:
        TransientFailure: when it is none.
    """
    try:
        return json.loads(path.read_bytes(), parse_constant=_no_number)
    except RecursionError as error:
        raise TransientFailure(f"{name} is nested deeper than any answer of {publisher}; fetch it again") from error
    except (OSError, ValueError) as error:
        raise TransientFailure(f"{name} is not a JSON answer of {publisher}: {error}; fetch it again") from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"it holds {word} where a number belongs")


def numbers(values: pd.Series, file: str, name: str) -> pd.Series:
    """Text as numbers: thousands commas are understood, anything else that is not a number is refused.

    Raises:
        SpiError: naming file, column and the first value that is not a number.
    """
    if pd.api.types.is_numeric_dtype(values):
        parsed, wrong = values.astype("float64"), values[np.isinf(values.astype("float64"))]
    else:
        texts = values.astype("string").str.strip()
        texts = texts.mask(texts == "")
        parsed = pd.to_numeric(texts.str.replace(",", "", regex=False), errors="coerce").astype("float64")
        written = texts.str.fullmatch(NUMBER, na=False) & np.isfinite(parsed)
        wrong = values[texts.notna() & ~written.astype(bool)]
    if len(wrong):
        found = f"{wrong.iloc[0]!r} where a number belongs ({len(wrong)} such cells)"
        raise SpiError(f"{file}: column {name} holds {found}; fetch it again, or teach its reader the mark")
    return parsed


def whole(values: pd.Series, file: str, name: str) -> pd.Series:
    """Numbers as integers.

    Raises:
        SpiError: when one has a fraction, or is larger than can be counted exactly.
    """
    values = values.astype("float64")
    wrong = values[values.notna() & ((values % 1 != 0) | (values.abs() > MOST))]
    if len(wrong):
        raise SpiError(f"{file}: column {name} holds {wrong.iloc[0]:g} where a count belongs; fetch it again")
    return values.astype("Int64")


def years(texts: pd.Series, file: str, name: str) -> pd.Series:
    """The year that each text, a year or a day, begins with.

    Raises:
        SpiError: when one begins with none.
    """
    found = texts.astype("string").str.extract(r"^\s*([12][0-9]{3})(?![0-9])", expand=False)
    if found.isna().any():
        wrong = texts[found.isna()].iloc[0]
        raise SpiError(f"{file}: column {name} holds {wrong!r} where a year belongs; fetch it again")
    return found.astype("int64")


def whole_numbers(frame: pd.DataFrame, columns: Collection[str], file: str) -> pd.DataFrame:
    """A frame, some of its columns of text made integers."""
    return frame.assign(**{name: whole(numbers(frame[name], file, name), file, name) for name in columns})


def _broken(name: str, publisher: str, error: Exception) -> SpiError:
    said = " ".join(str(error).split())[:120]
    return SpiError(f"{name} is not a CSV file of {publisher}: {said}; fetch it again")
