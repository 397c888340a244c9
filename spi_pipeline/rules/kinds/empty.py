from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Native, StatedOfColumn, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("finding",), {}, {"finding": [None, None, None]}, "nothing in 3 rows")


class Empty(Kind):
    """A column holds nothing: what stands in it is a finding."""

    name, family = "empty", "values"
    states = StatedOfColumn
    names_values = True
    cases = (_GOOD, _GOOD.but("2 of 3 rows: odd", 0, 2, finding=["odd", None, "odd"]))

    def expected(self, rule: Rule) -> str:
        return "nothing"

    def ask(self, rule: Rule, table: Table) -> Asked:
        return Asked(f"{table.cell(rule.columns[0])} IS NOT NULL")

    def tell(self, rule: Rule, found: Found) -> Told:
        rows = counted(found.rows, "row")
        return Told(f"{found.failing:,} of {rows}: {listing(found.values)}" if found.failing else f"nothing in {rows}")

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        return [Native("ExpectColumnValuesToBeNull", {"column": rule.columns[0]})]
