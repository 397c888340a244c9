"""The first page: findings, map, ranking, search by ward name or postcode, news and the next updates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import derived, figure, named, word
from spi_pipeline.outputs.site.pages.england import against_england, best_and_worst
from spi_pipeline.outputs.site.pages.largest import largest, sentence
from spi_pipeline.outputs.site.pages.page import File, Page, Site, data_file
from spi_pipeline.outputs.site.results import Row, records

# The number of news items shown; the pages of wards and sources have all of them.
NAMED = 5


def home(site: Site) -> Iterator[Page | File]:
    """The first page, and the postcodes that its search uses."""
    results = site.results
    districts = _postcodes(site)
    yield Page(
        path="index.html",
        template="home.html",
        title=f"{results.town.name} in one page",
        description=f"How {results.town.name} and its {len(results.wards)} wards fare in social progress.",
        content={
            "findings": findings(site), "ranks": ranks(site),
            "new": news(site), "renewal": renewal(site), "next": coming(site), "districts": " ".join(districts),
        },
        section="index.html",
    )  # fmt: skip
    yield from (data_file(f"postcodes/{district}", sectors) for district, sectors in districts.items())


def findings(site: Site) -> list[Markup]:
    """What to know first: at most five findings, each in a sentence or two."""
    (score, *wards), moved = _standing(site), _movement(site)
    groups = [[score, *wards[:1]], wards[1:], _beside_england(site), moved, [_age(site)]]
    return [Markup(" ").join(sentences) for sentences in groups if sentences]


def ranks(site: Site) -> Markup:
    """The meaning of a rank and its likely range."""
    return Markup(
        "A rank is a place among {}. We worked the ranks out again and again, each time with other values for "
        "all that is in doubt. The likely ranks are where a ward came out nine times of ten. Where two wards’ likely "
        "ranks overlap, nobody can tell which of them is better."
    ).format(site.wards_counted)


def _standing(site: Site) -> list[Markup]:
    """The town's score, its first and last ward, its highest and lowest component."""
    results, index, town = site.results, site.results.index, site.results.town
    sentences = [
        Markup("{} scores {} of 100 for social progress ({}).").format(
            town.name, site.score(index, town), results.edition
        )
    ]
    newest = f"edition = {results.edition} AND profile = '{results.profile}'"
    ranked = [results.areas[row["area_code"]] for row in results.ranking(index.id) if row["rank"] is not None]
    if len(ranked) > 1:
        first, last = ranked[0], ranked[-1]
        wards = f"FROM score JOIN area USING (area_code) WHERE id = '{index.id}' AND {newest} AND rank IS NOT NULL"
        sentences.append(
            Markup("Of its {} wards {} comes first ({}, {}) and {} last ({}, {}).").format(
                site.ward_count,
                named(first.name, first.code, f"SELECT area_code {wards} ORDER BY rank, area_name LIMIT 1"),
                site.score(index, first), site.rank(index, first),
                named(last.name, last.code, f"SELECT area_code {wards} ORDER BY rank DESC, area_name DESC LIMIT 1"),
                site.score(index, last), site.rank(index, last),
            )
        )  # fmt: skip
    parts = [element for element in results.elements.values() if element.level == "component"]
    known = [element for element in parts if results.scores.get((element.id, town.code), {}).get("score") is not None]
    by_score = sorted(known, key=lambda element: float(results.scores[element.id, town.code]["score"]))
    if len(by_score) > 1:
        low, high = by_score[0], by_score[-1]
        of_town = (
            f"FROM score WHERE level = 'component' AND area_code = '{town.code}' AND {newest} AND score IS NOT NULL"
        )
        sentences.append(
            Markup("Of the {} parts of the index, {} scores highest in {} ({}) and lowest in {} ({}).").format(
                derived(len(known), f"SELECT count(*) {of_town}"), town.name,
                named(high.title, high.id, f"SELECT id {of_town} ORDER BY score DESC LIMIT 1"), site.score(high, town),
                named(low.title, low.id, f"SELECT id {of_town} ORDER BY score LIMIT 1"), site.score(low, town),
            )
        )  # fmt: skip
    return sentences


def _beside_england(site: Site) -> list[Markup]:
    """The comparison of the town with the wards of England; empty if no figures for these are available."""
    standing = against_england(site, site.results.index, "")
    if not standing.lists:
        return []
    lead = Markup('<a href="{}#england">{} beside England</a>.').format(
        site.path(site.results.index), site.results.town.name
    )
    return [Markup("{} {} {}").format(lead, standing.says, best_and_worst(site))]


def _movement(site: Site) -> list[Markup]:
    """Whether the index moved since the first edition, or why that cannot be told; then the largest moves."""
    results = site.results
    start, end = results.editions[0], results.edition
    table = results.newest("change")
    rows = records(table[(table["edition_from"] == start) & (table["edition_to"] == end)])
    whole = next((row for row in rows if row["level"] == "index" and row["area_code"] == results.town.code), None)
    if whole is None:
        return []
    has_verdict = whole["verdict"] in ("rose", "fell")
    if has_verdict:
        verdict, by = _verdict(whole, "more", "less"), _moved(whole, "change", "size")
        first = Markup("{} scores {} points {} than in {}.").format(results.town.name, by, verdict, start)
    elif not any(row["level"] == "index" and row["verdict"] in ("rose", "fell") for row in rows):
        first = Markup(
            "Nobody can tell yet whether social progress as a whole rose or fell, in {} or in any ward: only {}% of "
            "the index was measured again between the editions of {} and {}."
        ).format(results.town.name, _moved(whole, "movable", "percent"), start, end)
    else:
        first = Markup("")
    return [*filter(None, [first]), *_largest(site)]


def _largest(site: Site) -> list[Markup]:
    """The largest rise and the largest fall beyond chance of single measures in wards, if there are any."""
    template = Markup('<a href="progress.html">The largest {} of a score</a> since {}: {}.')
    return [
        template.format(noun, site.results.editions[0], sentence(site, move))
        for verdict, noun in (("rose", "rise"), ("fell", "fall"))
        for move in largest(site, verdict, 1)
    ]


def _moved(row: Row, column: str, how: str) -> Markup:
    return figure(row[column], "change", column, 1, how=how, **_key(row))


def _verdict(row: Row, rose: str, fell: str) -> Markup:
    return word(rose if row["verdict"] == "rose" else fell, row["verdict"], "change", "verdict", **_key(row))


def _key(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("edition_from", "edition_to", "profile", "area_code", "level", "id")}


def _age(site: Site) -> Markup:
    """The age of the figures."""
    results = site.results
    row = results.scores[results.index.id, results.town.code]
    key: dict[str, Any] = {
        "area_code": results.town.code,
        "id": results.index.id,
        "edition": results.edition,
        "profile": results.profile,
    }
    text = Markup(
        "On {}, when they were taken, the figures were {} years old on average. Figures of the last three years carry "
        "{}% of the weight of the index."
    ).format(
        words.day(results.as_of), figure(row["age_years"], "score", "age_years", 1, **key),
        figure(row["recent_weight"], "score", "recent_weight", 0, how="percent", **key),
    )  # fmt: skip
    ends = (results.index.id, results.town.code, results.editions[0], results.edition)
    movable = results.changes.get(ends, {}).get("movable")
    if movable is not None and row["recent_weight"] is not None and movable < row["recent_weight"]:
        text += " Not all of these have an older figure to be compared with, so change can be seen in less than that."
    return text


def news(site: Site) -> list[Markup]:
    """The news: signals of the newest months, and the latest releases of publishers."""
    return [*_signals(site), *_releases(site)] or [Markup("There are no monthly figures.")]


def renewal(site: Site) -> str:
    """Whether the pipeline requests newer figures from publishers, and how often these appear."""
    if _published(site).empty:
        return (
            "This site was made from figures that were collected before, and no publisher was asked for newer ones. "
            "This is how often newer ones come out."
        )
    return "We look for new figures as often as their publishers bring them out."


def _signals(site: Site) -> list[Markup]:
    results = site.results
    table = results.tables["recent"]
    if table.empty:
        return []
    newest = table["month"].max()
    titles = {item.id: item.title for item in results.contracts.monthly}
    rows = records(table[(table["month"] == newest) & table["signal"].isin(("rise", "fall"))])
    month = words.month(newest)
    sentences = [
        Markup("{} {} in {} since {} (police figures up to {}).").format(
            titles[row["measure_id"]],
            word("went up" if row["signal"] == "rise" else "went down", row["signal"], "recent", "signal",
                 measure_id=row["measure_id"], area_code=row["area_code"], month=newest),
            results.areas[row["area_code"]].name, words.month(row["signal_since"]), month,
        )
        for row in rows[:NAMED]
    ]  # fmt: skip
    if not sentences:
        sentences.append(
            Markup(
                "The newest police figures are for {}. In no ward do they differ from its usual ups and downs."
            ).format(month)
        )
    return sentences


def _releases(site: Site) -> list[Markup]:
    last = _published(site)
    sources = site.results.contracts.sources
    return [
        Markup("{} came out on {}.").format(sources[str(name)].title, words.day(pd.Timestamp(when)))
        for name, when in last.head(NAMED).items()
        if name in sources
    ]


def _published(site: Site) -> pd.Series:
    """The last release or fetch of each source, the newest first; sources that were never requested are left out."""
    table = site.results.tables["source_release"]
    newest = table["published_at"].fillna(table["fetched_at"])
    return newest.groupby(table["source_id"]).max().dropna().sort_values(ascending=False, kind="stable")


def coming(site: Site) -> list[Markup]:
    """How often the sources of the index are renewed, most often first, and the next edition."""
    contracts, edition = site.results.contracts, site.results.edition
    basis = [
        contracts.indicators[element.id] for element in site.results.elements.values() if element.level == "indicator"
    ]
    used = dict.fromkeys(chain.from_iterable(map(contracts.sources_of, basis)))
    renewed = [
        contracts.sources[name] for name in used
        if contracts.sources[name].cycle_days is not None and contracts.sources[name].properties.mode != "frozen"
    ]  # fmt: skip
    cycles = {source.cadence: source.cycle_days or 0 for source in renewed}
    sentences = []
    for cadence in sorted(cycles, key=cycles.__getitem__):
        publishers = dict.fromkeys(source.properties.publisher for source in renewed if source.cadence == cadence)
        often = contracts.vocabulary.cadences[cadence].title
        sentences.append(Markup("{}: from {}.").format(often[0].upper() + often[1:], words.listed(list(publishers))))
    return [*sentences, Markup("The next edition is that of {}.").format(edition + 1)]


def _postcodes(site: Site) -> dict[str, dict[str, dict[int, str]]]:
    """The last two letters of every postcode: by district and sector (LU1, 2), then by the ward's place in the list."""
    place = {ward.code: number for number, ward in enumerate(site.results.wards)}
    districts: dict[str, dict[str, dict[int, str]]] = {}
    table = site.results.postcodes.sort_values("postcode")
    for postcode, code in zip(table["postcode"], table["ward_code"], strict=True):
        if code in place:
            district, sector = postcode[:-3].replace(" ", ""), postcode[-3]
            units = districts.setdefault(district, {}).setdefault(sector, {})
            units[place[code]] = units.get(place[code], "") + postcode[-2:]
    return districts
