"""The two files an index is computed from, and where in them a fault lies.

Reading belongs here; what a framework may say and what values may look like is the engine's business.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.reading.documents import Document, read_document
from spi_pipeline.engine.framework.faults import FrameworkError
from spi_pipeline.engine.framework.values import FOR_READERS, LISTED, NUMBERS

# Blank in a column of numbers; in a column of codes NA is Namibia.
BLANK = ["", "NA", "NaN"]
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
TEXT = ("area_code", "edition", "indicator_id", "group", *FOR_READERS)


class InputError(ContractError):
    """Every fault of a framework and its values; nothing was computed."""

    where = "framework and values"


def read_inputs(framework: Path, values: Path) -> tuple[Document, pd.DataFrame]:
    """Both files, whatever cannot be read of either told at once.

    Returns:
        The framework, with the line of every key, and the values as written: codes as text, numbers as numbers where
        the whole column is; indexed by the number of the row in the file, from 0, rows without any entry left out.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    faults: list[Fault] = []
    document = read_document(framework, framework.name, faults)
    table = _table(values, faults)
    if faults or document is None or table is None:
        raise InputError(faults)
    return document, table


def located(error: FrameworkError, framework: Document, values: Path, table: pd.DataFrame) -> InputError:
    """The engine's faults with file and line.

    Args:
        error: the faults.
        framework: the framework as read.
        values: the file of values.
        table: the values as read.
    """
    faults = []
    rows: list[int] | None = None
    for fault in error.faults:
        source, *path = fault.place
        if source == "framework":
            faults.append(framework.fault(path, fault.message))
        elif not path:
            faults.append(Fault(values.name, 0, fault.message))
        else:
            # A row of a Parquet file has no line; its number, counted from 1, is as good.
            rows = rows or (_lines(values) if _is(values, ".csv") else list(range(1, len(table) + 1)))
            faults.append(Fault(values.name, rows[int(table.index[int(path[0])])], fault.message))
    return InputError(faults)


def _table(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    try:
        if file.is_dir():
            faults.append(Fault(file.name, 0, "is a folder: name the file of values"))
            return None
        if _is(file, ".parquet"):
            return _parquet(file)
        if _is(file, ".csv"):
            table = _csv_of_clean_columns(file)
            table = _csv(file, faults) if table is None else table
            return None if table is None else _without_blank_rows(table)
        faults.append(Fault(file.name, 0, "is neither .csv nor .parquet: give the values as one of these"))
    except UnicodeDecodeError as error:
        faults.append(Fault(file.name, 0, f"is not UTF-8 text (byte {error.start}): save it as UTF-8"))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        faults.append(
            Fault(file.name, 0, "the file is missing" if missing else f"cannot be read: {error.strerror or error}")
        )
    except (csv.Error, pa.ArrowInvalid) as error:
        said = " ".join(str(error).split())
        faults.append(Fault(file.name, 0, f"cannot be read as {file.suffix.removeprefix('.')}: {said}"))
    return None


def _is(file: Path, suffix: str) -> bool:
    return file.suffix.lower() == suffix


def _parquet(file: Path) -> pd.DataFrame:
    with file.open("rb") as opened:
        schema = pq.read_schema(opened)
        text = [name for name in TEXT if name in schema.names and pa.types.is_string(schema.field(name).type)]
        table = pq.read_table(opened, read_dictionary=text)
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame.drop(columns=[name for name in frame.columns if str(name).startswith("__index_level_")])


def _csv_of_clean_columns(file: Path) -> pd.DataFrame | None:
    """A file whose columns of numbers hold nothing else, read in a fraction of the time; None for any other."""
    types: dict[str, pa.DataType] = dict.fromkeys(TEXT, pa.dictionary(pa.int32(), pa.string()))
    types |= dict.fromkeys(NUMBERS, pa.float64())
    try:
        table = pc.read_csv(
            file,
            parse_options=pc.ParseOptions(ignore_empty_lines=False),
            convert_options=pc.ConvertOptions(column_types=types, null_values=BLANK, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    names = table.column_names
    frame: pd.DataFrame | None = (
        table.to_pandas() if set(names) <= set(types) and len(set(names)) == len(names) else None
    )
    return frame


def _csv(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    """Any other file: everything in it as text, what is blank in a column of numbers missing."""
    rows = _rows(file)
    heading = [name.strip() for name in next(rows, (1, []))[1]]
    if not heading:
        faults.append(Fault(file.name, 0, "the file is empty: give a heading, then one row a value"))
        return None
    if len(heading) == 1 and (separator := next((one for one in OTHER_SEPARATORS if one in heading[0]), "")):
        said = f"the columns are separated by {OTHER_SEPARATORS[separator]}"
        faults.append(Fault(file.name, 1, f"{said}: separate them by commas, with points for decimals"))
        return None
    twice = {name for name in heading if heading.count(name) > 1}
    faults += [Fault(file.name, 1, f"the heading has '{name}' more than once: keep one such column") for name in twice]
    found, ragged = [], 0
    for line, row in rows:
        if row and len(row) != len(heading):
            ragged += 1
            if ragged <= LISTED:
                counted = f"{len(row)} field{'s' * (len(row) > 1)}"
                faults.append(Fault(file.name, line, f"the row has {counted}, the heading {len(heading)}: correct it"))
        found.append(row or [""] * len(heading))
    if faults:
        return None
    table = pd.DataFrame(found, columns=heading, dtype=object)
    numbers = [name for name in NUMBERS if name in heading]
    return table.assign(**{name: table[name].mask(table[name].str.strip().isin(BLANK)) for name in numbers})


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Every row of a CSV file, the heading first, with the line it begins in; an empty line is a row of no fields."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened)
        line = 1
        for row in reader:
            yield line, row
            line = reader.line_num + 1


def _lines(file: Path) -> list[int]:
    """The line of every row of data."""
    return [line for line, _ in _rows(file)][1:]


def _without_blank_rows(table: pd.DataFrame) -> pd.DataFrame:
    blank = np.ones(len(table), dtype=bool)
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            words = [place for place, word in enumerate(column.cat.categories) if not word.strip()]
            blank &= np.isin(column.cat.codes, words)
        elif column.dtype == object:
            blank &= (column.isna() | (column.str.strip() == "")).to_numpy()
        else:
            blank &= column.isna().to_numpy()
        if not blank.any():
            return table
    return table[~blank]
