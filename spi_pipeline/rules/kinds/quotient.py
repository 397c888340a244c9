from spi_pipeline.rules.kind import Case, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import POSITION, ROUNDING, Table, chosen, count, literal, quoted
from spi_pipeline.rules.wording import counted, figure

# Numerators are sums of thousands of shares, so values that agree to a millionth count as equal.
_SAME = 1e-6
_GOOD = Case(
    ("id", "value", "people", "homes"),
    {"factors": {"a": 1, "b": 100}},
    {"id": ["a", "b", "c"], "value": [2.5, 250.0, 7.0], "people": [100, 200, 3], "homes": [40, 80, 3]},
    "2 rows, each value equal to its quotient",
)


class Quotient(Kind):
    """A value is its numerator over its denominator, times the factor declared for the subject of its row.

    The columns are the subject of a row, such as an indicator, its value, numerator and denominator. ``factors`` gives
    the factor of each subject; rows of other subjects are ignored. A value without numerator or denominator breaks the
    rule.
    """

    name, family = "quotient", "relations"
    judges = "numbers"
    cases = (
        _GOOD,
        _GOOD.but(
            "2 of 2 rows differ from their quotient: a holds 2.5, its quotient is missing",
            0, 1, value=[2.5, 2.5, 7.0], people=[None, 200, 3],
        ),
        _GOOD.but("1 of 2 rows differ from their quotient: b holds 2.5, its quotient is 250", 1, value=[2.5, 2.5, 7.0]),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        subject, value, over, under = rule.columns
        return f"{value} is {over} over {under}, times the factor of its {subject.removesuffix('_id')}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        subject, (value, over, under) = rule.columns[0], table.doubles(rule.columns[1:])
        factor = f"({chosen(subject, {of: literal(float(by)) for of, by in rule.params['factors'].items()})})"
        meant = f"({factor} * {over} / nullif({under}, 0))"
        same = f"abs({value} - {meant}) <= {literal(_SAME)} * abs({meant}) + {literal(ROUNDING)}"
        judged = f"{value} IS NOT NULL AND {factor} IS NOT NULL"
        failing = f"{judged} AND NOT coalesce({same}, FALSE)"
        first = f"arg_min({{'of': {quoted(subject)}, 'value': {value}, 'meant': {meant}}}, {POSITION})"
        details = {"first": f"{first} FILTER (WHERE {failing})"}
        return RuleQuery(failing, f"{value} IS NOT NULL", {"quotients": count(judged)}, details)

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows = counted(finding.facts["quotients"], "row")
        if not finding.failing:
            return RuleMessage(f"{rows}, each value equal to its quotient")
        of, value, meant = finding.facts["first"].values()
        quotient = "missing" if meant is None else figure(meant)
        words = f"{figure(of)} holds {figure(value)}, its quotient is {quotient}"
        return RuleMessage(f"{finding.failing:,} of {rows} differ from their quotient: {words}", value, meant)

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        return rule.columns[1:]
