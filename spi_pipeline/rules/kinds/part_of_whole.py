from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForColumn, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, literal
from spi_pipeline.rules.wording import counted, figure

_GOOD = Case(
    ("homes", "people"),
    {"tolerance": 5},
    {"homes": [105, 200, None], "people": [100, 200, 300]},
    "2 rows, homes within people in each",
)


class _Declared(DeclaredForColumn):
    columns: list[str] = Field(min_length=2, max_length=2)
    tolerance: float = Field(default=0, ge=0)


class PartOfWhole(Kind):
    """A part is never larger than its whole.

    The first column holds the part, the second the whole. The part may exceed the whole by up to ``tolerance``.
    """

    name, family = "part_of_whole", "relations"
    declaration = _Declared
    judges = "numbers"
    cases = (_GOOD, _GOOD.but("1 of 3 rows with homes above people, by up to 20", 2, homes=[105, 200, 320]))

    def expected(self, rule: Rule) -> str:
        slack = f" plus {figure(rule.params['tolerance'])}" if rule.params.get("tolerance") else ""
        return f"{rule.columns[0]} at most {rule.columns[1]}{slack}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        part, whole = table.doubles(rule.columns)
        failing = f"{part} > {whole} + {literal(rule.params.get('tolerance', 0))}"
        return RuleQuery(failing, table.filled(rule.columns, " AND "), {"most": f"max({part} - {whole})"})

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        (part, whole), rows, most = rule.columns, counted(finding.judged, "row"), finding.facts["most"]
        words = f"{rows}, {part} within {whole} in each"
        if finding.failing:
            words = f"{finding.failing:,} of {rows} with {part} above {whole}, by up to {figure(most)}"
        return RuleMessage(words, most, rule.params.get("tolerance", 0))
