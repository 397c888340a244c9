"""What rules see and do not see, beyond the one example per kind."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.rules import Rule, RuleResult
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline_tests.rules.cases import CASES, KEY, WARDS, as_table, good, put, rule

INFINITY, NAN = float("inf"), float("nan")


def only(table: pa.Table | pd.DataFrame, asked: Rule) -> RuleResult:
    (result,) = evaluate(table, [asked], table_name="example")
    return result


def column(name: str, cells: list[Any], kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({name: pa.array(cells, kind)})


def test_all_kinds_together_come_back_in_the_order_of_the_rules() -> None:
    rules = [case.rule for case in CASES.values()]
    results = evaluate(as_table(good()), rules[::-1], table_name="example")
    assert [result.rule for result in results] == rules[::-1]
    assert {result.observed for result in results} == {case.passing for case in CASES.values()}


def test_rules_that_say_the_same_are_both_answered() -> None:
    rules = [replace(CASES["between"].rule, id=name) for name in ("first", "second")]
    assert [result.outcome for result in evaluate(as_table(good()), rules, table_name="example")] == ["passed"] * 2


def test_no_rules_give_no_results() -> None:
    assert evaluate(as_table(good()), [], table_name="example") == []


def test_an_unknown_kind_is_refused_with_the_kinds_there_are() -> None:
    with pytest.raises(
        SpiError, match=r"table example: rule odd is of the unknown kind 'beautiful', use one of columns"
    ):
        only(as_table(good()), Rule("odd", "beautiful", "error", "", ("rate",)))


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(SpiError, match="rule ids key are used twice"):
        evaluate(as_table(good()), [KEY, KEY], table_name="example")


def test_a_rule_about_no_column_is_refused() -> None:
    with pytest.raises(SpiError, match="rule null_share of kind null_share names no column"):
        only(as_table(good()), rule("null_share", max_share=0.5))


def test_a_range_without_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="min_value and max_value cannot both be None"):
        only(as_table(good()), rule("between", "rate"))


def test_what_cannot_be_compared_is_errored_and_spoils_nothing_else() -> None:
    rules = [rule("between", "group", min=0, max=1), CASES["in_set"].rule, KEY]
    between, in_set, key = evaluate(as_table(good()), rules, table_name="example")
    assert (between.outcome, between.observed) == ("errored", "column group holds string, not numbers")
    assert between.blocks
    assert (in_set.outcome, key.outcome) == ("passed", "passed")


def test_what_the_library_cannot_decide_is_errored_in_one_line() -> None:
    table = column("day", [dt.date(2021, 1, 1)])
    result = only(table, rule("between", "day", max=dt.datetime(2022, 1, 1, tzinfo=dt.UTC)))
    assert result.outcome == "errored"
    assert result.observed
    assert "\n" not in result.observed


@pytest.mark.parametrize(
    ("asked", "observed"),
    [
        (rule("part_of_whole", "group", "residents", tolerance=0), "column group holds string, not numbers"),
        (rule("between_by", "group", "note", bounds={"a": [0, 1]}), "column note holds string, not numbers"),
        (rule("pattern", "residents", regex="a"), "column residents holds integer, not text"),
        (rule("known_areas", "rate", areas=WARDS), "column rate holds number, not text"),
        (rule("in_set", "residents", values=["1"]), "column residents holds integer, not text"),
    ],
    ids=lambda value: value.kind if isinstance(value, Rule) else "",
)
def test_a_column_of_a_type_the_rule_does_not_fit_is_errored(asked: Rule, observed: str) -> None:
    result = only(as_table(good()), asked)
    assert (result.outcome, result.observed) == ("errored", observed)


class TestOneFaultIsOneBrokenRule:
    """Every kind of rule on one table, and one fault of its columns."""

    rules = tuple(case.rule for case in CASES.values())

    def outcomes(self, table: pa.Table) -> dict[str, str]:
        return {result.rule.kind: result.outcome for result in evaluate(table, self.rules, table_name="example")}

    def test_a_missing_column(self) -> None:
        found = self.outcomes(as_table(good()).drop_columns(["area_code"]))
        assert [kind for kind, outcome in found.items() if outcome in ("failed", "errored")] == ["columns"]
        skipped = {kind for kind, outcome in found.items() if outcome == "skipped"}
        assert skipped == {"key", "pattern", "known_areas", "coverage"}
        assert found["types"] == "passed"

    def test_a_retyped_column(self) -> None:
        table = as_table(good())
        text = table["rate"].cast(pa.string())
        found = self.outcomes(table.set_column(table.schema.get_field_index("rate"), "rate", text))
        assert [kind for kind, outcome in found.items() if outcome in ("failed", "errored")] == ["types"]
        assert {kind for kind, outcome in found.items() if outcome == "skipped"} == {
            "between", "between_by", "typical",
        }  # fmt: skip

    def test_both_at_once_are_both_told(self) -> None:
        table = as_table(good()).drop_columns(["note"])
        text = table["rate"].cast(pa.string())
        found = self.outcomes(table.set_column(table.schema.get_field_index("rate"), "rate", text))
        assert [kind for kind, outcome in found.items() if outcome in ("failed", "errored")] == ["columns", "types"]


def test_a_warning_reports_and_does_not_block() -> None:
    result = only(column("x", [1, 1]), replace(rule("varies", "x"), severity="warning"))
    assert (result.outcome, result.blocks) == ("failed", False)


@pytest.mark.parametrize("kind", ["in_set", "between", "pattern", "known_areas", "part_of_whole"])
def test_a_column_of_nulls_leaves_nothing_to_judge(kind: str) -> None:
    asked, values = CASES[kind].rule, good()
    values[asked.columns[0]] = [None] * 8
    result = only(as_table(values), asked)
    assert (result.outcome, result.observed) == ("skipped", "no values to judge in 8 rows")


def test_a_column_of_nulls_does_not_vary() -> None:
    result = only(column("x", [None, None], pa.int64()), rule("varies", "x"))
    assert (result.outcome, result.observed) == ("failed", "x holds nothing but null")


def test_null_in_a_key_is_for_required_to_judge_and_counts_as_a_value_beside_others() -> None:
    values = good()
    put("year", (0, None), (4, None))(values)
    result = only(as_table(values), KEY)
    assert (result.outcome, result.observed) == ("failed", "2 of 8 rows repeat")
    assert result.failing_rows == ({"area_code": WARDS[0], "year": None},) * 2


def test_a_key_of_one_column() -> None:
    result = only(column("id", ["a", "b", "a", None, None]), rule("key", "id"))
    assert result.observed == "2 of 5 rows repeat"
    assert result.failing_rows == ({"id": "a"}, {"id": "a"})


def test_a_rule_about_one_column_refuses_several() -> None:
    with pytest.raises(SpiError, match="rule pattern of kind pattern names several columns, name one"):
        only(as_table(good()), rule("pattern", "area_code", "group", regex="a"))


def test_whole_numbers_beside_null_keep_every_digit() -> None:
    # As floats, 2**53 and 2**53 + 1 are the same number.
    identifiers = [2**53, 2**53 + 1, None]
    asked = [rule("key", "id"), rule("in_set", "id", values=[2**53])]
    key, in_set = evaluate(column("id", identifiers), asked, table_name="example")
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
        result = only(column("x", [1.0, value]), rule("between", "x", **bounds))
        assert result.outcome == "failed"
        assert result.failing_rows == ({"x": value},)

    def test_the_bounds_themselves_are_inside(self) -> None:
        assert only(column("x", [0.0, 100.0]), rule("between", "x", min=0, max=100)).outcome == "passed"

    def test_several_columns_share_a_range(self) -> None:
        table = pa.table({"a": [1, None, 500], "b": [0.5, -1.0, NAN], "c": [1, 2, -3]})
        result = only(table, rule("between", "a", "b", "c", min=0, max=100))
        assert result.observed == "2 of 3 rows (a 1, b 1, c 1) outside, lowest -3, highest 500"
        assert result.failing_rows == ({"a": None, "b": -1.0, "c": 2}, {"a": 500, "b": None, "c": -3})

    def test_dates_have_ranges_too(self) -> None:
        table = column("day", [dt.date(2021, 1, 1), dt.date(2023, 1, 1)])
        result = only(table, rule("between", "day", max=dt.date(2022, 1, 1)))
        assert result.observed == "1 of 2 rows outside, lowest 2021-01-01, highest 2023-01-01"

    def test_a_share_of_nulls_is_met_exactly(self) -> None:
        # 1 - 0.7 is a little more than 3 / 10 in binary.
        result = only(column("x", [1, 2, 3] + [None] * 7), rule("null_share", "x", max_share=0.7))
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
        result = only(
            column("area_code", [f"E{n:02d}" for n in range(13)]), rule("known_areas", "area_code", areas=["X"])
        )
        listed = ", ".join(f"E{n:02d}" for n in range(10))
        assert result.observed == f"13 of 13 rows hold 13 unknown codes: {listed} and 3 more"
        assert len(result.failing_rows) == 10

    def test_coverage_without_a_period(self) -> None:
        asked = rule("coverage", "area_code", areas=WARDS, min_share=0.75)
        passed = only(column("area_code", [*WARDS[:3], None, "other"]), asked)
        assert (passed.outcome, passed.observed) == ("passed", "3 of 4 areas (75%), missing E05014004")
        failed = only(column("area_code", WARDS[:2] * 2), asked)
        assert (failed.outcome, failed.observed) == ("failed", "2 of 4 areas (50%), missing E05014003, E05014004")
        assert failed.failing_rows == ({"area_code": WARDS[2]}, {"area_code": WARDS[3]})

    def test_a_period_whose_areas_are_all_null_is_short(self) -> None:
        table = pa.table({"area_code": [*WARDS, None], "day": [dt.date(2021, 1, 1)] * 4 + [dt.date(2022, 1, 1)]})
        result = only(table, rule("coverage", "area_code", areas=WARDS, min_share=0.5, by=["day"]))
        assert result.observed.startswith("1 of 2 periods short, worst 0 of 4 areas (0%) in day 2022-01-01, missing")
        assert result.failing_rows[0] == {"day": dt.date(2022, 1, 1), "area_code": WARDS[0]}

    def test_periods_that_are_all_null_cover_nothing(self) -> None:
        table = pa.table({"area_code": WARDS, "year": pa.array([None] * 4, pa.int64())})
        result = only(table, rule("coverage", "area_code", areas=WARDS, min_share=0.1, by=["year"]))
        assert result.outcome == "failed"
        assert result.failing_rows[0] == {"year": None, "area_code": WARDS[0]}

    def test_the_column_of_the_period_must_be_there(self) -> None:
        result = only(
            column("area_code", WARDS), rule("coverage", "area_code", areas=WARDS, min_share=1.0, by=["year"])
        )
        assert (result.outcome, result.observed) == ("errored", "column year is missing")

    def test_no_expected_area_is_not_full_coverage(self) -> None:
        assert (
            only(column("area_code", WARDS), rule("coverage", "area_code", areas=[], min_share=1.0)).outcome
            == "errored"
        )


class TestPattern:
    @pytest.mark.parametrize("regex", ["a|ab", "(a)b", "a(?=b)b", "[a-b]{2}"])
    def test_the_whole_text_matches(self, regex: str) -> None:
        assert only(column("x", ["ab", None]), rule("pattern", "x", regex=regex)).outcome == "passed"
        for text in ("abc", "cab", "ab\n", ""):
            assert only(column("x", ["ab", text]), rule("pattern", "x", regex=regex)).failing_rows == ({"x": text},)

    def test_a_pattern_that_is_none_is_errored(self) -> None:
        assert only(column("x", ["ab"]), rule("pattern", "x", regex="a(")).outcome == "errored"


class TestColumns:
    def test_order_does_not_matter(self) -> None:
        assert only(pa.table({"b": [1], "a": [1]}), rule("columns", "a", "b")).outcome == "passed"

    def test_missing_and_unknown_columns_are_named(self) -> None:
        result = only(pa.table({"a": [1], "c": [1]}), rule("columns", "a", "b"))
        assert (result.outcome, result.observed) == ("failed", "missing b; not in the contract c")

    @pytest.mark.parametrize("kind", ["arrow", "pandas"])
    def test_a_column_met_twice_is_one_too_many(self, kind: str) -> None:
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
        result = only(table if kind == "arrow" else table.to_pandas(), rule("columns", "a"))
        assert (result.outcome, result.observed) == ("failed", "not in the contract a (again)")


class TestFailingRows:
    def test_other_columns_are_never_shown(self) -> None:
        values = good()
        for case in CASES.values():
            if case.rule.kind not in ("columns", "row_count", "coverage"):
                case.change(values)
        results = evaluate(as_table(values), [case.rule for case in CASES.values()], table_name="example")
        shown = json.dumps(
            [result.failing_rows for result in results if "note" not in result.rule.columns], default=str
        )
        assert len(shown) > 500
        assert "Ann Smith" not in shown

    def test_ten_are_enough(self) -> None:
        result = only(column("x", list(range(50))), rule("between", "x", max=9))
        assert result.observed == "40 of 50 rows outside, lowest 0, highest 49"
        assert result.failing_rows == tuple({"x": value} for value in range(10, 20))

    def test_a_frame_keeps_its_own_index_out_of_it(self) -> None:
        frame = pd.DataFrame({"x": [1, 2, 99]}, index=[7, 7, 9])
        assert only(frame, rule("between", "x", max=9)).failing_rows == ({"x": 99},)
        assert list(frame.index) == [7, 7, 9]

    def test_values_are_plain(self) -> None:
        frame = pd.DataFrame(
            {
                "area_code": ["E1", "E1"],
                "count": pd.array([1, None], dtype="Int64"),
                "rate": [0.5, NAN],
                "flag": [True, False],
                "outline": [b"12345", None],
                "at": [pd.Timestamp("2021-01-01 12:00", tz="UTC"), pd.NaT],
            }
        )
        columns = [name for name in frame.columns if name != "area_code"]
        rules = [rule("required", *columns), rule("key", "area_code")]
        (row,) = evaluate(frame, rules, table_name="example")[0].failing_rows
        assert row == dict.fromkeys(columns) | {"flag": False, "area_code": "E1"}

        rules = [rule("between", "x", max=1), rule("key", *columns)]
        (row,) = evaluate(frame.iloc[:1].assign(x=[9]), rules, table_name="example")[0].failing_rows
        at = dt.datetime(2021, 1, 1, 12, tzinfo=dt.UTC)
        assert row == {"x": 9, "count": 1, "rate": 0.5, "flag": True, "outline": "5 bytes", "at": at}
        assert [type(value) for value in row.values()] == [int, int, float, bool, str, dt.datetime]
