"""Every kind of rule on a good, a mutated, an empty and a column-less table."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from spi_pipeline.contracts.rules import RULE_KINDS, Rule, RuleResult
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline_tests.rules.cases import CASES, KEY, as_table, good

TABLE_KINDS = {"columns", "types", "row_count", "coverage"}


def result_of(rule: Rule, table: pa.Table | pd.DataFrame) -> RuleResult:
    """The result of a rule evaluated in the company of the key rule, which adds the key to failing rows."""
    rules = [rule] if rule.kind == "key" else [rule, KEY]
    return evaluate(table, rules, table_name="example")[0]


def as_frame(table: pa.Table) -> pd.DataFrame:
    """The table as parsers hold it: nullable integers, numbers with NaN."""
    frame: pd.DataFrame = table.to_pandas()
    return frame.astype({"households": "Int64"} if "households" in frame else {})


@pytest.mark.parametrize("kind", RULE_KINDS)
class TestEveryKind:
    def test_a_good_table_passes(self, kind: str) -> None:
        case = CASES[kind]
        for table in (as_table(good()), as_frame(as_table(good()))):
            result = result_of(case.rule, table)
            assert (result.outcome, result.observed, result.expected) == ("passed", case.passing, case.expected)
            assert result.failing_rows == ()
            assert not result.blocks

    def test_a_mutated_table_fails_and_shows_where(self, kind: str) -> None:
        case, values = CASES[kind], good()
        case.change(values)
        for table in (as_table(values), as_frame(as_table(values))):
            result = result_of(case.rule, table)
            assert (result.outcome, result.observed, result.expected) == ("failed", case.failing, case.expected)
            assert result.failing_rows == case.failing_rows
            assert result.blocks

    def test_an_empty_table_is_judged_as_a_table_alone(self, kind: str) -> None:
        empty = as_table(good()).slice(0, 0)
        for table in (empty, as_frame(empty)):
            result = result_of(CASES[kind].rule, table)
            if kind == "types":
                # An Arrow table has its types without any value, a column of Python objects has not.
                assert result.outcome == ("passed" if table is empty else "failed")
            elif kind in TABLE_KINDS:
                assert result.outcome == ("passed" if kind == "columns" else "failed")
            else:
                assert (result.outcome, result.observed) == ("skipped", "no rows to judge")

    def test_a_table_without_columns_passes_nothing(self, kind: str) -> None:
        for table in (pa.table({}), pd.DataFrame(), pd.DataFrame(index=range(8))):
            result = result_of(CASES[kind].rule, table)
            if kind == "columns":
                assert result.outcome == "failed"
            elif kind == "row_count":
                assert result.outcome == ("failed" if len(table) == 0 else "passed")
            else:
                assert result.outcome == "errored"
                assert result.observed.endswith(("is missing", "are missing"))


@pytest.mark.parametrize("kind", [kind for kind in RULE_KINDS if kind not in ("columns", "row_count")])
def test_a_missing_column_is_an_error_that_blocks(kind: str) -> None:
    rule = CASES[kind].rule
    result = result_of(rule, as_table(good()).drop_columns([rule.columns[0]]))
    assert (result.outcome, result.observed) == ("errored", f"column {rule.columns[0]} is missing")
    assert result.blocks


def test_every_case_is_of_a_kind_there_is() -> None:
    assert CASES.keys() == RULE_KINDS.keys()


@pytest.mark.parametrize("set_wise_above", [0, 100])
def test_months_follow_each_other(set_wise_above: int) -> None:
    months = ["2023-11", "2023-12", "2024-01", "2023-11"]
    rule = Rule("every_month", "unbroken", "warning", "", ("month",))
    for more, told in (
        ([], "1 group without a gap"),
        (["2024-03", "2024-06"], "missing in 1 group: month 2024-02, month 2024-04"),
    ):
        table = pa.table({"month": [*months, *more]})
        (result,) = evaluate(table, [rule], table_name="example", set_wise_above=set_wise_above)
        assert (result.outcome, result.observed) == ("failed" if more else "passed", told)
