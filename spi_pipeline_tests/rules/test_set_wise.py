"""Both ways of evaluating rules come to the same, on tables broken in every way there is."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.rules import RULE_KINDS, Rule
from spi_pipeline.rules.evaluation import SET_WISE_ABOVE, evaluate
from spi_pipeline_tests.rules.cases import CASES, FORMER, TYPES, WARDS, as_table, good, rule

NAN, INFINITY = float("nan"), float("inf")
ODD: dict[str, list[Any]] = {
    "area_code": [None, FORMER[0], "E05999999", "E05014001\n", ""],
    "year": [None, 2021, 1999],
    "group": [None, "c", "A", "o'clock", '"'],
    "residents": [None, -1, 0, 2**53 + 1],
    "households": [None, 0, 105, 10**6],
    "rate": [None, NAN, INFINITY, -INFINITY, -0.1, 100.1],
    "note": [None, "x"],
    "finding": ["odd", "", None],
    "outline": [None],
    "women": [None, 0, 10**6],
    "men": [None, -5],
    "share": [None, NAN, 0.5, INFINITY],
    "per_household": [None, 0, 2.500001, 250],
}
# Beyond the one of each kind: several columns, an open range, no period, text where a range is asked for.
FURTHER = (
    Rule("wide", "between", "error", "", ("residents", "households", "rate"), {"min": 0, "max": 1000}),
    Rule("open", "between", "warning", "", ("rate",), {"min": 0}),
    Rule("part_of_rate", "part_of_whole", "warning", "", ("rate", "residents"), {"tolerance": 0}),
    Rule("whole_cover", "coverage", "error", "", ("area_code",), {"areas": [*WARDS, "E05000001"], "min_share": 0.9}),
    Rule("id", "key", "error", "", ("area_code",)),
    Rule("gaps", "null_share", "warning", "", ("rate", "note"), {"max_share": 0.2}),
    Rule("many", "varies", "warning", "", ("rate", "year")),
    Rule("rates", "quotient", "error", "", ("group", "rate", "women", "men"), {"factors": {"a": 100, "c": 0.5}}),
    Rule("holes", "null_share", "warning", "", ("rate", "note"), {"max_share": 0.3, "by": ["group"]}),
    Rule("sizes", "typical", "warning", "", ("women", "rate"), {"ranges": {"women": [50, 200], "rate": [0, 5]}}),
    Rule("years", "unbroken", "warning", "", ("year",), {"by": ["area_code"]}),
    Rule("shares", "totals", "warning", "", ("share",), {"by": ["year", "group"], "total": 0.4}),
    Rule("among", "known_areas", "error", "", ("area_code",), {"areas": WARDS, "others": "any"}),
    Rule("listed", "known_areas", "error", "", ("area_code",), {"areas": WARDS, "others": [""]}),
    Rule("either", "coverage", "error", "", ("area_code",), {"choices": {"a": WARDS, "b": FORMER}, "min_share": 1}),
)
RULES = [*(case.rule for case in CASES.values()), *FURTHER]


def both(table: pa.Table, rules: list[Rule]) -> tuple[list[Any], list[Any]]:
    set_wise = evaluate(table, rules, table_name="example", set_wise_above=0)
    return set_wise, evaluate(table, rules, table_name="example", set_wise_above=len(table))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """The good table with some cells odd, rows dropped, doubled and in another order."""
    values = good()
    rows = draw(st.lists(st.integers(0, 7), max_size=12))
    for name in draw(st.sets(st.sampled_from(sorted(TYPES)))):
        for row in draw(st.sets(st.integers(0, 7), min_size=1, max_size=3)):
            values[name][row] = draw(st.sampled_from(ODD[name]))
    return as_table({name: [cells[row] for row in rows] for name, cells in values.items()})


# Eight rows need no shrinking, which takes minutes.
@settings(max_examples=12, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(tables())
def test_odd_rows(table: pa.Table) -> None:
    set_wise, one_by_one = both(table, RULES)
    assert set_wise == one_by_one


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_the_example_of_every_kind(kind: str) -> None:
    case, values = CASES[kind], good()
    assert evaluate(as_table(values), [case.rule], table_name="example", set_wise_above=0)[0].observed == case.passing
    case.change(values)
    result = evaluate(as_table(values), [case.rule, CASES["key"].rule][: 1 + (kind != "key")], table_name="example",
                      set_wise_above=0)[0]  # fmt: skip
    assert (result.outcome, result.observed, result.failing_rows) == ("failed", case.failing, case.failing_rows)


@pytest.mark.parametrize("name", sorted(TYPES))
@pytest.mark.parametrize("change", ["dropped", "text", "null"])
def test_columns_missing_retyped_and_empty(name: str, change: str) -> None:
    table = as_table(good())
    place = table.schema.get_field_index(name)
    if change == "dropped":
        table = table.drop_columns([name])
    elif change == "text":
        told = pa.array([str(value) for value in table[name].to_pylist()])
        table = table.set_column(place, name, told)
    else:
        table = table.set_column(place, name, pa.nulls(len(table), table.schema.field(name).type))
    set_wise, one_by_one = both(table, RULES)
    assert set_wise == one_by_one


def test_decimals_large_whole_numbers_and_names_that_need_quoting() -> None:
    table = pa.table(
        {
            'a "b"': pa.array([2**53, 2**53 + 1, None], pa.int64()),
            "c": pa.array(["1.5", "2.5", None]).cast(pa.decimal128(5, 2)),
        }
    )
    rules = [rule("key", 'a "b"'), rule("in_set", 'a "b"', values=[2**53]), rule("between", "c", max=2)]
    set_wise, one_by_one = both(table, rules)
    assert set_wise == one_by_one
    assert [result.outcome for result in set_wise] == ["passed", "failed", "failed"]


def test_tables_of_many_rows_are_judged_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("Great Expectations was asked")

    monkeypatch.setattr("spi_pipeline.rules.evaluation.judge", refuse)
    table = pa.table({"x": pa.array(range(SET_WISE_ABOVE + 1))})
    (result,) = evaluate(table, [rule("between", "x", max=SET_WISE_ABOVE - 1)], table_name="example")
    assert result.failing_rows == ({"x": SET_WISE_ABOVE},)
    with pytest.raises(AssertionError, match="Great Expectations was asked"):
        evaluate(table.slice(1), [rule("between", "x", max=1)], table_name="example")
