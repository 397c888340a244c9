from collections.abc import Iterator
from typing import Any

from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForAreas, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, in_each, listing, percent, place

_GOOD = Case(
    ("area",),
    {"areas": ["a", "b"], "min_share": 1.0, "by": ["year"]},
    {"area": ["a", "b", "a", "b"], "year": [1, 1, 2, 2]},
    "2 of 2 areas (100%) in year 1",
)
_EITHER = Case(
    ("area",),
    {"choices": {"old": ["x"], "new": ["a", "b"]}, "min_share": 0.5},
    {"area": ["a", "a", "c"]},
    "1 of 2 areas (50%), missing b",
)


class _Declared(DeclaredForAreas):
    min_share: float = Field(default=1.0, ge=0, le=1)
    by: list[str] | None = Field(default=None, min_length=1)


class Coverage(Kind):
    """The expected areas are present, in each period if the rule names periods.

    At least ``min_share`` of the ``areas`` must occur in the table. If ``by`` names columns, each combination of their
    values is a period and is judged separately. For small areas a contract may declare several ``geographies``. Once
    their lookups are available these become ``choices``, and the table must cover the one it holds most of.
    ``unlisted`` gives the reason where a lookup cannot be used.
    """

    name, family = "coverage", "coverage"
    declaration = _Declared
    on_empty = "failed"
    judges_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 2 periods short, worst 1 of 2 areas (50%) in year 2, missing b",
            {"year": 2, "area": "b"},
            area=["a", "b", "a", None],
        ),
        _EITHER,
        _EITHER.but("0 of 1 area (0%), missing x", {"area": "x"}, area=[None, None, None]),
    )

    def expected(self, rule: Rule) -> str:
        whole = counted(len(rule.params["areas"]), "area") if "areas" in rule.params else "the small areas known"
        return f"at least {percent(rule.params['min_share'])} of {whole}{in_each(rule)}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        area = table.cell(rule.columns[0])
        return RuleQuery(facts={"held": f"coalesce(list(DISTINCT {area}) FILTER (WHERE {area} IS NOT NULL), [])"})

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        expected, area = len(_expected(rule, finding)), rule.columns[0]
        return [
            period | {area: code}
            for period, missing in _missing(rule, finding)
            if (expected - len(missing)) / expected < rule.params["min_share"]
            for code in missing
        ]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        missing, expected = list(_missing(rule, finding)), len(_expected(rule, finding))
        period, absent = max(missing, key=lambda each: len(each[1]))
        present = expected - len(absent)
        in_period = f" in {place(period)}" if finding.groups and period else ""
        words = f"{present:,} of {counted(expected, 'area')} ({percent(present / expected)}){in_period}"
        words += f", missing {listing(absent)}" if absent else ""
        short = sum((expected - len(codes)) / expected < rule.params["min_share"] for _, codes in missing)
        if rule.by and finding.groups and short:
            words = f"{short} of {counted(len(missing), 'period')} short, worst {words}"
        return RuleMessage(words, present / expected, rule.params["min_share"])


def _expected(rule: Rule, finding: RuleFinding) -> list[Any]:
    """The areas that should occur; if there are several sets, the one that the table holds most of."""
    held = {code for _, facts in finding.groups for code in facts["held"]}
    sets = rule.params["choices"].values() if "choices" in rule.params else [rule.params["areas"]]
    most: list[Any] = max(sets, key=lambda codes: len(held.intersection(codes)))
    return most


def _missing(rule: Rule, finding: RuleFinding) -> Iterator[tuple[Group, list[Any]]]:
    """The missing areas of each period; in a table without periods all areas are missing."""
    expected = _expected(rule, finding)
    for period, facts in finding.groups or [(dict.fromkeys(rule.by), {"held": ()})]:
        held = set(facts["held"])
        yield period, [code for code in expected if code not in held]
