"""Questions put to Great Expectations, which alone decides whether an expectation holds.

Knows the library and nothing of rules. The library is imported on first use: that costs 3 to 5 seconds, which commands
that check nothing need not pay.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd

_ResultFormat = Literal["BOOLEAN_ONLY", "COMPLETE"]


@dataclass(frozen=True)
class Question:
    """One expectation to be decided.

    Attributes:
        expectation: its name in Great Expectations.
        arguments: its arguments there.
        flags: what it looks at where that is no column of the table: see ``none_of``.
    """

    expectation: str
    arguments: dict[str, Any]
    flags: pd.Series | None = None

    @classmethod
    def none_of(cls, name: str, flags: pd.Series | Sequence[bool]) -> Question:
        """Whether none of these is true, of each row or of whatever is counted, asked of their sum.

        A sum takes 1.2 ms, an expectation that looks at cell after cell 4 to 7, and as much again to list what failed.
        """
        whole = pd.Series(np.asarray(flags, dtype="float64"))
        return cls("expect_column_sum_to_be_between", {"column": name, "max_value": 0}, whole)


@dataclass(frozen=True)
class Verdict:
    """What Great Expectations decided.

    Attributes:
        passed: whether the expectation holds.
        positions: row numbers of the failing rows, where the expectation is one about rows; of the flags that are true.
        error: why it could not be decided, in one line; empty if it was.
    """

    passed: bool
    positions: tuple[int, ...] = ()
    error: str = ""


def judge(frame: pd.DataFrame, questions: Sequence[Question]) -> list[Verdict]:
    """Decide all questions on one table in one validation, the flags derived from it standing beside its columns.

    Args:
        frame: the rows, numbered from 0.
        questions: what is to be decided; flags of different questions have different names.

    Returns:
        One verdict per question, in order.

    Raises:
        great_expectations.exceptions.ExpectationNotFoundError: an expectation does not exist.
        pydantic.v1.ValidationError: an expectation does not take the arguments.
    """
    numbered = dict(enumerate(questions))
    # Of different lengths; the nulls they are filled up with add nothing to a sum.
    flags = pd.DataFrame({q.arguments["column"]: q.flags for q in questions if q.flags is not None})
    named = {name for q in questions for name in (*q.arguments.get("column_list", ()), q.arguments.get("column"))}
    asked = frame[[name for name in frame.columns if name in named]]
    if len(flags) <= len(frame):
        return [*_decide(pd.concat([asked, flags], axis=1), numbered).values()]
    # Columns or periods may outnumber the rows of a small table, whose expectations must not see the filling.
    direct = {number: question for number, question in numbered.items() if question.flags is None}
    verdicts = _decide(asked, direct) | _decide(flags, {n: q for n, q in numbered.items() if n not in direct})
    return [verdicts[number] for number in numbered]


def _decide(batch: pd.DataFrame, questions: dict[int, Question]) -> dict[int, Verdict]:
    results = _validate(batch, questions, "BOOLEAN_ONLY")
    # Listing failing rows costs half as much again, so it is asked for only where there are some.
    denied = {n: questions[n] for n, result in results.items() if not result.success and not _error(result)}
    results |= _validate(batch, {n: question for n, question in denied.items() if question.flags is None}, "COMPLETE")
    return {n: _verdict(results[n], question) for n, question in questions.items()}


def _verdict(result: Any, question: Question) -> Verdict:
    if question.flags is None:
        failing = result.result.get("unexpected_index_list") or ()
    else:
        failing = question.flags.to_numpy().nonzero()[0]
    return Verdict(result.success, tuple(map(int, failing)), _error(result))


def _validate(batch: pd.DataFrame, questions: dict[int, Question], result_format: _ResultFormat) -> dict[int, Any]:
    if not questions:
        return {}
    whole_frame = _batch_definition()
    import great_expectations as gx
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.validator.v1_validator import Validator

    # Built one by one, because a suite drops expectations it does not know without a word.
    expectations = [
        ExpectationConfiguration(type=q.expectation, kwargs=q.arguments, meta={"question": number}).to_domain_obj()
        for number, q in questions.items()
    ]
    suite = gx.ExpectationSuite(name="rules", expectations=expectations)
    # What Batch.validate does, without reading and hashing the frame twice: 3.9 s instead of 4.6 s for 300 rules.
    validator = Validator(whole_frame, result_format, {"dataframe": batch})
    with _configurations_kept(), warnings.catch_warnings():
        # pandas advises on groups in a pattern, which are a matter of the contract.
        warnings.filterwarnings("ignore", "This pattern is interpreted as a regular expression")
        results: list[Any] = validator.validate_expectation_suite(suite).results
    # Results do not come back in the order of the suite.
    by_number = {result.expectation_config.meta["question"]: result for result in results}
    if by_number.keys() != questions.keys():
        raise RuntimeError(f"{len(questions)} expectations were asked and {len(by_number)} answered")
    return by_number


@contextmanager
def _configurations_kept() -> Iterator[None]:
    """Great Expectations forms the configuration of an expectation anew some 40 times while it validates it.

    Kept for the length of one validation it is formed once, which takes a third off the cost of every rule (12 rules:
    93 ms instead of 128 ms CPU). Nothing else is touched, and the original is put back.
    """
    from great_expectations.expectations.expectation import Expectation

    patched: Any = Expectation
    original: property = Expectation.__dict__["configuration"]
    kept: dict[int, tuple[Any, Any]] = {}

    def configuration(expectation: Any) -> Any:
        if id(expectation) not in kept:
            # The expectation is kept too, or its id could be given to another.
            kept[id(expectation)] = (expectation, original.__get__(expectation))
        return kept[id(expectation)][1]

    patched.configuration = property(configuration)
    try:
        yield
    finally:
        patched.configuration = original


@cache
def _batch_definition() -> Any:
    """Where frames are handed in: one per process, in a context that lives in memory only."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("whole frame")


def _error(result: Any) -> str:
    """The message of the exception met, in one line.

    ``exception_info`` is one record, or one record per metric that failed.
    """
    info = result.exception_info or {}
    records = [info] if "raised_exception" in info else list(info.values())
    messages = [record["exception_message"] for record in records if record["raised_exception"]]
    return (" ".join(str(messages[0]).split()) or "the library gave no reason") if messages else ""
