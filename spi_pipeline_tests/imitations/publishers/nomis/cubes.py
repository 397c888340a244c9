"""The data sets of Nomis: dimensions with their codes, dates, and a value for each cell.

``query`` parses queries, and ``nomis`` itself writes the responses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pandas as pd

from spi_pipeline_tests.imitations.publishers.nomis import census
from spi_pipeline_tests.imitations.tables import areas, noise

# A cell: the figure, or None if it is suppressed.
Value = Callable[[str, str, dict[str, int]], float | None]


@dataclass(frozen=True)
class Cube:
    """One data set.

    Attributes:
        title: its ``dataset.description``.
        dimensions: name -> code -> label; ``measures`` is one of them.
        dates: every date, oldest first.
        types: TYPE number -> level of area; if ``ward`` has no TYPE, queries name wards by code.
        value: returns the figure for an area, date and codes.
    """

    title: str
    dimensions: dict[str, dict[int, str]]
    dates: tuple[str, ...]
    types: dict[str, str]
    value: Value


_VALUE, _PERCENT = {20100: "Value"}, {20100: "value", 20301: "percent"}
_TYPES = {"TYPE150": "oa", "TYPE151": "lsoa", "TYPE152": "msoa", "TYPE499": "ctry", "TYPE480": "rgn"}
_CENSUS_TYPES = {**_TYPES, "TYPE153": "old_ward", "TYPE154": "ltla"}
_ESTIMATE_TYPES = {**{k: v for k, v in _TYPES.items() if v != "oa"}, "TYPE424": "ltla", "TYPE423": "ltla"}
# Wards as of May 2025 are TYPE182 in NM_2014_1 (a client of 2026 requests them so) and in NM_1_1 (another client). We
# assume the same of NM_162_1, and we assume the name in its list. Its real LSOAs are those of 2011 (two clients, 2025
# and 2026); here they are the current ones, since no source requests them.
_CLAIMANT_TYPES = {"TYPE182": "ward", **_ESTIMATE_TYPES}
NAMED = {"ward": "wards as of May 2025", "old_ward": "2022 wards"}
_AGE_GROUPS = {201: (0, 15), 202: (16, 90), 203: (16, 64), 204: (16, 17), 209: (65, 90), 250: (16, 24)}
_SEXES = {0: "Total", 1: "Male", 2: "Female"}


@cache
def cube(dataset: str) -> Cube | None:
    """The data set of an id such as NM_2084_1, or None."""
    if dataset in census.TABLES:
        return _census(dataset)
    if dataset == "NM_2014_1":
        title = "Population estimates - small area (2021 based) by single year of age - England and Wales"
        ages = {0: "All Ages", 200: "All Ages", **{code: f"Aged {a} to {b}" for code, (a, b) in _AGE_GROUPS.items()}}
        ages |= {101 + age: f"Age {age}" if age < 90 else "Aged 90+" for age in range(91)}
        dimensions = {"gender": _SEXES, "c_age": ages, "measures": _VALUE}
        return Cube(title, dimensions, tuple(map(str, range(2011, 2025))), _ESTIMATE_TYPES, _population)
    if dataset == "NM_162_1":
        measures = {1: "Claimant count", 2: "Claimants as a proportion of residents aged 16-64"}
        measures[3] = "Claimants as a proportion of economically active residents aged 16+"
        dimensions = {"gender": _SEXES, "age": {0: "All categories: Age 16+"}, "measure": measures, "measures": _VALUE}
        months = tuple(str(month) for month in pd.period_range("2013-01", "2026-08", freq="M"))
        return Cube("Claimant count by sex and age", dimensions, months, _CLAIMANT_TYPES, _claimants)
    return None


def _census(dataset: str) -> Cube:
    table = census.TABLES[dataset]
    labels = {category.code: category.label for category in table.categories}
    dimensions = {table.dimension: labels} if table.dimension else {}

    def value(area: str, _date: str, codes: dict[str, int]) -> float | None:
        cells = _census_cells(dataset)[area]
        code = codes.get(table.dimension, 0)
        if codes["measures"] == 20100:
            return int(cells[code])
        return round(100 * cells[code] / cells[0], 1) if cells[0] else None

    title = f"{table.name} - {table.title}"
    return Cube(title, {**dimensions, "measures": _PERCENT}, ("2021",), _CENSUS_TYPES, value)


@cache
def _census_cells(dataset: str) -> dict[str, dict[int, int]]:
    frame = census.counts(dataset)
    levels = ("oa", "lsoa", "msoa", "old_ward", "ltla", "rgn", "ctry")
    return {code: row for level in levels for code, row in census.by_level(frame, level).to_dict("index").items()}


@cache
def _residents() -> dict[str, int]:
    frame = areas().output_areas[["residents"]]
    levels = ("lsoa", "msoa", "ward", "old_ward", "ltla", "rgn", "ctry")
    return {code: n for level in levels for code, n in census.by_level(frame, level).residents.items()}


def _population(area: str, date: str, codes: dict[str, int]) -> float:
    """Census residents plus growth of 0.5 per cent a year. Age groups are sums of single years of age."""
    sex, age = codes["gender"], codes["c_age"]
    if sex == 0:
        return sum(_population(area, date, {**codes, "gender": part}) for part in (1, 2))
    first, last = (0, 90) if age in (0, 200) else _AGE_GROUPS.get(age, (age - 101, age - 101))
    growth = 1 + 0.005 * (int(date) - 2021)
    return sum(_of_age(area, sex, single, growth) for single in range(first, last + 1))


@cache
def _of_age(area: str, sex: int, age: int, growth: float) -> int:
    share = (1.6 - age / 90) / 2 / 100.1
    return round(_residents()[area] * growth * share * (0.9 + 0.2 * noise("age", area, str(sex), str(age))))


def _claimants(area: str, date: str, codes: dict[str, int]) -> float | None:
    """Claimants rounded to five; in a few LSOAs they are suppressed (None)."""
    adults = _residents()[area] * 0.63
    rate = 0.02 + 0.06 * noise("claimants", area) + 0.005 * noise("month", date)
    count = adults * rate * {0: 1.0, 1: 0.56, 2: 0.44}[codes["gender"]]
    if codes["measure"] != 1:
        return round(100 * count / adults / (1 if codes["measure"] == 2 else 0.8), 1)
    if noise("few", area, date) < 0.03 and area.startswith("E01"):
        return None
    return round(count / 5) * 5
