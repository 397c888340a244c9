"""Excel workbooks: a table of values read from one, the tables of an index written into one."""

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

# What the format holds: rows of a sheet, characters of a cell.
MOST_ROWS = 1_048_576
LONGEST = 32_767
# Unpacked, a sheet of a million rows by 60 columns of numbers has so many bytes; a small file that unpacks to more is
# a trap, or no table.
LARGEST = 4 * 10**9
# The sheet that is read where several have entries.
VALUES = "values"


def read_workbook(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    """The table of a workbook, rows without any entry left out, or None where it is faulty; faults are appended.

    Returns:
        Values as saved; the index is the number of the row in the sheet, from 0.

    Raises:
        OSError: the file cannot be opened.
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
    except Exception as error:  # openpyxl raises a dozen kinds at a damaged file, TypeError and KeyError among them
        said = " ".join(str(error).split())[:200]
        faults.append(Fault(file.name, 0, f"is not a readable workbook ({said}): save it again as .xlsx"))
        return None


def _sheets(stream: Any, *, data_only: bool) -> Iterator[tuple[str, dict[int, list[Any]]]]:
    """The sheets with entries: name, and rows by number from 0, a formula as its value or as itself."""
    for sheet in openpyxl.load_workbook(stream, read_only=True, data_only=data_only).worksheets:
        sheet.reset_dimensions()  # what a sheet says of its own size need not be so
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
    """What stands for a formula where formulas are read as such."""


def _table(
    name: str, values: Iterator[tuple[str, dict[int, list[Any]]]], formulas: Iterator[tuple[str, dict[int, list[Any]]]],
    faults: list[Fault],
) -> pd.DataFrame | None:  # fmt: skip
    sheets = {title: rows for title, rows in values if rows}
    title = VALUES if VALUES in sheets else next(iter(sheets), "")
    if len(sheets) > 1 and title != VALUES:
        several = ", ".join(sheets)
        said = f"several sheets have entries ({several}): name the one to be read '{VALUES}'"
        faults.append(Fault(name, 0, said))
        return None
    if not sheets:
        faults.append(Fault(name, 0, "the workbook is empty: give a heading, then one row a value or an area"))
        return None
    (first, heading), *rows = sheets[title].items()
    width = max(len(row) for row in sheets[title].values())
    filled = [any(len(row) > place and row[place] is not None for _, row in rows) for place in range(width)]
    names = [None if place >= len(heading) else heading[place] for place in range(width)]
    kept = [place for place in range(width) if names[place] is not None or filled[place]]
    for place in kept:
        if names[place] is None:
            column = get_column_letter(place + 1)
            faults.append(Fault(name, first + 1, f"column {column} has entries and no heading: give it one"))
    whole = all(len(row) == width and None not in row for row in sheets[title].values())
    unsaved = [] if whole else _unsaved(sheets[title], next((found for sheet, found in formulas if sheet == title), {}))
    for cell, row in unsaved[:1]:
        more = f" and {len(unsaved) - 1:,} more" * (len(unsaved) > 1)
        said = f"{cell}{more} holds a formula without a saved value: save the workbook in a spreadsheet program"
        faults.append(Fault(name, row + 1, said, len(unsaved)))
    if faults:
        return None
    cells = [[row[place] if place < len(row) else None for place in kept] for _, row in rows]
    columns = [str(names[place]).strip() for place in kept]
    return pd.DataFrame(cells, index=[number for number, _ in rows], columns=columns, dtype=object)


def _unsaved(values: dict[int, list[Any]], formulas: dict[int, list[Any]]) -> list[tuple[str, int]]:
    """Cells with a formula of which no value was saved: their names and rows."""
    return [
        (f"{get_column_letter(place + 1)}{number + 1}", number)
        for number, row in formulas.items()
        for place, cell in enumerate(row)
        if cell is _Formula and values.get(number, [])[place : place + 1] in ([], [None])
    ]


def workbook_bytes(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """A workbook with a sheet for each table: numbers as numbers, all else as text, never as a formula.

    Raises:
        SpiError: a table has more rows, or a text more characters, than a sheet can hold.
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
    """Text as text: what begins with = would be a formula, with # an error, with + - or @ a formula once edited."""
    if len(text) > LONGEST:
        raise SpiError(f"{text[:60]}... has more characters than a cell holds: write .parquet or .csv")
    if text[:1] not in ("=", "+", "-", "@", "#"):
        return escape(text)
    cell = WriteOnlyCell(sheet, escape(text))
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell
