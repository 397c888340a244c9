"""A ward's own page, "This is" and the town: how it fares, who lives there, what moved and what it would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from markupsafe import Markup

from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.pages.ward.around import Around
from spi_pipeline.outputs.site.pages.ward.england import InEngland
from spi_pipeline.outputs.site.pages.ward.moved import Moved
from spi_pipeline.outputs.site.pages.ward.recent import Recent
from spi_pipeline.outputs.site.pages.ward.scorecard import Scorecard
from spi_pipeline.outputs.site.pages.ward.takes import Takes
from spi_pipeline.outputs.site.results import Area, Row, by_area

# Places at either end of the town's wards that are named in the first paragraph.
ENDS = 3


class Part(Protocol):
    """What fills a section of the page of any ward."""

    def of(self, area: Area, /) -> Mapping[str, Any]:
        """What the section says of a ward."""


def ward(site: Site) -> Iterator[Page]:
    """A page for each ward."""
    town = site.results.town.name
    for area, said in sections(site):
        yield Page(
            path=f"wards/{area.slug}.html",
            template="ward.html",
            title=f"{area.name}: this is {town}",
            description=f"{area.name}, a ward of {town}: its score for social progress, likely rank, strengths and "
            "weaknesses, people, economy and crime.",
            content={"ward": area, "town": site.results.town, **said},
            section="wards/index.html",
            area_code=area.code,
        )


def sections(site: Site) -> Iterator[tuple[Area, dict[str, Any]]]:
    """Each ward, and what is said of it by section."""
    moved = Moved(site)
    parts: dict[str, Part] = {
        "card": Scorecard(site), "around": Around(site), "moved": moved, "recent": Recent(site, moved),
        "takes": Takes(site), "england": InEngland(site),
    }  # fmt: skip
    own = by_area(site.results.tables["own_area_overlap"].query("kind == 'ward'"), "other")
    when = dated(site)
    for area in site.results.wards:
        said = {name: part.of(area) for name, part in parts.items()}
        yield (
            area,
            {
                "summary": Markup(" ").join([_summary(site, area), *_places(site, area)]),
                "dated": when,
                "own_areas": [_own(site, row) for row in own.get(area.code, [])],
                **_near(site, area),
                **said,
            },
        )


def _near(site: Site, area: Area) -> dict[str, Any]:
    """The wards that border on it, and a map of these and itself, where it is drawn."""
    near = site.neighbours.get(area.code, [])
    shown = drawing.around(site.map, {area.code, *(ward.code for ward in near)}) if near and site.map else None
    return {"neighbours": near, "map": shown}


def _own(site: Site, row: Row) -> dict[str, Any]:
    """An area of the council's own that holds some of a ward's residents, and how many."""
    name = next(one["area_name"] for one in site.results.own_areas if one["own_area"] == row["own_area"])
    return {"id": row["own_area"], "name": name, "shared": site.figure("own_area_overlap", row, "shared", 0)}


def dated(site: Site) -> Markup:
    """Of when the scores are, and what likely means."""
    return Markup("Edition {}, figures taken on {}. {} {}").format(
        site.results.edition, words.day(site.results.as_of), words.RANGES_OF_SCORES, words.RANGES_OF_VALUES
    )


def _places(site: Site, area: Area) -> list[Markup]:
    """In which components the ward is among the first three and the last three; nothing where there are few wards."""
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
    found = []
    for end, ones in ends:
        told = [Markup("{} ({})").format(one.title, site.rank(one, area)) for one in ones]
        among = f"among the {end} {words.number(ENDS)} wards"
        found.append(
            Markup("It is {} in {}.").format(among, words.listed_markup(told))
            if told
            else Markup("It is {} in no part of the index.").format(among)
        )
    return found


def _summary(site: Site, area: Area) -> Markup:
    """What the ward is and where it stands, in one sentence or two."""
    results, index = site.results, site.results.index
    row = results.scores[index.id, area.code]
    if row["score"] is None:
        return Markup("{} has no score in edition {}: too little is known of it.").format(area.name, results.edition)
    said = Markup("{} scores {} of 100 for social progress in edition {}; {} as a whole scores {}.").format(
        area.name, site.score(index, area), results.edition, results.town.name, site.score(index, results.town)
    )
    if row["rank"] is None:
        return Markup("{} No other ward has a score, so it has no rank.").format(said)
    return Markup("{} It ranks {}, among {}.").format(said, site.rank(index, area), site.wards_counted)
