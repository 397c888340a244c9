from collections.abc import Iterator

from pydantic import Field

from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, Native, StatedOfColumns, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import ROUNDING, Table, count
from spi_pipeline.rules.wording import counted, in_each, percent, place

_GOOD = Case(("homes",), {"max_share": 0.25}, {"homes": [1, 2, 3, None]}, "null in 4 rows: homes 25%")
_EACH = Case(
    ("rate",),
    {"max_share": 0.5, "by": ["year"]},
    {"rate": [0.5, None, 0.5, 0.5], "year": [1, 1, 2, 2]},
    "2 columns of groups, few enough null in each",
)


class _Stated(StatedOfColumns):
    max_share: float = Field(ge=0, le=1)
    by: list[str] | None = Field(default=None, min_length=1)


class NullShare(Kind):
    """No more than a stated share of a column is null.

    At most ``max_share`` of each column, in each group of the columns ``by`` where they are named.
    """

    name, family = "null_share", "coverage"
    states = _Stated
    of_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but("null in 4 rows: homes 50%", {"column": "homes", "null": 2, "rows": 4}, homes=[None, 2, 3, None]),
        _EACH,
        _EACH.but(
            "1 of 2 columns of groups with too many nulls, year 2, column rate: 2 of 2 rows",
            {"year": 2, "column": "rate", "null": 2, "rows": 2},
            rate=[0.5, None, None, None],
        ),
    )

    def expected(self, rule: Rule) -> str:
        return f"at most {percent(rule.params['max_share'])} null{in_each(rule)}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        nulls = {name: count(f"{table.cell(name)} IS NULL") for name in rule.columns}
        return Asked(facts={"": "count(*)"} | nulls)

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        most = rule.params["max_share"] + ROUNDING
        return [each for each in _nulls(rule, found) if each["null"] / each["rows"] > most]

    def tell(self, rule: Rule, found: Found) -> Told:
        every = list(_nulls(rule, found))
        share = max((each["null"] / each["rows"] for each in every), default=None)
        return Told(_words(rule, found, every), share, rule.params["max_share"])

    def native(self, rule: Rule, types: dict[str, str]) -> list[Native]:
        mostly = round(1 - rule.params["max_share"], 12)
        arguments = [] if rule.by else [{"column": name, "mostly": mostly} for name in rule.columns]
        return [Native("ExpectColumnValuesToNotBeNull", each) for each in arguments]


def _nulls(rule: Rule, found: Found) -> Iterator[Group]:
    """Columns of groups with their nulls and rows."""
    for group, facts in found.groups:
        yield from ({**group, "column": name, "null": facts[name], "rows": facts[""]} for name in rule.columns)


def _words(rule: Rule, found: Found, every: list[Group]) -> str:
    if not rule.by:
        told = [
            f"{each['column']} {percent(each['null'] / each['rows'])}"
            for each in every
            if each["null"] or len(every) == 1
        ]
        return f"null in {counted(found.rows, 'row')}: {', '.join(told) or 'none'}"
    judged = f"{len(every):,} column{'s' * (len(every) != 1)} of groups"
    if not found.wrong:
        return f"{judged}, few enough null in each"
    first = dict(found.wrong[0])
    null, rows = first.pop("null"), first.pop("rows")
    return f"{len(found.wrong):,} of {judged} with too many nulls, {place(first)}: {null:,} of {counted(rows, 'row')}"
