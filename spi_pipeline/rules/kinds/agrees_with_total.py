import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from spi_pipeline.rules.kind import Case, DeclaredForColumn, Group, Kind, RuleFinding, RuleMessage, RuleQuery
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, literal, quoted
from spi_pipeline.rules.wording import counted, percent, readable

_SAYS = {
    "sum": "{column} adds up to {number}",
    "mean": "{column} averages {number}",
    "count": "{number} of {column}",
}
_GOOD = Case(
    ("people", "year"),
    {"total": 300, "tolerance": 0.01, "where": {"year": [2021]}, "dataset": "the census", "publisher": "ONS"},
    {"people": [100, 199, 50], "year": [2021, 2021, 2022]},
    "people adds up to 299 where 300 is published (-1, -0.3333%)",
)
_MEAN = Case(
    ("rate", "people"),
    {"total": 20, "tolerance": 0, "statistic": "mean", "weight": "people", "dataset": "the census", "publisher": "ONS"},
    {"rate": [10.0, 30.0, None], "people": [50, 50, 7]},
    "rate averages 20, as published",
)
_COUNT = Case(
    ("area",),
    {"total": 2, "tolerance": 0, "statistic": "count", "dataset": "a list", "publisher": "ONS"},
    {"area": ["a", "b", "b"]},
    "2 different values of area, as published",
)


class DeclaredForTotal(DeclaredForColumn):
    """A total published elsewhere, as a contract declares it.

    Attributes:
        totals: the published figure, by code of the authority or name of the police force that it describes.
        tolerance: the largest difference allowed, as a share of the total.
        statistic: the figure of the column that must agree: its sum, its mean, or the count of its different values.
        weight: the column that weights a mean.
        where: by other column, the values of the rows that the total covers; each value must occur.
        publisher: who published the total.
        dataset: the publisher's title of the data set that holds the total.
        period: the period that the total refers to.
        url: where the total is published.
        licence: word of the licence vocabulary.
    """

    totals: dict[str, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    tolerance: float = Field(ge=0, lt=1)
    statistic: Literal["sum", "mean", "count"] = "sum"
    weight: str | None = None
    where: dict[str, list[str | int]] | None = Field(default=None, min_length=1)
    publisher: str = Field(min_length=1)
    dataset: str = Field(min_length=1)
    period: str = Field(min_length=1)
    url: str = Field(pattern=r"^https://")
    licence: str

    def params(self) -> dict[str, Any]:
        """The parameters of the rule, without ``totals``: the contract reader adds the ``total`` of the authorities."""
        return {name: value for name, value in super().params().items() if name != "totals"}

    def column_names(self) -> tuple[str, ...]:
        """The column compared with the total, the column that weights it, and the columns that select its rows."""
        return (*self.columns, *([self.weight] if self.weight else []), *(self.where or {}))


class AgreesWithTotal(Kind):
    """A table agrees with a total that was published elsewhere.

    ``statistic`` chooses the figure of the column that is compared with ``total``: its ``sum`` (the default), its
    ``mean``, weighted by the column ``weight`` if one is named, or the ``count`` of its different values. The two may
    differ by up to ``tolerance``, a share of the total. ``where`` selects rows by the values of other columns; if one
    of the listed values does not occur, the rule is skipped. A contract declares ``totals`` by authority or police
    force, and where they are published. If an authority of the table has no total, the rule is left out.
    """

    name, family = "agrees_with_total", "relations"
    declaration = DeclaredForTotal
    judges_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but(
            "people adds up to 199 where 300 is published (-101, -33.67%)",
            {"observed": 199.0, "published": 300, "difference": -101.0},
            people=[None, 199, 50],
        ),
        _MEAN,
        _MEAN.but(
            "rate averages 10 where 20 is published (-10, -50%)",
            {"observed": 10.0, "published": 20, "difference": -10.0},
            rate=[10.0, None, 20.0], people=[50, 50, 0],
        ),
        _COUNT,
        _COUNT.but(
            "1 different value of area where 2 are published (-1, -50%)",
            {"observed": 1.0, "published": 2, "difference": -1.0},
            area=["a", None, "a"],
        ),
        _COUNT.but(
            "4 different values of area where 2 are published (+2, +100%), so the table may cover more than the total",
            {"observed": 4.0, "published": 2, "difference": 2.0},
            area=["a", "b", "c", "d"],
        ),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        total, tolerance = readable(rule.params["total"]), rule.params["tolerance"]
        allowed = f"{total} to within {percent(tolerance)}" if tolerance else f"exactly {total}"
        return f"{allowed}, published by {rule.params['publisher']} in {rule.params['dataset']}"

    def query(self, rule: Rule, table: Table) -> RuleQuery:
        conditions = " AND ".join(_conditions(rule.params.get("where") or {}))
        own, name, statistic = f"({conditions or 'TRUE'})", rule.columns[0], rule.params.get("statistic", "sum")
        if statistic == "count":
            measured = f"count(DISTINCT {table.cell(name)}) FILTER (WHERE {own})::DOUBLE"
        else:
            (cell,) = table.doubles([name])
            weight = table.doubles([rule.params["weight"]])[0] if rule.params.get("weight") else "1.0"
            top = f"sum({cell} * {weight}) FILTER (WHERE {own})"
            mean = f"{top} / sum({weight}) FILTER (WHERE {own} AND {cell} IS NOT NULL)"
            measured = f"coalesce({mean if statistic == 'mean' else f'sum({cell}) FILTER (WHERE {own})'}, 0)"
        filled = [table.filled(self.judged_columns(rule), " AND ")] if statistic != "count" else []
        judged = [own, *filled, *_all_there(rule.params.get("where") or {})]
        return RuleQuery(judged=" AND ".join(judged), facts={"": measured})

    def failing_groups(self, rule: Rule, finding: RuleFinding) -> list[Group]:
        observed, total = _observed(finding), rule.params["total"]
        if abs(observed - total) <= rule.params["tolerance"] * abs(total) * (1 + 1e-9):
            return []
        return [{"observed": observed, "published": total, "difference": _rounded(observed - total)}]

    def message(self, rule: Rule, finding: RuleFinding) -> RuleMessage:
        observed, total = _observed(finding), rule.params["total"]
        statistic, difference = rule.params.get("statistic", "sum"), _rounded(observed - total)
        number = counted(int(observed), "different value") if statistic == "count" else readable(observed)
        subject = _SAYS[statistic].format(column=rule.columns[0], number=number)
        if not difference:
            return RuleMessage(f"{subject}, as published", observed, total)
        verb, sign = "are" if statistic == "count" else "is", "+" if difference > 0 else ""
        moved = f"{sign}{readable(difference)}, {sign}{percent(difference / total)}"
        more = statistic == "count" and observed >= 2 * total
        hint = ", so the table may cover more than the total" if more else ""
        return RuleMessage(f"{subject} where {readable(total)} {verb} published ({moved}){hint}", observed, total)

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        if rule.params.get("statistic") == "count":
            return ()
        return rule.columns[: 2 if rule.params.get("weight") else 1]

    def required_types(self, rule: Rule) -> tuple[str, tuple[str, ...]]:
        return "numbers", ("integer", "number")


def _conditions(where: Mapping[str, Sequence[Any]]) -> list[str]:
    """One SQL condition per column. Values are compared as text: a column of another type matches none of them."""
    return [f"{quoted(name)}::VARCHAR IN ({', '.join(literal(str(v)) for v in of)})" for name, of in where.items()]


def _all_there(where: Mapping[str, Sequence[Any]]) -> list[str]:
    """SQL conditions that every listed value occurs: a total of five months says nothing about three of them."""
    return [
        f"(SELECT count(DISTINCT {quoted(name)}) FROM rows WHERE {condition}) = {len(where[name])}"
        for name, condition in zip(where, _conditions(where), strict=True)
    ]


def _observed(finding: RuleFinding) -> float:
    """The table's own figure to nine digits; further digits depend on the order of summation."""
    ((_, facts),) = finding.groups
    observed = float(f"{facts['']:.9g}")
    return math.inf if math.isnan(observed) else observed


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")
