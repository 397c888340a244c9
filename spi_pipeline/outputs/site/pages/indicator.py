"""The page of an indicator: its meaning and reason, results by ward, age, and the path from a figure to a score."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.chain import chain, middle_ward
from spi_pipeline.outputs.site.figures import derived, figure, named, places
from spi_pipeline.outputs.site.pages.england import standing_says
from spi_pipeline.outputs.site.pages.measure import moved, ranking_says
from spi_pipeline.outputs.site.pages.page import File, Page, Site
from spi_pipeline.outputs.site.results import Element, Row

# The reason for the goalposts, by their source, for contracts that give no reason of their own.
BASES = {
    "theory": "The scale itself has these limits.",
    "cap": "These limits were chosen.",
    "reference": (
        "One in a hundred wards of England lies beyond either of the two, unless they were moved outwards, as is done "
        "where a third of a town lies beyond."
    ),
}
DIRECTIONS = {"higher_is_better": "Higher is better.", "lower_is_better": "Lower is better."}
# What the interval of a value rests on, by the source of its error.
ERRORS = {
    "counts": "the counts behind each value",
    "published": "the publisher’s own limits",
    "two_measures": "how far a second measure of the same thing disagrees",
    "dispersion": "how far repeated counts scatter",
    "assumed": "a guess of ours on the safe side, since nothing published says how large the error is",
}


def indicator(site: Site) -> Iterator[Page | File]:
    """A page and a download for each indicator; a short page for indicators that enter no score."""
    results = site.results
    for name, row in results.indicators.items():
        content = {"row": row, "indicator": results.contracts.indicators[name], "source": _source(site, row)}
        path, in_basis = f"indicators/{name}.html", row["in_basis"]
        download = _table(site, name)
        if download is not None:
            yield File(f"downloads/indicator/{name}.csv", download)
        content["download"] = download is not None
        yield Page(
            path=path,
            template="indicator.html" if in_basis else "left_out.html",
            title=row["title"],
            description=row["description"],
            content=content | (_in_basis(site, name) if in_basis else {"instead": site.instead(row)}),
            section="measures/index.html",
        )


def _in_basis(site: Site, name: str) -> dict[str, Any]:
    results, element, entry = site.results, site.results.elements[name], site.results.indicators[name]
    areas = [*(results.areas[row["area_code"]] for row in results.ranking(name)), results.town]
    seen = {area.code: results.observations[name, area.code, results.edition] for area in areas}
    ends = [row[end] for row in seen.values() for end in ("value", "lower", "upper") if row[end] is not None]
    least, most = min(ends, default=0.0), max(ends, default=0.0)
    contract = results.contracts.indicators[name]
    middle = middle_ward(site, element)
    used = _used(site, name)
    return {
        "element": element,
        "ends_say": _ends_say(site, element),
        "says": ranking_says(site, element),
        "moved": moved(site, element),
        "areas": areas,
        "seen": seen,
        "ends": (least, most if most > least else least + 1),
        "error": ERRORS[contract.error_evidence],
        "middle": middle,
        "steps": chain(site, element, middle.ward) if middle else [],
        "used": used,
        "one_figure": _one_figure(site, name),
        "one_way": used[0][1] if all(ways == used[0][1] for _, ways in used) else None,
        "release": _release_says(site, entry),
        "england": _england_says(site, element),
        "useful": figure(entry["useful_years"], "indicator", "useful_years", 0, indicator_id=name),
        "posts": posts(site, element),
        "siblings": derived(
            len(results.below(entry["component_id"])),
            f"SELECT count(*) FROM indicator WHERE in_basis AND component_id = '{entry['component_id']}'",
        ),
        "direction": DIRECTIONS[entry["direction"]],
        "reason": contract.goalposts.reason or BASES[entry["goalpost_source"]],
    }


def _source(site: Site, row: Row) -> dict[str, Any]:
    """The source of an indicator, its licence, and restrictions on the columns it uses."""
    contracts = site.results.contracts
    properties = contracts.sources[row["source_id"]].properties
    columns = contracts.indicators[row["indicator_id"]].measure.columns
    restricted = [item for item in properties.restrictions if not set(item.columns).isdisjoint(columns)]
    return {
        "properties": properties,
        "licence": contracts.vocabulary.licences[properties.licence],
        "restricted": restricted,
    }


def _ends_say(site: Site, element: Element) -> Markup:
    """The wards with the highest and the lowest value, and the town's value; wards with estimates are left out."""
    results = site.results
    rows = [results.observations[element.id, ward.code, results.edition] for ward in results.wards
            if (element.id, ward.code, results.edition) in results.observations]  # fmt: skip
    rows = [row for row in rows if row["value"] is not None and row["status"] != "imputed"]
    if not rows:
        return Markup("No ward has a value of its own.")
    query = (
        f"SELECT area_code FROM observation JOIN area USING (area_code) WHERE level = 'ward' AND status <> 'imputed' "
        f"AND indicator_id = '{element.id}' AND edition = {results.edition} AND value IS NOT NULL ORDER BY value"
    )
    by_value = sorted(rows, key=lambda row: (row["value"], results.areas[row["area_code"]].name))
    least = results.areas[by_value[0]["area_code"]]
    by_value.sort(key=lambda row: -row["value"])
    most = results.areas[by_value[0]["area_code"]]
    return Markup(
        "The highest value is that of {} with {}, the lowest that of {} with {}; {} as a whole has {}."
    ).format(
        named(most.name, most.code, f"{query} DESC, area_name LIMIT 1"), site.in_words(element, most),
        named(least.name, least.code, f"{query}, area_name LIMIT 1"), site.in_words(element, least),
        results.town.name, site.in_words(element, results.town),
    )  # fmt: skip


def _one_figure(site: Site, name: str) -> str | None:
    """The period of the single figure that all editions use in every area; None if they differ anywhere."""
    results = site.results
    periods: dict[str, None] = {}
    for area in results.areas.values():
        rows = [results.observations.get((name, area.code, year)) for year in results.editions]
        if len({(row["period_end"], row["value"]) if row else None for row in rows}) > 1:
            return None
        if rows[0] is not None and rows[0]["period_end"] is not None:
            periods[site.when(rows[0], results.indicators[name]["source_id"])] = None
    return words.listed(list(periods)) if periods and len(results.editions) > 1 else None


def _release_says(site: Site, row: Row) -> str | None:
    """What is known of the measured years, if figures carry the year of their release; otherwise None."""
    if not site.released(row):
        return None
    return " ".join(site.results.contracts.sources[row["source_id"]].limits.split())


def _period(site: Site, element: Element) -> str:
    """The period of the figures for England."""
    row = site.results.indicators[element.id]
    if not row["england_period"]:
        return ""
    start, end = (pd.Timestamp(day) for day in row["england_period"].split("/"))
    level = site.results.contracts.indicators[element.id].measure.level
    return site.when({"period_start": start, "period_end": end}, level.source if level else row["source_id"])


def _england_says(site: Site, element: Element) -> Markup | None:
    """The standing of town and wards among the wards of England; None if no figures for these are available."""
    results = site.results
    known = [row["england_percentile"] for row in results.ranking(element.id) if row["england_percentile"] is not None]
    if not known:
        return None
    query = (
        f"SELECT count(*) FROM score WHERE id = '{element.id}' AND edition = {results.edition} "
        f"AND profile = '{results.profile}' AND area_code IN (SELECT area_code FROM area WHERE level = 'ward') "
        "AND england_percentile"
    )
    better = derived(sum(share >= 50 for share in known), f"{query} >= 50")
    among = derived(len(known), f"{query} >= 0")
    text = Markup("Wards that do better than at least half of the wards of England: {} of {} ({}).").format(
        better, among, _period(site, element)
    )
    if results.scores[element.id, results.town.code]["england_percentile"] is None:
        return text
    score = Markup(
        "Its score of {} says something else: how far its value has come from the worst that counts, {}, to the best, "
        "{}, wherever the wards of England stand."
    ).format(site.score(element, results.town), *posts(site, element))
    return Markup("{} {} {}").format(standing_says(site, element), score, text)


def posts(site: Site, element: Element) -> list[Markup]:
    """The goalposts: the values that score 0 and 100."""
    row = site.results.indicators[element.id]
    digits = places(row["worst"], row["best"])
    return [figure(row[post], "indicator", post, digits, indicator_id=element.id) for post in ("worst", "best")]


def _used(site: Site, name: str) -> list[tuple[int, list[str]]]:
    """For every edition, the periods of its values and their status; wards that differ from the rest are named."""
    by_edition = []
    for year in site.results.editions:
        ways: dict[str, list[str]] = {}
        for ward in site.results.wards:
            row = site.results.observations.get((name, ward.code, year))
            if row is None:
                continue
            when, how = site.when(row), words.STATUSES[site.status(row)]
            if site.status(row) == "released":
                how = "measured before"
            ways.setdefault(f"{when}: {how}" if when else how, []).append(ward.name)
        usual = max(ways, key=lambda way: len(ways[way]), default="")
        descriptions = [way if way == usual else f"{way} ({words.listed(wards)})" for way, wards in ways.items()]
        by_edition.append((year, descriptions))
    return by_edition


def _table(site: Site, name: str) -> str | None:
    """Every value of an indicator with its score, as CSV; None if it has no value."""
    results, catalogued = site.results, site.results.indicators[name]
    seen = ("period_start", "period_end", "value", "lower", "upper", "numerator", "denominator", "status")
    scored = ("score", "score_low", "score_high", "rank", "rank_low", "rank_high", "england_percentile")
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(
        ("indicator_id", "title", "unit", "edition", "area_code", "area_name", *seen, *scored, "source_id", "licence")
    )
    count = 0
    for year in results.editions:
        for area in results.areas.values():
            row = results.observations.get((name, area.code, year))
            if row is None or row["value"] is None:
                continue
            count += 1
            score = results.history.get((name, area.code, year), {})
            cells = [row[column] for column in seen] + [score.get(column) for column in scored]
            cells = [f"{cell:%Y-%m-%d}" if isinstance(cell, pd.Timestamp) else cell for cell in cells]
            out.writerow(
                (
                    name,
                    catalogued["title"],
                    catalogued["unit"],
                    year,
                    area.code,
                    area.name,
                    *cells,
                    catalogued["source_id"],
                    catalogued["licence"],
                )
            )
    return text.getvalue() if count else None
