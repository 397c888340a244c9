"""A workbook by Government Analysis Function guidance: cover, contents, notes, a table per sheet, no merged cells."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.results import Results, Row, records

# "Symbols in tables" of the Analysis Function: not available, and confidential.
ABSENT, WITHHELD = "[x]", "[c]"
# The format of numbers that are not whole; cells hold all their digits.
DECIMALS = "#,##0.00"
# Texts stay texts whatever they begin with, never formulas or links.
AS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False}
# The width of a column of long texts, in characters, and the height of one line, in points.
WIDTH, LINE = 100, 16


def write_workbook(
    path: Path, results: Results, sheets: Mapping[str, tuple[str, pd.DataFrame]], dictionary: pd.DataFrame
) -> None:
    """Write the workbook.

    Args:
        path: the path of the file.
        results: the published results.
        sheets: by label, the title and the table of a sheet; the first column names the rows.
        dictionary: the meaning of the columns of all tables, for the last sheet.

    Raises:
        SpiError: when gptables is not installed.
    """
    try:
        import gptables
    except ModuleNotFoundError as error:
        raise SpiError(
            "the workbook needs gptables, which is not installed; run pip install 'spi-pipeline[site]', "
            "or build with --no-downloads"
        ) from error
    notes_frame = _notes(results)
    notes = dict(zip(notes_frame.pop("title"), notes_frame["Note reference"], strict=True))
    licences = ", ".join(sorted(set(dictionary["licence"])))
    tables = {
        label: gptables.GPTable(
            table=_filled(table),
            table_name=label.lower().replace(" ", "_"),
            title=title,
            source="Public sources: see the notes, and the page on quality for each file",
            legend=[f"{ABSENT} there is no figure", *_legend(table)],
            index_columns={2: 0},
            table_notes={column: f"$${notes[column]}$$" for column in table.columns if column in notes},
            additional_formatting=[
                {"column": {"columns": _broken(table), "format": {"num_format": DECIMALS}, "include_names": False}}
            ],
        )
        for label, (title, table) in sheets.items()
    }
    tables["Dictionary"] = gptables.GPTable(
        table=dictionary[["table", "column", "meaning", "unit"]].replace("", ABSENT),
        table_name="dictionary",
        title="What each column of the published tables means",
        legend=[f"{ABSENT} not stated"],
        index_columns={2: 0},
    )
    taken = words.day(results.as_of)
    cover = gptables.Cover(
        title=f"{results.index.title} of {results.town.name}, edition {results.edition}",
        intro=[f"Figures taken on {taken}.", f"Licence: {licences}."],
        about=["Ranks are places among the wards; the likely range holds nine of ten recalculations.",
               "Most figures are older than the edition: the sheet Notes gives their periods."],
        contact=["See the page About of the site that this file belongs to."],
    )  # fmt: skip
    workbook = gptables.produce_workbook(
        filename=str(path),
        sheets=tables,
        cover=cover,
        notes_table=notes_frame,
        auto_width=True,
        workbook_options=AS_TEXT,
    )
    _wrap(workbook.get_worksheet_by_name("Notes"), 1, notes_frame["Note text"])
    _wrap(workbook.get_worksheet_by_name("Dictionary"), 2, dictionary["meaning"])
    workbook.set_properties({"title": f"{results.index.title}, {results.edition}", "created": _moment(results)})
    workbook.close()


def _wrap(sheet: Any, column: int, texts: pd.Series) -> None:
    """Give long texts, the last rows of a sheet, a column that fits a screen and rows as high as they need.

    gptables makes a column as wide as its longest text, here 435 characters, and only Excel adjusts the row height.
    """
    sheet.set_column(column, column, WIDTH)
    first = sheet.dim_rowmax - len(texts) + 1
    for at, text in enumerate(texts, first):
        sheet.set_row(at, LINE * math.ceil(max(1, len(text)) / (0.9 * WIDTH)))


def _moment(results: Results) -> dt.datetime:
    """The day of the figures in place of the time of writing, so that the same figures give the same file."""
    return dt.datetime.combine(results.as_of.date(), dt.time())


def _legend(table: pd.DataFrame) -> list[str]:
    entry = f"{WITHHELD} {words.STATUSES['suppressed']}"
    return [entry] if table.isin([WITHHELD]).any(axis=None) else []


def _broken(table: pd.DataFrame) -> list[int]:
    """The positions of the columns of a table with numbers that are not whole."""
    columns = [table.iloc[:, at] for at in range(table.shape[1])]
    return [at for at, column in enumerate(columns)
            if pd.api.types.is_numeric_dtype(column) and (column.dropna() % 1 != 0).any()]  # fmt: skip


def _filled(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(object).where(table.notna(), ABSENT)


def _notes(results: Results) -> pd.DataFrame:
    """The period, unit, source and licence of each indicator, in the order of the framework."""
    table = results.tables["indicator"].set_index("indicator_id")
    titles = {element.id: element.title for element in results.elements.values() if element.level == "indicator"}
    known = table.loc[list(titles)]
    return pd.DataFrame(
        {
            "title": list(titles.values()),
            "Note reference": [f"note{number}" for number in range(1, len(known) + 1)],
            "Note text": [_note(titles[str(row["indicator_id"])], row) for row in records(known.reset_index())],
        }
    )


def _note(title: str, row: Row) -> str:
    details = {name: row[name] or "not stated" for name in ("unit", "reference_period", "source_id", "licence")}
    return (
        f"{title}; unit {details['unit']}; period {details['reference_period']}; source {details['source_id']}; "
        f"licence {details['licence']}. {row['limits'] or ''}"
    ).strip()
