"""The section on what rose and what fell in a ward, and what cannot be told, from the first edition to the newest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import figures, words
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Element, Row, by_area

VERDICTS = {
    "rose": "▲ better",
    "fell": "▼ worse",
    "not_distinguishable": "= no change beyond chance",
    "cannot_tell": "? cannot be told",
}


class Changes:
    """Changes of all wards.

    Args:
        site: the site.
    """

    def __init__(self, site: Site) -> None:
        results = site.results
        self.site = site
        table = results.newest("change")
        ends = (table["edition_from"] == results.editions[0]) & (table["edition_to"] == results.edition)
        self.rows = {code: {row["id"]: row for row in rows} for code, rows in by_area(table[ends]).items()}

    def of(self, area: Area) -> Mapping[str, Any]:
        """The section: ``intro``, whether anything was measured ``again``, what rose, fell or stayed, and rows."""
        elements = self.site.results.elements.values()
        changes = self.rows.get(area.code, {})
        pairs = [(element, changes[element.id]) for element in elements if element.id in changes]
        indicators = [(element, row) for element, row in pairs if element.level == "indicator"]
        return {
            "since": self.site.results.editions[0],
            "again": self.site.results.index.id in changes,
            "intro": self._intro(area, changes.get(self.site.results.index.id), indicators),
            "rose": self._named(indicators, "rose"),
            "fell": self._named(indicators, "fell"),
            "still": self._still(indicators),
            "rows": [
                self._row(element, row) for element, row in pairs if row["movable"] or element.level != "indicator"
            ],
        }  # fmt: skip

    def sentence(self, area: Area, element_id: str) -> Markup:
        """The change of the score of one element, as a sentence."""
        element, row = self.site.results.elements[element_id], self.rows.get(area.code, {}).get(element_id)
        if row is None:
            return Markup("How the score for {} moved is not known.").format(element.title)
        if row["movable"] == 0:
            return Markup("The score for {} rests on figures that were not measured again since edition {}.").format(
                element.title, row["edition_from"]
            )
        because = ", as too little was measured again" if row["verdict"] == "cannot_tell" else ""
        return Markup("The score for {} moved by {} from edition {} to {}: {}{}.").format(
            element.title,
            self._points(row),
            row["edition_from"],
            row["edition_to"],
            self.site.word("change", row, "verdict", VERDICTS[row["verdict"]][2:]),
            because,
        )

    def _intro(self, area: Area, index: Row | None, indicators: list[tuple[Element, Row]]) -> Markup:
        if index is None:
            return Markup("There is no earlier edition to compare with.")
        return Markup(
            "From edition {} to edition {}, {}% of the index was measured again here. {} cannot tell a change, as too "
            "little was measured again. Below are points of score, of which more are better."
        ).format(
            self.site.results.editions[0], self.site.results.edition,
            self.site.figure("change", index, "movable", 0, how="percent"), self._cannot_tell(area, indicators),
        )  # fmt: skip

    def _named(self, indicators: list[tuple[Element, Row]], verdict: str) -> Markup:
        sentences = [self._with_points(element, row) for element, row in indicators if row["verdict"] == verdict]
        return Markup("{}.").format(Markup("; ").join(sentences)) if sentences else Markup("Nothing beyond chance.")

    def _still(self, indicators: list[tuple[Element, Row]]) -> Markup:
        named = [words.plain(element.title) for element, row in indicators if row["verdict"] == "not_distinguishable"]
        return Markup("{}.").format("; ".join(named)) if named else Markup("None of those measured again.")

    def _with_points(self, element: Element, row: Row) -> Markup:
        return Markup("{}: {}").format(words.plain(element.title), self._points(row))

    def _points(self, row: Row) -> Markup:
        change, low, high = (
            self.site.figure("change", row, column, how="signed") for column in ("change", "change_low", "change_high")
        )
        return Markup("{} points ({} to {})").format(change, low, high)

    def _cannot_tell(self, area: Area, indicators: list[tuple[Element, Row]]) -> Markup:
        results = self.site.results
        of_ward = (
            f"SELECT count(*) FROM change WHERE level = 'indicator' AND edition_from = {results.editions[0]} "
            f"AND edition_to = {results.edition} AND profile = {literal(results.profile)} "
            f"AND area_code = {literal(area.code)}"
        )
        count = sum(row["verdict"] == "cannot_tell" for _, row in indicators)
        return Markup("{} of {} indicators").format(
            figures.derived(count, f"{of_ward} AND verdict = 'cannot_tell'"), figures.derived(len(indicators), of_ward)
        )

    def _row(self, element: Element, row: Row) -> dict[str, Any]:
        again = self.site.figure("change", row, "movable", 0, how="percent")
        return {
            "element": element,
            "change": self._points(row) if row["movable"] else Markup("not measured again"),
            "share": Markup("{}%").format(again),
            "verdict": self.site.word("change", row, "verdict", VERDICTS[row["verdict"]]),
        }
