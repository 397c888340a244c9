"""The data of an index: long rows read into panels, with every fault of theirs.

What values may look like belongs here; which file they come from does not, and what is done with them neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.faults import Faults
from spi_pipeline.engine.panel import INDEX_NAMES

REQUIRED = ("area_code", "indicator_id", "value")
NUMBERS = ("value", "numerator", "denominator", "lower", "upper", "population")
COLUMNS = ("area_code", "edition", "indicator_id", *NUMBERS, "group")
# Faults of one kind listed singly; a whole column of text needs no line for each of a million rows.
LISTED = 20


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
    """

    panel: pd.DataFrame
    numerator: pd.DataFrame | None = None
    denominator: pd.DataFrame | None = None
    lower: pd.DataFrame | None = None
    upper: pd.DataFrame | None = None
    population: pd.Series | None = None
    group: pd.Series | None = None


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
    edition = _editions(rows["edition"]) if "edition" in rows else pd.Series("", index=rows.index)
    keys = pd.DataFrame({"edition": edition, "area_code": _labels(rows["area_code"])})
    keys["indicator_id"] = _labels(rows["indicator_id"])
    _check_keys(keys, leaves, aggregated, faults)
    if len(faults) > before:
        return None
    index = pd.MultiIndex.from_frame(keys[INDEX_NAMES])
    units = index.unique().sort_values()
    row, column = units.get_indexer(index), pd.Index(leaves).get_indexer(pd.Index(keys["indicator_id"]))
    panels = {name: _panel(numbers[name], row, column, units, leaves) for name in NUMBERS[:-1] if name in numbers}
    _check_filled(panels["value"], faults)
    population = _by_unit(numbers["population"], "population", row, units, faults) if "population" in numbers else None
    if population is not None and (population <= 0).any():
        faults.add(("values",), f"the population of {population.index[population <= 0][0]} is not above 0: correct it")
    group = _by_unit(rows["group"], "group", row, units, faults) if "group" in rows else None
    panels["panel"] = panels.pop("value")
    return Values(**panels, population=population, group=group) if len(faults) == before else None


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


def _editions(column: pd.Series) -> pd.Series:
    """Whole numbers where all are, else text; blank where the edition is left out."""
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all() and (numbers == numbers.round()).all():
        return numbers.astype("int64")
    return _labels(column)


def _labels(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


def _check_keys(keys: pd.DataFrame, leaves: list[str], aggregated: set[str], faults: Faults) -> None:
    for row in np.flatnonzero(keys["area_code"] == "")[:LISTED]:
        faults.add(("values", int(row)), "the area_code is blank: fill it in or remove the row")
    first = ~keys["indicator_id"].duplicated()
    for row in np.flatnonzero(first & ~keys["indicator_id"].isin(leaves)):
        name = keys["indicator_id"].iloc[row]
        kind = "is aggregated, not an indicator" if name in aggregated else "is no element of the framework"
        faults.add(("values", int(row)), f"'{name}' {kind}: add it as an indicator, or remove its rows")
    repeated = np.flatnonzero(keys.duplicated())
    for row in repeated[:LISTED]:
        edition, area, name = keys.iloc[row]
        of = f" of {edition}" if edition != "" else ""
        faults.add(("values", int(row)), f"{name} of area {area}{of} is given twice: keep one row")
    if len(repeated) > LISTED:
        faults.add(("values", int(repeated[LISTED])), f"and {len(repeated) - LISTED} more rows are given twice")


def _check_filled(panel: pd.DataFrame, faults: Faults) -> None:
    for name in panel.columns[panel.isna().all()]:
        faults.add(("values",), f"indicator {name} has no data: add its rows, or remove it from the framework")


def _panel(
    values: pd.Series, row: np.ndarray, column: np.ndarray, units: pd.MultiIndex, leaves: list[str]
) -> pd.DataFrame:
    array = np.full((len(units), len(leaves)), np.nan)
    array[row, column] = values.to_numpy()
    return pd.DataFrame(array, index=units, columns=leaves)


def _by_unit(column: pd.Series, name: str, row: np.ndarray, units: pd.MultiIndex, faults: Faults) -> pd.Series:
    """One value for each area and edition; blank rows take that of the others."""
    present = column.notna().to_numpy()
    stated = pd.Series(column.to_numpy()[present], index=row[present])
    first = stated[~stated.index.duplicated()]
    differs = np.flatnonzero((stated != first.reindex(stated.index)).to_numpy())
    if len(differs):
        where = int(np.flatnonzero(present)[differs[0]])
        area = units[row[where]][1]
        faults.add(("values", where), f"the {name} of area {area} differs between its rows: state one")
    return first.reindex(np.arange(len(units))).set_axis(units)
