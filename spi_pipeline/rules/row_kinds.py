"""The kinds of rule that judge rows: how each is asked of Great Expectations, and what its verdicts come to.

Each function takes a rule whose columns are there and a table that has rows. Kinds that judge a table as a whole are in
``table_kinds``, those that judge groups of rows in ``group_kinds``, all of them for large tables in ``set_wise``, the
words for what was found in ``found``.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.contracts.rules import Rule
from spi_pipeline.rules import found
from spi_pipeline.rules.check import Check
from spi_pipeline.rules.judge import Question, Verdict
from spi_pipeline.rules.subject import Subject

# What looks like the code of an area, ward or authority.
AREA_CODE = r"[EWSN]\d{8}"
# 1 - 0.7 is a little more than 3 / 10 in binary; a share is met to within this.
ROUNDING = 1e-12
# Numerators are sums of thousands of shares: the same to a millionth is the same.
QUOTIENT = 1e-6


def required(rule: Rule, subject: Subject) -> Check:
    """No nulls: asked of the rows that have any."""
    nulls = subject.frame[list(rule.columns)].isna()
    failing = nulls.any(axis=1)

    def tell(verdicts: Sequence[Verdict]) -> str:
        by_column = {str(column): int(count) for column, count in nulls.sum().items()}
        return found.nulls(len(nulls), int(failing.sum()), by_column)

    return Check((Question.none_of(f"{rule.id}: null", failing),), tell)


def key(rule: Rule, subject: Subject) -> Check:
    """No two rows alike in the columns. That none of them is null is for ``required``; rows of nothing else pass."""
    columns = list(rule.columns)
    unique = (
        Question("expect_compound_columns_to_be_unique", {"column_list": columns})
        if len(columns) > 1
        else Question("expect_column_values_to_be_unique", {"column": columns[0]})
    )
    return Check((unique,), lambda verdicts: found.repeats(len(subject.frame), len(verdicts[0].positions)))


def in_set(rule: Rule, subject: Subject) -> Check:
    """Values of a closed list."""
    name = rule.columns[0]
    question = Question("expect_column_values_to_be_in_set", {"column": name, "value_set": rule.params["values"]})
    return _cells_check(rule, subject, question, lambda failing: found.other_values(list(failing.unique())))


def between(rule: Rule, subject: Subject) -> Check:
    """Numbers in a closed range; infinity is outside any."""
    low, high = rule.params.get("min"), rule.params.get("max")
    if of_days(rule):
        return _between_columns(rule, {name: _days(subject.frame[name]) for name in rule.columns}, low, high)
    cells = {name: subject.frame[name] for name in rule.columns}
    if len(cells) > 1:
        low = -sys.float_info.max if low is None else low
        return _between_columns(rule, cells, low, sys.float_info.max if high is None else high)
    values = cells[rule.columns[0]]
    if pd.api.types.is_float_dtype(values) and (low, high) != (None, None):
        low = -sys.float_info.max if low is None else low
        high = sys.float_info.max if high is None else high
    arguments = {"column": rule.columns[0], "min_value": low, "max_value": high}
    question = Question("expect_column_values_to_be_between", arguments)
    return _cells_check(
        rule, subject, question, lambda failing: found.extremes(len(failing), values.min(), values.max())
    )


def of_days(rule: Rule) -> bool:
    """Whether a range is one of days."""
    return type(rule.params.get("min") or rule.params.get("max")) is dt.date


def _days(values: pd.Series) -> pd.Series:
    """Dates, or the dates of moments in UTC; null stays null."""
    return pd.Series(
        [None if pd.isna(value) else value if type(value) is dt.date else value.date() for value in values]
    )


def _between_columns(rule: Rule, cells: Mapping[str, pd.Series], low: Any, high: Any) -> Check:
    """One range for several columns: asked of the rows with a cell outside."""
    outside = pd.DataFrame({name: _beyond(values, low, high) for name, values in cells.items()})
    question = Question.none_of(f"{rule.id}: outside", outside.any(axis=1))

    def tell(verdicts: Sequence[Verdict]) -> str:
        failing = len(verdicts[0].positions)
        by_column = {str(column): int(count) for column, count in outside.sum().items()}
        # Each by itself: beside floats, whole numbers above 2**53 would lose digits.
        filled = [values.dropna() for values in cells.values() if values.notna().any()]
        lowest, highest = min(values.min() for values in filled), max(values.max() for values in filled)
        told = found.extremes(failing, lowest, highest)
        judged = pd.DataFrame({name: values.notna() for name, values in cells.items()})
        return found.cells(int(judged.any(axis=1).sum()), failing, by_column, told)

    return Check((question,), tell)


def _beyond(values: pd.Series, low: Any, high: Any) -> pd.Series:
    """Which cells lie outside a range; null lies in any."""
    outside = pd.Series(False, index=values.index)
    there = values.dropna()
    for beyond in ([there < low] if low is not None else []) + ([there > high] if high is not None else []):
        outside.loc[there.index] |= beyond.astype(bool)
    return outside


def between_by(rule: Rule, subject: Subject) -> Check:
    """Numbers in the range of what their row is about: asked of the rows outside; no range is no match."""
    about, column = rule.columns
    bounds = pd.DataFrame.from_dict(rule.params["bounds"], orient="index", columns=["low", "high"], dtype="float64")
    values = subject.frame[column].astype("float64")
    own = bounds.reindex(subject.frame[about])
    low, high = own["low"].to_numpy(), own["high"].to_numpy()
    beyond = pd.Series(np.maximum(low - values, values - high)).where(~np.isnan(low), np.inf).where(values.notna())
    question = Question.none_of(f"{rule.id}: outside", beyond > 0)

    def tell(verdicts: Sequence[Verdict]) -> str:
        failing = verdicts[0].positions
        worst = max(failing, key=lambda row: float(beyond[row]), default=0)
        of = subject.frame[about].iloc[worst]
        promised = rule.params["bounds"].get(of)
        return found.beyond(int(values.notna().sum()), len(failing), of, values[worst], promised)

    return Check((question,), tell)


def pattern(rule: Rule, subject: Subject) -> Check:
    r"""Texts that match as a whole; ``\Z`` because ``$`` would let a final line break pass."""
    regex = rf"\A(?:{rule.params['regex']})\Z"
    question = Question("expect_column_values_to_match_regex", {"column": rule.columns[0], "regex": regex})
    return _cells_check(rule, subject, question, lambda failing: found.mismatches(list(failing.unique())))


def known_areas(rule: Rule, subject: Subject) -> Check:
    """Area codes of the geography: asked of the rows whose code is unknown.

    The expectation on the list itself takes 0.8 s with 7,000 codes, whatever the number of rows.
    """
    codes = subject.frame[rule.columns[0]]
    others = rule.params.get("others", ())
    judged = codes.str.fullmatch(AREA_CODE).fillna(False).astype(bool) if others == "any" else codes.notna()
    allowed = [*rule.params["areas"], *(() if others == "any" else others)]
    question = Question.none_of(f"{rule.id}: unknown", judged & ~codes.isin(allowed))
    former = rule.params.get("former") or ()
    return _cells_check(rule, subject, question, lambda failing: found.unknown_codes(list(failing.unique()), former))


def part_of_whole(rule: Rule, subject: Subject) -> Check:
    """A part no larger than its whole plus the tolerance, where both are there: asked of the rows where it is."""
    part, whole = (subject.frame[name].astype("float64") for name in rule.columns)
    larger = part > whole + rule.params.get("tolerance", 0)

    def tell(verdicts: Sequence[Verdict]) -> str:
        judged = int((part.notna() & whole.notna()).sum())
        return found.excess(judged, int(larger.sum()), rule.columns, (part - whole)[larger].max())

    return Check((Question.none_of(f"{rule.id}: larger", larger),), tell)


def adds_up(rule: Rule, subject: Subject) -> Check:
    """Parts that come to their whole, within the tolerance, where all of them are there."""
    cells = subject.frame[list(rule.columns)].astype("float64")
    off = (cells[rule.columns[0]] - cells[list(rule.columns[1:])].sum(axis=1, skipna=False)).abs()
    wrong = off > rule.params.get("tolerance", 0) + ROUNDING

    def tell(verdicts: Sequence[Verdict]) -> str:
        return found.sums(int(off.notna().sum()), int(wrong.sum()), rule.columns[0], off[wrong].max())

    return Check((Question.none_of(f"{rule.id}: off", wrong),), tell)


def quotient(rule: Rule, subject: Subject) -> Check:
    """Values that are the quotient they are said to be; a value without numerator or denominator is none."""
    about, *names = rule.columns
    value, over, under = (subject.frame[name].astype("float64") for name in names)
    factor = subject.frame[about].map(rule.params["factors"]).astype("float64")
    judged = value.notna() & factor.notna()
    meant = factor * over / under.where(under != 0)
    off = judged & ~((value - meant).abs() <= QUOTIENT * meant.abs() + ROUNDING)

    def tell(verdicts: Sequence[Verdict]) -> str:
        first = int(off.to_numpy().nonzero()[0][0]) if off.any() else 0
        comes_to = None if pd.isna(meant[first]) else meant[first]
        of = subject.frame[about].iloc[first]
        return found.quotients(int(judged.sum()), int(off.sum()), of, value[first], comes_to)

    return Check((Question.none_of(f"{rule.id}: off", off),), tell)


def together(rule: Rule, subject: Subject) -> Check:
    """All of the columns null or none: asked of the rows where some are."""
    nulls = subject.frame[list(rule.columns)].isna()
    mixed = nulls.any(axis=1) & ~nulls.all(axis=1)

    def tell(verdicts: Sequence[Verdict]) -> str:
        by_column = {str(column): int(count) for column, count in nulls[mixed].sum().items()}
        return found.disagreements(len(nulls), int(mixed.sum()), by_column)

    return Check((Question.none_of(f"{rule.id}: in part", mixed),), tell)


def varies(rule: Rule, subject: Subject) -> Check:
    """More than one value in a column."""
    values = {name: subject.frame[name].dropna().unique() for name in rule.columns}
    met = {name: (len(each), each[0] if len(each) else None) for name, each in values.items()}
    questions = [
        Question("expect_column_unique_value_count_to_be_between", {"column": name, "min_value": 2})
        for name in rule.columns
    ]
    return Check(tuple(questions), lambda verdicts: found.variety(met))


def empty(rule: Rule, subject: Subject) -> Check:
    """Nothing in a column: the values there are told."""
    (name,) = rule.columns
    held = subject.frame[name].dropna()
    question = Question("expect_column_values_to_be_null", {"column": name})
    return Check((question,), lambda verdicts: found.content(len(subject.frame), len(held), list(held.unique())))


def _cells_check(rule: Rule, subject: Subject, question: Question, tell: Callable[[pd.Series], str]) -> Check:
    """A check of one question about the cells of one column; ``tell`` words the failing ones, if any."""
    cells = subject.frame[rule.columns[0]]

    def tell_rows(verdicts: Sequence[Verdict]) -> str:
        failing = list(verdicts[0].positions)
        return found.cells(int(cells.notna().sum()), len(failing), {}, tell(cells.iloc[failing]))

    return Check((question,), tell_rows)
