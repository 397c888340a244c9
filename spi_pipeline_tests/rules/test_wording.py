"""The wording of results: summaries, ranges, figures, percentages and lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spi_pipeline.rules.kinds import expected
from spi_pipeline.rules.result import RuleResult, summary
from spi_pipeline.rules.wording import figure, listing, percent, readable
from spi_pipeline_tests.rules.cases import rule

KEY = rule("key", "area_code", "year")
COLUMNS = rule("columns", "area_code", "year", "group", "rate")


def test_the_summary_lists_blocking_results_only() -> None:
    key = RuleResult(KEY, "failed", "4 of 90 rows repeat", "one row per area_code, year")
    lost = RuleResult(rule("row_count", min=5), "failed", "3 rows", "at least 5 rows")
    wide = RuleResult(COLUMNS, "errored", "unreadable", "8 columns")
    warned = RuleResult(replace(rule("not_constant", "rate"), severity="warning"), "failed", "one value", "more")
    fine = RuleResult(rule("between", "rate", min=0), "passed", "fine", "at least 0")
    assert summary([key, warned, lost, fine, wide], table_name="street_crime") == (
        "table street_crime breaks 3 rules: "
        "(1) key (area_code, year): 4 of 90 rows repeat, allowed: one row per area_code, year; "
        "(2) row_count: 3 rows, allowed: at least 5 rows; "
        "(3) columns (area_code, year, group and 1 more): unreadable, allowed: 8 columns"
    )


def test_the_summary_of_one_fault_and_of_none() -> None:
    lost = RuleResult(rule("row_count", min=5), "failed", "3 rows", "at least 5 rows")
    assert summary([lost], table_name="t") == "table t breaks 1 rule: row_count: 3 rows, allowed: at least 5 rows"
    assert summary([], table_name="t") == "table t breaks no rule"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"min": 0, "max": 100}, "between 0 and 100"),
        ({"min": 0.5}, "at least 0.5"),
        ({"max": 100.0}, "at most 100"),
        ({"min": 3, "max": 3}, "exactly 3"),
    ],
)
def test_ranges(params: dict[str, float], words: str) -> None:
    assert expected(rule("between", "rate", **params)) == words
    assert expected(rule("row_count", **params)) == f"{words} rows"


@pytest.mark.parametrize(
    ("value", "words"),
    [(3.0, "3"), (1 / 3, "0.333333"), (2021, "2021"), (None, "None"), (float("inf"), "inf"), (b"ab", "2 bytes")],
)
def test_figures(value: object, words: str) -> None:
    assert figure(value) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(32844, "32,844"), (32844.0, "32,844"), (-101.5, "-101.5"), (1234567.25, "1,234,567"), (float("inf"), "inf")],
)
def test_amounts_have_separators(number: float, words: str) -> None:
    assert readable(number) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0.123456, "12.35%"), (-1, "-100%"), (9.99, "999%"), (270.4396, "27,044%")]
)
def test_percentages(share: float, words: str) -> None:
    assert percent(share) == words


def test_a_listing_states_how_many_are_left_out() -> None:
    assert listing(["a", "b"]) == "a, b"
    assert listing(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert listing([]) == ""
