"""Reads Excel workbooks sheet by sheet. Any exception that a damaged workbook causes becomes one sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl

from spi_pipeline.contracts.errors import SpiError

Rows = Iterator[tuple[Any, ...]]


def sheets(path: Path, name: str, publisher: str) -> Iterator[tuple[str, Rows]]:
    """Yield the sheets of a workbook, each with its rows as values, which are read on demand.

    Raises:
        SpiError: when it is not a workbook, or is damaged.
    """
    fault = f"{name} of {publisher} is not a readable workbook"
    with path.open("rb") as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            every = [(sheet.title, sheet.iter_rows(values_only=True)) for sheet in book.worksheets]
        # Changing bytes of a workbook led to eight kinds of exception, TypeError among them.
        except Exception as error:
            raise SpiError(f"{fault}: {error}; download it again") from error
        yield from ((title, _rows(rows, fault)) for title, rows in every)


def _rows(rows: Rows, fault: str) -> Rows:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise SpiError(f"{fault}: {error}; download it again") from error
        yield row
