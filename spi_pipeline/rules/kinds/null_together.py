from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForColumn, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, count
from spi_pipeline.rules.wording import by_name, counted, listing

_GOOD = Case(("homes", "rate"), {}, {"homes": [1, None], "rate": [0.5, None]}, "2 rows, null together or not at all")


class _Declared(DeclaredForColumn):
    columns: list[str] = Field(min_length=2)


class NullTogether(Kind):
    """The named columns are null in the same rows."""

    name, family = "null_together", "relations"
    declaration = _Declared
    cases = (_GOOD, _GOOD.but("2 of 2 rows null in part: homes 1, rate 1", 0, 1, homes=[1, None], rate=[None, 2.0]))

    def expected(self, rule: Rule) -> str:
        return f"{listing(rule.columns, len(rule.columns))} null in the same rows"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        nulls = {name: f"({table.cell(name)} IS NULL)" for name in rule.columns}
        mixed = f"({' OR '.join(nulls.values())}) AND NOT ({' AND '.join(nulls.values())})"
        return RuleQuery(mixed, details={name: count(f"{null} AND {mixed}") for name, null in nulls.items()})

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows = counted(finding.rows, "row")
        if not finding.failing:
            return RuleMessage(f"{rows}, null together or not at all")
        return RuleMessage(f"{finding.failing:,} of {rows} null in part: {by_name(finding.facts)}")
