"""The section on what a ward would need to match the middle ward of its town, in homes, people and incidents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Row, by_area

# The number of indicators in sentences; the table has all.
IN_SENTENCES = 5


class Needs:
    """The needs of all wards.

    Args:
        site: the site.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.rows = by_area(site.results.newest("what_would_it_take"))
        self.units = {row["indicator_id"]: row["unit"] for row in site.results.tables["indicator"].to_dict("records")}

    def of(self, area: Area) -> Mapping[str, Any]:
        """The section: ``intro``, ``sentences`` on the largest gains, and a row for each indicator and target."""
        rows = [row for row in self.rows.get(area.code, []) if row["indicator_id"] in self.site.results.elements]
        behind = [row for row in rows if row["target"] == "authority_median" and row["needed_low"] > 0]
        behind.sort(key=lambda row: -_gain(row))
        return {
            "intro": self._intro(rows, behind),
            "sentences": [self._sentence(row) for row in behind[:IN_SENTENCES]],
            "rows": [self._row(row) for row in sorted(rows, key=lambda row: -_gain(row))],
        }

    def _intro(self, rows: list[Row], behind: list[Row]) -> Markup:
        if behind:
            return Markup(
                "These would gain most for its score. They are sums, not plans: all else is taken to stay as it is."
            )
        sentence = (
            "It is not behind the middle ward of {} beyond chance in anything that is counted."
            if rows
            else "Nothing is counted here that could be compared with {}."
        )
        return Markup(sentence).format(self.site.results.town.name)

    def _sentence(self, row: Row) -> Markup:
        """275 fewer households (231 to 322) would bring it to the middle ward of the town, 10.2%."""
        town, site = self.site.results.town.name, self.site
        needed, low, high = (
            site.figure("what_would_it_take", row, column, 0, how="whole")
            for column in ("needed", "needed_low", "needed_high")
        )
        yearly = " a year" if row["unit"] == "incidents" else ""
        target = self._target(row)
        reached = (
            Markup("are all there is to count, and would still not bring it to the middle ward of {}, {}")
            if row["cut"]
            else Markup("would bring it to the middle ward of {}, {}")
        ).format(town, target)
        return Markup("<strong>{}:</strong> {} {} {}{} ({} to {}) {}.").format(
            words.plain(self._title(row)), needed, self._way(row), row["unit"], yearly, low, high, reached
        )

    def _target(self, row: Row) -> Markup:
        """The target value, with its unit if that is not part of the number."""
        unit = self.units[row["indicator_id"]]
        amount = self.site.amount("what_would_it_take", row, "target_value", unit)
        if any(sign in amount.striptags() for sign in "£%"):
            return amount
        return Markup("{} <span>{}</span>").format(amount, unit)

    def _way(self, row: Row) -> Markup:
        return self.site.word("what_would_it_take", row, "way", row["way"])

    def _title(self, row: Row) -> str:
        return self.site.results.elements[row["indicator_id"]].title

    def _row(self, row: Row) -> dict[str, Any]:
        site, unit = self.site, self.units[row["indicator_id"]]
        town = site.results.town.name
        targets = {"authority_median": f"the middle ward of {town}", "england_median": "the middle ward of England"}
        return {
            "element": site.results.elements[row["indicator_id"]],
            "target": targets[row["target"]],
            "counted": Markup("{} {}").format(site.figure("what_would_it_take", row, "counted", 0), row["unit"]),
            "value": site.amount("what_would_it_take", row, "value", unit),
            "target_value": site.amount("what_would_it_take", row, "target_value", unit),
            "needed": self._needed(row),
            "score": self._score_then(row),
            "rank": self._rank_then(row),
            "period": site.when(row, site.results.indicators[row["indicator_id"]]["source_id"]),
        }

    def _needed(self, row: Row) -> Markup:
        """How many more or fewer are needed, or how far the ward is ahead; neither if chance may explain it all."""
        if row["needed_low"] <= 0 <= row["needed_high"]:
            return Markup("? cannot be told apart")
        ahead = row["needed"] < 0
        ends = ("needed_high", "needed_low") if ahead else ("needed_low", "needed_high")
        number, low, high = (
            self.site.figure("what_would_it_take", row, column, 0, how="whole") for column in ("needed", *ends)
        )
        change = (
            Markup("= already better, by {}").format(number)
            if ahead
            else Markup("{} {}").format(number, self._way(row))
        )
        return Markup("{} ({} to {})").format(change, low, high)

    def _score_then(self, row: Row) -> Markup:
        return self.site.figure("what_would_it_take", row, "index_score_then", absent="no score")

    def _rank_then(self, row: Row) -> Markup:
        if None in (row["rank_then"], row["rank_then_low"], row["rank_then_high"]):
            return Markup("no rank")
        rank, low, high = (
            self.site.figure("what_would_it_take", row, column, 0, how="ordinal")
            for column in ("rank_then", "rank_then_low", "rank_then_high")
        )
        ends = low if row["rank_then_low"] == row["rank_then_high"] else Markup("{} to {}").format(low, high)
        return Markup("{}, likely {}").format(rank, ends)


def _gain(row: Row) -> float:
    """The points that the index gains, or that the indicator gains if the ward has no index score."""
    if row["index_score"] is None:
        return float(row["score_then"] - row["score"])
    return float(row["index_score_then"] - row["index_score"])
