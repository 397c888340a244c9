"""Reads the two files an index is computed from, and locates faults in them.

This module only reads; the engine validates the framework and the values.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from spi_pipeline.cli.score.workbook import read_workbook
from spi_pipeline.contracts.errors import NO_FILE, ContractError, Fault
from spi_pipeline.contracts.reading.documents import Document, read_document
from spi_pipeline.engine.framework.columns import BLANK, NUMBERS
from spi_pipeline.engine.framework.faults import MAX_LISTED, FrameworkError
from spi_pipeline.engine.framework.values import FOR_READERS

OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
TEXT = ("area_code", "edition", "indicator_id", "group", *FOR_READERS)


class InputError(ContractError):
    """Every fault of a framework and its values. Nothing was computed."""

    where = "framework and values"


def read_inputs(framework: Path, values: Path) -> tuple[Document, pd.DataFrame]:
    """Read both files; the faults of both are raised together.

    Returns:
        The framework, with the line of every key, and the values as written: codes as text, a column as numbers if all
        of it is numeric. The index is the row number in the file, from 0 (in a CSV after its heading); rows without
        any entry are left out.

    Raises:
        InputError: if a file is missing or cannot be read.
    """
    faults: list[Fault] = []
    document = read_document(framework, framework.name, faults)
    table = _table(values, faults)
    if faults or document is None or table is None:
        raise InputError(faults)
    return document, table


def located(error: FrameworkError, framework: Document, values: Path, table: pd.DataFrame) -> InputError:
    """Add file and line to the engine's faults.

    Args:
        error: the faults.
        framework: the framework as read.
        values: the file of values.
        table: the values as read.
    """
    faults = []
    lines: list[int] = []
    for fault in error.faults:
        source, *path = fault.place
        if source == "framework":
            faults.append(framework.fault(path, fault.message))
        elif not path:
            faults.append(Fault(values.name, 0, fault.message))
        else:
            # A row of a Parquet file has no line; its number, counted from 1, takes its place.
            row = int(table.index[int(path[0])])
            lines = lines or (_lines(values) if _is(values, ".csv") else [])
            faults.append(Fault(values.name, lines[row] if lines else row + 1, fault.message, fault.count))
    return InputError(faults)


def _table(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    try:
        if file.is_dir():
            faults.append(Fault(file.name, 0, "is a folder: name the file of values"))
            return None
        if _is(file, ".parquet"):
            return _parquet(file, faults)
        if _is(file, ".xlsx"):
            return read_workbook(file, faults)
        if _is(file, ".csv"):
            table = _csv_of_clean_columns(file)
            table = _csv(file, faults) if table is None else table
            return None if table is None else _without_blank_rows(table)
        faults.append(Fault(file.name, 0, "is not a .csv, .parquet or .xlsx file: give the values as one of these"))
    except UnicodeDecodeError as error:
        faults.append(Fault(file.name, 0, f"is not UTF-8 text (byte {error.start}): save it as UTF-8"))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        faults.append(Fault(file.name, 0, NO_FILE if missing else f"cannot be read: {error.strerror or error}"))
    except (csv.Error, pa.ArrowInvalid) as error:
        message = " ".join(str(error).split())
        faults.append(Fault(file.name, 0, f"cannot be read as {file.suffix.removeprefix('.')}: {message}"))
    return None


def _is(file: Path, suffix: str) -> bool:
    return file.suffix.lower() == suffix


def _parquet(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    with file.open("rb") as opened:
        schema = pq.read_schema(opened)
        text = [field.name for field in schema if field.name in TEXT and pa.types.is_string(field.type)]
        table = pq.read_table(opened, read_dictionary=text)
    count_before = len(faults)
    for position, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            message = f"column {field.name} holds {field.type}, which is neither text nor number"
            faults.append(Fault(file.name, 0, f"{message}: give one value per cell"))
        elif _is_bytes(field.type):  # some programs write text as bytes
            try:
                table = table.set_column(position, field.name, table.column(position).cast(pa.string()))
            except pa.ArrowInvalid:
                faults.append(
                    Fault(file.name, 0, f"column {field.name} holds bytes that are not UTF-8: write it as text")
                )
    if len(faults) > count_before:
        return None
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame.drop(columns=[name for name in frame.columns if str(name).startswith("__index_level_")])


def _is_bytes(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_(kind) for is_ in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary))


def _csv_of_clean_columns(file: Path) -> pd.DataFrame | None:
    """Read a file whose number columns hold only numbers, in a fraction of the time; None for any other file."""
    types: dict[str, pa.DataType] = dict.fromkeys(TEXT, pa.dictionary(pa.int32(), pa.string()))
    types |= dict.fromkeys(NUMBERS, pa.float64())
    try:
        table = pc.read_csv(
            file,
            parse_options=pc.ParseOptions(ignore_empty_lines=False),
            convert_options=pc.ConvertOptions(column_types=types, null_values=list(BLANK), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    names = table.column_names
    frame: pd.DataFrame | None = (
        table.to_pandas() if set(names) <= set(types) and len(set(names)) == len(names) else None
    )
    return frame


def _csv(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    """Read any other file, all of it as text."""
    rows = _rows(file)
    heading = [name.strip() for name in next(rows, (1, []))[1]]
    if not heading:
        faults.append(Fault(file.name, 0, "the file is empty: give a heading, then one row per value"))
        return None
    if len(heading) == 1 and (separator := next((one for one in OTHER_SEPARATORS if one in heading[0]), "")):
        message = f"the columns are separated by {OTHER_SEPARATORS[separator]}"
        faults.append(Fault(file.name, 1, f"{message}: separate them by commas, with points for decimals"))
        return None
    repeated = {name for name in heading if heading.count(name) > 1}
    faults += [
        Fault(file.name, 1, f"the heading has '{name}' more than once: keep one such column") for name in repeated
    ]
    cells, ragged = [], []
    for line, row in rows:
        if row and len(row) != len(heading):
            ragged.append((line, len(row)))
        cells.append(row or [""] * len(heading))
    for line, width in ragged[:MAX_LISTED]:
        counted = f"{width} field{'s' * (width > 1)}"
        faults.append(Fault(file.name, line, f"the row has {counted}, the heading {len(heading)}: correct it"))
    if beyond := ragged[MAX_LISTED:]:
        message = f"and {len(beyond):,} more rows have fewer or more fields than the heading"
        faults.append(Fault(file.name, beyond[0][0], message, len(beyond)))
    if faults:
        return None
    return pd.DataFrame(cells, columns=heading, dtype=object)


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Every row of a CSV file, heading first, with the line it begins on; an empty line is a row without fields."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened)
        line = 1
        for row in reader:
            yield line, row
            line = reader.line_num + 1


def _lines(file: Path) -> list[int]:
    """The line number of every data row."""
    return [line for line, _ in _rows(file)][1:]


def _without_blank_rows(table: pd.DataFrame) -> pd.DataFrame:
    blank = np.ones(len(table), dtype=bool)
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            words = [position for position, word in enumerate(column.cat.categories) if not word.strip()]
            blank &= np.isin(column.cat.codes, words)
        elif column.dtype == object:
            blank &= (column.isna() | (column.str.strip() == "")).to_numpy()
        else:
            blank &= column.isna().to_numpy()
        if not blank.any():
            return table
    return table[~blank]
