from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForColumn, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import ROUNDING, Table
from spi_pipeline.rules.wording import counted, figure, in_each, place

_GOOD = Case(
    ("share",),
    {"by": ["year"], "total": 1, "tolerance": 0.001},
    {"share": [0.5, 0.5, 1.0005, None], "year": [1, 1, 2, 2]},
    "2 groups, share adds up to 1 in each",
)


class _Declared(DeclaredForColumn):
    by: list[str] = Field(min_length=1)
    total: float
    tolerance: float = Field(default=0, ge=0)


class Totals(Kind):
    """The values of each group add up to a declared total.

    ``by`` names the columns whose values form the groups. The sum of each group may differ from ``total`` by up to
    ``tolerance``. Nulls add nothing.
    """

    name, family = "totals", "relations"
    declaration = _Declared
    judges = "numbers"
    judges_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 2 groups add up to another total, year 1: 0.6",
            {"year": 1, "share": 0.6},
            share=[0.5, 0.1, 1.0, None],
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"{rule.columns[0]} adds up to {figure(rule.params['total'])}{in_each(rule)}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        (cell,) = table.doubles(rule.columns)
        return RuleQuery(judged=table.filled(rule.columns), facts={"sum": f"coalesce(sum({cell}), 0)"})

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        slack = rule.params.get("tolerance", 0) + ROUNDING
        # Six digits, since further digits depend on the order of summation.
        return [
            {**group, rule.columns[0]: float(f"{facts['sum']:.6g}")}
            for group, facts in finding.groups
            if abs(facts["sum"] - rule.params["total"]) > slack
        ]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        (name,), total, groups = rule.columns, rule.params["total"], counted(len(finding.groups), "group")
        if not finding.failing_groups:
            return RuleMessage(f"{groups}, {name} adds up to {figure(total)} in each", total, total)
        first = dict(finding.failing_groups[0])
        observed = first.pop(name)
        words = (
            f"{len(finding.failing_groups):,} of {groups} add up to another total, {place(first)}: {figure(observed)}"
        )
        return RuleMessage(words, observed, total)
