from spi_pipeline.rules.kind import Case, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import POSITION, Table, chosen, literal, quoted
from spi_pipeline.rules.wording import counted, figure

_GOOD = Case(
    ("group", "rate"),
    {"bounds": {"a": [0, 10], "b": [0, 100]}},
    {"group": ["a", "b", "c"], "rate": [10.0, 50.0, None]},
    "2 rows inside",
)


class BetweenBy(Kind):
    """Numbers lie in the closed range declared for the subject of their row.

    The first column holds the subject of a row, such as an indicator; the second holds the number. ``bounds`` gives
    the range of each subject. A number whose subject has no range is outside.
    """

    name, family = "between_by", "values"
    judges = "numbers"
    cases = (
        _GOOD,
        _GOOD.but("2 of 3 rows outside: a holds 140, promised 0 to 10", 0, 1, rate=[140.0, -2.0, None], group=["a"] * 3)
        .but("2 of 2 rows outside: a holds 140, promised 0 to 10", 0, 1, rate=[140.0, -2.0, None]),
        _GOOD.but("1 of 2 rows outside: c holds 5", 2, rate=[None, 50.0, 5.0]),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        return f"in the range of its {rule.columns[0].removesuffix('_id')}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        subject, (value,) = rule.columns[0], table.doubles(rule.columns[1:])
        beyond = {
            of: f"greatest({literal(float(low))} - {value}, {value} - {literal(float(high))})"
            for of, (low, high) in rule.params["bounds"].items()
        }
        distance, judged = f"coalesce({chosen(subject, beyond)}, 'Infinity'::DOUBLE)", f"{value} IS NOT NULL"
        failing = f"{judged} AND {distance} > 0"
        worst = f"arg_max({{'of': {quoted(subject)}, 'value': {value}}}, [{distance}, -{POSITION}])"
        return RuleQuery(failing, judged, details={"worst": f"{worst} FILTER (WHERE {failing})"})

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows = counted(finding.judged, "row")
        if not finding.failing:
            return RuleMessage(f"{rows} inside")
        of, value = finding.facts["worst"].values()
        bounds = rule.params["bounds"].get(of)
        promised = f", promised {figure(bounds[0])} to {figure(bounds[1])}" if bounds else ""
        words = f"{finding.failing:,} of {rows} outside: {figure(of)} holds {figure(value)}{promised}"
        return RuleMessage(words, value, float(bounds[value > bounds[1]]) if bounds else None)

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        return rule.columns[1:]
