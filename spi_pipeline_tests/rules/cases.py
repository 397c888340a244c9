"""One example per kind of rule: a rule, a table that keeps it, one change that breaks it, and what is then reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.rules import Rule

WARDS = ["E05014001", "E05014002", "E05014003", "E05014004"]
FORMER = ["E05002001"]
TYPES = {
    "area_code": "string",
    "year": "integer",
    "group": "string",
    "residents": "integer",
    "households": "integer",
    "rate": "number",
    "note": "string",
    "finding": "string",
    "outline": "binary",
    "women": "integer",
    "men": "integer",
    "share": "number",
    "per_household": "number",
}

Change = Callable[[dict[str, list[Any]]], None]


def good() -> dict[str, list[Any]]:
    """Four wards in two years; ``note`` is personal data that only rules about it may show."""
    return {
        "area_code": WARDS * 2,
        "year": [2021] * 4 + [2022] * 4,
        "group": ["a", "b"] * 4,
        "residents": [100, 200, 300, 400, 110, 210, 310, 410],
        "households": [40, 80, 120, 160, 44, 84, 124, None],
        "rate": [1.5, 2.5, 3.5, 4.5, 1.0, 2.0, 3.0, None],
        "note": ["Ann Smith"] * 6 + [None] * 2,
        "finding": [None] * 8,
        "outline": [b"abc"] * 8,
        "women": [60, 110, 150, 190, 60, 110, 160, 210],
        "men": [40, 90, 150, 210, 50, 100, 150, 200],
        "share": [0.1, 0.2, 0.3, 0.4] * 2,
        "per_household": [2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5, None],
    }


def as_table(values: dict[str, list[Any]]) -> pa.Table:
    kinds = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "binary": pa.binary()}
    return pa.table({name: pa.array(cells, kinds[TYPES[name]]) for name, cells in values.items()})


def put(column: str, *cells: tuple[int, Any]) -> Change:
    """A change that writes cells, given by row number."""

    def change(values: dict[str, list[Any]]) -> None:
        for row, value in cells:
            values[column][row] = value

    return change


def both(first: Change, second: Change) -> Change:
    def change(values: dict[str, list[Any]]) -> None:
        first(values)
        second(values)

    return change


def drop_column(values: dict[str, list[Any]]) -> None:
    del values["note"]


def drop_last_row(values: dict[str, list[Any]]) -> None:
    for cells in values.values():
        cells.pop()


@dataclass(frozen=True)
class Case:
    rule: Rule
    passing: str
    change: Change
    failing: str
    failing_rows: tuple[dict[str, Any], ...]
    expected: str


def rule(kind: str, *columns: str, **params: Any) -> Rule:
    return Rule(kind, kind, "error", f"example of {kind}", columns, params)


KEY = rule("key", "area_code", "year")

CASES = {
    case.rule.kind: case
    for case in (
        Case(
            rule("columns", *TYPES),
            "13 columns",
            drop_column,
            "missing note",
            (),
            "exactly the columns area_code, year, group, residents, households, rate, note, finding, outline, women, "
            "men, share, per_household",
        ),
        Case(
            rule("types", *TYPES, types=TYPES),
            "13 columns, all of the contract's type",
            put("rate", (0, float("inf"))),
            "1 of 13 columns of another type: rate holds number with infinity, not number",
            ({"column": "rate", "promised": "number", "found": "number with infinity"},),
            "the contract's type in 13 columns",
        ),
        Case(
            rule("required", "group", "residents"),
            "no null in 8 rows",
            both(put("group", (1, None)), put("residents", (1, None), (6, None))),
            "2 of 8 rows with null: group 1, residents 2",
            (
                {"group": None, "residents": None, "area_code": WARDS[1], "year": 2021},
                {"group": "a", "residents": None, "area_code": WARDS[2], "year": 2022},
            ),
            "no null in group, residents",
        ),
        Case(
            KEY,
            "8 rows, none alike",
            put("year", (4, 2021)),
            "2 of 8 rows repeat",
            ({"area_code": WARDS[0], "year": 2021},) * 2,
            "one row per area_code, year",
        ),
        Case(
            rule("in_set", "group", values=["a", "b"]),
            "8 rows hold listed values",
            put("group", (0, "c"), (1, None), (7, "A")),
            "2 of 7 rows hold other values: c, A",
            (
                {"group": "c", "area_code": WARDS[0], "year": 2021},
                {"group": "A", "area_code": WARDS[3], "year": 2022},
            ),
            "one of a, b",
        ),
        Case(
            rule("between", "rate", min=0, max=100),
            "7 rows inside, lowest 1, highest 4.5",
            put("rate", (1, -2.0), (2, 140.0), (3, 100.0)),
            "2 of 7 rows outside, lowest -2, highest 140",
            (
                {"rate": -2.0, "area_code": WARDS[1], "year": 2021},
                {"rate": 140.0, "area_code": WARDS[2], "year": 2021},
            ),
            "between 0 and 100",
        ),
        Case(
            rule("between_by", "group", "rate", bounds={"a": [0, 10], "b": [0, 100]}),
            "7 rows inside",
            put("rate", (1, -2.0), (2, 140.0)),
            "2 of 7 rows outside: a holds 140, promised 0 to 10",
            (
                {"group": "b", "rate": -2.0, "area_code": WARDS[1], "year": 2021},
                {"group": "a", "rate": 140.0, "area_code": WARDS[2], "year": 2021},
            ),
            "in the range of its group",
        ),
        Case(
            rule("pattern", "area_code", regex="E05[0-9]{6}"),
            "8 rows match",
            put("area_code", (2, "E05014003\n"), (3, "xE05014004")),
            "2 of 8 rows do not match: E05014003\n, xE05014004",
            ({"area_code": "E05014003\n", "year": 2021}, {"area_code": "xE05014004", "year": 2021}),
            "matches E05[0-9]{6}",
        ),
        Case(rule("row_count", min=8, max=8), "8 rows", drop_last_row, "7 rows", (), "exactly 8 rows"),
        Case(
            rule("known_areas", "area_code", areas=WARDS, former=FORMER),
            "8 rows hold known codes",
            put("area_code", (0, FORMER[0]), (1, "E05999999"), (5, "E05999999")),
            "3 of 8 rows hold 2 unknown codes: E05002001, E05999999; 1 of them of a former ward set: E05002001",
            (
                {"area_code": "E05002001", "year": 2021},
                {"area_code": "E05999999", "year": 2021},
                {"area_code": "E05999999", "year": 2022},
            ),
            "one of 4 area codes",
        ),
        Case(
            rule("coverage", "area_code", areas=WARDS, min_share=1.0, by=["year"]),
            "4 of 4 areas (100%) in year 2021",
            drop_last_row,
            "1 of 2 periods short, worst 3 of 4 areas (75%) in year 2022, missing E05014004",
            ({"year": 2022, "area_code": WARDS[3]},),
            "at least 100% of 4 areas in each year",
        ),
        Case(
            rule("part_of_whole", "households", "residents", tolerance=5),
            "7 rows, households within residents in all",
            put("households", (0, 105), (1, 206), (2, 320)),
            "2 of 7 rows with households above residents, by up to 20",
            (
                {"households": 206, "residents": 200, "area_code": WARDS[1], "year": 2021},
                {"households": 320, "residents": 300, "area_code": WARDS[2], "year": 2021},
            ),
            "households at most residents plus 5",
        ),
        Case(
            rule("null_share", "households", max_share=0.125),
            "null in 8 rows: households 12.5%",
            put("households", (0, None)),
            "null in 8 rows: households 25%",
            ({"column": "households", "null": 2, "rows": 8},),
            "at most 12.5% null",
        ),
        Case(
            rule("typical", "residents", "rate", ranges={"residents": [50, 500], "rate": [1, 10]}, by=["year"]),
            "4 typical sizes inside",
            put("rate", (0, -150.0), (1, 250.0), (2, 350.0), (3, 450.0)),
            "1 of 4 typical sizes outside: year 2021, column rate of size 300, promised 1 to 10",
            ({"year": 2021, "column": "rate", "size": 300.0, "promised": "1 to 10"},),
            "a typical size in each year: residents between 50 and 500, rate between 1 and 10",
        ),
        Case(
            rule("adds_up", "residents", "women", "men", tolerance=2),
            "8 rows, parts add up to residents",
            both(put("women", (0, 62), (1, 113), (2, None)), put("men", (3, 200))),
            "2 of 7 rows do not add up to residents, off by up to 10",
            (
                {"residents": 200, "women": 113, "men": 90, "area_code": WARDS[1], "year": 2021},
                {"residents": 400, "women": 190, "men": 200, "area_code": WARDS[3], "year": 2021},
            ),
            "women, men add up to residents to within 2",
        ),
        Case(
            rule("quotient", "group", "per_household", "residents", "households", factors={"a": 1, "b": 1}),
            "7 rows, values as their numerators and denominators come to",
            both(put("per_household", (1, 250.0), (6, None)), put("residents", (2, None))),
            "2 of 6 rows hold another value: b holds 250, they come to 2.5",
            (
                {"group": "b", "per_household": 250.0, "residents": 200, "households": 80}
                | {"area_code": WARDS[1], "year": 2021},
                {"group": "a", "per_household": 2.5, "residents": None, "households": 120}
                | {"area_code": WARDS[2], "year": 2021},
            ),
            "per_household is residents over households, times what its group states",
        ),
        Case(
            rule("totals", "share", by=["year"], total=1, tolerance=0.001),
            "2 groups, share adds up to 1 in all",
            put("share", (3, None), (4, 0.1005)),
            "1 of 2 groups add up to another total, year 2021: 0.6",
            ({"year": 2021, "share": 0.6},),
            "share adds up to 1 in each year",
        ),
        Case(
            rule("together", "households", "rate"),
            "8 rows, null together or not at all",
            both(put("households", (0, None), (2, None)), put("rate", (2, None), (5, None))),
            "2 of 8 rows null in part: households 1, rate 1",
            (
                {"households": None, "rate": 1.5, "area_code": WARDS[0], "year": 2021},
                {"households": 84, "rate": None, "area_code": WARDS[1], "year": 2022},
            ),
            "households, rate null in the same rows",
        ),
        Case(
            rule("unbroken", "year"),
            "1 group without a gap",
            put("year", (6, 2025), (7, 2026)),
            "missing in 1 group: year 2023",
            ({"year": 2023},),
            "no gap in year",
        ),
        Case(
            rule("varies", "group"),
            "group holds 2 values",
            put("group", *((row, "a") for row in range(8))),
            "group holds one value only, a",
            (),
            "more than one value",
        ),
        Case(
            rule("empty", "finding"),
            "nothing in 8 rows",
            put("finding", (0, "odd"), (3, "odd"), (5, "strange")),
            "3 of 8 rows: odd, strange",
            (
                {"finding": "odd", "area_code": WARDS[0], "year": 2021},
                {"finding": "odd", "area_code": WARDS[3], "year": 2021},
                {"finding": "strange", "area_code": WARDS[1], "year": 2022},
            ),
            "nothing",
        ),
    )
}
