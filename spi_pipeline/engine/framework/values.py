"""The data of an index: long rows read into panels, with every fault of theirs.

What values may look like belongs here; which file they come from does not, and what is done with them neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.framework.faults import Faults, Place
from spi_pipeline.engine.framework.outline import Outline
from spi_pipeline.engine.panel import INDEX_NAMES

REQUIRED = ("area_code", "indicator_id", "value")
BY_UNIT = ("population", "standing")
NUMBERS = ("value", "numerator", "denominator", "lower", "upper", "allocation_error", *BY_UNIT)
# Said for people who look at the file; not used.
FOR_READERS = ("area_name", "indicator_name", "unit", "source", "note")
COLUMNS = ("area_code", "edition", "indicator_id", *NUMBERS, "group", "period", *FOR_READERS)
# Faults of one kind listed singly; a whole column of text needs no line for each of a million rows.
LISTED = 20

# Whole numbers up to here are exact; an edition beyond is text.
LARGEST = 1e15

Positions = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Values:
    """The data in panels indexed by ``(edition, area_code)``, columns the indicators in the framework's order.

    Attributes:
        panel: raw values, NaN where missing.
        numerator: events or cases behind a value; None where the data have no such column, as with the next three.
        denominator: what they are counted among.
        lower: lower end of a 95 % interval of the value.
        upper: its upper end.
        allocation_error: standard error of spreading figures from larger areas, in the value's unit.
        period: what tells the observation behind a value: cells of one indicator and area with the same label are one
            observation, in whatever edition they stand. Positions in a list of labels, NaN without one; None where
            every cell is an observation of its own.
        population: residents by row; None without such a column.
        standing: what peers are near in, such as income, by row; None without such a column.
        group: group by row; None without such a column.
        fitted: which rows weights, extremes and ranks are taken among; None for all of them.
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


def read_values(table: pd.DataFrame, outline: Outline, faults: Faults) -> Values | None:
    """Panels from long rows, or None where the rows have faults; every fault found is appended.

    Args:
        table: columns area_code, indicator_id, value and optionally the others of ``COLUMNS``; any order of rows.
        outline: which ids are indicators, and which values they are divided by.
        faults: faults found so far.
    """
    before = len(faults)
    if not len(table):
        faults.add(("values",), "there are no values: give one row for each area and indicator")
        return None
    absent = [name for name in REQUIRED if name not in table.columns]
    unknown = [f"'{name}'" for name in table.columns if name not in COLUMNS]
    if absent or unknown:
        lacks = [f"lack {', '.join(absent)}"] * bool(absent) + [f"have unknown {', '.join(unknown)}"] * bool(unknown)
        faults.add(("values",), f"the values {' and '.join(lacks)}: the columns are {', '.join(COLUMNS)}")
        if absent:
            return None
    rows = table.reset_index(drop=True)
    numbers = {name: _numbers(rows[name], name, faults) for name in NUMBERS if name in rows}
    ids = list(dict.fromkeys([*outline.leaves, *outline.divisors.values()]))
    keys = _Keys(rows, ids, outline.aggregated, faults)
    _check_filled(keys.column[_entered(rows["value"])], ids, outline, faults)
    _check_numbers(numbers, faults)
    panels: dict[str, Any] = {name: keys.panel(column) for name, column in numbers.items() if name not in BY_UNIT}
    panels |= {name: keys.by_unit(*pd.factorize(numbers[name]), name, faults) for name in BY_UNIT if name in numbers}
    if "group" in rows:
        panels["group"] = keys.by_unit(*_labels(rows["group"]), "group", faults)
    if "period" in rows:
        codes = pd.Series(_labels(rows["period"])[0]).mask(~_entered(rows["period"]))
        panels["period"] = keys.panel(codes)
    raw = panels["value"]
    for leaf, divisor in outline.divisors.items():
        _divide(panels, leaf, raw[divisor], keys, faults)
    for name in {"value", "numerator", "denominator", "lower", "upper", "allocation_error", "period"} & set(panels):
        panels[name] = panels[name][list(outline.leaves)]
    return Values(panel=panels.pop("value"), **panels) if len(faults) == before else None


class _Keys:
    """Which cell of a panel each row fills: whole numbers throughout, for millions of strings cost seconds."""

    def __init__(self, rows: pd.DataFrame, ids: list[str], aggregated: set[str], faults: Faults) -> None:
        self.rows, self.ids = rows, ids
        self.area, self.areas = _labels(rows["area_code"])
        self.edition, self.editions = _editions(rows, faults)
        name, names = _labels(rows["indicator_id"])
        self.column = pd.Index(ids, dtype=object).get_indexer(pd.Index(names, dtype=object))[name]
        for row in np.flatnonzero(self.area == _position("", self.areas))[:LISTED]:
            faults.add(("values", int(row)), "the area_code is blank: fill it in or remove the row")
        unknown = self.column < 0
        for row in _firsts(name[unknown], np.flatnonzero(unknown)):
            met = names[name[row]]
            kind = "is aggregated, not an indicator" if met in aggregated else "is not an element of the framework"
            said = f"'{met}' {kind}: add it as an indicator, or remove its rows"
            faults.add(("values", row), said if met else "the indicator_id is blank: fill it in or remove the row")
        unit = self.edition * len(self.areas) + self.area
        found = np.flatnonzero(np.bincount(unit, minlength=len(self.editions) * len(self.areas)))
        position = np.zeros(len(self.editions) * len(self.areas), dtype=np.intp)
        position[found] = np.arange(len(found))
        self.row = position[unit]
        codes: list[Any] = [found // len(self.areas), found % len(self.areas)]
        levels: list[Any] = [pd.Index(self.editions), pd.Index(self.areas)]
        self.units = pd.MultiIndex(levels, codes, names=INDEX_NAMES, verify_integrity=False)
        self._check_repeated(name, names, faults)

    def panel(self, values: pd.Series) -> pd.DataFrame:
        """The numbers where they belong, NaN elsewhere."""
        array = np.full((len(self.units), len(self.ids) + 1), np.nan)
        array[self.row, self.column] = values.to_numpy()  # what is unknown goes to a last column, which is dropped
        return pd.DataFrame(array[:, :-1], index=self.units, columns=self.ids)

    def by_unit(self, codes: Positions, words: Any, name: str, faults: Faults) -> pd.Series:
        """One value for each area and edition; blank rows take that of the others."""
        blank = np.append(np.array([word == "" for word in words], dtype=bool), True)
        stated = np.flatnonzero(~blank[codes])
        code = np.full(len(self.units), -1)
        code[self.row[stated][::-1]] = codes[stated][::-1]
        differs = stated[codes[stated] != code[self.row[stated]]]
        if len(differs):
            where = int(differs[0])
            area = self.areas[self.area[where]]
            faults.add(("values", where), f"the {name} of area {area} differs between its rows: state one")
        return pd.Series(words).reindex(code).set_axis(self.units)

    def first_row(self, cells: pd.Series, column: str) -> int:
        """The first row of those that fill the flagged cells of a column."""
        flagged = cells.to_numpy()[self.row] & (self.column == self.ids.index(column))
        return int(np.flatnonzero(flagged)[0])

    def _check_repeated(self, name: Positions, names: list[str], faults: Faults) -> None:
        cell = self.row * len(names) + name
        taken = np.zeros(len(self.units) * len(names), dtype=bool)
        taken[cell] = True
        if np.count_nonzero(taken) == len(cell):
            return
        repeated = np.flatnonzero(pd.Series(cell).duplicated())
        for row in repeated[:LISTED]:
            edition = self.editions[self.edition[row]]
            of = f" of {edition}" if edition != "" else ""
            area, met = self.areas[self.area[row]], names[name[row]]
            faults.add(("values", int(row)), f"{met} of area {area}{of} is given twice: keep one row")
        if len(repeated) > LISTED:
            faults.add(("values", int(repeated[LISTED])), f"and {len(repeated) - LISTED} more rows are given twice")


def _numbers(column: pd.Series, name: str, faults: Faults) -> pd.Series:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f" and not np.isinf(column.to_numpy()).any():
        return column.astype(float)
    truth = column.dtype.kind == "b"
    numbers = pd.to_numeric(column.astype(str) if truth else column, errors="coerce").astype(float)
    text = numbers.isna() & _entered(column)
    for label, found in (("not a number", text), ("infinite", pd.Series(np.isinf(numbers), index=column.index))):
        rows = np.flatnonzero(found)
        for row in rows[:LISTED]:
            faults.add(
                ("values", int(row)),
                f"{name} is '{column.iloc[row]}', which is {label}: write it in digits with a point for decimals, or "
                "leave it blank",
            )
        if len(rows) > LISTED:
            faults.add(("values", int(rows[LISTED])), f"and {len(rows) - LISTED} more {name}s are {label}")
    return numbers


def _entered(column: pd.Series) -> pd.Series:
    """Where anything is written, a number or not."""
    if column.dtype.kind in "fiu":
        return column.notna()
    return column.notna() & (column.astype(str).str.strip() != "")


def _check_numbers(numbers: dict[str, pd.Series], faults: Faults) -> None:
    if "population" in numbers:
        for row in np.flatnonzero(numbers["population"] <= 0)[:LISTED]:
            faults.add(("values", int(row)), "the population is not above 0: correct it or leave it blank")
    if "allocation_error" in numbers:
        for row in np.flatnonzero(numbers["allocation_error"] < 0)[:LISTED]:
            faults.add(("values", int(row)), "the allocation_error is below 0: give a standard error of 0 or more")
    if {"lower", "upper"} <= set(numbers):
        for row in np.flatnonzero(numbers["lower"] > numbers["upper"])[:LISTED]:
            faults.add(("values", int(row)), "lower is above upper: exchange them")


def _divide(panels: dict[str, Any], leaf: str, by: pd.Series, keys: _Keys, faults: Faults) -> None:
    """Turn an indicator's values, and the ends of their intervals, into those for each unit of another value."""
    refused = (by <= 0) & panels["value"][leaf].notna()
    if refused.any():
        row = keys.first_row(refused, str(by.name))
        faults.add(("values", row), f"{leaf} is divided by {by.name}, which is not above 0 here: correct it")
    for name in ("value", "lower", "upper", "allocation_error"):
        if name in panels:
            panels[name] = panels[name].assign(**{leaf: panels[name][leaf] / by.where(by > 0)})


def _labels(column: pd.Series) -> tuple[Positions, list[str]]:
    """The text of every row, stripped, as positions in the sorted different texts; blank where there is none."""
    if column.dtype.kind == "f" and (column.isna() | (column == column.round())).all():
        column = column.astype("Int64")  # whole numbers, made fractions by a gap among them
    known = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    words = [str(word).strip() for word in known.cat.categories] + [""] * bool(known.isna().any())
    different = sorted(set(words))
    place = {word: number for number, word in enumerate(different)}
    # A missing row has code -1, which is the last word.
    return np.array([place[word] for word in words])[known.cat.codes.to_numpy()], different


def _editions(rows: pd.DataFrame, faults: Faults) -> tuple[Positions, list[int] | list[str]]:
    """Whole numbers where all are, else text; one blank edition where it is left out."""
    if "edition" not in rows:
        return np.zeros(len(rows), dtype=np.intp), [""]
    position, words = _labels(rows["edition"])
    blank = _position("", words)
    if blank >= 0 and len(words) > 1:
        for row in np.flatnonzero(position == blank)[:LISTED]:
            faults.add(("values", int(row)), "the edition is blank, those of other rows are not: fill it in")
    numbers = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce")
    if not (numbers.abs() < LARGEST).all() or not (numbers == numbers.round()).all():
        return position, words
    whole = numbers.astype("int64").to_numpy()
    different, place = np.unique(whole, return_inverse=True)
    return place[position], [int(year) for year in different]


def _position(word: str, words: list[str]) -> int:
    return words.index(word) if word in words else -1


def _firsts(names: Positions, rows: Positions) -> list[int]:
    """The first row of each name, in the order of the rows."""
    return sorted(int(rows[first]) for first in np.unique(names, return_index=True)[1])


def _check_filled(filled: Positions, ids: list[str], outline: Outline, faults: Faults) -> None:
    """Insist on something written for every indicator, and for what indicators are divided by."""
    written = np.bincount(filled[filled >= 0], minlength=len(ids))
    empty = {ids[column] for column in np.flatnonzero(written == 0)}
    for name, position in outline.leaves.items():
        place: Place = ("framework", "elements", position)
        if name in empty - outline.vague:
            faults.add(
                place, f"indicator {name} has no data: add its rows to the values or fill them in, or remove it here"
            )
        divisor = outline.divisors.get(name, "")
        if divisor in empty - set(outline.leaves):
            faults.add((*place, "divide_by"), f"{name} is divided by {divisor}, which has no data: add its rows")
