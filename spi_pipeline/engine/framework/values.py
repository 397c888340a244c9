"""The data of an index: rows are read into panels, and all their faults are collected.

The caller reads the files; ``calculate`` uses the panels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.engine.framework.columns import (
    AREA_NUMBERS,
    NUMBERS,
    check_numbers,
    entered,
    labels,
    position_of,
    read_editions,
    read_numbers,
    without_blanks,
)
from spi_pipeline.engine.framework.faults import LARGEST, Fault, Faults, Place, quoted, suggestion
from spi_pipeline.engine.framework.outline import Outline
from spi_pipeline.engine.framework.wide import read_wide
from spi_pipeline.engine.panel import INDEX_NAMES, Flags, Positions

REQUIRED = ("area_code", "indicator_id", "value")
# Columns for readers of the file, which the calculation does not use.
FOR_READERS = ("area_name", "indicator_name", "unit", "source", "note")
COLUMNS = ("area_code", "edition", "indicator_id", *NUMBERS, "group", "period", *FOR_READERS)
# Entry for a value that cannot exist, such as the state of the sea in a country without a coast.
NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Values:
    """The data in panels indexed by ``(edition, area_code)``, with the indicators as columns in the framework's order.

    Attributes:
        panel: raw values, NaN where missing.
        numerator: events or cases behind a value; None where the data have no such column.
        denominator: people or units that the numerator is counted among; None without such a column.
        lower: lower end of a 95 % interval of the value; None without such a column.
        upper: upper end of that interval; None without such a column.
        allocation_error: standard error of allocating figures from larger areas, in the value's unit; None without such
            a column.
        period: label of the observation behind a value: cells of one indicator and area with the same label are one
            observation, in whatever edition they appear. Labels are positions in a list, NaN without a label; None
            where every cell is an observation of its own.
        population: residents by row; None without such a column.
        standing: the figure that peers are nearest in, such as income, by row; None without such a column.
        group: group by row; None without such a column.
        fitted: flags for the reference rows, which weights, extremes and ranks are taken over; None for all.
        applies: which cells can have a value at all, in the shape of the panel; None where all can.
        wide: whether the values were read from a wide table, with one row per area.
    """

    panel: pd.DataFrame
    numerator: pd.DataFrame | None = None
    denominator: pd.DataFrame | None = None
    lower: pd.DataFrame | None = None
    upper: pd.DataFrame | None = None
    allocation_error: pd.DataFrame | None = None
    period: pd.DataFrame | None = None
    population: pd.Series | None = None
    standing: pd.Series | None = None
    group: pd.Series | None = None
    fitted: Flags | None = None
    applies: pd.DataFrame | None = None
    wide: bool = False


def read_values(table: pd.DataFrame, outline: Outline, faults: Faults) -> Values | None:
    """Read rows into panels; return None where the rows have faults, which are appended.

    Args:
        table: columns area_code, indicator_id, value and optionally the others of ``COLUMNS``, or a wide table with a
            column for each indicator; any order of rows.
        outline: the ids of the indicators, and of the values they are divided by.
        faults: faults found so far.
    """
    before = len(faults)
    if not len(table):
        faults.add(("values",), "there are no values: give one row for each area and indicator")
        return None
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        faults.add(("values",), f"the heading has {quoted(twice[0])} more than once: keep one such column")
        return None
    ids = list(dict.fromkeys([*outline.leaves, *outline.divisors.values()]))
    table = table.reset_index(drop=True)
    wide = read_wide(table, ids, faults)
    if len(faults) > before:
        return None
    rows = table if wide is None else wide.reset_index(drop=True)
    values = _read_rows(rows, ids, outline, faults)
    if values is None and wide is not None:
        faults.faults[before:] = [_at(fault, wide.index) for fault in faults.faults[before:]]
    return values and replace(values, wide=wide is not None)


def _at(fault: Fault, origin: pd.Index) -> Fault:
    """A fault of a row, moved to the row of the original table."""
    source, *row = fault.place
    return replace(fault, place=(source, int(origin[int(row[0])]))) if source == "values" and row else fault


def _read_rows(rows: pd.DataFrame, ids: list[str], outline: Outline, faults: Faults) -> Values | None:
    before = len(faults)
    if not _check_columns(list(rows.columns), ids, faults):
        return None
    value = without_blanks(rows["value"])
    applies = pd.Series(True, index=rows.index)
    if value.dtype.kind not in "fiu":
        applies = value.astype(str).str.strip().str.lower() != NOT_APPLICABLE
    rows = rows.assign(value=value.where(applies, None))
    numbers = {name: read_numbers(rows, name, faults) for name in NUMBERS if name in rows}
    keys = _Keys(rows, ids, outline.aggregated, faults)
    _check_filled(keys.column[entered(rows["value"])], ids, outline, faults)
    check_numbers(numbers, faults)
    panels: dict[str, Any] = {name: keys.panel(column) for name, column in numbers.items() if name not in AREA_NUMBERS}
    panels |= {
        name: keys.by_unit(*pd.factorize(numbers[name]), name, faults) for name in AREA_NUMBERS if name in numbers
    }
    if "group" in rows:
        panels["group"] = keys.by_unit(*labels(rows["group"]), "group", faults)
    if "period" in rows:
        codes = pd.Series(labels(rows["period"])[0]).mask(~entered(rows["period"]))
        panels["period"] = keys.panel(codes)
    if not applies.all():
        panels["applies"] = keys.panel(applies) != 0
        for leaf, divisor in outline.divisors.items():
            panels["applies"][leaf] &= panels["applies"][divisor]
    raw = panels["value"]
    for leaf, divisor in outline.divisors.items():
        _divide(panels, leaf, raw[divisor], keys, faults)
    for name, panel in panels.items():
        if isinstance(panel, pd.DataFrame):
            panels[name] = panel[list(outline.leaves)]
    return Values(panel=panels.pop("value"), **panels) if len(faults) == before else None


class _Keys:
    """The cell of a panel that each row fills, in whole numbers throughout: millions of strings would cost seconds."""

    def __init__(self, rows: pd.DataFrame, ids: list[str], aggregated: set[str], faults: Faults) -> None:
        self.rows, self.ids = rows, ids
        self.area, self.areas = labels(rows["area_code"])
        self.edition, self.editions = read_editions(rows, faults)
        name, names = labels(rows["indicator_id"])
        self.column = pd.Index(ids, dtype=object).get_indexer(pd.Index(names, dtype=object))[name]
        message = "the area_code is blank: fill it in or remove the row"
        faults.rows(np.flatnonzero(self.area == position_of("", self.areas)), message, "area_codes are blank")
        unknown = self.column < 0
        firsts = _firsts(name[unknown], np.flatnonzero(unknown))
        faults.rows(firsts, lambda row: _unknown(names[name[row]], aggregated), "ids are not indicators either")
        unit = self.edition * len(self.areas) + self.area
        units = np.flatnonzero(np.bincount(unit, minlength=len(self.editions) * len(self.areas)))
        position = np.zeros(len(self.editions) * len(self.areas), dtype=np.intp)
        position[units] = np.arange(len(units))
        self.row = position[unit]
        codes: list[Any] = [units // len(self.areas), units % len(self.areas)]
        levels: list[Any] = [pd.Index(self.editions), pd.Index(self.areas)]
        self.units = pd.MultiIndex(levels, codes, names=INDEX_NAMES, verify_integrity=False)
        self._check_repeated(name, names, faults)

    def panel(self, values: pd.Series) -> pd.DataFrame:
        """A panel with each number in its cell, NaN elsewhere."""
        array = np.full((len(self.units), len(self.ids) + 1), np.nan)
        array[self.row, self.column] = values.to_numpy()  # unknown ids go to a last column, which is dropped
        return pd.DataFrame(array[:, :-1], index=self.units, columns=self.ids)

    def by_unit(self, codes: Positions, words: Any, name: str, faults: Faults) -> pd.Series:
        """One value for each area and edition; blank rows take the value of the others."""
        blank = np.append(np.array([word == "" for word in words], dtype=bool), True)
        entries = np.flatnonzero(~blank[codes])
        code = np.full(len(self.units), -1)
        code[self.row[entries][::-1]] = codes[entries][::-1]
        differs = entries[codes[entries] != code[self.row[entries]]]
        if len(differs):
            where = int(differs[0])
            area = self.areas[self.area[where]]
            faults.add(("values", where), f"the {name} of area {area} differs between its rows: give one")
        return pd.Series(words).reindex(code).set_axis(self.units)

    def first_row(self, cells: pd.Series, column: str) -> int:
        """The first row that fills a flagged cell of a column."""
        flagged = cells.to_numpy()[self.row] & (self.column == self.ids.index(column))
        return int(np.flatnonzero(flagged)[0])

    def _check_repeated(self, name: Positions, names: list[str], faults: Faults) -> None:
        cell = self.row * len(names) + name
        filled = np.zeros(len(self.units) * len(names), dtype=bool)
        filled[cell] = True
        if np.count_nonzero(filled) == len(cell):
            return

        def message(row: int) -> str:
            edition = self.editions[self.edition[row]]
            suffix = f" of {edition}" if edition != "" else ""
            return f"{names[name[row]]} of area {self.areas[self.area[row]]}{suffix} is given twice: keep one row"

        faults.rows(np.flatnonzero(pd.Series(cell).duplicated()), message, "rows are given twice")


def _check_columns(columns: list[Any], ids: list[str], faults: Faults) -> bool:
    """Whether the columns that a long table needs are present; unknown columns are faults too."""
    absent = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in COLUMNS]
    mixed = [name for name in unknown if name in ids]
    if mixed:
        both = f"some columns belong to a long table, but {quoted(mixed[0])} belongs to a wide table with a column for"
        faults.add(("values",), f"{both} each indicator: use one of the two forms")
    elif absent:
        long = f"one row per value with the columns {', '.join(REQUIRED)}"
        either = f"{long}, or one row per area with area_code and a column for each indicator"
        faults.add(("values",), f"the values lack {', '.join(absent)}: give {either}")
    for name in () if mixed else unknown:
        problem = f"the values have an unknown column {quoted(name)}"
        faults.add(("values",), f"{problem}: remove it, or {suggestion(name, COLUMNS)}")
    return not absent


def _divide(panels: dict[str, Any], leaf: str, by: pd.Series, keys: _Keys, faults: Faults) -> None:
    """Divide an indicator's values, their intervals and their allocation errors by another value."""
    refused = (by <= 0) & panels["value"][leaf].notna()
    if refused.any():
        row = keys.first_row(refused, str(by.name))
        faults.add(("values", row), f"{leaf} is divided by {by.name}, which is not above 0 here: correct it")
    for name in ("value", "lower", "upper", "allocation_error"):
        if name in panels:
            panels[name] = panels[name].assign(**{leaf: panels[name][leaf] / by.where(by > 0)})
    huge = panels["value"][leaf].abs() > LARGEST
    if huge.any():
        row = keys.first_row(huge, str(by.name))
        faults.add(("values", row), f"{leaf} divided by {by.name} is too large to compute with: correct them")


def _unknown(unknown_id: str, aggregated: set[str]) -> str:
    if not unknown_id:
        return "the indicator_id is blank: fill it in or remove the row"
    kind = "is aggregated, not an indicator" if unknown_id in aggregated else "is not an element of the framework"
    return f"{quoted(unknown_id)} {kind}: add it as an indicator, or remove its rows"


def _firsts(names: Positions, rows: Positions) -> list[int]:
    """The first row of each name, in the order of the rows."""
    return sorted(int(rows[first]) for first in np.unique(names, return_index=True)[1])


def _check_filled(filled: Positions, ids: list[str], outline: Outline, faults: Faults) -> None:
    """Insist on data for every indicator, and for the values that indicators are divided by."""
    written = np.bincount(filled[filled >= 0], minlength=len(ids))
    empty = {ids[column] for column in np.flatnonzero(written == 0)}
    for name, position in outline.leaves.items():
        place: Place = ("framework", "elements", position)
        if name in empty - outline.ambiguous:
            faults.add(
                place, f"indicator {name} has no data: add its rows to the values or fill them in, or remove it here"
            )
        divisor = outline.divisors.get(name, "")
        if divisor in empty - set(outline.leaves):
            faults.add((*place, "divide_by"), f"{name} is divided by {divisor}, which has no data: add its rows")
