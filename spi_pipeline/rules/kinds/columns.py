from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, Native, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, listing

_GOOD = Case(("a", "b"), {}, {"b": [1], "a": [1]}, "2 columns")


class Columns(Kind):
    """The table has exactly the columns of its contract.

    Their order does not matter. A name met twice is one too many.
    """

    name, family = "columns", "form"
    on_empty, without_columns = "passed", "failed"
    cases = (
        _GOOD,
        Case(
            ("a",), {}, {"b": [1]}, "missing a; not in the contract b", ({"column": "a"}, {"column": "b"}), fails=True
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"exactly the columns {listing(rule.columns, len(rule.columns))}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        return Asked()

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        missing, unknown = _differences(rule, found)
        return [{"column": name} for name in (*missing, *unknown)]

    def tell(self, rule: Rule, found: Found) -> Told:
        missing, unknown = _differences(rule, found)
        told = [f"missing {listing(missing)}"] if missing else []
        told += [f"not in the contract {listing(unknown)}"] if unknown else []
        return Told("; ".join(told) or counted(len(found.types), "column"))

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        wanted = {"column_set": list(rule.columns), "exact_match": True}
        return [Native("ExpectTableColumnsToMatchSet", wanted)]


def _differences(rule: Rule, found: Found) -> tuple[list[str], list[str]]:
    """The columns that are missing, and those that are not in the contract."""
    missing = [name for name in rule.columns if name not in found.types]
    return missing, [name for name in found.types if name not in rule.columns]
