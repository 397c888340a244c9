"""Inspects a table that has no contract yet: where its rows lie, what they count, and when."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.own.cells import read_sheets
from spi_pipeline.publishers.own.days import day_of, is_year
from spi_pipeline.publishers.own.persons import refuse_persons
from spi_pipeline.publishers.own.placing import SINGLES, Places
from spi_pipeline.publishers.own.reading import numbers, placed
from spi_pipeline.publishers.own.tables import Table, find_table
from spi_pipeline.rules.wording import listing


@dataclass(frozen=True)
class DraftOptions:
    """The options that a user gave for a table. Options not given are empty; required ones become blanks in the draft.

    Attributes:
        name: the id for the source and the indicator.
        component: the component of the framework to which the indicator is added.
        value: the column of figures; empty if there is only one, or none.
        of: the column of the whole that the figures are a part, or a percentage, of.
        rows: whether each row is one thing to be counted.
        sheet: the sheet of a workbook.
        owner, licence, minimum_count, expires, concept: as in the contract.
        period: the first and last day.
    """

    name: str
    component: str
    value: str = ""
    of: str = ""
    rows: bool = False
    sheet: str = ""
    owner: str = ""
    licence: str = ""
    minimum_count: int | None = None
    expires: str = ""
    concept: str = ""
    period: tuple[str, str] | None = None


@dataclass(frozen=True)
class Inspection:
    """What a table shows.

    Attributes:
        table: the table in its file.
        vintage: the year of its areas.
        figure: the column of figures; empty if rows are counted.
        percent: whether the figures are percentages.
        is_count: whether the figures are counts.
        date: the column of days.
        year: the column of calendar years.
        period: the first and last day, if known.
        values: the figures, or if rows are counted, the count of each area.
        elsewhere: the number of rows without a place in our wards.
    """

    table: Table
    vintage: int
    figure: str
    percent: bool
    is_count: bool
    date: str
    year: str
    period: tuple[str, str] | None
    values: Sequence[float]
    elsewhere: int


def inspect(path: Path, options: DraftOptions, known: Places) -> Inspection:
    """Inspect the table in a file.

    Raises:
        SpiError: when the file holds personal data or no table, or when it is unclear what is counted.
    """
    sheets = read_sheets(path)
    refuse_persons(sheets, known.names_an_area)
    table = find_table(sheets, known, options.sheet)
    areas, rows, _ = placed(table, known)
    cells = {name: [row[index] for _, row in rows] for index, name in enumerate(table.names) if name}
    others = {name: held for name, held in cells.items() if name not in table.place_names()}
    if table.kind == "ward_name":
        known.check_names(cells[table.place_names()[0]], table.label)
    year = next((n for n, held in others.items() if n.casefold() == "year" and all(map(is_year, held))), "")
    dates = [name for name, held in others.items() if all(day_of(cell) for cell in held)]
    figure = _figure(table, others, options, year, dates, repeated=len(set(areas)) < len(areas))
    date = dates[0] if dates and not figure else ""
    days = sorted(day for cell in others.get(date, ()) if (day := day_of(cell)))
    period = options.period
    if days and not period:
        last = pd.Period(days[-1], "M").end_time.date()
        period = (days[0].replace(day=1).isoformat(), last.isoformat())
    percent = "%" in "".join(others.get(figure, ()))
    if figure:
        values = numbers(table, rows, table.position(figure, "--value"), count=False)
        whole = not percent and all(value != value or value % 1 == 0 for value in values)
    else:
        values, whole = list(pd.Series([area for area in areas if area]).value_counts().astype(float)), True
    if options.of:
        numbers(table, rows, table.position(options.of, "--of"), count=True)
    vintage = int(known.geography.vintage[:4])
    if table.kind == "lsoa":
        vintage = known.vintage(sorted(set(areas)), table.label)
    if not whole and table.kind != "lsoa" and not options.of:
        fault = "holds percentages" if percent else "holds no counts"
        raise SpiError(
            f"{table.label}, column {figure!r} {fault}, which cannot be combined for the town without their whole; "
            "name the column of the whole with --of, or give counts"
        )
    return Inspection(table, vintage, figure, percent, whole, date, year, period, values, areas.count(""))


def _figure(
    table: Table,
    others: Mapping[str, Sequence[str]],
    options: DraftOptions,
    year: str,
    dates: Sequence[str],
    *,
    repeated: bool,
) -> str:
    """Return the column of figures; empty if each row is one thing to be counted."""
    if options.value:
        table.position(options.value, "--value")
        return options.value
    if options.rows:
        return ""
    numeric = [name for name, held in others.items() if name not in (year, options.of, *dates) and _are_numbers(held)]
    singles = table.kind in SINGLES or (repeated and not year)
    if len(numeric) == 1 and not singles:
        return numeric[0]
    if not numeric and singles:
        return ""
    if not numeric:
        raise SpiError(f"{table.label} holds no column of figures besides the areas; it has {listing(list(others))}")
    rows = ", or --rows if each row is one thing to be counted" * singles
    raise SpiError(f"{table.label} has figures in {listing(numeric)}; say which to read with --value{rows}")


def _are_numbers(held: Sequence[str]) -> bool:
    figures = [re.fullmatch(r"[£+-]?[\d,]*\.?\d+%?", cell) is not None for cell in held if cell]
    return bool(figures) and 2 * sum(figures) > len(figures)
