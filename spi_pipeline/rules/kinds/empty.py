from spi_pipeline.rules.kind import Case, DeclaredForColumn, Expectation, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("finding",), {}, {"finding": [None, None, None]}, "nothing in 3 rows")


class Empty(Kind):
    """A column is empty; any value in it breaks the rule."""

    name, family = "empty", "values"
    declaration = DeclaredForColumn
    names_values = True
    cases = (_GOOD, _GOOD.but("2 of 3 rows: odd", 0, 2, finding=["odd", None, "odd"]))

    def expected(self, rule: Rule) -> str:
        return "nothing"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        return RuleQuery(f"{table.cell(rule.columns[0])} IS NOT NULL")

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows = counted(finding.rows, "row")
        return RuleMessage(
            f"{finding.failing:,} of {rows}: {listing(finding.values)}" if finding.failing else f"nothing in {rows}"
        )

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        return [Expectation("ExpectColumnValuesToBeNull", {"column": rule.columns[0]})]
