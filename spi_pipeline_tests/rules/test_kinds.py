"""Every case of every kind of rule, with either engine, and each kind on tables without rows or columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from spi_pipeline.rules.kind import Case, Kind
from spi_pipeline.rules.kinds import KINDS, expected, family_of
from spi_pipeline_tests.rules.cases import ENGINES, EVERY_CASE, only_result, rule_of

EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
# The expectation of the first case of each kind, in words.
EXPECTED = {
    "columns": "exactly the columns a, b",
    "types": "the contract's type in 3 columns",
    "required": "no null in group, people",
    "key": "one row per area, year",
    "in_set": "one of a, b",
    "between": "between 0 and 100",
    "between_by": "in the range of its group",
    "pattern": "matches a|ab",
    "row_count": "exactly 2 rows",
    "known_areas": "one of 2 area codes",
    "coverage": "at least 100% of 2 areas in each year",
    "part_of_whole": "homes at most people plus 5",
    "null_share": "at most 25% null",
    "not_constant": "more than one value",
    "mean_magnitude": "a typical size in each year: people between 50 and 500, rate between 1 and 10",
    "adds_up": "women, men add up to people to within 2",
    "quotient": "value is people over homes, times the factor of its id",
    "totals": "share adds up to 1 in each year",
    "agrees_with_total": "300 to within 1%, published by ONS in the census",
    "disclosure": "no count below 5 except 0, as its source requires",
    "unplaced": "no postcode or point",
    "null_together": "homes, rate null in the same rows",
    "no_gaps": "no gap in year",
    "empty": "nothing",
}


@ENGINES
@EVERY_CASE
def test_a_case_gives_the_result_it_states(kind: Kind, case: Case, great_expectations_below: int) -> None:
    table = pa.table(case.rows)
    result = only_result(table, rule_of(kind, case), great_expectations_below)
    assert (result.outcome, result.observed) == ("failed" if case.fails else "passed", case.message)
    rows = [{n: None if v != v else v for n, v in row.items()} for row in table.to_pylist()]
    shown = [{n: rows[at][n] for n in case.columns} if isinstance(at, int) else at for at in case.at]
    assert list(result.failing_rows) == (shown if kind.shows_failing_groups else [])
    assert result.failing == len(case.at)
    assert result.blocks == case.fails


@ENGINES
@EVERY_CASE
def test_a_table_without_rows(kind: Kind, case: Case, great_expectations_below: int) -> None:
    rule, table = rule_of(kind, case), pa.table(case.rows)
    result = only_result(table.slice(0, 0), rule, great_expectations_below)
    if case.fails and kind.name in ("columns", "types"):
        assert result.outcome in ("failed", kind.on_empty)
        return  # columns and types are wrong even without rows, unless only a value was
    assert result.outcome == kind.on_empty
    if kind.on_empty == "skipped":
        assert result.observed == "no rows to judge"


@ENGINES
@EVERY_CASE
def test_a_table_without_columns(kind: Kind, case: Case, great_expectations_below: int) -> None:
    result = only_result(pa.table({}), rule_of(kind, case), great_expectations_below)
    assert result.outcome == kind.without_columns
    if kind.without_columns == "errored":
        assert result.observed.endswith(("is missing", "are missing"))


@EVERY_KIND
def test_a_kind_describes_its_promise(kind: Kind) -> None:
    assert kind.promise.endswith(tuple("abcdefghijklmnopqrstuvwxyz"))
    assert expected(rule_of(kind, kind.cases[0])) == EXPECTED[kind.name]
    assert family_of(kind.name) == kind.family


@EVERY_KIND
def test_figures_and_bounds_are_numbers_and_failures_have_failing_rows(kind: Kind) -> None:
    numbers = [only_result(pa.table(case.rows), rule_of(kind, case)) for case in kind.cases]
    plain = [value for result in numbers for value in (result.number, result.bound) if value is not None]
    assert all(isinstance(value, int | float) for value in plain)
    assert {bool(result.failing) for result in numbers if result.outcome == "failed"} == {True}


def test_figures_by_hand() -> None:
    def figures(kind: str, number: int) -> tuple[Any, Any]:
        case = KINDS[kind].cases[number]
        result = only_result(pa.table(case.rows), rule_of(KINDS[kind], case))
        return result.number, result.bound

    assert figures("between", 0) == (100, 100)
    assert figures("between", 1) == (-2, 0)
    assert figures("between_by", 1) == (140, 10)
    assert figures("row_count", 1) == (3, 2)
    assert figures("coverage", 1) == (0.5, 1)
    assert figures("null_share", 1) == (0.5, 0.25)
    assert figures("part_of_whole", 1) == (20, 5)
    assert figures("adds_up", 1) == (10, 2)
    assert figures("mean_magnitude", 1) == (200, 10)
    assert figures("totals", 1) == (0.6, 1)
    assert figures("not_constant", 1) == (1, 2)
    assert figures("quotient", 2) == (2.5, 250)
    assert figures("required", 1) == (None, None)


def test_a_kind_without_a_failing_case_is_refused() -> None:
    good = Case((), {}, {"a": [1]}, "fine")
    with pytest.raises(TypeError, match="kind hopeful needs a case that passes and a case that fails"):
        type("Hopeful", (Kind,), {"name": "hopeful", "cases": (good,)})
    assert type("Sound", (Kind,), {"name": "sound", "cases": (good, good.but("odd"))}).cases[1].fails


def test_results_from_outside_the_rules_have_a_family_too() -> None:
    assert [family_of(kind) for kind in ("computed", "fresh", "drift")] == ["form", "coverage", "values"]
