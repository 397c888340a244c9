from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, listing

_TYPES = {"code": "string", "rate": "number", "people": "number"}
_GOOD = Case(
    tuple(_TYPES),
    {"types": _TYPES},
    {"code": ["a", "b"], "rate": [0.5, None], "people": [1, 2]},
    "3 columns, all of the contract's type",
)


class Types(Kind):
    """Every column holds the type of its contract.

    ``types`` names the logical type of each column. Whole numbers are numbers; infinity is not a number.
    """

    name, family = "types", "form"
    on_empty = "passed"
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 3 columns of another type: rate holds number with infinity, not number",
            {"column": "rate", "promised": "number", "found": "number with infinity"},
            rate=[0.5, float("inf")],
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"the contract's type in {counted(len(rule.columns), 'column')}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        return Asked()

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        promised = rule.params["types"]
        return [
            {"column": name, "promised": promised[name], "found": found.types[name]}
            for name in rule.columns
            if name in found.types and not fits(found.types[name], promised[name])
        ]

    def tell(self, rule: Rule, found: Found) -> Told:
        columns = counted(sum(name in found.types for name in rule.columns), "column")
        told = [f"{row['column']} holds {row['found']}, not {row['promised']}" for row in found.wrong]
        if not told:
            return Told(f"{columns}, all of the contract's type")
        return Told(f"{len(told)} of {columns} of another type: {listing(told)}")


def fits(found: str, promised: str) -> bool:
    """Whether a column of the type found keeps the promise of another."""
    return found == promised or (found, promised) == ("integer", "number")
