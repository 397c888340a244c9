"""Wards beside each other: a table of all, out of which the script takes two to four."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Area, Element


def compare(site: Site) -> Iterator[Page]:
    """The page on which wards are compared."""
    results = site.results
    elements = [element for element in results.elements.values() if element.level != "indicator"]
    yield Page(
        path="compare.html",
        template="compare.html",
        title="Compare wards",
        description=f"Two to four wards of {results.town.name} beside each other, and where they really differ.",
        content={
            "elements": elements,
            "rows": [(ward, [_cell(site, element, ward) for element in elements]) for ward in results.wards],
        },
        section="compare.html",
    )


def _cell(site: Site, element: Element, ward: Area) -> dict[str, Any]:
    row = site.results.scores[element.id, ward.code]
    return {
        "score": site.score(element, ward),
        "rank": site.rank(element, ward),
        "low": row["rank_low"],
        "high": row["rank_high"],
    }
