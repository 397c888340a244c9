from __future__ import annotations

import datetime as dt
import sys
from typing import Any

from pydantic import model_validator

from spi_pipeline.rules.kind import Case, DeclaredForColumns, Expectation, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, count, literal
from spi_pipeline.rules.wording import by_name, counted, figure, span

_GOOD = Case(("rate",), {"min": 0, "max": 100}, {"rate": [1.5, 100.0, None]}, "2 rows inside, lowest 1.5, highest 100")
_TWO = Case(("men", "women"), {"min": 0}, {"men": [1, None], "women": [2.0, 3.0]}, "2 rows inside, lowest 1, highest 3")
_DAY = dt.date(2021, 1, 1)
_DAYS = Case(("day",), {"max": _DAY}, {"day": [_DAY]}, "1 row inside, lowest 2021-01-01, highest 2021-01-01")


class _Declared(DeclaredForColumns):
    min: float | dt.date | None = None
    max: float | dt.date | None = None

    @model_validator(mode="after")
    def _bounded(self) -> _Declared:
        if self.min is None and self.max is None:
            raise ValueError("a range states min, max or both")
        return self


class Between(Kind):
    """Numbers or days lie in a closed range.

    ``min``, ``max`` or both give the range, which applies to every named column. Infinity is outside every range. A
    timestamp is judged by its day in UTC.
    """

    name, family = "between", "values"
    declaration = _Declared
    cases = (
        _GOOD,
        _GOOD.but("2 of 3 rows outside, lowest -2, highest 140", 0, 1, rate=[-2.0, 140.0, 100.0]),
        _TWO,
        _TWO.but("1 of 2 rows (men 1) outside, lowest -1, highest 3", 0, men=[-1, None]),
        _DAYS,
        _DAYS.but("1 of 1 row outside, lowest 2021-01-02, highest 2021-01-02", 0, day=[dt.date(2021, 1, 2)]),
    )

    def expected(self, rule: Rule) -> str:
        return span(rule.params.get("min"), rule.params.get("max"))

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        cells = {name: table.day(name) if _of_days(rule) else table.cell(name) for name in rule.columns}
        outside = {name: _outside(cell, *_ends(rule, table.types[name])) for name, cell in cells.items()}
        details = {name: count(condition) for name, condition in outside.items()}
        facts = {f"{end} {name}": f"{end}({cell})" for name, cell in cells.items() for end in ("min", "max")}
        return RuleQuery(" OR ".join(outside.values()), table.filled(rule.columns), facts, details)

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        low, high = rule.params.get("min"), rule.params.get("max")
        least, most = (
            end(value for name in rule.columns if (value := finding.facts[f"{end.__name__} {name}"]) is not None)
            for end in (min, max)
        )
        words = f"lowest {figure(least)}, highest {figure(most)}"
        rows = counted(finding.judged, "row")
        if finding.failing:
            by_column = by_name({name: finding.facts[name] for name in rule.columns})
            per_column = f" ({by_column})" if len(rule.columns) > 1 else ""
            words = f"{finding.failing:,} of {rows}{per_column} outside, {words}"
        else:
            words = f"{rows} inside, {words}"
        if _of_days(rule):
            return RuleMessage(words)
        value, bound = (least, low) if high is None or (low is not None and least < low) else (most, high)
        return RuleMessage(words, float(value), bound)

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        if _of_days(rule):
            return []
        ends = {name: _ends(rule, types[name]) for name in rule.columns}
        return [
            Expectation("ExpectColumnValuesToBeBetween", {"column": name, "min_value": low, "max_value": high})
            for name, (low, high) in ends.items()
        ]

    def required_types(self, rule: Rule) -> tuple[str, tuple[str, ...]]:
        return ("days", ("date", "timestamp")) if _of_days(rule) else ("numbers", ("integer", "number"))


def _of_days(rule: Rule) -> bool:
    return isinstance(rule.params.get("min") or rule.params.get("max"), dt.date)


def _ends(rule: Rule, kind: str) -> tuple[Any, Any]:
    """The ends of the range; an open end becomes the largest finite number, so that infinity is outside."""
    low, high = rule.params.get("min"), rule.params.get("max")
    if not kind.startswith("number"):
        return low, high
    return -sys.float_info.max if low is None else low, sys.float_info.max if high is None else high


def _outside(cell: str, low: Any, high: Any) -> str:
    """The SQL condition that a cell is outside its range."""
    ends = [f"{cell} {sign} {literal(end)}" for sign, end in (("<", low), (">", high)) if end is not None]
    return f"coalesce({' OR '.join(ends)}, FALSE)"
