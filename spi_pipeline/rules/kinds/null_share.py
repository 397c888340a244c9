from collections.abc import Iterator

from pydantic import Field

from spi_pipeline.rules.kind import (
    Case,
    DeclaredForColumns,
    Expectation,
    Group,
    Kind,
    RuleFinding,
    RuleMessage,
    RuleQuery,
)
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import ROUNDING, Table, count
from spi_pipeline.rules.wording import counted, in_each, percent, place

_GOOD = Case(("homes",), {"max_share": 0.25}, {"homes": [1, 2, 3, None]}, "null in 4 rows: homes 25%")
_EACH = Case(
    ("rate",),
    {"max_share": 0.5, "by": ["year"]},
    {"rate": [0.5, None, 0.5, 0.5], "year": [1, 1, 2, 2]},
    "2 columns of groups, none with too many nulls",
)


class _Declared(DeclaredForColumns):
    max_share: float = Field(ge=0, le=1)
    by: list[str] | None = Field(default=None, min_length=1)


class NullShare(Kind):
    """No more than a declared share of a column is null.

    At most ``max_share`` of each column may be null. If ``by`` names columns, this holds for each group of rows that
    share their values.
    """

    name, family = "null_share", "coverage"
    declaration = _Declared
    judges_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but("null in 4 rows: homes 50%", {"column": "homes", "null": 2, "rows": 4}, homes=[None, 2, 3, None]),
        _EACH,
        _EACH.but(
            "1 of 2 columns of groups with too many nulls, year 2, column rate: 2 of 2 rows",
            {"year": 2, "column": "rate", "null": 2, "rows": 2},
            rate=[0.5, None, None, None],
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"at most {percent(rule.params['max_share'])} null{in_each(rule)}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        nulls = {name: count(f"{table.cell(name)} IS NULL") for name in rule.columns}
        return RuleQuery(facts={"": "count(*)"} | nulls)

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        most = rule.params["max_share"] + ROUNDING
        return [each for each in _nulls(rule, finding) if each["null"] / each["rows"] > most]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        columns = list(_nulls(rule, finding))
        share = max((each["null"] / each["rows"] for each in columns), default=None)
        return RuleMessage(_words(rule, finding, columns), share, rule.params["max_share"])

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        mostly = round(1 - rule.params["max_share"], 12)
        arguments = [] if rule.by else [{"column": name, "mostly": mostly} for name in rule.columns]
        return [Expectation("ExpectColumnValuesToNotBeNull", each) for each in arguments]


def _nulls(rule: Rule, finding: RuleFinding) -> Iterator[Group]:
    """Each column of each group, with the number of its nulls and rows."""
    for group, facts in finding.groups:
        yield from ({**group, "column": name, "null": facts[name], "rows": facts[""]} for name in rule.columns)


def _words(rule: Rule, finding: RuleFinding, columns: list[Group]) -> str:
    if not rule.by:
        shares = [
            f"{each['column']} {percent(each['null'] / each['rows'])}"
            for each in columns
            if each["null"] or len(columns) == 1
        ]
        return f"null in {counted(finding.rows, 'row')}: {', '.join(shares) or 'none'}"
    judged = f"{len(columns):,} column{'s' * (len(columns) != 1)} of groups"
    failing = finding.failing_groups
    if not failing:
        return f"{judged}, none with too many nulls"
    first = dict(failing[0])
    null, rows = first.pop("null"), first.pop("rows")
    return f"{len(failing):,} of {judged} with too many nulls, {place(first)}: {null:,} of {counted(rows, 'row')}"
