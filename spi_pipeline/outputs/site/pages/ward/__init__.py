"""The page of a ward, "This is" and the town: how it fares, its people, what moved and what it would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from markupsafe import Markup

from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.pages.ward.changes import Changes
from spi_pipeline.outputs.site.pages.ward.england import InEngland
from spi_pipeline.outputs.site.pages.ward.needs import Needs
from spi_pipeline.outputs.site.pages.ward.people import People
from spi_pipeline.outputs.site.pages.ward.recent import Recent
from spi_pipeline.outputs.site.pages.ward.scorecard import Scorecard
from spi_pipeline.outputs.site.results import Area, Row, by_area

# The number of places at either end of the ranking that the first paragraph names.
ENDS = 3


class Part(Protocol):
    """The source of a section of the page of any ward."""

    def of(self, area: Area, /) -> Mapping[str, Any]:
        """The content of the section for a ward."""


def ward(site: Site) -> Iterator[Page]:
    """A page for each ward."""
    town = site.results.town.name
    for area, section_contents in sections(site):
        yield Page(
            path=f"wards/{area.slug}.html",
            template="ward.html",
            title=f"{area.name}: this is {town}",
            description=f"{area.name}, a ward of {town}: its score for social progress, likely rank, strengths and "
            "weaknesses, people, economy and crime.",
            content={"ward": area, "town": site.results.town, **section_contents},
            section="wards/index.html",
            area_code=area.code,
        )


def sections(site: Site) -> Iterator[tuple[Area, dict[str, Any]]]:
    """Each ward with the content of its page, by section."""
    changes = Changes(site)
    parts: dict[str, Part] = {
        "card": Scorecard(site), "people": People(site), "changes": changes, "recent": Recent(site, changes),
        "needs": Needs(site), "england": InEngland(site),
    }  # fmt: skip
    own = by_area(site.results.tables["own_area_overlap"].query("kind == 'ward'"), "other")
    when = dated(site)
    for area in site.results.wards:
        contents = {name: part.of(area) for name, part in parts.items()}
        yield (
            area,
            {
                "summary": Markup(" ").join([_summary(site, area), *_places(site, area)]),
                "dated": when,
                "own_areas": [_own(site, row) for row in own.get(area.code, [])],
                **_near(site, area),
                **contents,
            },
        )


def _near(site: Site, area: Area) -> dict[str, Any]:
    """The wards that border on it and, if there are boundaries, a map of these and itself."""
    near = site.neighbours.get(area.code, [])
    shown = drawing.around(site.map, {area.code, *(ward.code for ward in near)}) if near and site.map else None
    return {"neighbours": near, "map": shown}


def _own(site: Site, row: Row) -> dict[str, Any]:
    """An area of the council's own with some of a ward's residents, and their number."""
    name = next(own_area["area_name"] for own_area in site.results.own_areas if own_area["own_area"] == row["own_area"])
    return {"id": row["own_area"], "name": name, "shared": site.figure("own_area_overlap", row, "shared", 0)}


def dated(site: Site) -> Markup:
    """The date of the scores, and the meaning of likely."""
    return Markup("Edition {}, figures taken on {}. {} {}").format(
        site.results.edition, words.day(site.results.as_of), words.RANGES_OF_SCORES, words.RANGES_OF_VALUES
    )


def _places(site: Site, area: Area) -> list[Markup]:
    """The components in which the ward is among the first three and the last three; empty if there are few wards."""
    results = site.results
    last = len(results.wards)
    ranked = [
        (results.scores[element.id, area.code]["rank"], element)
        for element in results.elements.values()
        if element.level == "component"
    ]
    ranked = [(rank, element) for rank, element in ranked if rank is not None]
    if last < 2 * ENDS or not ranked:
        return []
    ends = (
        ("first", [one for rank, one in sorted(ranked, key=lambda pair: pair[0]) if rank <= ENDS]),
        ("last", [one for rank, one in sorted(ranked, key=lambda pair: -pair[0]) if rank > last - ENDS]),
    )
    sentences = []
    for end, ones in ends:
        items = [Markup("{} ({})").format(one.title, site.rank(one, area)) for one in ones]
        among = f"among the {end} {words.number(ENDS)} wards"
        sentences.append(
            Markup("It is {} in {}.").format(among, words.listed_markup(items))
            if items
            else Markup("It is {} in no part of the index.").format(among)
        )
    return sentences


def _summary(site: Site, area: Area) -> Markup:
    """The ward's score and rank, in one or two sentences."""
    results, index = site.results, site.results.index
    row = results.scores[index.id, area.code]
    if row["score"] is None:
        return Markup("{} has no score in edition {}: too little is known of it.").format(area.name, results.edition)
    sentence = Markup("{} scores {} of 100 for social progress in edition {}; {} as a whole scores {}.").format(
        area.name, site.score(index, area), results.edition, results.town.name, site.score(index, results.town)
    )
    if row["rank"] is None:
        return Markup("{} No other ward has a score, so it has no rank.").format(sentence)
    return Markup("{} It ranks {}, among {}.").format(sentence, site.rank(index, area), site.wards_counted)
