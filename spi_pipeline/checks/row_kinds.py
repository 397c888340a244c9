"""The kinds of rule that judge rows: how each is asked, and how what was found is told.

Each function takes a rule whose columns are there and a table that has rows. Kinds that judge a table as a whole are in
``table_kinds``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.checks.check import Check
from spi_pipeline.checks.judge import Question, Verdict
from spi_pipeline.checks.subject import Subject
from spi_pipeline.checks.wording import counted, figure, listing, percent
from spi_pipeline.contracts.rules import Rule

# 1 - 0.7 is a little more than 3 / 10 in binary; a share is met to within this.
_ROUNDING = 1e-12


def required(rule: Rule, subject: Subject) -> Check:
    """No nulls."""
    nulls = subject.frame[list(rule.columns)].isna()

    def tell(verdicts: Sequence[Verdict]) -> str:
        rows = counted(len(nulls), "row")
        if verdicts[0].passed:
            return f"no null in {rows}"
        by_column = [f"{name} {count:,}" for name, count in nulls.sum().items() if count]
        return f"{nulls.any(axis=1).sum():,} of {rows} with null: {', '.join(by_column)}"

    return Check((_no_nulls(rule, nulls),), tell, lambda: _where(nulls.any(axis=1)))


def key(rule: Rule, subject: Subject) -> Check:
    """No two rows alike in the columns, and no null in them."""
    columns = list(rule.columns)
    unique = (
        Question("expect_compound_columns_to_be_unique", {"column_list": columns})
        if len(columns) > 1
        else Question("expect_column_values_to_be_unique", {"column": columns[0]})
    )
    nulls = subject.frame[columns].isna()

    def tell(verdicts: Sequence[Verdict]) -> str:
        repeats, gaps = len(verdicts[0].positions), int(nulls.any(axis=1).sum())
        rows = counted(len(nulls), "row")
        found = [f"{repeats:,} of {rows} repeat"] if repeats else []
        found += [f"{gaps:,} of {rows} with null in the key"] if gaps else []
        return ", ".join(found) or f"{rows}, none alike"

    return Check((unique, _no_nulls(rule, nulls)), tell, lambda: _where(nulls.any(axis=1)))


def in_set(rule: Rule, subject: Subject) -> Check:
    """Values of a closed list."""

    def tell(failing: pd.Series) -> str:
        return f"hold other values: {listing(failing.unique())}" if len(failing) else "hold listed values"

    question = _cells_question(rule, subject, "expect_column_values_to_be_in_set", value_set=rule.params["values"])
    return _cells_check(rule, subject, question, tell)


def between(rule: Rule, subject: Subject) -> Check:
    """Numbers in a closed range; infinity is outside any."""
    cells = _cells(rule, subject)
    low, high = rule.params.get("min"), rule.params.get("max")
    if pd.api.types.is_float_dtype(cells) and (low, high) != (None, None):
        low = -sys.float_info.max if low is None else low
        high = sys.float_info.max if high is None else high
    question = _cells_question(rule, subject, "expect_column_values_to_be_between", min_value=low, max_value=high)

    def tell(failing: pd.Series) -> str:
        side = "outside" if len(failing) else "inside"
        return f"{side}, lowest {figure(cells.min())}, highest {figure(cells.max())}"

    return _cells_check(rule, subject, question, tell)


def between_by(rule: Rule, subject: Subject) -> Check:
    """Numbers in the range of what their row is about: asked of how far each lies outside; no range is no match."""
    about, column = rule.columns
    bounds = pd.DataFrame.from_dict(rule.params["bounds"], orient="index", columns=["low", "high"], dtype="float64")
    values = subject.frame[column].astype("float64")
    own = bounds.reindex(subject.frame[about])
    low, high = own["low"].to_numpy(), own["high"].to_numpy()
    beyond = pd.Series(np.maximum(low - values, values - high)).where(~np.isnan(low), np.inf).where(values.notna())
    name = f"{rule.id}: distance from its range"
    question = Question("expect_column_values_to_be_between", {"column": name, "max_value": 0}, {name: beyond})
    judged = int(values.notna().sum())

    def tell(verdicts: Sequence[Verdict]) -> str:
        failing = list(verdicts[0].positions)
        if not failing:
            return f"{counted(judged, 'row')} inside"
        worst = max(failing, key=lambda row: float(beyond[row]))
        example = f"{subject.frame[about].iloc[worst]} holds {figure(values[worst])}"
        if np.isfinite(beyond[worst]):
            example += f", promised {figure(low[worst])} to {figure(high[worst])}"
        return f"{len(failing):,} of {counted(judged, 'row')} outside: {example}"

    return Check((question,), tell)


def pattern(rule: Rule, subject: Subject) -> Check:
    r"""Texts that match as a whole; ``\Z`` because ``$`` would let a final line break pass."""
    regex = rf"\A(?:{rule.params['regex']})\Z"

    def tell(failing: pd.Series) -> str:
        return f"do not match: {listing(failing.unique())}" if len(failing) else "match"

    question = _cells_question(rule, subject, "expect_column_values_to_match_regex", regex=regex)
    return _cells_check(rule, subject, question, tell)


def known_areas(rule: Rule, subject: Subject) -> Check:
    """Area codes of the geography: asked of whether each is known.

    The expectation on the list itself takes 0.8 s with 7,000 codes, whatever the number of rows.
    """
    codes = _cells(rule, subject)
    name = f"{rule.id}: standing"
    standing = codes.isin(rule.params["areas"]).map({True: "known", False: "unknown"}).where(codes.notna())
    question = Question("expect_column_values_to_be_in_set", {"column": name, "value_set": ["known"]}, {name: standing})

    def tell(failing: pd.Series) -> str:
        if failing.empty:
            return "hold known codes"
        unknown = sorted(map(str, failing.unique()))
        former = sorted(set(unknown) & set(rule.params.get("former") or ()))
        found = f"hold {counted(len(unknown), 'unknown code')}: {listing(unknown)}"
        return found + (f"; {len(former)} of them of a former ward set: {listing(former)}" if former else "")

    return _cells_check(rule, subject, question, tell)


def part_of_whole(rule: Rule, subject: Subject) -> Check:
    """A part no larger than its whole plus the tolerance, where both are there."""
    columns = list(rule.columns)
    part, whole = (subject.frame[name].astype("float64") for name in columns)
    names = [f"{rule.id}: whole and tolerance", f"{rule.id}: part"]
    limit = whole + rule.params.get("tolerance", 0)
    arguments = {"column_A": names[0], "column_B": names[1], "or_equal": True}
    question = Question(
        "expect_column_pair_values_a_to_be_greater_than_b",
        arguments | {"ignore_row_if": "either_value_is_missing"},
        dict(zip(names, (limit, part), strict=True)),
    )
    judged = int((part.notna() & whole.notna()).sum())

    def tell(verdicts: Sequence[Verdict]) -> str:
        failing = list(verdicts[0].positions)
        if not failing:
            return f"{counted(judged, 'row')}, {columns[0]} within {columns[1]} in all"
        excess = figure((part - whole).loc[failing].max())
        return f"{len(failing):,} of {counted(judged, 'row')} with {columns[0]} above {columns[1]}, by up to {excess}"

    return Check((question,), tell)


def null_share(rule: Rule, subject: Subject) -> Check:
    """No more nulls in a column than the stated share."""
    enough = max(0.0, 1 - rule.params["max_share"] - _ROUNDING)
    shares = subject.frame[list(rule.columns)].isna().mean()

    def tell(verdicts: Sequence[Verdict]) -> str:
        found = [f"{name} {percent(share)}" for name, share in shares.items()]
        return f"null in {counted(len(subject.frame), 'row')}: {', '.join(found)}"

    return Check(
        tuple(
            Question("expect_column_values_to_not_be_null", {"column": name, "mostly": enough}) for name in rule.columns
        ),
        tell,
    )


def varies(rule: Rule, subject: Subject) -> Check:
    """More than one value in a column."""
    values = {name: subject.frame[name].dropna().unique() for name in rule.columns}

    def tell(verdicts: Sequence[Verdict]) -> str:
        alike = {0: "nothing but null", 1: "one value only, {}"}
        return "; ".join(
            f"{name} holds " + alike.get(len(met), f"{len(met):,} values").format(listing(met, 1))
            for name, met in values.items()
        )

    return Check(
        tuple(
            Question("expect_column_unique_value_count_to_be_between", {"column": name, "min_value": 2})
            for name in rule.columns
        ),
        tell,
    )


def empty(rule: Rule, subject: Subject) -> Check:
    """Nothing in a column: the values there are told."""
    (name,) = rule.columns
    values = subject.frame[name]

    def tell(verdicts: Sequence[Verdict]) -> str:
        rows, held = counted(len(values), "row"), values.dropna()
        return f"{len(held):,} of {rows}: {listing(held.unique())}" if len(held) else f"nothing in {rows}"

    return Check((Question("expect_column_values_to_be_null", {"column": name}),), tell)


def _no_nulls(rule: Rule, nulls: pd.DataFrame) -> Question:
    """Asked of the number of nulls per column: an expectation on each column would cost 4 ms each."""
    name = f"{rule.id}: nulls"
    return Question("expect_column_max_to_be_between", {"column": name, "max_value": 0}, {name: nulls.sum()})


def _where(flags: pd.Series) -> list[int]:
    return list(np.flatnonzero(flags))


def _cells(rule: Rule, subject: Subject) -> pd.Series:
    """The cells of all columns of a rule end to end: one expectation on them is cheaper than one per column."""
    return pd.concat([subject.frame[name] for name in rule.columns], ignore_index=True)


def _cells_question(rule: Rule, subject: Subject, expectation: str, **arguments: Any) -> Question:
    if len(rule.columns) == 1:
        return Question(expectation, {"column": rule.columns[0], **arguments})
    name = f"{rule.id}: cells"
    return Question(expectation, {"column": name, **arguments}, {name: _cells(rule, subject)})


def _cells_check(rule: Rule, subject: Subject, question: Question, tell: Callable[[pd.Series], str]) -> Check:
    """A check of one question about cells; ``tell`` words the failing ones, or that there are none."""
    columns, rows = rule.columns, len(subject.frame)
    judged = counted(int(subject.frame[list(columns)].notna().any(axis=1).sum()), "row")

    def tell_rows(verdicts: Sequence[Verdict]) -> str:
        failing = list(verdicts[0].positions)
        told = tell(_cells(rule, subject).iloc[failing])
        if not failing:
            return f"{judged} {told}"
        by_column = Counter(columns[position // rows] for position in failing)
        where = f" ({', '.join(f'{name} {count:,}' for name, count in by_column.items())})" if len(columns) > 1 else ""
        return f"{len({position % rows for position in failing}):,} of {judged}{where} {told}"

    return Check((question,), tell_rows)
