"""Every measure in one list: the index, its dimensions and components, and the indicators below them."""

from __future__ import annotations

from collections.abc import Iterator

from spi_pipeline.outputs.site.pages.page import Page, Site


def measures(site: Site) -> Iterator[Page]:
    """The page with the list of measures."""
    results = site.results
    left_out: dict[str, list[tuple[str, str]]] = {}
    for name, row in results.indicators.items():
        if not row["in_basis"]:
            left_out.setdefault(row["component_id"], []).append((name, row["title"]))
    yield Page(
        path="measures/index.html",
        template="measures.html",
        title="Every measure",
        description=f"What the {results.index.title} of {results.town.name} is made of, with a score for each part.",
        content={
            "left_out": left_out,
            "within": {
                dimension.id: [component.id for component in dimension.components]
                for dimension in results.contracts.framework.dimensions
            },
        },
        section="measures/index.html",
    )
