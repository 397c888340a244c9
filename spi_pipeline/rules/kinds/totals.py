from pydantic import Field

from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, StatedOfColumn, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import ROUNDING, Table
from spi_pipeline.rules.wording import counted, figure, in_each, place

_GOOD = Case(
    ("share",),
    {"by": ["year"], "total": 1, "tolerance": 0.001},
    {"share": [0.5, 0.5, 1.0005, None], "year": [1, 1, 2, 2]},
    "2 groups, share adds up to 1 in all",
)


class _Stated(StatedOfColumn):
    by: list[str] = Field(min_length=1)
    total: float
    tolerance: float = Field(default=0, ge=0)


class Totals(Kind):
    """The values of each group add up to a stated total.

    In each group of the columns ``by`` they come to ``total``, to within ``tolerance``; null counts nothing.
    """

    name, family = "totals", "relations"
    states = _Stated
    of = "numbers"
    of_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 2 groups add up to another total, year 1: 0.6",
            {"year": 1, "share": 0.6},
            share=[0.5, 0.1, 1.0, None],
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"{rule.columns[0]} adds up to {figure(rule.params['total'])}{in_each(rule)}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        (cell,) = table.doubles(rule.columns)
        return Asked(judged=table.filled(rule.columns), facts={"sum": f"coalesce(sum({cell}), 0)"})

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        slack = rule.params.get("tolerance", 0) + ROUNDING
        # To six digits: the last ones depend on the order of adding.
        return [
            {**group, rule.columns[0]: float(f"{facts['sum']:.6g}")}
            for group, facts in found.groups
            if abs(facts["sum"] - rule.params["total"]) > slack
        ]

    def tell(self, rule: Rule, found: Found) -> Told:
        (name,), total, groups = rule.columns, rule.params["total"], counted(len(found.groups), "group")
        if not found.wrong:
            return Told(f"{groups}, {name} adds up to {figure(total)} in all", total, total)
        first = dict(found.wrong[0])
        came = first.pop(name)
        words = f"{len(found.wrong):,} of {groups} add up to another total, {place(first)}: {figure(came)}"
        return Told(words, came, total)
