"""Excel workbooks: reads a table of values from one and writes the tables of an index into one."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import escape

from spi_pipeline.contracts.errors import Fault, SpiError

# Limits of the format: rows in a sheet, characters in a cell.
MOST_ROWS = 1_048_576
LONGEST = 32_767
# Bytes of an unpacked sheet of a million rows by 60 columns of numbers. A small file that unpacks to more is a zip bomb
# or not a table.
LARGEST = 4 * 10**9
# The sheet to read if several have entries.
VALUES = "values"


def read_workbook(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    """Read the table of a workbook; rows without any entry are left out.

    Args:
        file: the workbook.
        faults: the list that faults are appended to.

    Returns:
        Values as saved; the index is the row number in the sheet, from 0. None if the workbook has faults.

    Raises:
        OSError: if the file cannot be opened.
    """
    try:
        with file.open("rb") as stream:
            if sum(part.file_size for part in zipfile.ZipFile(stream).infolist()) > LARGEST:
                faults.append(
                    Fault(file.name, 0, "unpacks to more than a table of values can hold: give it as Parquet")
                )
                return None
            return _table(file.name, _sheets(stream, data_only=True), _sheets(stream, data_only=False), faults)
    except OSError:
        raise
    except Exception as error:  # openpyxl raises a dozen kinds for a damaged file, among them TypeError and KeyError
        message = " ".join(str(error).split())[:200]
        faults.append(Fault(file.name, 0, f"is not a readable workbook ({message}): save it again as .xlsx"))
        return None


def _sheets(stream: Any, *, data_only: bool) -> Iterator[tuple[str, dict[int, list[Any]]]]:
    """Yield each sheet's name and its rows with entries, by number from 0; formulas as values or as ``_Formula``."""
    for sheet in openpyxl.load_workbook(stream, read_only=True, data_only=data_only).worksheets:
        sheet.reset_dimensions()  # the size that a sheet declares can be wrong
        rows = {number: [_plain(cell) for cell in row] for number, row in enumerate(sheet.iter_rows())}
        yield sheet.title, {number: row for number, row in rows.items() if any(cell is not None for cell in row)}


def _plain(cell: Any) -> Any:
    value = cell.value
    if isinstance(value, datetime) and value.time() == time():
        return value.date()
    if cell.data_type == "f":
        return _Formula
    return None if isinstance(value, str) and not value.strip() else value


class _Formula:
    """Placeholder for a formula, when formulas are not read as values."""


def _table(
    name: str, values: Iterator[tuple[str, dict[int, list[Any]]]], formulas: Iterator[tuple[str, dict[int, list[Any]]]],
    faults: list[Fault],
) -> pd.DataFrame | None:  # fmt: skip
    sheets = {title: rows for title, rows in values if rows}
    title = VALUES if VALUES in sheets else next(iter(sheets), "")
    if len(sheets) > 1 and title != VALUES:
        several = ", ".join(sheets)
        message = f"several sheets have entries ({several}): name the one to be read '{VALUES}'"
        faults.append(Fault(name, 0, message))
        return None
    if not sheets:
        faults.append(Fault(name, 0, "the workbook is empty: give a heading, then one row per value or per area"))
        return None
    (first, heading), *rows = sheets[title].items()
    width = max(len(row) for row in sheets[title].values())
    filled = [any(len(row) > position and row[position] is not None for _, row in rows) for position in range(width)]
    names = [None if position >= len(heading) else heading[position] for position in range(width)]
    columns_used = [position for position in range(width) if names[position] is not None or filled[position]]
    for position in columns_used:
        if names[position] is None:
            column = get_column_letter(position + 1)
            faults.append(Fault(name, first + 1, f"column {column} has entries and no heading: give it one"))
    whole = all(len(row) == width and None not in row for row in sheets[title].values())
    unsaved = [] if whole else _unsaved(sheets[title], next((cells for sheet, cells in formulas if sheet == title), {}))
    for cell, row in unsaved[:1]:
        more = f" and {len(unsaved) - 1:,} more" * (len(unsaved) > 1)
        message = f"{cell}{more} holds a formula without a saved value: save the workbook in a spreadsheet program"
        faults.append(Fault(name, row + 1, message, len(unsaved)))
    if faults:
        return None
    cells = [[row[position] if position < len(row) else None for position in columns_used] for _, row in rows]
    columns = [str(names[position]).strip() for position in columns_used]
    return pd.DataFrame(cells, index=[number for number, _ in rows], columns=columns, dtype=object)


def _unsaved(values: dict[int, list[Any]], formulas: dict[int, list[Any]]) -> list[tuple[str, int]]:
    """The names and rows of cells whose formula has no saved value."""
    return [
        (f"{get_column_letter(position + 1)}{number + 1}", number)
        for number, row in formulas.items()
        for position, cell in enumerate(row)
        if cell is _Formula and values.get(number, [])[position : position + 1] in ([], [None])
    ]


def workbook_bytes(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Write a workbook with a sheet for each table: numbers as numbers, everything else as text, never as a formula.

    Raises:
        SpiError: if a table has more rows, or a text more characters, than a sheet can hold.
    """
    book = openpyxl.Workbook(write_only=True)
    for title, table in tables.items():
        if len(table) >= MOST_ROWS:
            raise SpiError(f"{len(table):,} rows of {title} are more than a sheet holds: write .parquet or .csv")
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        sheet.append([_cell(sheet, name) for name in table.columns])
        for row in table.astype(object).where(table.notna(), None).itertuples(index=False, name=None):
            sheet.append([_cell(sheet, value) if isinstance(value, str) else value for value in row])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _cell(sheet: Any, text: str) -> Any:
    """A cell that stays text: = would start a formula, # an error, and +, - or @ a formula once the cell is edited."""
    if len(text) > LONGEST:
        raise SpiError(f"{text[:60]}... has more characters than a cell holds: write .parquet or .csv")
    if text[:1] not in ("=", "+", "-", "@", "#"):
        return escape(text)
    cell = WriteOnlyCell(sheet, escape(text))
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell
