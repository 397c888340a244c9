import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from spi_pipeline.rules.kind import Asked, Case, Found, Group, Kind, StatedOfColumn, Told
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.table import Table, literal, quoted
from spi_pipeline.rules.wording import figure, percent

_SAYS = {"sum": "{} adds up to", "mean": "{} averages", "count": "different {}:"}
_GOOD = Case(
    ("people", "year"),
    {"total": 300, "tolerance": 0.01, "where": {"year": [2021]}, "dataset": "the census", "publisher": "ONS"},
    {"people": [100, 199, 50], "year": [2021, 2021, 2022]},
    "people adds up to 299, published are 300: -1 (-0.3333%)",
)
_MEAN = Case(
    ("rate", "people"),
    {"total": 20, "tolerance": 0, "statistic": "mean", "weight": "people", "dataset": "the census", "publisher": "ONS"},
    {"rate": [10.0, 30.0, None], "people": [50, 50, 7]},
    "rate averages 20, published are 20: 0 (0%)",
)
_COUNT = Case(
    ("area",),
    {"total": 2, "tolerance": 0, "statistic": "count", "dataset": "a list", "publisher": "ONS"},
    {"area": ["a", "b", "b"]},
    "different area: 2, published are 2: 0 (0%)",
)


class StatedOfTotal(StatedOfColumn):
    """A total that somebody else published.

    Attributes:
        totals: the published figure, by code of the authority or name of the police force it is of.
        tolerance: how far off may be, as a share of it.
        statistic: what comes to it: the column added up, averaged, or its different values counted.
        weight: the column a mean is weighted by.
        where: the values of other columns that the figure is of; each must be held.
        publisher: who published it.
        dataset: the publisher's title of where it stands.
        period: what it refers to.
        url: where it stands.
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
        """The parameters of the rule; its ``total`` is that of the authorities a table is of."""
        return {name: value for name, value in super().params().items() if name != "totals"}

    def named(self) -> tuple[str, ...]:
        """The column that comes to the total, and those it is weighted and chosen by."""
        return (*self.columns, *([self.weight] if self.weight else []), *(self.where or {}))


class AgreesWithTotal(Kind):
    """A table comes to a total that was published elsewhere.

    The column adds up to ``total``, or averages it (``statistic: mean``, by ``weight`` where one is named), or holds so
    many different values (``count``), to within ``tolerance``, a share of it. Only rows are taken ``where`` other
    columns hold the values stated, each of which must be there. A contract states ``totals`` by authority or police
    force, and where they are published; where one of its authorities has none, there is no rule.
    """

    name, family = "agrees_with_total", "relations"
    states = StatedOfTotal
    of_many_rows = True
    cases = (
        _GOOD,
        _GOOD.but(
            "people adds up to 199, published are 300: -101 (-33.67%)",
            {"observed": 199.0, "published": 300, "difference": -101.0},
            people=[None, 199, 50],
        ),
        _MEAN,
        _MEAN.but(
            "rate averages 10, published are 20: -10 (-50%)",
            {"observed": 10.0, "published": 20, "difference": -10.0},
            rate=[10.0, None, 20.0], people=[50, 50, 0],
        ),
        _COUNT,
        _COUNT.but(
            "different area: 1, published are 2: -1 (-50%)",
            {"observed": 1.0, "published": 2, "difference": -1.0},
            area=["a", None, "a"],
        ),
    )  # fmt: skip

    def expected(self, rule: Rule) -> str:
        total, off = figure(rule.params["total"]), percent(rule.params["tolerance"])
        return f"{total} to within {off}, as {rule.params['publisher']} has it in {rule.params['dataset']}"

    def ask(self, rule: Rule, table: Table) -> Asked:
        held = " AND ".join(_held(rule.params.get("where") or {}))
        own, name, statistic = f"({held or 'TRUE'})", rule.columns[0], rule.params.get("statistic", "sum")
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
        return Asked(judged=" AND ".join(judged), facts={"": measured})

    def wrong(self, rule: Rule, found: Found) -> list[Group]:
        observed, total = _observed(found), rule.params["total"]
        if abs(observed - total) <= rule.params["tolerance"] * abs(total) * (1 + 1e-9):
            return []
        return [{"observed": observed, "published": total, "difference": _rounded(observed - total)}]

    def tell(self, rule: Rule, found: Found) -> Told:
        observed, total = _observed(found), rule.params["total"]
        comes = _SAYS[rule.params.get("statistic", "sum")].format(rule.columns[0])
        apart = _rounded(observed - total)
        off = percent(apart / total) if total else "of nothing"
        return Told(
            f"{comes} {figure(observed)}, published are {figure(total)}: {figure(apart)} ({off})", observed, total
        )

    def judged_columns(self, rule: Rule) -> tuple[str, ...]:
        if rule.params.get("statistic") == "count":
            return ()
        return rule.columns[: 2 if rule.params.get("weight") else 1]

    def wants(self, rule: Rule) -> tuple[str, tuple[str, ...]]:
        return "numbers", ("integer", "number")


def _held(where: Mapping[str, Sequence[Any]]) -> list[str]:
    """By text, so that a column of another type than promised holds none."""
    return [f"{quoted(name)}::VARCHAR IN ({', '.join(literal(str(v)) for v in of)})" for name, of in where.items()]


def _all_there(where: Mapping[str, Sequence[Any]]) -> list[str]:
    """That each of the values is held: a total of five months says nothing of three of them."""
    named = zip(where, _held(where), strict=True)
    return [
        f"(SELECT count(DISTINCT {quoted(name)}) FROM rows WHERE {held}) = {len(where[name])}" for name, held in named
    ]


def _observed(found: Found) -> float:
    """What the table comes to, to nine digits: the last ones depend on the order of adding."""
    ((_, facts),) = found.groups
    came = float(f"{facts['']:.9g}")
    return math.inf if math.isnan(came) else came


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")
