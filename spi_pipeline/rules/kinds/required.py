from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Native, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, count
from spi_pipeline.rules.wording import by_name, counted, listing

_GOOD = Case(("group", "people"), {}, {"group": ["a", "b", "a"], "people": [1, 2, 3]}, "no null in 3 rows")


class Required(Kind):
    """No null in the named columns."""

    name, family = "required", "form"
    cases = (
        _GOOD,
        _GOOD.but("2 of 3 rows with null: group 1, people 2", 1, 2, group=["a", None, "a"], people=[1, None, None]),
        Case(("rate",), {}, {"rate": [0.5, float("nan")]}, "1 of 2 rows with null: rate 1", (1,), fails=True),
    )

    def expected(self, rule: Rule) -> str:
        return f"no null in {listing(rule.columns, len(rule.columns))}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        nulls = {name: f"{table.cell(name)} IS NULL" for name in rule.columns}
        return Asked(" OR ".join(nulls.values()), details={name: count(null) for name, null in nulls.items()})

    def tell(self, rule: Rule, found: Found) -> Told:
        if not found.failing:
            return Told(f"no null in {counted(found.rows, 'row')}")
        return Told(f"{found.failing:,} of {counted(found.rows, 'row')} with null: {by_name(found.facts)}")

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        return [Native("ExpectColumnValuesToNotBeNull", {"column": name}) for name in rule.columns]
