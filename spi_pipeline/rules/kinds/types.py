from spi_pipeline.rules.kind import Case, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, listing

_TYPES = {"code": "string", "rate": "number", "people": "number"}
_GOOD = Case(
    tuple(_TYPES),
    {"types": _TYPES},
    {"code": ["a", "b"], "rate": [0.5, None], "people": [1, 2]},
    "3 columns, all of the contract's type",
)


class Types(Kind):
    """Every column has the type that its contract declares.

    ``types`` gives the logical type of each column. Integers are accepted as numbers; infinity is not a number.
    """

    name, family = "types", "form"
    on_empty = "passed"
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 3 columns of another type: rate holds number with infinity, not number",
            {"column": "rate", "promised": "number", "found": "number with infinity"},
            rate=[0.5, float("inf")],
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"the contract's type in {counted(len(rule.columns), 'column')}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        return RuleQuery()

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        promised = rule.params["types"]
        return [
            {"column": name, "promised": promised[name], "found": finding.types[name]}
            for name in rule.columns
            if name in finding.types and not fits(finding.types[name], promised[name])
        ]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        columns = counted(sum(name in finding.types for name in rule.columns), "column")
        faults = [f"{row['column']} holds {row['found']}, not {row['promised']}" for row in finding.failing_groups]
        if not faults:
            return RuleMessage(f"{columns}, all of the contract's type")
        return RuleMessage(f"{len(faults)} of {columns} of another type: {listing(faults)}")


def fits(actual: str, promised: str) -> bool:
    """Whether a column of the actual type satisfies the promised one."""
    return actual == promised or (actual, promised) == ("integer", "number")
