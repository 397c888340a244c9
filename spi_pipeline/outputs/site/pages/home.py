"""Luton in one page: findings, map and ranking."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.pages.page import Page, Site


def home(site: Site) -> Iterator[Page]:
    """The first page."""
    results = site.results
    yield Page(
        path="index.html",
        template="home.html",
        title=f"{results.town.name} in one page",
        description=f"How {results.town.name} and its {len(results.wards)} wards fare in social progress.",
        content={"findings": _findings(site), "ranking": results.ranking(results.index.id)},
        section="index.html",
    )


def _findings(site: Site) -> list[Markup]:
    """What to know first, each a sentence."""
    results, index = site.results, site.results.index
    order = [results.areas[row["area_code"]] for row in results.ranking(index.id)]
    first, last = order[0], order[-1]
    return [
        Markup("{} scores {} of 100 for social progress ({}).").format(
            results.town.name, site.score(index, results.town), results.edition
        ),
        Markup("{} comes first ({}, {}), {} last ({}, {}).").format(
            first.name, site.score(index, first), site.rank(index, first),
            last.name, site.score(index, last), site.rank(index, last),
        ),
        Markup("The figures were taken on {}.").format(words.day(results.as_of)),
    ]  # fmt: skip
