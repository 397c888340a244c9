from spi_pipeline.rules.kind import Case, Expectation, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, count
from spi_pipeline.rules.wording import by_name, counted, listing

_GOOD = Case(("group", "people"), {}, {"group": ["a", "b", "a"], "people": [1, 2, 3]}, "no null in 3 rows")


class Required(Kind):
    """The named columns hold no null."""

    name, family = "required", "form"
    cases = (
        _GOOD,
        _GOOD.but("2 of 3 rows with null: group 1, people 2", 1, 2, group=["a", None, "a"], people=[1, None, None]),
        Case(("rate",), {}, {"rate": [0.5, float("nan")]}, "1 of 2 rows with null: rate 1", (1,), fails=True),
    )

    def expected(self, rule: Rule) -> str:
        return f"no null in {listing(rule.columns, len(rule.columns))}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        nulls = {name: f"{table.cell(name)} IS NULL" for name in rule.columns}
        return RuleQuery(" OR ".join(nulls.values()), details={name: count(null) for name, null in nulls.items()})

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        if not finding.failing:
            return RuleMessage(f"no null in {counted(finding.rows, 'row')}")
        return RuleMessage(f"{finding.failing:,} of {counted(finding.rows, 'row')} with null: {by_name(finding.facts)}")

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        return [Expectation("ExpectColumnValuesToNotBeNull", {"column": name}) for name in rule.columns]
