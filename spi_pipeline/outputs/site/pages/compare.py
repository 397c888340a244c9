"""The page that compares wards: its script compares two to four; without the script there is a table of all wards.

The script reads ``static/wards/SLUG.js``: for each element above the indicators, the score and rank as printed, and the
best and worst likely rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spi_pipeline.outputs.site.pages.page import File, Page, Site, data_file
from spi_pipeline.outputs.site.results import Area, Element


def compare(site: Site) -> Iterator[Page | File]:
    """The page that compares wards, and the data of each ward."""
    results = site.results
    elements = [element for element in results.elements.values() if element.level != "indicator"]
    rows = [(ward, [_cell(site, element, ward) for element in elements]) for ward in results.wards]
    yield from (data_file(f"wards/{ward.slug}", [_plain(cell) for cell in cells]) for ward, cells in rows)
    yield Page(
        path="compare.html",
        template="compare.html",
        title="Compare wards",
        description=f"Two to four wards of {results.town.name} side by side, and where they really differ.",
        content={
            "elements": elements,
            "rows": rows,
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


def _plain(cell: dict[str, Any]) -> list[Any]:
    ends = [None if cell[end] is None else int(cell[end]) for end in ("low", "high")]
    return [cell["score"].striptags(), cell["rank"].striptags(), *ends]
