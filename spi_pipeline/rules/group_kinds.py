"""The kinds of rule that judge groups of rows, or all of them as one group: how each is asked, and how it is told.

A rule that names no group is about the whole table. Groups come in the order met; rows without a group are in none.
What is measured of each group is handed to one function, whoever measured it: pandas here, DuckDB for large tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from spi_pipeline.contracts.rules import Rule
from spi_pipeline.rules import found
from spi_pipeline.rules.check import Check
from spi_pipeline.rules.judge import Question
from spi_pipeline.rules.row_kinds import ROUNDING
from spi_pipeline.rules.subject import Subject, plain
from spi_pipeline.rules.wording import figure

_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")

Group = dict[str, Any]


def typical(rule: Rule, subject: Subject) -> Check:
    """The mean of the absolute values of each column, in each group."""
    sizes = [
        (place, name, float(rows[name].astype("float64").abs().mean()))
        for place, rows in _groups(rule, subject.frame)
        for name in rule.columns
    ]
    return typical_check(rule, sizes)


def typical_check(rule: Rule, sizes: Sequence[tuple[Group, str, float]]) -> Check:
    """Sizes in the ranges of their columns; one that is no number, of a group without values, is not judged."""
    ranges = rule.params["ranges"]
    judged = [(place, name, _rounded(size)) for place, name, size in sizes if size == size]
    wrong = [not ranges[name][0] <= size <= ranges[name][1] for _, name, size in judged]
    rows = [
        {**place, "column": name, "size": size, "promised": " to ".join(map(figure, ranges[name]))}
        for place, name, size in _those(judged, wrong)
    ]
    return _check(rule, wrong, rows, found.sizes(len(judged), rows))


def totals(rule: Rule, subject: Subject) -> Check:
    """The sum of a column in each group, null counting nothing."""
    (name,) = rule.columns
    return totals_check(
        rule, [(place, float(rows[name].astype("float64").sum())) for place, rows in _groups(rule, subject.frame)]
    )


def totals_check(rule: Rule, sums: Sequence[tuple[Group, float]]) -> Check:
    """Sums that come to the total stated."""
    (name,), total = rule.columns, rule.params["total"]
    wrong = [abs(each - total) > rule.params.get("tolerance", 0) + ROUNDING for _, each in sums]
    rows = [{**place, name: _rounded(each)} for place, each in _those(sums, wrong)]
    return _check(rule, wrong, rows, found.group_totals(len(sums), rows, name, total))


def null_share(rule: Rule, subject: Subject) -> Check:
    """The share of nulls in each column, in each group."""
    shares = [
        (place, name, len(rows), int(rows[name].isna().sum()))
        for place, rows in _groups(rule, subject.frame)
        for name in rule.columns
    ]
    return null_share_check(rule, shares)


def null_share_check(rule: Rule, shares: Sequence[tuple[Group, str, int, int]]) -> Check:
    """Columns of groups with their numbers of rows and of nulls: no larger a share of nulls than stated."""
    wrong = [nulls / rows > rule.params["max_share"] + ROUNDING for _, _, rows, nulls in shares]
    shown = [
        {**place, "column": name, "null": nulls, "rows": rows} for place, name, rows, nulls in _those(shares, wrong)
    ]
    if rule.params.get("by"):
        return _check(rule, wrong, shown, found.group_nulls(len(shares), shown))
    by_column = {name: nulls for _, name, _, nulls in shares}
    return _check(rule, wrong, shown, found.null_shares(shares[0][2], by_column))


def unbroken(rule: Rule, subject: Subject) -> Check:
    """The whole numbers of a column in each group."""
    (name,) = rule.columns
    return unbroken_check(
        rule, [(place, sorted(rows[name].dropna().unique())) for place, rows in _groups(rule, subject.frame)]
    )


def unbroken_check(rule: Rule, numbers: Sequence[tuple[Group, list[Any]]]) -> Check:
    """Ascending whole numbers or months without a gap; of each gap the first one missing is told."""
    (name,) = rule.columns
    gaps = [list(_gaps(held)) for _, held in numbers]
    rows = [{**place, name: first} for (place, _), own in zip(numbers, gaps, strict=True) for first in own]
    return _check(rule, [bool(own) for own in gaps], rows, found.gaps(len(numbers), rows))


def _gaps(held: Sequence[Any]) -> Iterator[int | str]:
    """The first one missing of each gap; what is no month is another rule's business."""
    if not any(isinstance(one, str) for one in held):
        yield from (int(low) + 1 for low, high in pairwise(held) if high > low + 1)
        return
    months = [12 * int(one[:4]) + int(one[5:]) - 1 for one in held if _MONTH.fullmatch(one)]
    yield from (f"{(low + 1) // 12}-{(low + 1) % 12 + 1:02}" for low, high in pairwise(months) if high > low + 1)


def _check(rule: Rule, wrong: Sequence[bool], rows: Sequence[Group], told: str) -> Check:
    """Whether none of what was judged is wrong; what is, is shown."""
    question = Question.none_of(f"{rule.id}: wrong", list(wrong) or [False])
    return Check((question,), lambda _: told, failing_rows=lambda _: tuple(rows))


def _those(items: Sequence[Any], chosen: Sequence[bool]) -> Iterator[Any]:
    return (item for item, wanted in zip(items, chosen, strict=True) if wanted)


def _groups(rule: Rule, frame: pd.DataFrame) -> Iterator[tuple[Group, pd.DataFrame]]:
    by = list(rule.params.get("by") or ())
    if not by:
        yield {}, frame
        return
    for place, rows in frame.groupby(by, sort=False):
        yield {name: plain(value) for name, value in zip(by, place, strict=True)}, rows


def _rounded(number: float) -> float:
    """Six digits: the last ones depend on the order numbers were added in."""
    return float(f"{number:.6g}")
