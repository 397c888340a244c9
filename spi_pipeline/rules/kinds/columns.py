from spi_pipeline.rules.kind import Case, Expectation, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("a", "b"), {}, {"b": [1], "a": [1]}, "2 columns")


class Columns(Kind):
    """The table has exactly the columns of its contract.

    Their order does not matter. A repeated name counts as a column that is not in the contract.
    """

    name, family = "columns", "form"
    on_empty, without_columns = "passed", "failed"
    shows_failing_groups = False
    cases = (
        _GOOD,
        Case(
            ("a",), {}, {"b": [1]}, "missing a; not in the contract b", ({"column": "a"}, {"column": "b"}), fails=True
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"exactly the columns {listing(rule.columns, len(rule.columns))}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        return RuleQuery()

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        missing, unknown = _differences(rule, finding)
        return [{"column": name} for name in (*missing, *unknown)]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        missing, unknown = _differences(rule, finding)
        faults = [f"missing {listing(missing)}"] if missing else []
        faults += [f"not in the contract {listing(unknown)}"] if unknown else []
        return RuleMessage("; ".join(faults) or counted(len(finding.types), "column"))

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        arguments = {"column_set": list(rule.columns), "exact_match": True}
        return [Expectation("ExpectTableColumnsToMatchSet", arguments)]


def _differences(rule: Rule, finding: RuleFinding) -> tuple[list[str], list[str]]:
    """The columns that are missing, and those that are not in the contract."""
    missing = [name for name in rule.columns if name not in finding.types]
    return missing, [name for name in finding.types if name not in rule.columns]
