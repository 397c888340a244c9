from collections.abc import Iterator

from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, figure, in_each, listing, place, span

_GOOD = Case(
    ("people", "rate"),
    {"ranges": {"people": [50, 500], "rate": [1, 10]}, "by": ["year"]},
    {"people": [100, 200, 300], "rate": [-1.5, 2.5, None], "year": [1, 1, 2]},
    "3 typical sizes inside",
)


class Typical(Kind):
    """The typical size of a column, the mean of its absolute values, lies in a closed range.

    ``ranges`` has the range of each column; each group of the columns ``by`` is judged by itself. By its size another
    unit is noticed.
    """

    name, family = "typical", "values"
    of = "numbers"
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 3 typical sizes outside: year 1, column rate of size 200, promised 1 to 10",
            {"year": 1, "column": "rate", "size": 200.0, "promised": "1 to 10"},
            rate=[-150.0, 250.0, None],
        ),
    )

    def expected(self, rule: Rule) -> str:
        told = [f"{name} {span(*ends)}" for name, ends in rule.params["ranges"].items()]
        return f"a typical size{in_each(rule)}: {', '.join(told)}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        cells = zip(rule.columns, table.doubles(rule.columns), strict=True)
        return Asked(judged=table.filled(rule.columns), facts={name: f"avg(abs({cell}))" for name, cell in cells})

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        ranges = rule.params["ranges"]
        return [
            {**group, "column": name, "size": size, "promised": " to ".join(map(figure, ranges[name]))}
            for group, name, size in _sizes(rule, found)
            if not ranges[name][0] <= size <= ranges[name][1]
        ]

    def tell(self, rule: Rule, found: Found) -> Told:
        sizes = list(_sizes(rule, found))
        judged = counted(len(sizes), "typical size")
        if not found.wrong:
            return Told(f"{judged} inside", *(sizes[0][2:] if len(sizes) == 1 else ()))
        told = [
            f"{place({n: v for n, v in row.items() if n not in ('size', 'promised')})} of size {figure(row['size'])}, "
            f"promised {row['promised']}"
            for row in found.wrong
        ]
        size, (low, high) = found.wrong[0]["size"], rule.params["ranges"][found.wrong[0]["column"]]
        words = f"{len(found.wrong)} of {judged} outside: {listing(told, 3)}"
        return Told(words, size, high if size > high else low)


def _sizes(rule: Rule, found: Found) -> Iterator[tuple[Group, str, float]]:
    """The size of each column in each group, to six digits: the last ones depend on the order of adding."""
    for group, facts in found.groups:
        yield from ((group, name, float(f"{facts[name]:.6g}")) for name in rule.columns if facts[name] is not None)
