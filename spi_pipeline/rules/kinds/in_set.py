from spi_pipeline.rules.kind import Case, Expectation, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, literal
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("group",), {"values": ["a", "b"]}, {"group": ["a", "b", None]}, "2 rows hold listed values")


class InSet(Kind):
    """Values come from a closed list.

    The list is ``values``. Nulls are ignored.
    """

    name, family = "in_set", "form"
    names_values = True
    cases = (_GOOD, _GOOD.but("2 of 3 rows hold other values: c, A", 0, 2, group=["c", "a", "A"]))

    def expected(self, rule: Rule) -> str:
        return f"one of {listing(rule.params['values'])}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        cell, allowed = table.cell(rule.columns[0]), ", ".join(map(literal, rule.params["values"]))
        return RuleQuery(f"{cell} NOT IN ({allowed})", f"{cell} IS NOT NULL")

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows = counted(finding.judged, "row")
        if not finding.failing:
            return RuleMessage(f"{rows} hold listed values")
        return RuleMessage(f"{finding.failing:,} of {rows} hold other values: {listing(finding.values)}")

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        arguments = {"column": rule.columns[0], "value_set": list(rule.params["values"])}
        return [Expectation("ExpectColumnValuesToBeInSet", arguments)]

    def required_types(self, rule: Rule) -> tuple[str, tuple[str, ...]]:
        texts = all(isinstance(value, str) for value in rule.params["values"])
        return ("text", ("string",)) if texts else super().required_types(rule)
