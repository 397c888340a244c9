from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spi_pipeline.rules.disclosure import Counts, Least, disclosed
from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, quoted
from spi_pipeline.rules.wording import counted, figure, listing, place

_PARAMS = {
    "by": ["id", "year"],
    "least": {
        "calls": {"minimum": 5, "of": 1, "per": None, "alike": False},
        "pupils": {"minimum": 5, "of": 5, "per": 100.0, "alike": True},
    },
    "wholes": {"a": "town", "b": "town", "c": "town"},
}
_GOOD = Case(
    ("id", "area", "count", "value", "base"),
    _PARAMS,
    {
        "id": ["calls"] * 4 + ["tides"],
        "year": [1] * 5,
        "area": ["town", "a", "b", "c", "a"],
        "count": [20, 12, None, None, 2],
        "value": [1.0, 2.0, None, None, 1.0],
        "base": [2000, 600, None, None, 7],
    },
    "2 counts in 1 group, none below its minimum is given away",
)


class Disclosure(Kind):
    """No figure gives away a count below the minimum of its source.

    The columns are what a row is about, its area and its count, and may go on with value and denominator; of a value
    without a count that is a rate of its denominator, the count is what these come to. ``least`` has, for what is
    judged, the ``minimum`` of the count and ``of`` its denominator, the ``per`` of the rate, and whether both are of
    the same kind of thing ``alike``, so that those not counted are a count too; all else is looked past. ``wholes``
    has the area that each is part of: what is left of it, when all parts that are shown are taken away, must not be
    one part alone, or so few that the parts withheld are told more closely than that they are below the minimum. No
    count is told, so that a finding gives nothing away.
    """

    name, family = "disclosure", "relations"
    of = "numbers"
    of_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but(
            "1 figure gives away a count below its minimum: id calls, year 1, b",
            {"id": "calls", "year": 1, "area": "b", "left of": None},
            count=[20, 16, 4, None, 2],
        ),
        _GOOD.but(
            "2 figures give away a count below its minimum: id calls, year 1, b",
            {"id": "calls", "year": 1, "area": "b", "left of": None},
            {"id": "calls", "year": 1, "area": "c", "left of": "town"},
            count=[20, 15, 4, None, 2],
        ),
        _GOOD.but(
            "1 figure gives away a count below its minimum: id calls, year 1, b, left of town",
            {"id": "calls", "year": 1, "area": "b", "left of": "town"},
            count=[20, 12, None, 5, 2],
        ),
        _GOOD.but(
            "1 figure gives away a count below its minimum: id calls, year 1, b, c, left of town",
            {"id": "calls", "year": 1, "area": "b, c", "left of": "town"},
            count=[16, 12, None, None, 2],
        ),
        _GOOD.but(
            "1 figure gives away a count below its minimum: id pupils, year 1, a",
            {"id": "pupils", "year": 1, "area": "a", "left of": None},
            id=["pupils"] * 4 + ["tides"],
            value=[50.0, 99.0, None, None, 1.0],
            count=[None] * 5,
            base=[1200, 300, None, None, 7],
        ),
    )

    def expected(self, rule: Rule) -> str:
        least = sorted({one["minimum"] for one in rule.params["least"].values()})
        return f"no count below {listing(least)} but none, by what its source states"

    def ask(self, rule: Rule, table: Table) -> Asked:
        about, area, *numbers = rule.columns
        names = ("count", "value", "base")
        cells = dict(zip(names, table.doubles(numbers), strict=False))
        row = ", ".join(
            [f"'area': {quoted(area)}::VARCHAR", *(f"'{name}': {cells.get(name, 'NULL')}" for name in names)]
        )
        judged = f"{quoted(about)}::VARCHAR IN {table.among(list(rule.params['least']))}"
        held = f"{judged} AND {table.filled(numbers)}"
        return Asked(judged=held, facts={"rows": f"coalesce(list({{{row}}}) FILTER (WHERE {judged}), [])"})

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        least, area = rule.params["least"], rule.columns[1]
        return [
            {**group, area: ", ".join(areas), "left of": whole or None}
            for group, facts in found.groups
            if facts["rows"]
            # Counted or not counted, it is one finding.
            for areas, whole in dict.fromkeys(
                (one.areas, one.whole)
                for minimum, counts in counts_of(facts["rows"], Least(**least[str(group[rule.columns[0]])]))
                for one in disclosed(counts, rule.params["wholes"], minimum)
            )
        ]

    def tell(self, rule: Rule, found: Found) -> Told:
        if not found.wrong:
            groups = sum(bool(facts["rows"]) for _, facts in found.groups)
            held = f"{counted(found.judged, 'count')} in {counted(groups, 'group')}"
            return Told(f"{held}, none below its minimum is given away")
        first = dict(found.wrong[0])
        left, areas = first.pop("left of"), first.pop(rule.columns[1])
        many = len(found.wrong)
        said = f"{counted(many, 'figure')} {'gives' if many == 1 else 'give'} away a count below its minimum"
        return Told(f"{said}: {place(first)}, {figure(areas)}{f', left of {left}' if left else ''}")

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        return rule.columns[2:]


def counts_of(rows: Sequence[Mapping[str, Any]], least: Least) -> Iterator[tuple[float, Counts]]:
    """What the rows of one thing count, each with its minimum: those counted, those not, and all there are."""
    counted_, others, bases = {}, {}, {}
    for row in rows:
        count, value, base = (row[name] for name in ("count", "value", "base"))
        if count is None and None not in (value, base, least.per):
            count = value * base / least.per
        counted_[row["area"]], bases[row["area"]] = count, base
        others[row["area"]] = None if count is None or base is None else base - count
    yield least.minimum, counted_
    if least.alike:
        yield least.minimum, others
    yield least.of, bases
