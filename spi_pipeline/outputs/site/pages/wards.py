"""The page of all wards: a card for each, with its score, its likely rank and a sparkline of the editions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import drawing
from spi_pipeline.outputs.site.figures import derived
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Area, Row, by_area, records


def wards(site: Site) -> Iterator[Page]:
    """The page of all wards."""
    results = site.results
    table = results.tables["score"]
    own = table[(table["id"] == results.index.id) & (table["profile"] == results.profile)].sort_values("edition")
    rows = by_area(own)
    scores = [row["score"] for area_rows in rows.values() for row in area_rows if row["score"] is not None]
    # All lines share one scale so that they can be compared; its ends are multiples of ten so that they can be printed.
    low, high = (10 * (min(scores) // 10), 10 * -(-max(scores) // 10)) if scores else (0, 100)
    own_scores = results.newest("own_area_score")
    index = {row["own_area"]: row for row in records(own_scores[own_scores["id"] == results.index.id])}
    of_index = f"FROM score WHERE id = {literal(results.index.id)} AND profile = {literal(results.profile)}"
    yield Page(
        path="wards/index.html",
        template="wards.html",
        title=f"The wards of {results.town.name}",
        description=f"The wards of {results.town.name} side by side: score, likely rank and editions.",
        content={
            "cards": [_card(site, ward, rows.get(ward.code, []), low, high) for ward in results.wards],
            "low": derived(low, f"SELECT 10 * floor(min(score) / 10) {of_index}"),
            "areas": [_own(site, row, index.get(row["own_area"])) for row in results.own_areas],
            "high": derived(high, f"SELECT 10 * ceil(max(score) / 10) {of_index}"),
        },
        section="wards/index.html",
    )


def _own(site: Site, area: Row, score: Row | None) -> dict[str, Any]:
    """An area of the council's own: its residents, its score, and the rank it would take among the wards."""
    return {
        "id": area["own_area"],
        "name": area["area_name"],
        "residents": site.figure("own_area", area, "residents", 0),
        "score": site.figure("own_area_score", score, "score") if score else "no score",
        "rank": site.ranked("own_area_score", score, "place") if score else "no rank",
    }


def _card(site: Site, ward: Area, rows: list[Row], low: float, high: float) -> dict[str, Any]:
    by_edition = {row["edition"]: row for row in rows}
    editions = [by_edition.get(edition) for edition in site.results.editions]
    return {
        "ward": ward,
        "scores": [site.figure("score", row, "score", absent="no score") if row else "no score" for row in editions],
        "line": drawing.line([row["score"] if row else None for row in editions], low, max(high, low + 10)),
    }
