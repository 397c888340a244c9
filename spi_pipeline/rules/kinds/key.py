from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Native, StatedOfColumns, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import POSITION, Table, count
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("area", "year"), {}, {"area": ["a", "b", "a"], "year": [1, 1, None]}, "3 rows, none alike")


class Key(Kind):
    """The named columns together identify a row.

    That none of them is null is for ``required``: null counts as a value beside others, rows of nothing else pass.
    """

    name, family = "key", "form"
    states = StatedOfColumns
    cases = (
        _GOOD,
        _GOOD.but("2 of 3 rows repeat", 0, 2, year=[None, 1, None]),
        Case(("id",), {}, {"id": [2**53, 2**53 + 1, None, None]}, "4 rows, none alike"),
    )

    def expected(self, rule: Rule) -> str:
        return f"one row per {listing(rule.columns, len(rule.columns))}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        cells, there = ", ".join(map(table.cell, rule.columns)), table.filled(rule.columns)
        # Hashes that all differ prove keys that all differ, in a third of the memory; where two agree, the keys decide.
        alike = f"SELECT hash({cells}) FROM rows WHERE {there} GROUP BY 1 HAVING count(*) > 1"
        twins = (
            f"SELECT {POSITION} FROM rows WHERE {there} AND hash({cells}) IN ({alike}) "
            f"QUALIFY count(*) OVER (PARTITION BY {cells}) > 1"
        )
        suspect = f"{count(there)} - count(DISTINCT hash({cells})) FILTER (WHERE {there})"
        return Asked(f"{POSITION} IN ({twins})", there, suspect=suspect)

    def tell(self, rule: Rule, found: Found) -> Told:
        rows = counted(found.rows, "row")
        return Told(f"{found.failing:,} of {rows} repeat" if found.failing else f"{rows}, none alike")

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        if len(rule.columns) > 1:
            return [Native("ExpectCompoundColumnsToBeUnique", {"column_list": list(rule.columns)})]
        return [Native("ExpectColumnValuesToBeUnique", {"column": rule.columns[0]})]
