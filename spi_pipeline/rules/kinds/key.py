from spi_pipeline.rules.kind import Case, DeclaredForColumns, Expectation, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import POSITION, Table, count
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("area", "year"), {}, {"area": ["a", "b", "a"], "year": [1, 1, None]}, "3 rows, none alike")


class Key(Kind):
    """The named columns together identify a row.

    Null counts as a value like any other, but rows with null in every named column are ignored. The kind ``required``
    refuses nulls in a key.
    """

    name, family = "key", "form"
    declaration = DeclaredForColumns
    cases = (
        _GOOD,
        _GOOD.but("2 of 3 rows repeat", 0, 2, year=[None, 1, None]),
        Case(("id",), {}, {"id": [2**53, 2**53 + 1, None, None]}, "4 rows, none alike"),
    )

    def expected(self, rule: Rule) -> str:
        return f"one row per {listing(rule.columns, len(rule.columns))}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        cells, filled = ", ".join(map(table.cell, rule.columns)), table.filled(rule.columns)
        # If all hashes differ, all keys differ: that takes a third of the memory. Where hashes agree, the keys decide.
        repeated = f"SELECT hash({cells}) FROM rows WHERE {filled} GROUP BY 1 HAVING count(*) > 1"
        twins = (
            f"SELECT {POSITION} FROM rows WHERE {filled} AND hash({cells}) IN ({repeated}) "
            f"QUALIFY count(*) OVER (PARTITION BY {cells}) > 1"
        )
        suspect = f"{count(filled)} - count(DISTINCT hash({cells})) FILTER (WHERE {filled})"
        return RuleQuery(f"{POSITION} IN ({twins})", filled, suspect=suspect)

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows = counted(finding.rows, "row")
        return RuleMessage(f"{finding.failing:,} of {rows} repeat" if finding.failing else f"{rows}, none alike")

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        if len(rule.columns) > 1:
            return [Expectation("ExpectCompoundColumnsToBeUnique", {"column_list": list(rule.columns)})]
        return [Expectation("ExpectColumnValuesToBeUnique", {"column": rule.columns[0]})]
