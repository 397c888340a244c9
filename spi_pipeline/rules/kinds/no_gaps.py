import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForColumn, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, in_each, listing, place

_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
_YEARS = Case(("year",), {}, {"year": [2022, 2021, None]}, "1 group without a gap")
_MONTHS = Case(
    ("month",),
    {"by": ["id"]},
    {"month": ["2023-12", "2024-01", "2021-05"], "id": ["a", "a", "b"]},
    "2 groups without a gap",
)


class _Declared(DeclaredForColumn):
    by: list[str] | None = Field(default=None, min_length=1)


class NoGaps(Kind):
    """Whole numbers or months follow each other without a gap.

    If ``by`` names columns, each group of rows that share their values is judged separately. The message names the
    first missing value of each gap. Texts that are not months are ignored; other rules judge them.
    """

    name, family = "no_gaps", "coverage"
    declaration = _Declared
    judges_many_rows = True
    cases = (
        _YEARS,
        _YEARS.but("missing in 1 group: year 2023", {"year": 2023}, year=[2022, 2021, 2025]),
        _MONTHS,
        _MONTHS.but(
            "missing in 2 groups: id a, month 2024-01",
            {"id": "a", "month": "2024-01"},
            month=["2023-12", "2024-03", "2021-05"],
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"no gap in {rule.columns[0]}{in_each(rule)}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        cell = table.cell(rule.columns[0])
        held = f"coalesce(list_sort(list(DISTINCT {cell}) FILTER (WHERE {cell} IS NOT NULL)), [])"
        return RuleQuery(judged=f"{cell} IS NOT NULL", facts={"held": held})

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        name = rule.columns[0]
        return [{**group, name: first} for group, facts in finding.groups for first in _gaps(facts["held"])]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        groups = counted(len(finding.groups), "group")
        missing = listing([place(row) for row in finding.failing_groups])
        return RuleMessage(f"missing in {groups}: {missing}" if missing else f"{groups} without a gap")

    def required_types(self, rule: Rule) -> tuple[str, tuple[str, ...]]:
        return "numbers", ("integer", "string")


def _gaps(held: list[Any]) -> Iterator[int | str]:
    """The first missing value of each gap."""
    if not any(isinstance(value, str) for value in held):
        yield from (int(low) + 1 for low, high in pairwise(held) if high > low + 1)
        return
    months = [12 * int(text[:4]) + int(text[5:]) - 1 for text in held if _MONTH.fullmatch(text)]
    yield from (f"{(low + 1) // 12}-{(low + 1) % 12 + 1:02}" for low, high in pairwise(months) if high > low + 1)
