from typing import Any, Literal

from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForAreas, Expectation, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Places, Rule
from spi_pipeline.rules.table import Table, quoted
from spi_pipeline.rules.wording import counted, listing

# The form of any area code: of small areas, wards and authorities.
_CODE = r"[EWSN]\d{8}"
# Great Expectations takes 0.1 ms for each value of a list, however few rows there are.
_MOST_NATIVE = 100
_GOOD = Case(
    ("area",),
    {"areas": ["E05000001", "E05000002"], "former": ["E05900001"]},
    {"area": ["E05000001", "E05000002", None]},
    "2 rows hold known codes",
)
_MIXED = Case(("area",), {"areas": ["E05000001"], "others": "any"}, {"area": ["here"]}, "1 row hold known codes")


class _Declared(DeclaredForAreas):
    geographies: list[Places] = Field(min_length=1)
    others: Literal["any"] | list[str] | None = None


class KnownAreas(Kind):
    """Area codes exist in the geography that the contract names.

    A contract declares ``geographies``, which determine the codes: ``areas`` lists those that exist, ``former`` those
    of former wards. Codes of small areas are known once their lookups are available; ``unlisted`` gives the reason
    where a lookup cannot be used. ``others`` allows texts that are not codes: those it lists, or, with ``any``, every
    text that does not look like a code.
    """

    name, family = "known_areas", "form"
    declaration = _Declared
    judges = "text"
    names_values = True
    cases = (
        _GOOD,
        _GOOD.but(
            "2 of 3 rows hold 2 unknown codes: E05900001, E05999999; 1 of them of a former ward set: E05900001",
            0, 1, area=["E05900001", "E05999999", "E05000001"],
        ),
        _MIXED,
        _MIXED.but("1 of 2 rows hold 1 unknown code: E05000009", 1, area=["here", "E05000009"]),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        codes = counted(len(rule.params["areas"]), "area code") if "areas" in rule.params else ""
        words, others = f"one of {codes}" if codes else "known area codes", rule.params.get("others")
        if others is None:
            return words
        return f"{words}, or {'a text that is not a code' if others == 'any' else listing(others)}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        name, others = quoted(rule.columns[0]), rule.params.get("others", ())
        like_codes = f" AND regexp_full_match({name}, '{_CODE}')" if others == "any" else ""
        return RuleQuery(f"{name} NOT IN {table.among(_allowed(rule))}{like_codes}", f"{name} IS NOT NULL")

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        rows, codes = counted(finding.judged, "row"), sorted(map(str, finding.values))
        if not finding.failing:
            return RuleMessage(f"{rows} hold known codes")
        former = sorted({*codes} & {*(rule.params.get("former") or ())})
        words = f"{finding.failing:,} of {rows} hold {counted(len(codes), 'unknown code')}: {listing(codes)}"
        return RuleMessage(
            words + (f"; {len(former)} of them of a former ward set: {listing(former)}" if former else "")
        )

    def expectations(self, rule: Rule, types: dict[str, str]) -> list[Expectation]:
        if rule.params.get("others") == "any" or not 0 < len(rule.params.get("areas", ())) <= _MOST_NATIVE:
            return []
        return [Expectation("ExpectColumnValuesToBeInSet", {"column": rule.columns[0], "value_set": _allowed(rule)})]


def _allowed(rule: Rule) -> list[Any]:
    others = rule.params.get("others", ())
    return [*rule.params["areas"], *(() if others == "any" else others)]
