"""The two files an index is computed from, and where in them a fault lies.

Reading belongs here; what a framework may say and what values may look like is the engine's business.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from spi_pipeline.contracts.documents import Document, read_document
from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.engine.faults import FrameworkError
from spi_pipeline.engine.values import NUMBERS

# Blank in a column of numbers; in a column of codes NA is Namibia.
BLANK = ["", "NA", "NaN"]
TEXT = ("area_code", "edition", "indicator_id", "group")
# The line of a CSV file that holds its first row of data.
FIRST_LINE = 2


class InputError(ContractError):
    """Every fault of a framework and its values; nothing was computed."""

    where = "framework and values"


def read_inputs(framework: Path, values: Path) -> tuple[Document, pd.DataFrame]:
    """Both files, whatever cannot be read of either told at once.

    Returns:
        The framework, with the line of every key, and the values as written: codes as text, numbers as numbers where
        the whole column is.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    faults: list[Fault] = []
    document = read_document(framework, framework.name, faults)
    table = _table(values, faults)
    if faults or document is None or table is None:
        raise InputError(faults)
    return document, table


def located(error: FrameworkError, framework: Document, values: Path) -> InputError:
    """The engine's faults with file and line."""
    faults = []
    for fault in error.faults:
        source, *path = fault.place
        if source == "framework":
            faults.append(framework.fault(path, fault.message))
        else:
            # A row of a Parquet file has no line; its number, counted from 1, is as good.
            first = FIRST_LINE if values.suffix == ".csv" else 1
            line = int(path[0]) + first if path else 0
            faults.append(Fault(values.name, line, fault.message))
    return InputError(faults)


def _table(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    try:
        if file.suffix == ".parquet":
            return _parquet(file)
        if file.suffix == ".csv":
            fast = _csv_of_clean_columns(file)
            return _csv(file) if fast is None else fast
        faults.append(Fault(file.name, 0, "is neither .csv nor .parquet: give the values as one of these"))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        faults.append(Fault(file.name, 0, "the file is missing" if missing else f"cannot be read: {error.strerror}"))
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, pa.ArrowInvalid) as error:
        said = " ".join(str(error).split())
        faults.append(Fault(file.name, 0, f"cannot be read as {file.suffix.removeprefix('.')}: {said}"))
    return None


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
    frame: pd.DataFrame | None = table.to_pandas() if len(set(table.column_names)) == table.num_columns else None
    return frame


def _csv(file: Path) -> pd.DataFrame:
    return pd.read_csv(
        file,
        dtype=dict.fromkeys(TEXT, str),
        keep_default_na=False,
        na_values=dict.fromkeys(NUMBERS, BLANK),
        skip_blank_lines=False,
        encoding="utf-8-sig",
        low_memory=False,
    )
