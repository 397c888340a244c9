"""The kinds of rule that judge a table as a whole, with or without rows: how each is asked, and how it is told.

Kinds that judge rows are in ``row_kinds``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from spi_pipeline.contracts.models.tables import LOGICAL_TYPES
from spi_pipeline.contracts.rules import Rule
from spi_pipeline.rules.check import Check
from spi_pipeline.rules.judge import Question, Verdict
from spi_pipeline.rules.subject import Subject, plain
from spi_pipeline.rules.wording import counted, figure, listing, percent

# Whole numbers are numbers.
_FITTING = [*(f"{name} for {name}" for name in LOGICAL_TYPES), "integer for number"]


def fits(found: str, promised: str) -> bool:
    """Whether a column of the type found keeps the promise of another."""
    return f"{found} for {promised}" in _FITTING


def columns(rule: Rule, subject: Subject) -> Check:
    """Exactly the columns of the contract, in any order: asked of those only there or only in the contract."""
    there = list(subject.types)
    missing = [name for name in rule.columns if name not in there]
    unknown = [name for name in there if name not in rule.columns]
    question = Question.none_of(f"{rule.id}: missing or unknown", [True] * len(missing + unknown) or [False])

    def tell(verdicts: Sequence[Verdict]) -> str:
        told = [f"missing {listing(missing)}"] if missing else []
        told += [f"not in the contract {listing(unknown)}"] if unknown else []
        return "; ".join(told) or counted(len(there), "column")

    return Check((question,), tell, failing_rows=lambda verdicts: ())


def types(rule: Rule, subject: Subject) -> Check:
    """The type of the contract in every column: asked of each column whether what it holds is of another."""
    promised = rule.params["types"]
    names = [column for column in rule.columns if column in subject.types]
    wrong = [not fits(subject.types[column], promised[column]) for column in names]
    question = Question.none_of(f"{rule.id}: another type", wrong)

    def differing(verdicts: Sequence[Verdict]) -> tuple[dict[str, Any], ...]:
        found = (names[position] for position in verdicts[0].positions)
        return tuple(
            {"column": column, "promised": promised[column], "found": subject.types[column]} for column in found
        )

    def tell(verdicts: Sequence[Verdict]) -> str:
        told = [f"{row['column']} holds {row['found']}, not {row['promised']}" for row in differing(verdicts)]
        if not told:
            return f"{counted(len(names), 'column')}, all of the contract's type"
        return f"{len(told)} of {counted(len(names), 'column')} of another type: {listing(told)}"

    return Check((question,), tell, failing_rows=differing)


def row_count(rule: Rule, subject: Subject) -> Check:
    """The number of rows."""
    arguments = {"min_value": rule.params.get("min"), "max_value": rule.params.get("max")}
    told = counted(subject.rows, "row")
    return Check((Question("expect_table_row_count_to_be_between", arguments),), lambda _: told)


def coverage(rule: Rule, subject: Subject) -> Check:
    """Every expected area there: asked of each period found or, where none is named, of all rows, whether too few are.

    A period is what the columns ``by`` hold together. The failing rows are those that should be there and are not. Of
    small areas of several levels those are expected that the table holds most of.
    """
    frame, area, by = subject.frame, rule.columns[0], tuple(rule.params.get("by") or ())
    held = set(frame[area].unique())
    choices = rule.params["choices"].values() if "choices" in rule.params else [rule.params["areas"]]
    expected = list(max(choices, key=lambda codes: len(held.intersection(codes))))
    grouped = frame.dropna(subset=list(by)).groupby(list(by), sort=False) if by else [((), frame)]
    here = {period: set(rows[area].unique()) for period, rows in grouped}
    # A table without a period covers nothing.
    periods: list[tuple[Any, ...]] = list(here) or [(None,) * len(by)]
    missing = {period: [code for code in expected if code not in here.get(period, ())] for period in periods}
    shares = pd.Series([(len(expected) - len(codes)) / len(expected) for codes in missing.values()])
    question = Question.none_of(f"{rule.id}: short", shares < rule.params["min_share"])

    def failing(verdicts: Sequence[Verdict]) -> tuple[dict[str, Any], ...]:
        short = [periods[position] for position in verdicts[0].positions]
        return tuple(
            {column: plain(value) for column, value in zip(by, period, strict=True)} | {area: code}
            for period in short
            for code in missing[period]
        )

    def tell(verdicts: Sequence[Verdict]) -> str:
        worst = int(shares.argmin())
        place = ", ".join(f"{column} {figure(value)}" for column, value in zip(by, periods[worst], strict=True))
        at = f" in {place}" if here and place else ""
        absent = missing[periods[worst]]
        found = f"{len(expected) - len(absent):,} of {counted(len(expected), 'area')} ({percent(shares[worst])}){at}"
        found += f", missing {listing(absent)}" if absent else ""
        short = len(verdicts[0].positions)
        return f"{short} of {counted(len(periods), 'period')} short, worst {found}" if by and here and short else found

    return Check((question,), tell, failing_rows=failing)
