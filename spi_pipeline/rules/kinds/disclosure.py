from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spi_pipeline.rules.disclosure import Counts, MinimumCounts, disclosed
from spi_pipeline.rules.kind import Case, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, quoted
from spi_pipeline.rules.wording import counted, figure, listing, place

_PARAMS = {
    "by": ["id", "year"],
    "least": {
        "calls": {"minimum": 5, "denominator": 1, "per": None, "alike": False},
        "pupils": {"minimum": 5, "denominator": 5, "per": 100.0, "alike": True},
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

    The columns are the subject of a row, its area and its count; value and denominator may follow. Where a row has no
    count but a value that is a rate, the count is calculated as value times denominator over ``per``. ``least`` lists
    the subjects to judge; rows of other subjects are ignored. For each subject it gives the ``minimum`` of the count,
    the minimum ``of`` the denominator, the ``per`` of the rate, and ``alike``: whether count and denominator are of
    the same kind of thing, so that their difference is a count too. Counts of zero may be shown. ``wholes`` names the
    area that each area is part of. Subtracting the shown parts from a whole must not leave a single part. Nor may it
    leave so few that the withheld parts are known more closely than "below the minimum". Messages name no count, so
    that they give nothing away themselves.
    """

    name, family = "disclosure", "relations"
    judges = "numbers"
    judges_many_rows = True
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
        return f"no count below {listing(least)} except 0, as its source requires"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        subject, area, *numbers = rule.columns
        names = ("count", "value", "base")
        cells = dict(zip(names, table.doubles(numbers), strict=False))
        row = ", ".join(
            [f"'area': {quoted(area)}::VARCHAR", *(f"'{name}': {cells.get(name, 'NULL')}" for name in names)]
        )
        listed = f"{quoted(subject)}::VARCHAR IN {table.among(list(rule.params['least']))}"
        judged = f"{listed} AND {table.filled(numbers)}"
        return RuleQuery(judged=judged, facts={"rows": f"coalesce(list({{{row}}}) FILTER (WHERE {listed}), [])"})

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        least, area = rule.params["least"], rule.columns[1]
        return [
            {**group, area: ", ".join(areas), "left of": whole or None}
            for group, facts in finding.groups
            if facts["rows"]
            # The count and its complement can disclose the same areas: that is one finding.
            for areas, whole in dict.fromkeys(
                (one.areas, one.whole)
                for minimum, counts in counts_of(facts["rows"], MinimumCounts(**least[str(group[rule.columns[0]])]))
                for one in disclosed(counts, rule.params["wholes"], minimum)
            )
        ]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        if not finding.failing_groups:
            groups = sum(bool(facts["rows"]) for _, facts in finding.groups)
            counts = f"{counted(finding.judged, 'count')} in {counted(groups, 'group')}"
            return RuleMessage(f"{counts}, none below its minimum is given away")
        first = dict(finding.failing_groups[0])
        left, areas = first.pop("left of"), first.pop(rule.columns[1])
        number = len(finding.failing_groups)
        words = f"{counted(number, 'figure')} {'gives' if number == 1 else 'give'} away a count below its minimum"
        return RuleMessage(f"{words}: {place(first)}, {figure(areas)}{f', left of {left}' if left else ''}")

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        return rule.columns[2:]


def counts_of(rows: Sequence[Mapping[str, Any]], least: MinimumCounts) -> Iterator[tuple[float, Counts]]:
    """The counts in the rows of one subject, each set with its minimum: counted, not counted (if alike), and all."""
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
    yield least.denominator, bases
