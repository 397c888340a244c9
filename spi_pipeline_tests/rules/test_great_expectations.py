"""Great Expectations evaluates expectations, and every error, gap or unknown argument is raised."""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow as pa
import pytest

from spi_pipeline.rules.great_expectations import judge
from spi_pipeline.rules.kind import Expectation

TABLE = pa.table({"x": [1, 2, 3], "y": [None, "a", "b"]})
SMALL = Expectation("ExpectColumnValuesToBeBetween", {"column": "x", "max_value": 2})


def test_each_rule_has_one_verdict_on_all_its_expectations() -> None:
    nulls = [Expectation("ExpectColumnValuesToNotBeNull", {"column": name}) for name in ("x", "y")]
    counted = Expectation("ExpectTableRowCountToBeBetween", {"min_value": 3})
    verdicts = judge(TABLE, {"small": [SMALL], "filled": nulls, "rows": [counted], "again": [SMALL]})
    assert {rule: verdict.passed for rule, verdict in verdicts.items()} == {
        "small": False, "filled": False, "rows": True, "again": False,
    }  # fmt: skip
    assert [verdict.positions for verdict in verdicts.values()] == [(2,), (0,), (), (2,)]


def test_no_rules_have_no_verdicts() -> None:
    assert judge(TABLE, {}) == {}


def test_an_unknown_expectation_is_refused() -> None:
    with pytest.raises(AttributeError, match="ExpectNothing"):
        judge(TABLE, {"odd": [Expectation("ExpectNothing", {})]})


def test_an_expectation_without_a_result_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    import great_expectations as gx

    suite = gx.ExpectationSuite
    monkeypatch.setattr(gx, "ExpectationSuite", lambda name, expectations: suite(name, expectations[1:]))
    with pytest.raises(RuntimeError, match="Great Expectations returned 1 results for 2 expectations"):
        judge(TABLE, {"small": [SMALL], "again": [SMALL]})


def test_unknown_arguments_of_an_expectation_are_refused() -> None:
    odd = Expectation("ExpectColumnValuesToBeBetween", {"column": "x", "max_value": 2, "maximum": 2})
    with pytest.raises(ValueError, match="extra fields not permitted"):
        judge(TABLE, {"odd": [odd]})


def test_an_undecidable_expectation_raises_an_error() -> None:
    absent = Expectation("ExpectColumnValuesToBeBetween", {"column": "absent", "max_value": 2})
    with pytest.raises(RuntimeError, match=r"expect_column_values_to_be_between could not be decided: .*absent"):
        judge(TABLE, {"odd": [absent]})


def test_telemetry_is_off() -> None:
    judge(TABLE, {"small": [SMALL]})
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


@pytest.mark.parametrize(
    ("module", "kept_out"),
    [
        ("spi_pipeline.rules.evaluation", {"great_expectations", "pandas"}),
        ("spi_pipeline.rules.kinds", {"great_expectations", "pandas", "numpy", "pyarrow", "duckdb"}),
    ],
)
def test_libraries_are_loaded_only_when_used(module: str, kept_out: set[str]) -> None:
    script = f"import sys, {module}; print(sorted({kept_out!r} & {{*sys.modules}}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
