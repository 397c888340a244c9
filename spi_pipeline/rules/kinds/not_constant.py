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
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import figure

_GOOD = Case(("group",), {}, {"group": ["a", "b", None]}, "group holds 2 values")


class NotConstant(Kind):
    """A column holds more than one value.

    A table with a single row is not judged.
    """

    name, family = "not_constant", "values"
    declaration = DeclaredForColumns
    judges_many_rows = True
    shows_failing_groups = False
    cases = (
        _GOOD,
        _GOOD.but("group holds one value only, a", {"column": "group"}, group=["a", "a", None]),
        _GOOD.but("group holds nothing but null", {"column": "group"}, group=[None, None, None]),
    )

    def expected(self, rule: Rule) -> str:
        return "more than one value"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        cells = {name: table.cell(name) for name in rule.columns}
        facts = {name: f"count(DISTINCT {cell})" for name, cell in cells.items()}
        facts |= {f"one {name}": f"any_value({cell})" for name, cell in cells.items()}
        return RuleQuery(judged="TRUE" if table.rows > 1 else "FALSE", facts=facts)

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        ((_, facts),) = finding.groups
        return [{"column": name} for name in rule.columns if facts[name] < 2]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        ((_, facts),) = finding.groups
        few = {0: "nothing but null", 1: "one value only, {}"}
        words = [
            f"{name} holds " + few.get(facts[name], f"{facts[name]:,} values").format(figure(facts[f"one {name}"]))
            for name in rule.columns
        ]
        return RuleMessage("; ".join(words), min(facts[name] for name in rule.columns), 2)

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        arguments = [{"column": name, "min_value": 2} for name in rule.columns]
        return [Expectation("ExpectColumnUniqueValueCountToBeBetween", each) for each in arguments]
