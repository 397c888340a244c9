import re

from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Told
from spi_pipeline.rules.places import NAMED, PLACE
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, count, literal
from spi_pipeline.rules.wording import by_name, counted

_GOOD = Case(
    ("note", "calls"),
    {},
    {"note": ["Ward LU1 2", "SL1", None], "calls": [3, 4, 5]},
    "3 rows, no postcode or point beside a figure",
)


class Unplaced(Kind):
    """No postcode or point stands beside a figure.

    A full postcode, or latitude and longitude, in a text; or anything in a column called after one, such as
    ``easting``. A table without numbers says nothing of anybody who lives there. What stands there is not repeated.
    """

    name, family = "unplaced", "values"
    cases = (
        _GOOD,
        _GOOD.but(
            "2 of 3 rows with a postcode or point beside a figure: note 2",
            0, 1, note=["near LU1 2AB", "51.87870, -0.42001", "KS403EW"],
        ),
        _GOOD.but("2 of 3 rows with a postcode or point beside a figure: note 2", 1, 2, note=["", "AL1 1AA", "W1A1AA"]),
        Case(
            ("calls", "easting"), {}, {"calls": [3, 4], "easting": [508000, None]},
            "1 of 2 rows with a postcode or point beside a figure: easting 1", (0,), fails=True,
        ),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        return "no postcode or point"

    def ask(self, rule: Rule, table: Table) -> Asked:
        types = table.types
        named = [name for name in rule.columns if re.fullmatch(NAMED, name, re.IGNORECASE)]
        figures = [name for name in rule.columns if types[name] in ("integer", "number") and name not in named]
        held = {name: f"({table.cell(name)} IS NOT NULL)" for name in named}
        held |= {
            name: f"regexp_matches({table.cell(name)}, {literal(PLACE)})"
            for name in rule.columns
            if types[name] == "string" and name not in named
        }
        if not figures or not held:
            return Asked("FALSE")
        beside = table.filled(figures)
        # A text that is null matches nothing, and is no finding.
        failing = f"coalesce({' OR '.join(held.values())}, FALSE) AND {beside}"
        return Asked(failing, details={name: count(f"{found} AND {beside}") for name, found in held.items()})

    def tell(self, rule: Rule, found: Found) -> Told:
        rows, said = counted(found.rows, "row"), "postcode or point beside a figure"
        if not found.failing:
            return Told(f"{rows}, no {said}")
        return Told(f"{found.failing:,} of {rows} with a {said}: {by_name(found.facts)}")
