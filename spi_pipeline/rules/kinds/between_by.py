from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Told
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
    """Numbers lie in the closed range stated for what their row is about.

    The first column says what a row is about, the second holds the number; ``bounds`` has the range of each value of
    the first, and a value without a range is outside.
    """

    name, family = "between_by", "values"
    of = "numbers"
    cases = (
        _GOOD,
        _GOOD.but("2 of 3 rows outside: a holds 140, promised 0 to 10", 0, 1, rate=[140.0, -2.0, None], group=["a"] * 3)
        .but("2 of 2 rows outside: a holds 140, promised 0 to 10", 0, 1, rate=[140.0, -2.0, None]),
        _GOOD.but("1 of 2 rows outside: c holds 5", 2, rate=[None, 50.0, 5.0]),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        return f"in the range of its {rule.columns[0].removesuffix('_id')}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        about, (value,) = rule.columns[0], table.doubles(rule.columns[1:])
        beyond = {
            of: f"greatest({literal(float(low))} - {value}, {value} - {literal(float(high))})"
            for of, (low, high) in rule.params["bounds"].items()
        }
        distance, judged = f"coalesce({chosen(about, beyond)}, 'Infinity'::DOUBLE)", f"{value} IS NOT NULL"
        failing = f"{judged} AND {distance} > 0"
        worst = f"arg_max({{'of': {quoted(about)}, 'value': {value}}}, [{distance}, -{POSITION}])"
        return Asked(failing, judged, details={"worst": f"{worst} FILTER (WHERE {failing})"})

    def tell(self, rule: Rule, found: Found) -> Told:
        rows = counted(found.judged, "row")
        if not found.failing:
            return Told(f"{rows} inside")
        of, value = found.facts["worst"].values()
        bounds = rule.params["bounds"].get(of)
        promised = f", promised {figure(bounds[0])} to {figure(bounds[1])}" if bounds else ""
        words = f"{found.failing:,} of {rows} outside: {figure(of)} holds {figure(value)}{promised}"
        return Told(words, value, float(bounds[value > bounds[1]]) if bounds else None)

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        return rule.columns[1:]
