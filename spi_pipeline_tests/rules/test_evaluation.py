"""Faults that rules catch or ignore, beyond the examples of each kind."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from spi_pipeline.rules.evaluation import EMPTY_BECAUSE, evaluate, evaluate_parts
from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Rule
from spi_pipeline_tests.rules.cases import column, only_result, rule

INFINITY, NAN = float("inf"), float("nan")


WARDS = [f"E0501400{number}" for number in range(1, 5)]
KEY = rule("key", "area_code", "year")
ROWS: dict[str, list[Any]] = {
    "area_code": WARDS * 2,
    "year": [2021] * 4 + [2022] * 4,
    "group": ["a", "b"] * 4,
    "residents": [100, 200, 300, 400, 110, 210, 310, 410],
    "rate": [1.5, 2.5, 3.5, 4.5, 1.0, 2.0, 3.0, None],
    "note": ["Ann Smith"] * 6 + [None] * 2,
}
TYPES = dict(zip(ROWS, ("string", "integer", "string", "integer", "number", "string"), strict=True))
# ``note`` holds personal data that only rules about that column may show.
RULES = (
    rule("columns", *ROWS),
    rule("types", *ROWS, types=TYPES),
    rule("required", "group", "residents"),
    KEY,
    rule("in_set", "group", values=["a", "b"]),
    rule("between", "rate", min=0, max=100),
    rule("between_by", "group", "rate", bounds={"a": [0, 10], "b": [0, 100]}),
    rule("pattern", "area_code", regex="E05[0-9]{6}"),
    rule("row_count", min=8, max=8),
    rule("known_areas", "area_code", areas=WARDS),
    rule("coverage", "area_code", areas=WARDS, min_share=1.0, by=["year"]),
    rule("part_of_whole", "rate", "residents", tolerance=0),
    rule("mean_magnitude", "rate", ranges={"rate": [1, 10]}, by=["year"]),
)


def good(**changed: list[Any]) -> pa.Table:
    """A table of four wards in two years, without a fault."""
    kinds = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    return pa.table({name: pa.array(cells, kinds[TYPES[name]]) for name, cells in (ROWS | changed).items()})


def rule_of_kind(name: str) -> Rule:
    return next(rule for rule in RULES if rule.kind == name)


def test_results_keep_the_order_of_rules() -> None:
    results = evaluate(good(), RULES[::-1], table_name="example")
    assert [result.rule for result in results] == [*RULES[::-1]]
    assert {result.outcome for result in results} == {"passed"}


def test_equal_rules_with_different_ids_each_have_a_result() -> None:
    rules = [replace(rule_of_kind("between"), id=name) for name in ("first", "second")]
    assert [result.outcome for result in evaluate(good(), rules, table_name="example")] == ["passed"] * 2


def test_an_intentionally_empty_table_skips_row_rules_and_gives_the_reason() -> None:
    rules = [rule("columns", *ROWS), rule("row_count", min=1), rule("coverage", "area_code", areas=WARDS, min_share=1)]
    empty = good().slice(0, 0)
    assert [result.outcome for result in evaluate(empty, rules, table_name="example")] == ["passed", "failed", "failed"]
    intended = empty.replace_schema_metadata({EMPTY_BECAUSE: "No source has figures."})
    by_part = evaluate_parts({"example.one": intended, "example.two": intended}, rules, "example")
    for results in by_part.values():
        assert [(result.outcome, result.blocks) for result in results] == [
            ("passed", False), ("skipped", False), ("skipped", False),
        ]  # fmt: skip
        assert [result.observed for result in results[1:]] == ["No source has figures."] * 2
    filled = good().replace_schema_metadata({EMPTY_BECAUSE: "No source has figures."})
    few = replace(rules[1], params={"min": 9})
    assert only_result(filled, few).outcome == "failed", "existing rows are checked whatever the metadata states"


def test_no_rules_give_no_results() -> None:
    assert evaluate(good(), [], table_name="example") == []


def test_an_unknown_kind_is_refused_with_a_list_of_kinds() -> None:
    with pytest.raises(ValueError, match=r"table example: there is no rule kind 'beautiful'; use one of columns"):
        only_result(good(), Rule("odd", "beautiful", "error", "", ("rate",)))


def test_two_rules_with_the_same_id_are_refused() -> None:
    with pytest.raises(ValueError, match="more than one rule has the id key; give each"):
        evaluate(good(), [KEY, KEY], table_name="example")


def test_incomparable_values_error_one_rule_and_leave_the_others() -> None:
    rules = [rule("between", "group", min=0, max=1), rule_of_kind("in_set"), KEY]
    between, in_set, key = evaluate(good(), rules, table_name="example")
    assert (between.outcome, between.observed) == ("errored", "column group holds string, not numbers")
    assert between.blocks
    assert (in_set.outcome, key.outcome) == ("passed", "passed")


@pytest.mark.parametrize(
    ("tested_rule", "observed"),
    [
        (rule("part_of_whole", "group", "residents", tolerance=0), "column group holds string, not numbers"),
        (rule("between_by", "group", "note", bounds={"a": [0, 1]}), "column note holds string, not numbers"),
        (rule("pattern", "residents", regex="a"), "column residents holds integer, not text"),
        (rule("known_areas", "rate", areas=WARDS), "column rate holds number, not text"),
        (rule("in_set", "residents", values=["1"]), "column residents holds integer, not text"),
    ],
    ids=lambda value: value.kind if isinstance(value, Rule) else "",
)
def test_a_column_of_the_wrong_type_errors_the_rule(tested_rule: Rule, observed: str) -> None:
    result = only_result(good(), tested_rule)
    assert (result.outcome, result.observed) == ("errored", observed)


class TestOneFaultIsOneBrokenRule:
    """Every kind of rule judges one table, whose columns have a single fault."""

    def outcomes(self, table: pa.Table) -> dict[str, str]:
        return {result.rule.kind: result.outcome for result in evaluate(table, RULES, table_name="example")}

    def test_a_missing_column(self) -> None:
        by_kind = self.outcomes(good().drop_columns(["area_code"]))
        assert [kind for kind, outcome in by_kind.items() if outcome in ("failed", "errored")] == ["columns"]
        skipped = {kind for kind, outcome in by_kind.items() if outcome == "skipped"}
        assert skipped == {"key", "pattern", "known_areas", "coverage"}
        assert by_kind["types"] == "passed"

    def test_a_retyped_column(self) -> None:
        table = good()
        text = table["rate"].cast(pa.string())
        by_kind = self.outcomes(table.set_column(table.schema.get_field_index("rate"), "rate", text))
        assert [kind for kind, outcome in by_kind.items() if outcome in ("failed", "errored")] == ["types"]
        assert {kind for kind, outcome in by_kind.items() if outcome == "skipped"} == {
            "between", "between_by", "part_of_whole", "mean_magnitude",
        }  # fmt: skip

    def test_two_faults_are_both_reported(self) -> None:
        table = good().drop_columns(["note"])
        text = table["rate"].cast(pa.string())
        by_kind = self.outcomes(table.set_column(table.schema.get_field_index("rate"), "rate", text))
        assert [kind for kind, outcome in by_kind.items() if outcome in ("failed", "errored")] == ["columns", "types"]


def test_a_warning_reports_and_does_not_block() -> None:
    result = only_result(column("x", [1, 1]), replace(rule("not_constant", "x"), severity="warning"))
    assert (result.outcome, result.blocks) == ("failed", False)


@pytest.mark.parametrize("great_expectations_below", [0, 1000])
def test_not_constant_is_skipped_for_a_single_row(great_expectations_below: int) -> None:
    result = only_result(column("x", [1]), rule("not_constant", "x"), great_expectations_below)
    assert (result.outcome, result.observed) == ("skipped", "no values to judge in 1 row")


@pytest.mark.parametrize("kind", ["in_set", "between", "pattern", "known_areas", "part_of_whole"])
def test_rules_are_skipped_for_a_column_of_nulls(kind: str) -> None:
    tested_rule = rule_of_kind(kind)
    result = only_result(good(**{tested_rule.columns[0]: [None] * 8}), tested_rule)
    assert (result.outcome, result.observed) == ("skipped", "no values to judge in 8 rows")


def test_a_column_of_nulls_does_not_vary() -> None:
    result = only_result(column("x", [None, None], pa.int64()), rule("not_constant", "x"))
    assert (result.outcome, result.observed) == ("failed", "x holds nothing but null")


def test_null_in_a_composite_key_counts_as_a_value() -> None:
    result = only_result(good(year=[None, 2021, 2021, 2021, None, 2022, 2022, 2022]), KEY)
    assert (result.outcome, result.observed) == ("failed", "2 of 8 rows repeat")
    assert result.failing_rows == ({"area_code": WARDS[0], "year": None},) * 2


def test_a_key_of_one_column() -> None:
    result = only_result(column("id", ["a", "b", "a", None, None]), rule("key", "id"))
    assert result.observed == "2 of 5 rows repeat"
    assert result.failing_rows == ({"id": "a"}, {"id": "a"})


def test_integers_with_nulls_keep_every_digit() -> None:
    # As floats, 2**53 and 2**53 + 1 are the same number.
    identifiers = [2**53, 2**53 + 1, None]
    rules = [rule("key", "id"), rule("in_set", "id", values=[2**53])]
    key, in_set = evaluate(column("id", identifiers), rules, table_name="example")
    assert key.observed == "3 rows, none alike"
    assert in_set.failing_rows == ({"id": 2**53 + 1},)


class TestNumbers:
    def test_nan_is_null(self) -> None:
        table = column("x", [1.0, NAN, 3.0])
        rules = [rule("required", "x"), rule("between", "x", min=0), rule("null_share", "x", max_share=0.3)]
        required, between, null_share = evaluate(table, rules, table_name="example")
        assert (required.outcome, required.observed) == ("failed", "1 of 3 rows with null: x 1")
        assert required.failing_rows == ({"x": None},)
        assert (between.outcome, between.observed) == ("passed", "2 rows inside, lowest 1, highest 3")
        assert null_share.outcome == "failed"

    @pytest.mark.parametrize(("value", "bounds"), [(INFINITY, {"min": 0}), (-INFINITY, {"max": 9})])
    def test_infinity_is_outside_an_open_range(self, value: float, bounds: dict[str, int]) -> None:
        result = only_result(column("x", [1.0, value]), rule("between", "x", **bounds))
        assert result.outcome == "failed"
        assert result.failing_rows == ({"x": value},)

    def test_the_bounds_themselves_are_inside(self) -> None:
        assert only_result(column("x", [0.0, 100.0]), rule("between", "x", min=0, max=100)).outcome == "passed"

    def test_several_columns_share_a_range(self) -> None:
        table = pa.table({"a": [1, None, 500], "b": [0.5, -1.0, NAN], "c": [1, 2, -3]})
        result = only_result(table, rule("between", "a", "b", "c", min=0, max=100))
        assert result.observed == "2 of 3 rows (a 1, b 1, c 1) outside, lowest -3, highest 500"
        assert result.failing_rows == ({"a": None, "b": -1.0, "c": 2}, {"a": 500, "b": None, "c": -3})

    def test_dates_have_ranges_too(self) -> None:
        table = column("day", [dt.date(2021, 1, 1), dt.date(2023, 1, 1)])
        result = only_result(table, rule("between", "day", max=dt.date(2022, 1, 1)))
        assert result.observed == "1 of 2 rows outside, lowest 2021-01-01, highest 2023-01-01"

    def test_a_share_of_nulls_may_equal_its_limit(self) -> None:
        # 1 - 0.7 is a little more than 3 / 10 in binary.
        result = only_result(column("x", [1, 2, 3] + [None] * 7), rule("null_share", "x", max_share=0.7))
        assert result.outcome == "passed"

    def test_decimals_are_numbers(self) -> None:
        table = pa.table({"part": [Decimal("1.5"), None], "whole": [Decimal("1.0"), Decimal("2.0")]})
        rules = [
            rule("types", "part", types={"part": "number"}),
            rule("part_of_whole", "part", "whole", tolerance=0.25),
            rule("between", "whole", min=0, max=1),
        ]
        types, parts, between = evaluate(table, rules, table_name="example")
        assert types.outcome == "passed"
        assert parts.observed == "1 of 1 row with part above whole, by up to 0.5"
        assert between.failing_rows == ({"whole": Decimal("2.0")},)


class TestAreas:
    def test_a_long_list_of_unknown_codes_is_cut(self) -> None:
        result = only_result(
            column("area_code", [f"E{n:02d}" for n in range(13)]), rule("known_areas", "area_code", areas=["X"])
        )
        listed = ", ".join(f"E{n:02d}" for n in range(10))
        assert result.observed == f"13 of 13 rows hold 13 unknown codes: {listed} and 3 more"
        assert len(result.failing_rows) == 10

    def test_coverage_without_a_period(self) -> None:
        tested_rule = rule("coverage", "area_code", areas=WARDS, min_share=0.75)
        passed = only_result(column("area_code", [*WARDS[:3], None, "other"]), tested_rule)
        assert (passed.outcome, passed.observed) == ("passed", "3 of 4 areas (75%), missing E05014004")
        failed = only_result(column("area_code", WARDS[:2] * 2), tested_rule)
        assert (failed.outcome, failed.observed) == ("failed", "2 of 4 areas (50%), missing E05014003, E05014004")
        assert failed.failing_rows == ({"area_code": WARDS[2]}, {"area_code": WARDS[3]})

    def test_a_period_whose_areas_are_all_null_is_short(self) -> None:
        table = pa.table({"area_code": [*WARDS, None], "day": [dt.date(2021, 1, 1)] * 4 + [dt.date(2022, 1, 1)]})
        result = only_result(table, rule("coverage", "area_code", areas=WARDS, min_share=0.5, by=["day"]))
        assert result.observed.startswith("1 of 2 periods short, worst 0 of 4 areas (0%) in day 2022-01-01, missing")
        assert result.failing_rows[0] == {"day": dt.date(2022, 1, 1), "area_code": WARDS[0]}

    def test_periods_that_are_all_null_cover_nothing(self) -> None:
        table = pa.table({"area_code": WARDS, "year": pa.array([None] * 4, pa.int64())})
        result = only_result(table, rule("coverage", "area_code", areas=WARDS, min_share=0.1, by=["year"]))
        assert result.outcome == "failed"
        assert result.failing_rows[0] == {"year": None, "area_code": WARDS[0]}

    def test_the_column_of_the_period_must_exist(self) -> None:
        result = only_result(
            column("area_code", WARDS), rule("coverage", "area_code", areas=WARDS, min_share=1.0, by=["year"])
        )
        assert (result.outcome, result.observed) == ("errored", "column year is missing")

    def test_coverage_without_expected_areas_is_errored(self) -> None:
        assert (
            only_result(column("area_code", WARDS), rule("coverage", "area_code", areas=[], min_share=1.0)).outcome
            == "errored"
        )


class TestPattern:
    @pytest.mark.parametrize("regex", ["a|ab", "(a)b", "a(?=b)b", "[a-b]{2}"])
    def test_the_whole_text_matches(self, regex: str) -> None:
        assert only_result(column("x", ["ab", None]), rule("pattern", "x", regex=regex)).outcome == "passed"
        for text in ("abc", "cab", "ab\n", ""):
            assert only_result(column("x", ["ab", text]), rule("pattern", "x", regex=regex)).failing_rows == (
                {"x": text},
            )


class TestColumns:
    def test_order_does_not_matter(self) -> None:
        assert only_result(pa.table({"b": [1], "a": [1]}), rule("columns", "a", "b")).outcome == "passed"

    def test_missing_and_unknown_columns_are_listed(self) -> None:
        result = only_result(pa.table({"a": [1], "c": [1]}), rule("columns", "a", "b"))
        assert (result.outcome, result.observed) == ("failed", "missing b; not in the contract c")

    def test_a_duplicate_column_is_reported(self) -> None:
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
        result = only_result(table, rule("columns", "a"))
        assert (result.outcome, result.observed) == ("failed", "not in the contract a (again)")


class TestFailingRows:
    def test_other_columns_are_never_shown(self) -> None:
        broken_table = good(
            group=["c", None] * 4,
            rate=[-1.0, 500.0] * 4,
            area_code=["odd"] * 8,
            residents=[None, 1] * 4,
            year=[2021] * 8,
        )
        results = evaluate(broken_table, RULES, table_name="example")
        broken = [result for result in results if result.outcome == "failed"]
        assert {result.rule.kind for result in broken} >= {"required", "in_set", "key", "between", "part_of_whole"}
        shown = json.dumps([result.failing_rows for result in broken], default=str)
        assert len(shown) > 500
        assert "Ann Smith" not in shown

    def test_at_most_ten_failing_rows_are_shown(self) -> None:
        result = only_result(column("x", list(range(50))), rule("between", "x", max=9))
        assert result.observed == "40 of 50 rows outside, lowest 0, highest 49"
        assert result.failing_rows == tuple({"x": value} for value in range(10, 20))

    def test_failing_rows_hold_plain_values(self) -> None:
        at = dt.datetime(2021, 1, 1, 12, tzinfo=dt.UTC)
        table = pa.table(
            {
                "area_code": ["E1", "E1"],
                "count": [1, None],
                "rate": [NAN, 0.5],
                "flag": [False, True],
                "outline": [b"12345", None],
                "at": pa.array([at, None], pa.timestamp("us", "UTC")),
            }
        )
        first, second = evaluate(table, [rule("key", "area_code"), rule("empty", "flag")], table_name="example")
        assert first.failing_rows == ({"area_code": "E1"},) * 2
        columns = ("area_code", "count", "rate", "flag", "outline", "at")
        rules = [rule("between", "count", min=9), rule("key", *columns)]
        (row,) = evaluate(table, rules, table_name="example")[0].failing_rows
        assert row == {"count": 1, "area_code": "E1", "rate": None, "flag": False, "outline": "5 bytes", "at": at}
        assert second.failing_rows[0] == {"flag": False, "area_code": "E1"}


class TestParts:
    rules = (rule("columns", "x"), rule("between", "x", max=9), rule("key", "x"))

    def parts(self, *cells: list[int]) -> dict[str, list[RuleResult]]:
        tables = {f"made.{number}": column("x", each, pa.int64()) for number, each in enumerate(cells)}
        return {name: list(results) for name, results in evaluate_parts(tables, self.rules, "made").items()}

    def test_parts_without_a_fault_are_checked_together_and_the_result_states_it(self) -> None:
        by_part = self.parts([1, 2], [3], [])
        assert by_part["made.0"] == by_part["made.1"]
        assert by_part["made.0"][1].observed == "3 rows inside, lowest 1, highest 3 (2 parts judged together)"
        assert [result.outcome for result in by_part["made.2"]] == ["passed", "skipped", "skipped"]

    def test_a_fault_is_reported_for_its_part_only(self) -> None:
        by_part = self.parts([1, 2], [30])
        assert [result.outcome for result in by_part["made.0"]] == ["passed"] * 3
        assert by_part["made.1"][1].observed == "1 of 1 row outside, lowest 30, highest 30"

    def test_a_single_part_is_checked_alone(self) -> None:
        assert self.parts([1])["made.0"][1].observed == "1 row inside, lowest 1, highest 1"
