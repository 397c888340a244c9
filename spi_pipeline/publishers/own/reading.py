"""Makes our table from a council's own file, by its contract: places rows, counts them, and suppresses small counts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.tables import POINTS, Column, OwnTable, Source
from spi_pipeline.publishers.files.reading import MOST, NUMBER
from spi_pipeline.publishers.own.cells import UNCOMPUTED, column_letter, read_sheets
from spi_pipeline.publishers.own.days import day_of, is_year
from spi_pipeline.publishers.own.persons import refuse_persons
from spi_pipeline.publishers.own.placing import MOST_ELSEWHERE, SINGLES, Places
from spi_pipeline.publishers.own.tables import Table, find_table, is_total
from spi_pipeline.rules.disclosure import withheld

# Marks for a figure that is withheld or missing, as councils and the Government Analysis Function write them.
WITHHELD = re.compile(
    r"\*+|\[?[cuxz]\]?|\[?low\]?|\.\.|:|[sp]|<\s*\d+|(?:less|fewer) than \d+|n/?a|#n/a|suppressed", re.I
)
_LONGITUDES, _LATITUDES = (-9.0, 2.5), (49.0, 61.0)
_EASTINGS, _NORTHINGS = (0.0, 700_000.0), (0.0, 1_300_000.0)


@dataclass(frozen=True)
class Read:
    """The result of reading a file.

    Attributes:
        frame: the columns of the contract.
        rows: the number of rows read.
        elsewhere: the number of these without a place, or placed outside our wards.
        suppressed: the number of figures left out because a count is below the minimum, or would reveal such a count
            by subtraction.
    """

    frame: pd.DataFrame
    rows: int
    elsewhere: int
    suppressed: int


def read_own(path: Path, source: Source, known: Places) -> Read:
    """Read a council's own file.

    Raises:
        SpiError: naming the file, sheet, row and column of a fault, and what to do.
    """
    own = source.properties.own
    assert own
    sheets = read_sheets(path)
    refuse_persons(sheets, known.names_an_area)
    table = find_table(sheets, known, own.sheet, (own.placed_by, own.columns))
    areas, rows, totals = placed(table, known)
    figures = {
        column.name: numbers(table, rows, table.position(column.published_name, source.file), _is_count(column))
        for column in source.columns
        if column.published_name and column.name != "year"
    }
    frame = pd.DataFrame({"area_code": areas, **figures}, index=[number for number, _ in rows])
    if own.date:
        _check_days(table, rows, own, source)
    key = list(source.key)
    if "year" in key:
        frame["year"] = _years(table, rows, source)
    elsewhere = int((frame["area_code"] == "").sum())
    if elsewhere > MOST_ELSEWHERE * len(frame):
        raise SpiError(
            f"{table.label}: {elsewhere:,} of {len(frame):,} rows have no place in {known.towns}, which is more than "
            f"{MOST_ELSEWHERE:.0%}; keep the rows of {known.towns}, and give the places that are missing"
        )
    if own.placed_by == "ward_name":
        known.check_names(_cells(table, rows, table.places[0]), table.label)
    counted = [column.name for column in source.columns if column.name not in (*key, *figures)]
    if counted or own.placed_by in SINGLES:
        frame = _added_up(frame, counted, key, known, table)
    else:
        for column, values in figures.items():
            _check_total(table, totals, source.column(column), values)
    _check_once(frame, key, table)
    table_of_ours, suppressed = suppress(frame.reset_index(drop=True), source, known.geography)
    return Read(table_of_ours[[column.name for column in source.columns]], len(rows), elsewhere, suppressed)


def placed(table: Table, known: Places) -> tuple[list[str], list[tuple[int, Sequence[str]]], list[Sequence[str]]]:
    """Return the area of each row of a table, its rows without totals and notes, and its totals.

    Raises:
        SpiError: for a row with an unknown place.
    """
    if table.kind in POINTS:
        rows = [
            (number, cells)
            for number, cells in table.rows
            if not _is_note(cells)
            and (any(cells[place] for place in table.places) or not is_total(cells, known, table.kind))
        ]
        return _points(table, rows, known), rows, []
    (place,) = table.places
    areas, rows, totals = [], [], []
    last = max(number for number, cells in table.rows if known.is_kind(table.kind, cells[place]))
    for number, cells in table.rows:
        text = cells[place]
        if not known.is_kind(table.kind, text):
            if is_total(cells, known, table.kind):
                totals.append(cells)
                continue
            if _is_note(cells) and (text or number > last):
                continue
            # An event at an unknown place still happened; figures of an unknown area are a fault.
            if not text and table.kind == "postcode":
                areas.append("")
                rows.append((number, cells))
                continue
            fault = f"{text!r} is not a {_WORDS[table.kind]}" if text else f"there is no {_WORDS[table.kind]}"
            raise _fault(table, number, place, f"{fault} for the figures; correct it, or take the row out")
        try:
            areas.append(known.area_of(table.kind, text))
        except SpiError as error:
            raise _fault(table, number, place, str(error)) from error
        rows.append((number, cells))
    return areas, rows, totals


_WORDS = {"ward_code": "code of a ward", "ward_name": "ward of ours", "lsoa": "code of an LSOA", "postcode": "postcode"}


def numbers(table: Table, rows: Sequence[tuple[int, Sequence[str]]], place: int, count: bool) -> list[float]:
    """Return the figures of a column; NaN for one that is withheld or missing.

    Raises:
        SpiError: for a cell that is not a figure, or could be read in two ways.
    """
    return [_number(table, number, place, cells[place], count) for number, cells in rows]


def _number(table: Table, row: int, place: int, text: str, count: bool) -> float:
    if not text or WITHHELD.fullmatch(text):
        return float("nan")
    if text == UNCOMPUTED:
        fault = "is a formula without a value; open the file in a spreadsheet program and save it"
        raise _fault(table, row, place, fault)
    if text in ("-", "–", "—"):
        raise _fault(table, row, place, f"{text!r} could mean none or unknown; write 0, or leave the cell empty")
    figure = text.removesuffix("%").removeprefix("£").strip()
    if "," in figure and table.divider == ";":
        fault = f"the comma in {text!r} could mark thousands or decimals in a file divided by semicolons"
        raise _fault(table, row, place, f"{fault}; save it as .xlsx")
    if not re.fullmatch(NUMBER, figure):
        raise _fault(
            table, row, place, f"{text!r} is not a figure; correct it, or leave the cell empty if none is known"
        )
    value = float(figure.replace(",", ""))
    if count and (value % 1 or not 0 <= value <= MOST):
        raise _fault(table, row, place, f"{text!r} is not a count; correct it")
    return value


def suppress(frame: pd.DataFrame, source: Source, geography: Geography) -> tuple[pd.DataFrame, int]:
    """Remove the figures of rows whose count is above zero but below the minimum; also return how many were removed.

    If the total of a town in a year would reveal one of them, the row with the next smallest count is removed too.
    """
    names = [column.name for column in source.columns if column.name not in source.key]
    counts = [column.name for column in source.columns if column.name in names and _is_count(column)]
    towns = {ward.code: ward.authority for ward in geography.wards}
    years = [frame["year"]] if "year" in frame else []
    removed = np.zeros(len(frame), dtype=bool)
    for _, rows in frame.groupby([frame["area_code"].map(towns).fillna(""), *years]):
        figures = [
            (source.properties.minimum_count, [None if count != count else count for count in rows[name].astype(float)])
            for name in counts
        ]
        removed[rows.index.to_numpy()] = withheld(figures, rows[counts].isna().any(axis=1).tolist())
    hidden = int(frame.loc[removed, names].notna().to_numpy().sum())
    frame = frame.astype(dict.fromkeys(names, "float64"))
    frame.loc[removed, names] = float("nan")
    return frame.astype(dict.fromkeys(counts, "Int64")), hidden


def _is_count(column: Column) -> bool:
    return column.type == "integer"


def _is_note(cells: Sequence[str]) -> bool:
    """Whether a row holds nothing but one text that is not a figure, as notes and headings do."""
    held = [cell for cell in cells if cell]
    return not held or (len(held) == 1 and not re.fullmatch(NUMBER, held[0]))


def _cells(table: Table, rows: Sequence[tuple[int, Sequence[str]]], place: int) -> list[str]:
    return [cells[place] for _, cells in rows]


def _fault(table: Table, row: int, place: int, message: str) -> SpiError:
    return SpiError(f"{table.label}, row {row:,}, column {column_letter(place)} ({table.names[place]}): {message}")


def _points(table: Table, rows: Sequence[tuple[int, Sequence[str]]], known: Places) -> list[str]:
    ranges = (_LONGITUDES, _LATITUDES) if table.kind == "wgs84" else (_EASTINGS, _NORTHINGS)
    axes = [numbers(table, rows, place, count=False) for place in table.places]
    for place, values, (least, most) in zip(table.places, axes, ranges, strict=True):
        for (row, cells), value in zip(rows, values, strict=True):
            if not (value != value or value == 0 or least <= value <= most):
                fault = f"{cells[place]!r} lies outside the United Kingdom, whose range is {least:g} to {most:g}"
                raise _fault(table, row, place, f"{fault}; see whether the columns are swapped")
    return known.points(table.kind, *axes)


def _check_days(table: Table, rows: Sequence[tuple[int, Sequence[str]]], own: OwnTable, source: Source) -> None:
    place = table.position(own.date, source.file)
    period = source.properties.period
    for row, cells in rows:
        day = day_of(cells[place])
        if day is None:
            raise _fault(table, row, place, f"{cells[place]!r} is not a day; write it as 31/01/2026 or 2026-01-31")
        if not str(period.start) <= day.isoformat() <= str(period.end):
            fault = f"{day} is not in {period.start} to {period.end}, the period in {source.file}"
            raise _fault(table, row, place, f"{fault}; correct one of them, or take the row out")


def _years(table: Table, rows: Sequence[tuple[int, Sequence[str]]], source: Source) -> list[int]:
    column = source.column("year")
    place = table.position(column.published_name if column else "", source.file)
    for row, cells in rows:
        if not is_year(cells[place]):
            raise _fault(table, row, place, f"{cells[place]!r} is not a calendar year; write one such as 2025")
    return [int(cells[place]) for _, cells in rows]


def _added_up(frame: pd.DataFrame, counted: Sequence[str], key: list[str], known: Places, table: Table) -> pd.DataFrame:
    """Sum rows of single places by area: the number of rows, or of the things each row counts; 0 without rows."""
    figures = [name for name in frame if name not in key]
    missing = frame[figures].isna().any(axis=1)
    if missing.any():
        raise SpiError(
            f"{table.label}, row {frame.index[missing][0]:,}: a figure is withheld or missing, and without it the "
            "figures of its area cannot be summed; give the figures by ward"
        )
    inside = frame[frame["area_code"] != ""].assign(**dict.fromkeys(counted, 1))
    added = inside.groupby(key)[[*figures, *counted]].sum()
    areas = known.geography.ward_codes
    if table.kind == "lsoa":
        areas = tuple(sorted(known.lsoas[known.vintage(sorted(set(inside["area_code"])), table.label)]))
    levels = [areas if name == "area_code" else sorted(set(frame[name])) for name in key]
    every = pd.MultiIndex.from_product(levels, names=key) if len(key) > 1 else pd.Index(areas, name="area_code")
    return added.reindex(every, fill_value=0).reset_index()


def _check_once(frame: pd.DataFrame, key: list[str], table: Table) -> None:
    twice = frame[frame.duplicated(key, keep=False)]
    if len(twice):
        first = twice[(twice[key] == twice[key].iloc[0]).all(axis=1)]
        rows = " and ".join(f"{row:,}" for row in first.index[:2])
        key_text = ", ".join(map(str, first[key].iloc[0]))
        raise SpiError(f"{table.label}: {key_text} is in rows {rows}; keep one row for each area")


def _check_total(table: Table, totals: Sequence[Sequence[str]], column: Column | None, values: Sequence[float]) -> None:
    """Compare counts with the total below them, if there is one and no count is withheld."""
    if column is None or not _is_count(column) or any(value != value for value in values):
        return
    place = table.position(column.published_name, column.name)
    for cells in totals:
        figure = cells[place].replace(",", "")
        # A total may cover a part only, and figures of several years have a total each.
        if figure.isdigit() and len(totals) == 1 and int(figure) != sum(values):
            raise SpiError(
                f"{table.label}, column {column_letter(place)} ({table.names[place]}): the total is {int(figure):,} "
                f"and the rows sum to {int(sum(values)):,}; see which rows are missing"
            )
