"""Reads publishers' files: CSV in blocks, JSON, numbers in texts; each fault is a sentence.

The publisher's module decides what a column means; ``archives`` reads zip files.
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
from spi_pipeline.publishers.files.archives import FAULTS
from spi_pipeline.publishers.files.plain import BLOCK, plain
from spi_pipeline.publishers.http.exchange import TransientFailure
from spi_pipeline.rules.wording import listing

# A number as people and programs in the UK write it; "1.234,5" could be 1234.5 or a slip, and "nan" is not a number.
NUMBER = r"[+-]?(?:(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# Above this, floating-point numbers cannot distinguish consecutive counts.
MOST = 2**53


def begins(path: Path) -> bytes:
    """Return the first byte of a file that is not blank, which distinguishes a table from JSON or a zip file."""
    with path.open("rb") as stream:
        return stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]


def header_of(stream: IO[bytes], name: str, publisher: str, starts: str | tuple[str, ...] = "") -> list[str]:
    """Return the column names of a CSV file; a ``plain`` stream is left at its first row.

    Args:
        stream: the open file, at its beginning.
        name: the file, for errors.
        publisher: the publisher, for errors.
        starts: the beginning of the header line, or several possible ones, if notes stand above it; the first dozen
            lines are searched.

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
            raise SpiError(f"{name} is not a CSV file of {publisher}: {error}; download it again") from error
    fault = f"no line starts with {' or '.join(map(repr, begins_with))}" if starts else "it is empty"
    raise SpiError(f"{name} is not a CSV file of {publisher}: {fault}; download it again")


def text_blocks(
    stream: IO[bytes], name: str, publisher: str, header: Sequence[str], columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the rows below the header as text, block by block, after an empty block with the columns.

    Blanks around the content of a cell are removed, and an empty cell is null.

    Args:
        stream: the open ``plain`` stream, at its first row.
        name: the file, for errors.
        publisher: the publisher, for errors.
        header: the header, as ``header_of`` returns it.
        columns: the columns to read; all of them by default.

    Raises:
        SpiError: when it is not a CSV file, or a row has more or fewer fields than the header.
    """
    wanted = list(columns or header)
    yield pa.table({column: pa.array([], pa.string()) for column in wanted})
    # Text, since Arrow infers a type from the first block; only an empty cell is null, since a street may be named NA.
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
            yield pa.table({column: _trimmed(batch[column]) for column in wanted})
    except (pa.ArrowInvalid, *FAULTS) as error:
        raise _broken(name, publisher, error) from error


def _trimmed(cells: pa.Array) -> pa.Array:
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
    """Read some columns of a CSV file as text, holding in memory only the rows selected, however long the file.

    Args:
        stream: the open file, at its beginning.
        name: the file, for errors.
        publisher: the publisher, for errors.
        columns: by our name, the published one, or several it had over the years; case is ignored.
        where: by our name of a column, the values that select a row.
        starts: as for ``header_of``.

    Returns:
        Our columns, as text.

    Raises:
        SpiError: naming the missing columns and those present; or as for ``text_blocks``.
    """
    text = plain(stream, name)
    header = header_of(text, name, publisher, starts)
    published_names = found_columns(header, name, publisher, columns)
    selected = []
    for block in text_blocks(text, name, publisher, header, list(dict.fromkeys(published_names.values()))):
        table = pa.table({ours: block[published] for ours, published in published_names.items()})
        for column, allowed in (where or {}).items():
            table = table.filter(pc.is_in(table[column], pa.array(sorted(allowed), pa.string())))
        selected.append(table)
    frame: pd.DataFrame = pa.concat_tables(selected).to_pandas()
    return frame


def found_columns(
    header: Sequence[str], name: str, publisher: str, columns: Mapping[str, str | Sequence[str]]
) -> dict[str, str]:
    """Return the published column of a header for each of our columns.

    Raises:
        SpiError: naming the missing columns and those present; or when a column name is repeated.
    """
    known = {column.strip().lower(): column for column in reversed(header)}
    matches, missing = {}, []
    for ours, published in columns.items():
        names = [published] if isinstance(published, str) else list(published)
        match = next((known[one.lower()] for one in names if one.lower() in known), None)
        matches[ours] = match or ""
        missing += [] if match else [" or ".join(names)]
    if missing:
        raise SpiError(
            f"{name} lacks the columns {listing(missing)} of {publisher}, it has "
            f"{listing([column[:60] for column in header])}; download it again, and "
            "if the publisher renamed them, change the names in spi_pipeline/publishers"
        )
    times = Counter(column.strip().lower() for column in header)
    if twice := [column for column in matches.values() if times[column.strip().lower()] > 1]:
        raise SpiError(
            f"{name} of {publisher} has the column {twice[0]} {times[twice[0].strip().lower()]} times, and it is "
            "unclear which is meant; download it again"
        )
    return matches


def json_of(path: Path, name: str, publisher: str) -> Any:
    """Read a JSON file.

    Raises:
        TransientFailure: when it is not JSON.
    """
    try:
        return read_json(path.read_bytes())
    except RecursionError as error:
        raise TransientFailure(
            f"{name} is nested deeper than any response of {publisher}; download it again"
        ) from error
    except (OSError, ValueError) as error:
        raise TransientFailure(f"{name} is not a JSON response of {publisher}: {error}; download it again") from error


def read_json(body: bytes) -> Any:
    """Parse JSON, without the NaN and Infinity that Python accepts.

    Raises:
        ValueError: when it is not JSON.
        RecursionError: when it is nested too deeply.
    """
    return json.loads(body, parse_constant=_no_number)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"it holds {word} where a number belongs")


def numbers(values: pd.Series, file: str, name: str) -> pd.Series:
    """Convert text to numbers: thousands commas are accepted, anything else that is not a number is refused.

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
        fault = f"{wrong.iloc[0]!r} where a number belongs ({len(wrong)} such cells)"
        raise SpiError(f"{file}: column {name} holds {fault}; download it again, or add the mark to its reader")
    return parsed


def whole(values: pd.Series, file: str, name: str) -> pd.Series:
    """Convert numbers to integers.

    Raises:
        SpiError: when a number has a fraction, or is too large to be exact.
    """
    values = values.astype("float64")
    wrong = values[values.notna() & ((values % 1 != 0) | (values.abs() > MOST))]
    if len(wrong):
        raise SpiError(f"{file}: column {name} holds {wrong.iloc[0]:g} where a count belongs; download it again")
    return values.astype("Int64")


def years(texts: pd.Series, file: str, name: str) -> pd.Series:
    """Return the year at the beginning of each text, which is a year or a day.

    Raises:
        SpiError: when a text does not begin with a year.
    """
    matches = texts.astype("string").str.extract(r"^\s*([12][0-9]{3})(?![0-9])", expand=False)
    if matches.isna().any():
        wrong = texts[matches.isna()].iloc[0]
        raise SpiError(f"{file}: column {name} holds {wrong!r} where a year belongs; download it again")
    return matches.astype("int64")


def whole_numbers(frame: pd.DataFrame, columns: Collection[str], file: str) -> pd.DataFrame:
    """Convert some columns of a frame from text to integers."""
    return frame.assign(**{name: whole(numbers(frame[name], file, name), file, name) for name in columns})


def _broken(name: str, publisher: str, error: Exception) -> SpiError:
    reason = " ".join(str(error).split())[:120]
    return SpiError(f"{name} is not a CSV file of {publisher}: {reason}; download it again")
