"""The page Explore: every measure in every edition. Without JavaScript it shows the index in the newest edition.

The script reads ``static/explore/all.js`` and, when a measure is first viewed, ``static/measures/ID.js``. These hold
every number as it is printed, so that script and pages agree to the digit. For each edition, in the order of ``areas``,
``s`` = [score, colour class, rank, best likely rank, worst likely rank], ``c`` = [points, likely from, likely to,
verdict] by the edition compared with, and for an indicator ``v`` = [value, interval from, to, status]. An unknown entry
is 0; an unknown number within an entry is null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.figures import places
from spi_pipeline.outputs.site.pages.measure import moved, ranking_says
from spi_pipeline.outputs.site.pages.page import File, Page, Site, data_file
from spi_pipeline.outputs.site.results import Area, Element


def explore(site: Site) -> Iterator[Page | File]:
    """The page Explore, and the data of its script."""
    results = site.results
    yield data_file("explore/all", data(site))
    areas = [results.town, *results.wards]
    yield from (
        data_file(f"measures/{element.id}", _measure(site, element, areas)) for element in results.elements.values()
    )
    yield Page(
        path="explore.html",
        template="explore.html",
        title="Explore the results",
        description=f"Every measure of {results.town.name} in every edition: map, ranking, trend and change.",
        content={
            "says": ranking_says(site, results.index),
            "moved": moved(site, results.index),
            "before": results.editions[-2] if len(results.editions) > 1 else None,
        },
        section="explore.html",
    )


def data(site: Site) -> dict[str, Any]:
    """The data that the script uses for every measure."""
    results = site.results
    areas = [results.town, *results.wards]
    return {
        "asOf": words.day(results.as_of),
        "editions": results.editions,
        "areas": [[area.code, area.name, area.slug] for area in areas],
        "verdicts": list(words.VERDICTS.values()),
        "statuses": list(words.STATUSES.values()),
        "trend": {
            "x": drawing.across(len(results.editions)),
            "y": [drawing.BOTTOM, (drawing.BOTTOM - drawing.TOP) / 100],
        },
    }


def _measure(site: Site, element: Element, areas: list[Area]) -> dict[str, Any]:
    results = site.results
    entry: dict[str, Any] = {
        "title": element.title,
        "path": site.path(element),
        "s": {year: [_score(site, element, area, year) for area in areas] for year in results.editions},
        "c": {
            year: {
                start: [_change(site, element, area, start, year) for area in areas]
                for start in _compared_with(site, year)
            }
            for year in results.editions[1:]
        },
    }
    if element.level == "indicator":
        catalogued = results.indicators[element.id]
        digits = places(catalogued["worst"], catalogued["best"])
        values = {year: [_value(site, element, area, year, digits) for area in areas] for year in results.editions}
        entry |= {"unit": catalogued["unit"], "digits": digits, "v": values}
    return entry


def _compared_with(site: Site, year: int) -> list[int]:
    """The editions that an edition is compared with: the one before it and, for the newest, also the first."""
    editions = site.results.editions
    compared = [editions[editions.index(year) - 1]]
    return compared if year != editions[-1] or compared[0] == editions[0] else [*compared, editions[0]]


def _score(site: Site, element: Element, area: Area, year: int) -> list[Any] | int:
    row = site.results.history.get((element.id, area.code, year))
    if row is None or row["score"] is None:
        return 0
    town = site.results.history.get((element.id, site.results.town.code, year), {}).get("score")
    place = None if town is None else drawing.colour_class(row["score"], town)
    ranks = (row["rank"], row["rank_low"], row["rank_high"])
    ranked = [] if None in ranks else [int(rank) for rank in ranks]
    return [round(row["score"], 1), place, *ranked]


def _change(site: Site, element: Element, area: Area, start: int, end: int) -> list[Any] | int:
    row = site.results.changes.get((element.id, area.code, start, end))
    if row is None or row["change"] is None or row["verdict"] == "cannot_tell":
        return 0
    points = [round(row[name], 1) + 0.0 for name in ("change", "change_low", "change_high")]
    return [*points, list(words.VERDICTS).index(row["verdict"])]


def _value(site: Site, element: Element, area: Area, year: int, digits: int) -> list[Any] | int:
    row = site.results.observations.get((element.id, area.code, year))
    if row is None or row["value"] is None:
        return 0
    numbers = [None if row[name] is None else round(row[name], digits) + 0.0 for name in ("value", "lower", "upper")]
    return [*numbers, list(words.STATUSES).index(site.status(row))]
