"""Excel workbooks, sheet by sheet. Whatever a damaged one makes its reader raise is one sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl

from spi_pipeline.contracts.errors import SpiError

Rows = Iterator[tuple[Any, ...]]


def sheets(path: Path, name: str, publisher: str) -> Iterator[tuple[str, Rows]]:
    """The sheets of a workbook, each with its rows as values, read as they are asked for.

    Raises:
        SpiError: when it is no workbook, or a damaged one.
    """
    said = f"{name} of {publisher} is not a readable workbook"
    with path.open("rb") as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            every = [(sheet.title, sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
        # Eight kinds of exception were met when bytes of a workbook were changed, TypeError among them.
        except Exception as error:
            raise SpiError(f"{said}: {error}; fetch it again") from error
        yield from ((title, _rows(rows, said)) for title, rows in every)


def _rows(rows: Rows, said: str) -> Rows:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise SpiError(f"{said}: {error}; fetch it again") from error
        yield row
