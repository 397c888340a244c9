from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import POSITION, ROUNDING, Table, chosen, count, literal, quoted
from spi_pipeline.rules.wording import counted, figure

# Numerators are sums of thousands of shares: the same to a millionth is the same.
_SAME = 1e-6
_GOOD = Case(
    ("id", "value", "people", "homes"),
    {"factors": {"a": 1, "b": 100}},
    {"id": ["a", "b", "c"], "value": [2.5, 250.0, 7.0], "people": [100, 200, 3], "homes": [40, 80, 3]},
    "2 rows, values as their numerators and denominators come to",
)


class Quotient(Kind):
    """A value is its numerator over its denominator, times the factor stated for what its row is about.

    The columns are what a row is about, value, numerator and denominator; ``factors`` has the factor of each value of
    the first, of which those without are looked past. A value without numerator or denominator is wrong.
    """

    name, family = "quotient", "relations"
    of = "numbers"
    cases = (
        _GOOD,
        _GOOD.but(
            "2 of 2 rows hold another value: a holds 2.5, they come to nothing",
            0, 1, value=[2.5, 2.5, 7.0], people=[None, 200, 3],
        ),
        _GOOD.but("1 of 2 rows hold another value: b holds 2.5, they come to 250", 1, value=[2.5, 2.5, 7.0]),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        about, value, over, under = rule.columns
        return f"{value} is {over} over {under}, times what its {about.removesuffix('_id')} states"

    def ask(self, rule: Rule, table: Table) -> Asked:
        about, (value, over, under) = rule.columns[0], table.doubles(rule.columns[1:])
        factor = f"({chosen(about, {of: literal(float(by)) for of, by in rule.params['factors'].items()})})"
        meant = f"({factor} * {over} / nullif({under}, 0))"
        same = f"abs({value} - {meant}) <= {literal(_SAME)} * abs({meant}) + {literal(ROUNDING)}"
        judged = f"{value} IS NOT NULL AND {factor} IS NOT NULL"
        failing = f"{judged} AND NOT coalesce({same}, FALSE)"
        first = f"arg_min({{'of': {quoted(about)}, 'value': {value}, 'meant': {meant}}}, {POSITION})"
        details = {"first": f"{first} FILTER (WHERE {failing})"}
        return Asked(failing, f"{value} IS NOT NULL", {"quotients": count(judged)}, details)

    def tell(self, rule: Rule, found: Found) -> Told:
        rows = counted(found.facts["quotients"], "row")
        if not found.failing:
            return Told(f"{rows}, values as their numerators and denominators come to")
        of, value, meant = found.facts["first"].values()
        came = "nothing" if meant is None else figure(meant)
        words = f"{figure(of)} holds {figure(value)}, they come to {came}"
        return Told(f"{found.failing:,} of {rows} hold another value: {words}", value, meant)

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        return rule.columns[1:]
