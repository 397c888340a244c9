"""The text of the report, gathered from the pages of the site, as plain data for the layout.

Text is a string. If part of it stands out, it is a list of pairs instead: a text, and whether it stands out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.report import pictures
from spi_pipeline.outputs.site import drawing, words
from spi_pipeline.outputs.site.downloads import OF_BOUNDARIES
from spi_pipeline.outputs.site.pages.about import citation, purpose
from spi_pipeline.outputs.site.pages.home import coming, findings, news, ranks, renewal
from spi_pipeline.outputs.site.pages.measure import ranking_says
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.pages.ward import sections
from spi_pipeline.outputs.site.pages.ward.scorecard import Verdict
from spi_pipeline.outputs.site.results import Area

# The number of measures of people and economy that fit next to a ward's score.
MEASURES = 11


def content(site: Site) -> dict[str, Any]:
    """Everything in the report.

    Args:
        site: the site, whose pages say the same.

    Returns:
        The input of ``report.typ``: only strings, numbers, lists and mappings.
    """
    results = site.results
    data = {
        "title": f"{site.name}: {results.index.title}, edition {results.edition}",
        "index": results.index.title,
        "name": site.name,
        "town": results.town.name,
        "edition": results.edition,
        "taken": words.day(results.as_of),
        "as_of": [results.as_of.year, results.as_of.month, results.as_of.day],
        "logo": (logo := site.publication.logo) and logo.model_dump(),
        "brand": site.publication.colours.brand,
        "link": site.publication.colours.link,
        "summary": _summary(site),
        "map": _map(site),
        "ranking": _ranking(site),
        "parts": [
            [ranking_says(site, dimension), [ranking_says(site, part) for part in results.below(dimension.id)]]
            for dimension in results.below(results.index.id)
        ],
        "without": [
            [says, [f"{row['title']}: {row['not_in_basis_because']}" for row in rows]]
            for says, rows in site.without_score
        ],
        "signs": pictures.signs(),
        "wards": [_ward(site, area, ward) for area, ward in sections(site)],
        "sources": _sources(site),
        "foot": site.publication.texts.foot,
    }
    return {name: _plain(value) for name, value in data.items()}


def _summary(site: Site) -> dict[str, Any]:
    contact = site.publication.contact
    return {
        "purpose": purpose(site),
        "own": site.publication.texts.about,
        "findings": findings(site),
        "ranks": ranks(site),
        "new": news(site),
        "renewal": renewal(site),
        "coming": coming(site),
        "citation": citation(site),
        "contact": ", ".join(filter(None, (contact.name, contact.email, contact.url))) if contact else "",
    }


def _map(site: Site) -> dict[str, Any] | None:
    drawn = pictures.ward_map(site)
    if drawn is None:
        return None
    results = site.results
    return {
        "picture": drawn,
        "says": ranking_says(site, results.index),
        "key": [
            {"picture": pictures.swatch(place), "words": f"{standing} {results.town.name}’s score"}
            for place, standing in enumerate(drawing.WORDS)
        ]
        + [{"picture": pictures.swatch(None), "words": "no score"}],
        "owed": OF_BOUNDARIES,
    }


def _ranking(site: Site) -> list[dict[str, Any]]:
    results = site.results
    rows = results.ranking(results.index.id)
    return [
        {
            "code": row["area_code"],
            "name": results.areas[row["area_code"]].name,
            "score": site.score(results.index, results.areas[row["area_code"]]),
            "rank": site.rank(results.index, results.areas[row["area_code"]]),
            "picture": pictures.interval(row, len(rows)),
        }
        for row in rows
    ]


def _ward(site: Site, area: Area, page: Mapping[str, Any]) -> dict[str, Any]:
    results = site.results
    card, people, changes, recent, needs = (page[name] for name in ("card", "people", "changes", "recent", "needs"))
    chart = recent["chart"]
    return {
        "code": area.code,
        "name": area.name,
        **{name: page[name] for name in ("summary", "dated")},
        **{name: card[name] for name in ("strengths", "weaknesses", "england")},
        "peers": Markup("{} {}").format(card["peers"], card["tests"]),
        "parts": [
            {
                "title": row["element"].title,
                "level": row["element"].level,
                "verdict": _verdict(row["verdict"]),
                "beyond": row["verdict"].beyond,
                "score": row["score"],
                "range": row["range"],
                "picture": pictures.strip(row["strip"]),
                "peers": row["median"],
                "town": site.score(row["element"], results.town),
                "rank": row["rank"],
            }
            for row in card["parts"]
        ],
        "beside": people["beside"],
        "measures": [
            {name: row[name] for name in ("title", "value", "range", "town", "period")}
            for row in people["first"][:MEASURES]
        ],
        "needs": [needs["intro"], needs["sentences"]],
        "changes": {name: changes[name] for name in ("intro", "again", "rose", "fell", "still")},
        "recent": {
            "heading": recent["heading"],
            "sentences": recent["sentences"],
            "chart": chart
            and {
                "picture": pictures.band(chart),
                **{name: getattr(chart, name) for name in ("says", "top", "first", "last")},
            },
            "until": recent["measures"][0]["until"] if recent["measures"] else "",
            "measures": [
                {name: row[name] for name in ("title", "now", "then", "compared", "signal")}
                for row in recent["measures"]
            ],
        },
        "neighbours": [
            {
                "code": other.code,
                "name": other.name,
                "says": Markup("{} ({}), {}").format(
                    site.score(results.index, other), results.edition, site.rank(results.index, other)
                ),
            }
            for other in page["neighbours"]
        ],
        "from": _publishers(site, card["parts"], people["first"]),
    }


def _verdict(verdict: Verdict) -> str:
    return f"{verdict.symbol} {verdict.words}"


def _publishers(site: Site, parts: Iterable[Mapping[str, Any]], measures: Iterable[Mapping[str, Any]]) -> str:
    """The publishers of everything on the pages of a ward, each once."""
    sources = [item["source"] for part in parts for item in part["indicators"]] + [row["source"] for row in measures]
    sources += [site.results.contracts.sources[item.source] for item in site.results.contracts.recent.measures]
    return "; ".join(dict.fromkeys(source.properties.publisher for source in sources))


def _sources(site: Site) -> list[dict[str, Any]]:
    """The sources of the figures: data sets grouped by publisher, licence and required attribution."""
    contracts = site.results.contracts
    measured = [
        contracts.indicators[element.id] for element in site.results.elements.values() if element.level == "indicator"
    ]
    names = [name for item in (*measured, *contracts.context.values()) for name in contracts.sources_of(item)]
    names += [item.source for item in contracts.recent.measures]
    datasets_of: dict[tuple[str, str, str], dict[str, str]] = {}
    for name in names:
        properties = contracts.sources[name].properties
        key = (properties.publisher, properties.licence, properties.attribution)
        datasets_of.setdefault(key, {})[properties.dataset] = properties.url
    return [
        {
            "publisher": publisher,
            "datasets": [{"title": title, "url": url} for title, url in datasets.items()],
            "licence": contracts.vocabulary.licences[licence].title,
            "terms": contracts.vocabulary.licences[licence].url,
            "attribution": attribution,
        }
        for (publisher, licence, attribution), datasets in sorted(datasets_of.items(), key=lambda item: item[0])
    ]


def _plain(data: Any) -> Any:
    """The same data without markup: a sentence becomes its text, with a note of the parts that stand out."""
    if isinstance(data, Markup):
        return _runs(data)
    if isinstance(data, dict):
        return {name: _plain(value) for name, value in data.items()}
    return [_plain(value) for value in data] if isinstance(data, list) else data


def _runs(sentence: Markup) -> str | list[tuple[str, bool]]:
    parts = re.split(r"<strong>(.*?)</strong>", sentence)
    if len(parts) == 1:
        return sentence.striptags()
    # ``striptags`` strips blanks at both ends, which here are the blanks between two runs; bars protect them.
    texts = ((Markup(f"|{part}|").striptags()[1:-1], place % 2 == 1) for place, part in enumerate(parts))
    return [(text, strong) for text, strong in texts if text]
