"""Reads a spreadsheet or CSV file as text, cell by cell, as a person sees it, without interpreting it."""

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import FAULTS, opened, zip_members
from spi_pipeline.publishers.files.plain import plain
from spi_pipeline.publishers.http import bodies

SUFFIXES = (".csv", ".xlsx")
# Marks a cell with a formula but no value: the program that wrote the file did not store one.
UNCOMPUTED = "=?"
_DIVIDERS = ",;\t|"
_LOOKED_AT = 50


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook, or a CSV file.

    Attributes:
        file: the file's name, for errors.
        name: the sheet's name; empty for a CSV file.
        hidden: whether the sheet is hidden from a person who opens the file.
        rows: for each row that is not empty, its number from 1 and its cells from the first column on, as shown,
            without blanks around them.
        divider: the character that divides the cells of a CSV file.
    """

    file: str
    name: str
    hidden: bool
    rows: Sequence[tuple[int, Sequence[str]]]
    divider: str = ""

    @property
    def label(self) -> str:
        """The file and, in a workbook, the sheet, for errors."""
        return f"{self.file}, sheet {self.name}" if self.name else self.file


def read_sheets(path: Path) -> list[Sheet]:
    """Read every sheet of a file, including hidden ones.

    Raises:
        SpiError: when it is neither CSV nor .xlsx, is damaged or empty, or could be read in two ways.
    """
    name, suffix = path.name, path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SpiError(
            f"{name} is none of {', '.join(SUFFIXES)}; open it in a spreadsheet program and save it as .xlsx"
        )
    try:
        if not path.stat().st_size:
            raise SpiError(f"{name} is empty; save it again")
        sheets = _workbook(path) if suffix == ".xlsx" else [_csv(path)]
    except OSError as error:
        raise SpiError(f"{name} cannot be read: {error.strerror or error}; check its permissions") from error
    if not any(sheet.rows for sheet in sheets):
        raise SpiError(f"{name} is empty; save it again")
    return sheets


def column_letter(index: int) -> str:
    """Return the letters that a spreadsheet shows above a column, counted from 0."""
    return str(openpyxl.utils.get_column_letter(index + 1))


def _csv(path: Path) -> Sheet:
    name = path.name
    with path.open("rb") as stream:
        head = stream.read(2)
    try:
        if head not in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16 has its own message, from ``plain``
            bodies.judge(path, ("csv",), "", bounded=True)
    except SpiError as error:
        raise SpiError(f"{name}: {error}; save the table as CSV in UTF-8, or as .xlsx") from error
    with path.open("rb") as stream:
        content = plain(stream, name).read()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")  # spreadsheet programs in the UK save plain "CSV" like this
        except UnicodeDecodeError as error:
            raise SpiError(
                f"{name} is neither in UTF-8 nor in Windows-1252 (byte {error.start:,}); save it as CSV in UTF-8"
            ) from error
    divider = max(_DIVIDERS, key=lambda mark: _regular(text, mark))
    reader, rows = csv.reader(io.StringIO(text), delimiter=divider), []
    try:
        for number, cells in enumerate(reader, 1):
            shown = [_text(cell) for cell in cells]
            if any(shown):
                rows.append((number, shown))
    except csv.Error as error:
        raise SpiError(f"{name}, line {reader.line_num}: it is not a CSV file ({error}); save it again") from error
    return Sheet(name, "", False, rows, divider)


def _regular(text: str, divider: str) -> int:
    """Return how many cells the first rows with the commonest width hold; 0 if that width is one cell."""
    try:
        rows = csv.reader(io.StringIO(text), delimiter=divider)
        widths = Counter(len(row) for row, _ in zip(rows, range(_LOOKED_AT), strict=False))
    except csv.Error:
        return 0
    width, times = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(0, 0))
    return times * width if width > 1 else 0


def _workbook(path: Path) -> list[Sheet]:
    name = path.name
    advice = "open it in a spreadsheet program and save it as .xlsx"
    try:
        bodies.judge(path, ("xlsx",), "", bounded=True)
    except SpiError as error:
        raise SpiError(f"{name} is not a workbook: {error}; {advice}") from error
    try:
        values = openpyxl.load_workbook(path, read_only=True, data_only=True)
        formulas = openpyxl.load_workbook(path, read_only=True) if _has_formulas(path) else None
        sheets = []
        for sheet in values.worksheets:
            computed = _rows(sheet)
            sources = _rows(formulas[sheet.title]) if formulas else None
            rows = []
            for number, cells in enumerate(computed, 1):
                shown = [_shown(cell) for cell in cells]
                if sources is not None:
                    behind = [cell.value for cell in next(sources)]
                    shown = [
                        UNCOMPUTED if not text and formula is not None else text
                        for text, formula in zip(shown, behind, strict=True)
                    ]
                if any(shown):
                    rows.append((number, shown))
            sheets.append(Sheet(name, sheet.title, sheet.sheet_state != "visible", rows))
        for book in filter(None, (values, formulas)):
            book.close()
    # A damaged workbook may raise many kinds of exception: see ``files.workbooks``.
    except Exception as error:
        raise SpiError(f"{name} is not a readable workbook: {' '.join(str(error).split())[:120]}; {advice}") from error
    return sheets


def _rows(sheet: Any) -> Iterator[Any]:
    # Some programs declare a range that differs from the cells in use.
    sheet.reset_dimensions()
    rows: Iterator[Any] = sheet.iter_rows()
    return rows


def _has_formulas(path: Path) -> bool:
    """Whether a workbook holds formulas; only then is it read twice."""
    with zip_members(path, path.name, "the council") as archive:
        for member in archive.namelist():
            if member.startswith("xl/worksheets/") and member.endswith(".xml"):
                with opened(archive, member, path.name) as stream:
                    before = b""
                    try:
                        while block := stream.read(1 << 20):
                            if b"<f>" in before + block or b"<f " in before + block:
                                return True
                            before = block[-3:]
                    except FAULTS as error:
                        raise SpiError(f"{path.name}: {member} is damaged: {error}") from error
    return False


def _shown(cell: Any) -> str:
    """Return a cell as a spreadsheet program shows it, except that no figure is rounded."""
    value = cell.value
    if value is None or isinstance(value, str):
        return _text(value or "")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        percent = "%" in str(cell.number_format or "")
        number = value * 100 if percent else value
        return (str(int(number)) if number == int(number) else f"{number:.12g}") + "%" * percent
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)


def _text(cell: str) -> str:
    """Return text in one line, without blanks of any kind around it."""
    return " ".join(cell.replace("\ufeff", "").split())
