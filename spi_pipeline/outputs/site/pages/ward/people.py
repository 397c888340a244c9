"""The section on people and economy of a ward, next to its social progress, and on changes over ten years."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Row, by_area

# The measures of the context that are shown at once; the others are a click away.
FIRST = (
    "residents", "children", "older_people", "born_abroad", "one_person_households", "households_without_car",
    "net_income_after_housing", "income_deprived", "unemployed", "house_price", "owned_homes",
)  # fmt: skip
VERDICTS = {"rose": "▲ rose", "fell": "▼ fell", "cannot be told": "? cannot be told"}


class People:
    """Population and economy of all wards.

    Args:
        site: the site.
    """

    def __init__(self, site: Site) -> None:
        tables = site.results.tables
        self.site = site
        known = tables["context"].dropna(subset=["value"]).sort_values("period_end")
        newest = known.drop_duplicates(["measure_id", "area_code"], keep="last")
        self.known = set(newest["measure_id"])
        self.context = {
            code: {row["measure_id"]: row for row in rows} for code, rows in by_area(newest).items()
        }  # fmt: skip
        self.decade = by_area(tables["decade"].dropna(subset=["change"]))
        given, index = site.results.contracts.composition.given, site.results.index.id
        rows = site.results.newest("residual")
        self.given = site.results.contracts.context[given]
        self.residual = by_area(rows[(rows["id"] == index) & (rows["measure_id"] == given)])
        self.economic = {item.id for item in site.results.contracts.context.values() if self._is_economic(item.id)}

    def of(self, area: Area) -> Mapping[str, Any]:
        """The section: ``first`` and ``rest`` of the measures, the comparison ``beside`` its score, the ``decade``."""
        measures = [self._measure(area, name) for name in self._order()]
        return {
            "first": [each for each in measures if each["id"] in FIRST],
            "rest": [each for each in measures if each["id"] not in FIRST],
            "beside": self._beside(area),
            "decade": [self._decade(row) for row in self.decade.get(area.code, [])],
        }

    def _is_economic(self, measure_id: str) -> bool:
        contracts = self.site.results.contracts
        item = contracts.context[measure_id]
        concepts = {column.name: column.concept for column in contracts.sources[item.source].columns}
        kinds = {
            contracts.vocabulary.concepts[concepts[name]].kind for name in item.measure.columns if concepts.get(name)
        }
        return "economic" in kinds  # fmt: skip

    def _order(self) -> list[str]:
        """The measures known for any area: people first, then the economy, in the order of the contracts."""
        known = [name for name in self.site.results.contracts.context if name in self.known]
        return sorted(known, key=lambda name: name in self.economic)

    def _measure(self, area: Area, name: str) -> dict[str, Any]:
        contracts, units = self.site.results.contracts, self.site.results.contracts.vocabulary.units
        item = contracts.context[name]
        own, town = (self.context.get(code, {}).get(name) for code in (area.code, self.site.results.town.code))
        unit = units[item.unit].title
        return {
            "id": name,
            # A unit that is shown with the value need not be in the title.
            "title": words.plain(item.title) if item.unit in ("percent", "proportion", "pounds") else item.title,
            "value": self.site.amount("context", own, "value", unit) if own else Markup("not known"),
            "range": self._range("context", own, unit) if own else Markup(""),
            "town": self.site.amount("context", town, "value", unit) if town else Markup("not known"),
            "period": self.site.when(own) if own else "",
            "source": contracts.sources[item.source],
        }

    def _range(self, table: str, row: Row, unit: str) -> Markup:
        if row["lower"] is None or row["upper"] is None or row["lower"] == row["upper"]:
            return Markup("")
        ends = [self.site.amount(table, row, end, unit) for end in ("lower", "upper")]
        return Markup("({} to {})").format(*ends)

    def _beside(self, area: Area) -> Markup:
        """Whether the ward does better or worse than its economy suggests."""
        row = next(iter(self.residual.get(area.code, [])), None)
        if row is None or row["residual"] is None:
            return Markup(
                "We cannot say how it compares with its economy: it has no score, or there is no figure to compare."
            )
        verdict = {
            "more than suggested": "That is more than its economy suggests",
            "less than suggested": "That is less than its economy suggests",
            "as suggested": "That is about what its economy suggests",
        }[row["verdict"]]
        return Markup(
            "Its score is {} ({}). Going by “{}” alone, we would expect {}. {}: {} points, likely {} to {}."
        ).format(
            self.site.score(self.site.results.index, area), self.site.results.edition,
            words.plain(self.given.title),
            self.site.figure("residual", row, "expected"), self.site.word("residual", row, "verdict", verdict),
            *(self.site.figure("residual", row, column, how="signed") for column in ("residual", "lower", "upper")),
        )  # fmt: skip

    def _decade(self, row: Row) -> dict[str, Any]:
        unit = row["unit"]
        digits = 0 if abs(row["later"]) >= 1000 else 1
        change, lower, upper = (
            self.site.figure("decade", row, column, digits, how="signed") for column in ("change", "lower", "upper")
        )
        return {
            "title": row["title"],
            "in_index": row["in_index"],
            "earlier": self.site.amount("decade", row, "earlier", unit),
            "later": self.site.amount("decade", row, "later", unit),
            "change": Markup("{} ({} to {})").format(change, lower, upper),
            "verdict": self.site.word("decade", row, "verdict", VERDICTS[row["verdict"]]),
            "limits": row["limits"],
            "years": (row["earlier_end"].year, row["later_end"].year),
        }
