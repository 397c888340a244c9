import re

from spi_pipeline.rules.kind import Asked, Case, Found, Kind, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, count, literal
from spi_pipeline.rules.wording import by_name, counted

# The areas that postcodes begin with. Codes of census tables would look like them otherwise: KS403EW.
_AREAS = (
    "AB|AL|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE|K[ATWY]|L[ADELNSU]?"
    "|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE"
)
# A full postcode, whose last two letters are none of C, I, K, M, O and V; latitude and longitude to a metre, either
# first. Figures in sentences have six digits, and so never five decimals behind a latitude.
_LATITUDE, _LONGITUDE = r"(?:49|5\d|60)\.\d{5,}", r"-?[0-8]\.\d{4,}"
PLACE = (
    rf"\b(?:{_AREAS})\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{{2}}\b"
    rf"|\b{_LATITUDE}[,;\s]+{_LONGITUDE}|{_LONGITUDE}[,;\s]+{_LATITUDE}\b"
)
# What a column of places is called.
NAMED = (
    r"post_?codes?|pcds?\d?|uprns?|lat|latitudes?|lon|long|lng|longitudes?|eastings?|northings?"
    r"|[xy](?:_?coord(?:inate)?s?)?|coordinates?|points?|grid_?ref(?:erence)?s?"
)
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
