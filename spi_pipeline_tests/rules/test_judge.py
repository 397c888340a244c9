from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

from spi_pipeline.rules.judge import Question, judge

FRAME = pd.DataFrame({"x": [1, 2, 3]})


def test_verdicts_come_in_the_order_of_the_questions() -> None:
    questions = [
        Question("expect_column_values_to_be_between", {"column": "x", "max_value": 2}),
        Question.none_of("y", [False, True]),
        Question("expect_table_row_count_to_equal", {"value": 3}),
        Question("expect_column_values_to_be_between", {"column": "x", "max_value": 2}),
    ]
    verdicts = judge(FRAME, questions)
    assert [verdict.passed for verdict in verdicts] == [False, False, True, False]
    assert [verdict.positions for verdict in verdicts] == [(2,), (1,), (), (2,)]
    assert {verdict.error for verdict in verdicts} == {""}


def test_flags_may_outnumber_the_rows_and_do_not_add_to_them() -> None:
    questions = [
        Question.none_of("many", [False] * 9 + [True]),
        Question("expect_table_row_count_to_equal", {"value": 3}),
        Question("expect_column_values_to_not_be_null", {"column": "x"}),
        Question.none_of("none", [False]),
    ]
    verdicts = judge(FRAME, questions)
    assert [verdict.passed for verdict in verdicts] == [False, True, True, True]
    assert verdicts[0].positions == (9,)


def test_an_unknown_expectation_is_not_dropped_in_silence() -> None:
    with pytest.raises(Exception, match="expect_nothing not found"):
        judge(FRAME, [Question("expect_nothing", {})])


def test_arguments_an_expectation_does_not_take_are_refused() -> None:
    with pytest.raises(ValueError, match="extra fields not permitted"):
        judge(FRAME, [Question("expect_column_values_to_be_between", {"column": "x", "max_value": 2, "maximum": 2})])


def test_what_cannot_be_decided_is_neither_passed_nor_silent() -> None:
    (verdict,) = judge(FRAME, [Question("expect_column_values_to_be_between", {"column": "absent", "max_value": 2})])
    assert not verdict.passed
    assert "absent" in verdict.error


def test_telemetry_is_off() -> None:
    judge(FRAME, [Question("expect_table_row_count_to_equal", {"value": 3})])
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_the_library_is_loaded_on_first_use() -> None:
    script = "import sys, spi_pipeline.rules.evaluation; print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
