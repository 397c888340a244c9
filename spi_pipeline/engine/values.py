"""The data of an index: long rows read into panels, with every fault of theirs.

What values may look like belongs here; which file they come from does not, and what is done with them neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.faults import Faults
from spi_pipeline.engine.panel import INDEX_NAMES

REQUIRED = ("area_code", "indicator_id", "value")
NUMBERS = ("value", "numerator", "denominator", "lower", "upper", "population")
COLUMNS = ("area_code", "edition", "indicator_id", *NUMBERS, "group")
# Faults of one kind listed singly; a whole column of text needs no line for each of a million rows.
LISTED = 20

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
        population: residents by row; None without such a column.
        group: group by row; None without such a column.
        fitted: which rows weights, extremes and ranks are taken among; None for all of them.
    """

    panel: pd.DataFrame
    numerator: pd.DataFrame | None = None
    denominator: pd.DataFrame | None = None
    lower: pd.DataFrame | None = None
    upper: pd.DataFrame | None = None
    population: pd.Series | None = None
    group: pd.Series | None = None
    fitted: Flags | None = None


def read_values(table: pd.DataFrame, leaves: list[str], aggregated: set[str], faults: Faults) -> Values | None:
    """Panels from long rows, or None where the rows have faults; every fault found is appended.

    Args:
        table: columns area_code, indicator_id, value and optionally edition, numerator, denominator, lower, upper,
            population, group; any order of rows.
        leaves: ids of the indicators, in the framework's order.
        aggregated: ids of the other elements.
        faults: faults found so far.
    """
    before = len(faults)
    if not len(table):
        faults.add(("values",), "there are no values: give one row for each area and indicator")
        return None
    absent = [name for name in REQUIRED if name not in table.columns]
    unknown = [str(name) for name in table.columns if name not in COLUMNS]
    if absent or unknown:
        lacks = [f"lack {', '.join(absent)}"] * bool(absent) + [f"have unknown {', '.join(unknown)}"] * bool(unknown)
        faults.add(("values",), f"the values {' and '.join(lacks)}: the columns are {', '.join(COLUMNS)}")
        if absent:
            return None
    rows = table.reset_index(drop=True)
    numbers = {name: _numbers(rows[name], name, faults) for name in NUMBERS if name in rows}
    keys = _Keys(rows, leaves, aggregated, faults)
    if len(faults) > before:
        return None
    panels: dict[str, Any] = {name: keys.panel(numbers[name]) for name in NUMBERS[:-1] if name in numbers}
    _check_filled(panels["value"], faults)
    population = keys.by_unit(numbers["population"], "population", faults) if "population" in numbers else None
    if population is not None and (population <= 0).any():
        faults.add(("values",), f"the population of {population.index[population <= 0][0]} is not above 0: correct it")
    group = keys.by_unit(rows["group"].astype(object), "group", faults) if "group" in rows else None
    panels["panel"] = panels.pop("value")
    return Values(**panels, population=population, group=group) if len(faults) == before else None


class _Keys:
    """Which cell of a panel each row fills: whole numbers throughout, for millions of strings cost seconds."""

    def __init__(self, rows: pd.DataFrame, leaves: list[str], aggregated: set[str], faults: Faults) -> None:
        self.rows, self.leaves = rows, leaves
        self.area, self.areas = _labels(rows["area_code"])
        self.edition, self.editions = _editions(rows) if "edition" in rows else (np.zeros(len(rows), np.intp), [""])
        name, names = _labels(rows["indicator_id"])
        self.column = pd.Index(leaves).get_indexer(pd.Index(names, dtype=object))[name]
        for row in np.flatnonzero(self.area == _position("", self.areas))[:LISTED]:
            faults.add(("values", int(row)), "the area_code is blank: fill it in or remove the row")
        unknown = self.column < 0
        for row in _firsts(name[unknown], np.flatnonzero(unknown)):
            met = names[name[row]]
            kind = "is aggregated, not an indicator" if met in aggregated else "is no element of the framework"
            faults.add(("values", row), f"'{met}' {kind}: add it as an indicator, or remove its rows")
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
        array = np.full((len(self.units), len(self.leaves)), np.nan)
        array[self.row, self.column] = values.to_numpy()
        return pd.DataFrame(array, index=self.units, columns=self.leaves)

    def by_unit(self, column: pd.Series, name: str, faults: Faults) -> pd.Series:
        """One value for each area and edition; blank rows take that of the others."""
        codes, uniques = pd.factorize(column)
        stated = np.flatnonzero(codes >= 0)
        code = np.full(len(self.units), -1)
        code[self.row[stated][::-1]] = codes[stated][::-1]
        differs = stated[codes[stated] != code[self.row[stated]]]
        if len(differs):
            where = int(differs[0])
            area = self.areas[self.area[where]]
            faults.add(("values", where), f"the {name} of area {area} differs between its rows: state one")
        return pd.Series(uniques).reindex(code).set_axis(self.units)

    def _check_repeated(self, name: Positions, names: list[str], faults: Faults) -> None:
        cell = self.row * len(names) + name
        if np.bincount(cell, minlength=1).max() < 2:
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
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    blank = column.isna() | (column.astype(str).str.strip() == "") if column.dtype.kind not in "fiu" else column.isna()
    text = numbers.isna() & ~blank
    for label, found in (("no number", text), ("infinite", pd.Series(np.isinf(numbers), index=column.index))):
        rows = np.flatnonzero(found)
        for row in rows[:LISTED]:
            faults.add(
                ("values", int(row)), f"{name} is '{column.iloc[row]}', which is {label}: correct it or leave it blank"
            )
        if len(rows) > LISTED:
            faults.add(("values", int(rows[LISTED])), f"and {len(rows) - LISTED} more {name}s are {label}")
    return numbers


def _labels(column: pd.Series) -> tuple[Positions, list[str]]:
    """The text of every row, stripped, as positions in the sorted different texts; blank where there is none."""
    known = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    words = [str(word).strip() for word in known.cat.categories] + [""] * bool(known.isna().any())
    different = sorted(set(words))
    place = {word: number for number, word in enumerate(different)}
    # A missing row has code -1, which is the last word.
    return np.array([place[word] for word in words])[known.cat.codes.to_numpy()], different


def _editions(rows: pd.DataFrame) -> tuple[Positions, list[int] | list[str]]:
    """Whole numbers where all are, else text; blank where the edition is left out."""
    position, words = _labels(rows["edition"])
    numbers = pd.to_numeric(pd.Series(words), errors="coerce")
    if not (numbers.notna() & (numbers == numbers.round())).all():
        return position, words
    whole = numbers.astype("int64").to_numpy()
    different, place = np.unique(whole, return_inverse=True)
    return place[position], [int(year) for year in different]


def _position(word: str, words: list[str]) -> int:
    return words.index(word) if word in words else -1


def _firsts(names: Positions, rows: Positions) -> list[int]:
    """The first row of each name, in the order of the rows."""
    return sorted(int(rows[first]) for first in np.unique(names, return_index=True)[1])


def _check_filled(panel: pd.DataFrame, faults: Faults) -> None:
    for name in panel.columns[panel.isna().all()]:
        faults.add(("values",), f"indicator {name} has no data: add its rows, or remove it from the framework")
