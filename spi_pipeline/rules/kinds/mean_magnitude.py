from collections.abc import Iterator

from spi_pipeline.rules.kind import Case, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table
from spi_pipeline.rules.wording import counted, figure, in_each, listing, place, span

_GOOD = Case(
    ("people", "rate"),
    {"ranges": {"people": [50, 500], "rate": [1, 10]}, "by": ["year"]},
    {"people": [100, 200, 300], "rate": [-1.5, 2.5, None], "year": [1, 1, 2]},
    "3 typical sizes inside",
)


class MeanMagnitude(Kind):
    """The typical size of a column, the mean of its absolute values, lies in a closed range.

    ``ranges`` gives the range of each column. If ``by`` names columns, each group of rows that share their values is
    judged separately. The rule detects figures in an unexpected unit, because their size differs.
    """

    name, family = "mean_magnitude", "values"
    judges = "numbers"
    cases = (
        _GOOD,
        _GOOD.but(
            "1 of 3 typical sizes outside: year 1, column rate of size 200, promised 1 to 10",
            {"year": 1, "column": "rate", "size": 200.0, "promised": "1 to 10"},
            rate=[-150.0, 250.0, None],
        ),
    )

    def expected(self, rule: Rule) -> str:
        ranges = [f"{name} {span(*ends)}" for name, ends in rule.params["ranges"].items()]
        return f"a typical size{in_each(rule)}: {', '.join(ranges)}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        cells = zip(rule.columns, table.doubles(rule.columns), strict=True)
        return RuleQuery(judged=table.filled(rule.columns), facts={name: f"avg(abs({cell}))" for name, cell in cells})

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        ranges = rule.params["ranges"]
        return [
            {**group, "column": name, "size": size, "promised": " to ".join(map(figure, ranges[name]))}
            for group, name, size in _sizes(rule, finding)
            if not ranges[name][0] <= size <= ranges[name][1]
        ]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        sizes = list(_sizes(rule, finding))
        judged = counted(len(sizes), "typical size")
        if not finding.failing_groups:
            return RuleMessage(f"{judged} inside", *(sizes[0][2:] if len(sizes) == 1 else ()))
        outside = [
            f"{place({n: v for n, v in row.items() if n not in ('size', 'promised')})} of size {figure(row['size'])}, "
            f"promised {row['promised']}"
            for row in finding.failing_groups
        ]
        size, (low, high) = (
            finding.failing_groups[0]["size"],
            rule.params["ranges"][finding.failing_groups[0]["column"]],
        )
        words = f"{len(finding.failing_groups)} of {judged} outside: {listing(outside, 3)}"
        return RuleMessage(words, size, high if size > high else low)


def _sizes(rule: Rule, finding: RuleFinding) -> Iterator[tuple[Group, str, float]]:
    """The size of each column in each group, to six digits; further digits depend on the order of summation."""
    for group, facts in finding.groups:
        yield from ((group, name, float(f"{facts[name]:.6g}")) for name in rule.columns if facts[name] is not None)
