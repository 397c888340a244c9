"""The section on a ward's place among the wards of England, and on the wards most like it.

The town's standing in single indicators is in ``pages.england``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Row, by_area, records


class InEngland:
    """The places of all wards of the town among those of England.

    Args:
        site: the site.
    """

    def __init__(self, site: Site) -> None:
        results = site.results
        self.site = site
        self.standing = {
            code: {row["id"]: row for row in rows}
            for code, rows in by_area(results.tables["ward_standing"]).items()
        }  # fmt: skip
        self.similar = by_area(results.tables["similar_ward"].sort_values("place"))
        (self.edition,) = records(results.newest("edition"))

    def of(self, area: Area) -> Mapping[str, Any]:
        """The section: its ``place``, what that ``rests`` on, the places of its ``parts``, and ``similar`` wards."""
        results, rows = self.site.results, self.standing.get(area.code, {})
        index = rows.get(results.index.id)
        shown = [element for element in results.elements.values() if element.level in ("dimension", "component")]
        without_place = [element.title for element in shown if element.id not in rows]
        return {
            "place": self._place(area, index),
            "rests": self._why_it_differs(index) if index else Markup(""),
            "parts": [
                self._part(element.title, element.level, rows[element.id]) for element in shown if element.id in rows
            ],
            "apart": words.listed(without_place) if without_place else "",
            "similar": [self._similar_row(row) for row in self.similar.get(area.code, [])],
            "alike": self._alike(area),
        }

    def _place(self, area: Area, row: Row | None) -> Markup:
        if row is None:
            return Markup("Its place among the wards of England is not known.")
        return Markup(
            "Among the {} wards of England, {} ranks {}. It does better than {} of 100 of them. Of ten equal "
            "groups, the best first, it is in group {}."
        ).format(
            self._figure(row, "wards"), area.name, self.site.ranked("ward_standing", row, "rank"),
            self._figure(row, "england_percentile"), self._figure(row, "decile"),
        )  # fmt: skip

    def _why_it_differs(self, row: Row) -> Markup:
        """The reason why the place may differ from what the ward's own score suggests."""
        return Markup(
            "This place rests on the {} figures that are known for nearly all wards of England. The score at the top "
            "of this page rests on the {} that are known here. The two can differ."
        ).format(self._figure(row, "slots"), self.site.figure("edition", self.edition, "slots", 0))

    def _part(self, title: str, level: str, row: Row) -> dict[str, Any]:
        return {
            "title": title,
            "level": level,
            "rank": self.site.ranked("ward_standing", row, "rank"),
            "better": self._figure(row, "england_percentile"),
            "tenth": self._figure(row, "decile"),
            "slots": self._figure(row, "slots"),
        }

    def _figure(self, row: Row, column: str) -> Markup:
        return self.site.figure("ward_standing", row, column, 0)

    def _alike(self, area: Area) -> Markup:
        """How similar wards are chosen."""
        contracts = self.site.results.contracts
        measures = words.listed(
            [f"“{words.plain(contracts.context[name].title)}”" for name in contracts.alike.measures]
        )
        return Markup(
            "These wards, anywhere in England, are most like {} in who lives there and how. Scores play no part in it: "
            "a ward that is like it may fare better or worse. The measures are {}, and each counts the same."
        ).format(area.name, measures)

    def _similar_row(self, row: Row) -> dict[str, Any]:
        return {
            "name": row["other_name"],
            "authority": row["other_authority"],
            "region": row["other_region"],
            "page": self.site.results.areas.get(row["other_code"]),
            "distance": self.site.figure("similar_ward", row, "distance"),
        }
