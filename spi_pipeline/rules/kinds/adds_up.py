from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForColumn, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import ROUNDING, Table, literal
from spi_pipeline.rules.wording import counted, figure, listing, within

_GOOD = Case(
    ("people", "women", "men"),
    {"tolerance": 2},
    {"people": [100, 200, 300], "women": [60, 108, None], "men": [40, 90, 150]},
    "2 rows, parts add up to people",
)


class _Declared(DeclaredForColumn):
    columns: list[str] = Field(min_length=3)
    tolerance: float = Field(default=0, ge=0)


class AddsUp(Kind):
    """The parts of a whole add up to it.

    The first column holds the whole, the others its parts. Their sum may differ from the whole by up to ``tolerance``.
    Rows in which any of these columns is null are ignored.
    """

    name, family = "adds_up", "relations"
    declaration = _Declared
    judges = "numbers"
    cases = (_GOOD, _GOOD.but("1 of 2 rows do not add up to people, off by up to 10", 0, men=[50, 90, 150]))

    def expected(self, rule: Rule) -> str:
        return f"{listing(rule.columns[1:], len(rule.columns))} add up to {rule.columns[0]}{within(rule)}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        whole, *parts = table.doubles(rule.columns)
        off = f"abs({whole} - ({' + '.join(parts)}))"
        failing = f"{off} > {literal(rule.params.get('tolerance', 0) + ROUNDING)}"
        return RuleQuery(failing, table.filled(rule.columns, " AND "), {"most": f"max({off})"})

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        whole, rows, most = rule.columns[0], counted(finding.judged, "row"), finding.facts["most"]
        words = f"{rows}, parts add up to {whole}"
        if finding.failing:
            words = f"{finding.failing:,} of {rows} do not add up to {whole}, off by up to {figure(most)}"
        return RuleMessage(words, most, rule.params.get("tolerance", 0))
