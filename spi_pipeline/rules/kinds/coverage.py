from collections.abc import Iterator
from typing import Any

from pydantic import Field

from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, StatedOfAreas, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, in_each, listing, percent, place

_GOOD = Case(
    ("area",),
    {"areas": ["a", "b"], "min_share": 1.0, "by": ["year"]},
    {"area": ["a", "b", "a", "b"], "year": [1, 1, 2, 2]},
    "2 of 2 areas (100%) in year 1",
)
_EITHER = Case(
    ("area",),
    {"choices": {"old": ["x"], "new": ["a", "b"]}, "min_share": 0.5},
    {"area": ["a", "a", "c"]},
    "1 of 2 areas (50%), missing b",
)


class _Stated(StatedOfAreas):
    min_share: float = Field(default=1.0, ge=0, le=1)
    by: list[str] | None = Field(default=None, min_length=1)


class Coverage(Kind):
    """Every expected area is there, per period where one is named.

    At least ``min_share`` of the ``areas``, in each period, which is what the columns ``by`` hold together. Of small
    areas a contract may state several ``geographies``, which become ``choices`` once their lookups are at hand
    (``unlisted`` says why a lookup will not do): a table covers the one it holds most of.
    """

    name, family = "coverage", "coverage"
    states = _Stated
    on_empty = "failed"
    of_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 2 periods short, worst 1 of 2 areas (50%) in year 2, missing b",
            {"year": 2, "area": "b"},
            area=["a", "b", "a", None],
        ),
        _EITHER,
        _EITHER.but("0 of 1 area (0%), missing x", {"area": "x"}, area=[None, None, None]),
    )

    def expected(self, rule: Rule) -> str:
        whole = counted(len(rule.params["areas"]), "area") if "areas" in rule.params else "the small areas known"
        return f"at least {percent(rule.params['min_share'])} of {whole}{in_each(rule)}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        area = table.cell(rule.columns[0])
        return Asked(facts={"held": f"coalesce(list(DISTINCT {area}) FILTER (WHERE {area} IS NOT NULL), [])"})

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        expected, area = len(_expected(rule, found)), rule.columns[0]
        return [
            period | {area: code}
            for period, missing in _missing(rule, found)
            if (expected - len(missing)) / expected < rule.params["min_share"]
            for code in missing
        ]

    def tell(self, rule: Rule, found: Found) -> Told:
        missing, expected = list(_missing(rule, found)), len(_expected(rule, found))
        period, absent = max(missing, key=lambda each: len(each[1]))
        there = expected - len(absent)
        at = f" in {place(period)}" if found.groups and period else ""
        told = f"{there:,} of {counted(expected, 'area')} ({percent(there / expected)}){at}"
        told += f", missing {listing(absent)}" if absent else ""
        short = sum((expected - len(codes)) / expected < rule.params["min_share"] for _, codes in missing)
        if rule.by and found.groups and short:
            told = f"{short} of {counted(len(missing), 'period')} short, worst {told}"
        return Told(told, there / expected, rule.params["min_share"])


def _expected(rule: Rule, found: Found) -> list[Any]:
    """The areas that should be there: of several sets the one that the table holds most of."""
    held = {code for _, facts in found.groups for code in facts["held"]}
    sets = rule.params["choices"].values() if "choices" in rule.params else [rule.params["areas"]]
    most: list[Any] = max(sets, key=lambda codes: len(held.intersection(codes)))
    return most


def _missing(rule: Rule, found: Found) -> Iterator[tuple[Group, list[Any]]]:
    """What is missing in each period; a table without a period covers nothing."""
    expected = _expected(rule, found)
    for period, facts in found.groups or [(dict.fromkeys(rule.by), {"held": ()})]:
        held = set(facts["held"])
        yield period, [code for code in expected if code not in held]
