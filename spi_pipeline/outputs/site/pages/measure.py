"""The page of the index, a dimension or a component: results by ward, changes and parts."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import named
from spi_pipeline.outputs.site.pages.england import against_england
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Element

PARTS = {"index": "dimensions", "dimension": "components", "component": "indicators"}


def measure(site: Site) -> Iterator[Page]:
    """A page for each element above the indicators."""
    for element in site.results.elements.values():
        if element.level != "indicator":
            yield Page(
                path=site.path(element),
                template="measure.html",
                title=element.title,
                description=f"{element.title} by ward in {site.results.town.name}: map, ranking, change and parts.",
                content={
                    "element": element,
                    "england": against_england(site, element, "../"),
                    "says": ranking_says(site, element),
                    "moved": moved(site, element),
                    "parts": site.results.below(element.id),
                    "kind": PARTS[element.level],
                },
                section="measures/index.html",
            )


def ranking_says(site: Site, element: Element) -> Markup:
    """The standing of town and wards in an element, in the same words as the script of Explore."""
    results = site.results
    text = Markup("{}, edition {}: {} scores {} of 100.").format(
        element.title, results.edition, results.town.name, site.score(element, results.town)
    )
    ranked = [results.areas[row["area_code"]] for row in results.ranking(element.id) if row["rank"] is not None]
    if not ranked:
        return text + " No ward has a rank."
    first, last = ranked[0], ranked[-1]
    query = (
        f"SELECT area_code FROM score JOIN area USING (area_code) WHERE score.id = '{element.id}' "
        f"AND edition = {results.edition} AND profile = '{results.profile}' AND rank IS NOT NULL"
    )
    top = named(first.name, first.code, f"{query} ORDER BY rank, area_name LIMIT 1")
    bottom = named(last.name, last.code, f"{query} ORDER BY rank DESC, area_name DESC LIMIT 1")
    return text + Markup(" First comes {} with {} ({}), last {} with {} ({}).").format(
        top, site.score(element, first), site.rank(element, first),
        bottom, site.score(element, last), site.rank(element, last),
    )  # fmt: skip


def moved(site: Site, element: Element) -> list[Markup]:
    """How an element moved from the first edition to the newest: first the town, then the wards."""
    results = site.results
    start, end = results.editions[0], results.edition
    if start == end:
        return []
    sentences = [
        Markup("{} from {} to {}: {}.").format(
            results.town.name, start, end, site.change(element, results.town, start, end)
        )
    ]
    for verdict, means in (
        ("rose", "Rose beyond what chance explains"),
        ("fell", "Fell beyond what chance explains"),
        ("not_distinguishable", "No change that stands out from chance"),
        ("cannot_tell", "Cannot be told, since less than half of the weight behind the score was measured again"),
    ):
        names = [
            ward.name
            for ward in results.wards
            if results.changes.get((element.id, ward.code, start, end), {"verdict": "cannot_tell"})["verdict"]
            == verdict
        ]
        if names:
            sentences.append(
                Markup("{}: {}.").format(
                    means, "every ward" if len(names) == len(results.wards) else words.listed(names)
                )
            )
    return sentences
