import re

from spi_pipeline.rules.kind import Case, Kind, RuleFinding, RuleMessage, RuleQuery
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

    The rule looks for a full postcode, or a latitude with a longitude, in texts, and for any value in a column named
    after one, such as ``easting``. Rows without a number pass: without figures a place reveals nothing about the
    people who live there. Messages never repeat the postcode or point.
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

    def query(self, rule: Rule, table: Table) -> RuleQuery:
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
            return RuleQuery("FALSE")
        has_figure = table.filled(figures)
        # A null text matches nothing and passes.
        failing = f"coalesce({' OR '.join(held.values())}, FALSE) AND {has_figure}"
        details = {name: count(f"{condition} AND {has_figure}") for name, condition in held.items()}
        return RuleQuery(failing, details=details)

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows, words = counted(finding.rows, "row"), "postcode or point beside a figure"
        if not finding.failing:
            return RuleMessage(f"{rows}, no {words}")
        return RuleMessage(f"{finding.failing:,} of {rows} with a {words}: {by_name(finding.facts)}")
