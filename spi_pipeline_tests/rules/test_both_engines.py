"""Great Expectations and DuckDB agree on every rule, on tables broken in many ways."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from spi_pipeline.rules.evaluation import GREAT_EXPECTATIONS_BELOW, evaluate
from spi_pipeline.rules.kind import Case, Kind
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule
from spi_pipeline_tests.rules.cases import EVERY_CASE, only_result, rule, rule_of

ODD: dict[pa.DataType, list[Any]] = {
    pa.string(): [None, "", "E05999999", "E05900001\n", "o'clock", '"', "A"],
    pa.int64(): [None, -1, 0, 2**53 + 1],
    pa.float64(): [None, float("nan"), float("inf"), -float("inf"), -0.1, 100.1],
}
NATIVE = [
    kind for kind in KINDS.values()
    if any(kind.expectations(rule_of(kind, case), dict.fromkeys(case.rows, "number")) for case in kind.cases)
]  # fmt: skip
assert NATIVE, "pytest skips a test with no parameters, so an empty list would pass"


@st.composite
def tables(draw: st.DrawFn, kind: Kind) -> tuple[Rule, pa.Table]:
    """A case of a kind, with odd values in some cells and rows dropped, repeated and reordered."""
    case = draw(st.sampled_from(kind.cases))
    columns = {}
    for name, cells in case.rows.items():
        known = [cell for other in kind.cases for cell in other.rows.get(name, ())]
        form = pa.array([*known, *cells]).type
        form = pa.string() if pa.types.is_null(form) else form
        odd = draw(st.lists(st.sampled_from([*cells, *known, *ODD.get(form, [None])]), min_size=6, max_size=6))
        columns[name] = pa.array([*cells, *odd], form)
    rows = draw(st.lists(st.integers(0, 6), max_size=12))
    whole = pa.table({name: cells.slice(0, 7) for name, cells in columns.items()})
    return rule_of(kind, case), whole.take(pa.array(rows, pa.int64()))


@pytest.mark.parametrize("kind", NATIVE, ids=lambda kind: kind.name)
# Shrinking takes minutes, and tables of a few rows do not need it.
@settings(max_examples=10, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(data=st.data())
def test_odd_rows(kind: Kind, data: st.DataObject) -> None:
    tested_rule, table = data.draw(tables(kind))
    assert only_result(table, tested_rule, 0) == only_result(table, tested_rule, 1000)


FURTHER = (
    Rule("many", "not_constant", "warning", "", ("rate", "code")),
    Rule("gaps", "null_share", "warning", "", ("rate", "code"), {"max_share": 0.2}),
    Rule("id", "key", "error", "", ("code",)),
    Rule("both", "key", "error", "", ("code", "rate")),
    Rule("open", "between", "warning", "", ("rate", "count"), {"min": 0}),
    Rule("listed", "known_areas", "error", "", ("code",), {"areas": ["E05000001"], "others": ["", "x"]}),
    Rule("whole", "required", "error", "", ("code", "rate", "count")),
    Rule("rows", "row_count", "error", "", (), {"min": 3}),
    Rule("names", "columns", "error", "", ("code", "rate", "count")),
    Rule("kinds", "types", "error", "", ("code", "rate"), {"types": {"code": "string", "rate": "number"}}),
    Rule("form", "pattern", "error", "", ("code",), {"regex": "E05[0-9]{6}"}),
)
ROWS = pa.table({"code": ["E05000001", "x", None], "rate": [0.5, float("nan"), -1], "count": [1, 2, None]})


@pytest.mark.parametrize("name", ROWS.column_names)
@pytest.mark.parametrize("change", ["none", "dropped", "text", "null", "twice"])
def test_all_rules_of_a_table_with_a_missing_retyped_empty_or_duplicate_column(name: str, change: str) -> None:
    table, place = ROWS, ROWS.schema.get_field_index(name)
    if change == "dropped":
        table = table.drop_columns([name])
    elif change == "text":
        table = table.set_column(place, name, pa.array(list(map(str, table[name].to_pylist()))))
    elif change == "null":
        table = table.set_column(place, name, pa.nulls(len(table), table.schema.field(name).type))
    elif change == "twice":
        table = table.append_column(name, table[name])
    one, other = (evaluate(table, FURTHER, table_name="example", great_expectations_below=below) for below in (0, 1000))
    assert one == other


OTHER = {
    "null": pa.nulls(4), "whole": pa.array([1, 1, 2, None]), "text": pa.array(["a", "a", "E05000009", None]),
    "number": pa.array([0.5, 0.5, float("inf"), None]), "flag": pa.array([True, True, False, None]),
    "day": pa.array([0, 0, 1, None], pa.date32()), "bytes": pa.array([b"a", b"a", b"b", None]),
    "moment": pa.array([0, 0, 10**16, None], pa.timestamp("us", "UTC")),
}  # fmt: skip


@EVERY_CASE
def test_both_engines_agree_on_columns_of_every_other_type(kind: Kind, case: Case) -> None:
    rows = pa.table({name: pa.array((cells * 4)[:4]) for name, cells in case.rows.items()})
    tested_rule = rule_of(kind, case)
    for place, name in enumerate(rows.column_names):
        for description, cells in OTHER.items():
            table = rows.set_column(place, name, cells)
            assert only_result(table, tested_rule, 0) == only_result(table, tested_rule, 1000), (
                f"{name} holds {description}"
            )


def test_both_engines_agree_on_decimals_large_integers_and_quoted_names() -> None:
    table = pa.table(
        {
            'a "b"': pa.array([2**53, 2**53 + 1, None], pa.int64()),
            "c": pa.array(["1.5", "2.5", None]).cast(pa.decimal128(5, 2)),
        }
    )
    rules = [rule("key", 'a "b"'), rule("in_set", 'a "b"', values=[2**53]), rule("between", "c", max=2)]
    one, other = (evaluate(table, rules, table_name="example", great_expectations_below=below) for below in (0, 1000))
    assert one == other
    assert [result.outcome for result in one] == ["passed", "failed", "failed"]


def test_large_tables_are_checked_without_great_expectations(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("Great Expectations was called")

    monkeypatch.setattr("spi_pipeline.rules.evaluation.judge", refuse)
    table = pa.table({"x": pa.array(range(GREAT_EXPECTATIONS_BELOW))})
    (result,) = evaluate(table, [rule("between", "x", max=GREAT_EXPECTATIONS_BELOW - 2)], table_name="example")
    assert result.failing_rows == ({"x": GREAT_EXPECTATIONS_BELOW - 1},)
    with pytest.raises(AssertionError, match="Great Expectations was called"):
        evaluate(table.slice(1), [rule("between", "x", max=1)], table_name="example")


def test_the_outcome_for_small_tables_comes_from_great_expectations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if our own expression for failing rows finds none, a rule that the library fails stays failed."""
    monkeypatch.setattr(type(KINDS["in_set"]), "query", lambda self, rule, table: KINDS["empty"].query(rule, table))
    result = only_result(pa.table({"x": ["a", "b"]}), rule("in_set", "x", values=["a"]))
    assert (result.outcome, result.failing_rows) == ("failed", ({"x": "b"},))
