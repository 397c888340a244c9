"""The two files an index is computed from, and where in them a fault lies.

Reading belongs here; what a framework may say and what values may look like is the engine's business.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.documents import Document, read_document
from spi_pipeline.contracts.errors import ContractError, Fault, SpiError
from spi_pipeline.engine.faults import FrameworkError
from spi_pipeline.engine.values import NUMBERS

# Blank in a column of numbers; in a column of codes NA is Namibia.
BLANK = ["", "NA", "NaN"]
TEXT = ("area_code", "edition", "indicator_id", "group")
# The line of a CSV file that holds its first row of data.
FIRST_LINE = 2


def read_framework(file: Path) -> Document:
    """The framework, with the line of every key.

    Raises:
        ContractError: the file is missing, no YAML, or repeats a key.
    """
    faults: list[Fault] = []
    document = read_document(file, file.name, faults)
    if faults or document is None:
        raise ContractError(faults)
    return document


def read_table(file: Path) -> pd.DataFrame:
    """The values, as written: codes as text, numbers as numbers where the whole column is.

    Raises:
        SpiError: the file is missing or neither CSV nor Parquet.
    """
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        if file.suffix != ".csv":
            raise SpiError(f"{file.name} is neither .csv nor .parquet: give the values as one of these")
        return pd.read_csv(
            file,
            dtype=dict.fromkeys(TEXT, str),
            keep_default_na=False,
            na_values=dict.fromkeys(NUMBERS, BLANK),
            skip_blank_lines=False,
            encoding="utf-8-sig",
            low_memory=False,
        )
    except FileNotFoundError as error:
        raise SpiError(f"there is no file {file}: correct the path") from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError, pa.ArrowInvalid) as error:
        raise SpiError(f"{file.name} cannot be read as {file.suffix.removeprefix('.')}: {error}") from error


def located(error: FrameworkError, framework: Document, values: Path) -> ContractError:
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
    return ContractError(faults)
