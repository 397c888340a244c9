"""How the town stands to England: in which indicators it does better than the middle ward, in which worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import derived, named
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Element

# Words of a list on how it stands in an indicator, and what the tables must say of it. No table holds the middle of
# England: a ward of the town that is no worse than it, and lies beyond the town’s interval, proves the same.
STANDINGS: Mapping[str, tuple[str, str]] = {
    "better": ("▲ Better than the middle ward of England", "better"),
    "worse": ("▼ Worse than the middle ward of England", "worse"),
    "untold": ("? Too near to the middle ward of England to tell", "NOT better AND NOT worse"),
}


@dataclass(frozen=True)
class Standing:
    """What is said of an element.

    Attributes:
        says: in how many indicators the town does better, and in how many worse.
        lists: by words of ``STANDINGS``, each indicator with the share of wards of England that do worse.
    """

    says: Markup
    lists: Mapping[str, list[Markup]]


def against_england(site: Site, element: Element, up: str) -> Standing:
    """How the town stands to the wards of England in the indicators of an element, the best first.

    Args:
        site: what was published.
        element: the index, a dimension or a component.
        up: the way from the page to the site's folder.
    """
    town, within = site.results.town, _within(site, element)
    shares = {one.id: float(site.results.scores[one.id, town.code]["england_percentile"]) for one in within}
    within.sort(key=lambda one: (-shares[one.id], one.id))
    held = {name: [one for one in within if stands(site, one) == name] for name in STANDINGS}
    if not within:
        return Standing(
            Markup("How {} stands to England in “{}” cannot be said: no figures for the wards of England are at hand.")
            .format(town.name, element.title), {},
        )  # fmt: skip
    said = Markup(
        "Of {} indicators with figures for the wards of England, {} does better than the middle ward of England in {} "
        "and worse in {}. "
    ).format(
        _count(site, element, within, "true"), town.name, *(_count(site, element, held[name], name) for name in
        ("better", "worse")),
    )  # fmt: skip
    said += Markup("In {} it is too near to tell.").format(
        _count(site, element, held["untold"], STANDINGS["untold"][1])
    )
    lists = {STANDINGS[name][0]: [_told(site, one, name, up) for one in ones] for name, ones in held.items() if ones}
    return Standing(said, lists)


def best_and_worst(site: Site) -> Markup:
    """The indicators in which the town does best and worst among the wards of England; empty where none is known."""
    results, index = site.results, site.results.index
    within = _within(site, index)
    if len(within) < 2:
        return Markup("")
    by_share = sorted(
        within, key=lambda one: (-float(results.scores[one.id, results.town.code]["england_percentile"]), one.id)
    )
    asked = f"{_held(site, index)} SELECT id FROM judged ORDER BY share {{}}, id {{}} LIMIT 1"
    best, worst = (
        Markup("“{}” (better than {} of 100 wards of England)").format(
            named(words.plain(one.title), one.id, asked.format(*order)), site.england(one, results.town)
        )
        for one, order in ((by_share[0], ("DESC", "")), (by_share[-1], ("", "DESC")))
    )
    return Markup("It does best in {} and worst in {}.").format(best, worst)


def stands(site: Site, indicator: Element) -> str:
    """``better`` or ``worse`` where the town's value differs from the middle ward of England by more than its interval.

    Where it has no interval, the value alone decides; ``untold`` otherwise.
    """
    results = site.results
    own = results.observations[indicator.id, results.town.code, results.edition]
    share = results.scores[indicator.id, results.town.code]["england_percentile"]
    sign = -1 if results.indicators[indicator.id]["direction"] == "lower_is_better" else 1
    ends = sorted(sign * own[end] for end in ("lower", "upper") if own[end] is not None)
    wards = [
        (
            row["england_percentile"],
            sign * results.observations[indicator.id, row["area_code"], results.edition]["value"],
        )
        for row in results.ranking(indicator.id)
        if row["england_percentile"] is not None
        and results.observations[indicator.id, row["area_code"], results.edition]["value"] is not None
    ]
    if share > 50 and (not ends or any(other >= 50 and good <= ends[0] for other, good in wards)):
        return "better"
    if share < 50 and (not ends or any(other <= 50 and good >= ends[-1] for other, good in wards)):
        return "worse"
    return "untold"


def _within(site: Site, element: Element) -> list[Element]:
    """The indicators below an element that have figures for England, or itself."""
    results = site.results
    return [
        one
        for one in results.elements.values()
        if one.level == "indicator"
        and (one is element or element in site.above(one))
        and results.scores.get((one.id, results.town.code), {}).get("england_percentile") is not None
    ]


def _count(site: Site, element: Element, held: list[Element], condition: str) -> Markup:
    return derived(len(held), f"{_held(site, element)} SELECT count(*) FROM judged WHERE {condition}")


def standing_says(site: Site, indicator: Element) -> Markup:
    """How the town stands to England in one indicator that has figures for it, in two sentences."""
    name, town = stands(site, indicator), site.results.town
    said = {
        "better": "In {} {} as a whole does better than the middle ward of England.",
        "worse": "In {} {} as a whole does worse than the middle ward of England.",
        "untold": "In {} {} as a whole is too near to the middle ward of England to tell which of the two is better.",
    }[name]
    marked = Markup("“{}”").format(_marked(site, indicator, words.plain(indicator.title), name))
    share = Markup("It does better than {} of 100 wards of England.").format(site.england(indicator, town))
    return Markup("{} {}").format(Markup(said).format(marked, town.name), share)


def _told(site: Site, one: Element, name: str, up: str) -> Markup:
    return Markup('<a href="{}{}">{}</a>, better than {} of 100 wards of England').format(
        up, site.path(one), _marked(site, one, one.title, name), site.england(one, site.results.town)
    )


def _marked(site: Site, one: Element, title: str, name: str) -> Markup:
    """The title of an indicator, of which the tables must say that the town stands so."""
    return named(title, one.id, f"{_held(site, one)} SELECT id FROM judged WHERE {STANDINGS[name][1]}")


def _held(site: Site, element: Element) -> str:
    """The town's standing in each indicator of an element, ``judged``, as the published database works it out."""
    results = site.results
    column = {"indicator": "indicator_id", "component": "component_id", "dimension": "dimension_id"}.get(element.level)
    only = f"AND i.{column} = {literal(element.id)}" if column else ""
    return f"""
        WITH held AS (
            SELECT s.id, s.area_code, england_percentile AS share, if(direction = 'lower_is_better', -1, 1) AS sign,
                sign * value AS good, sign * if(sign = 1, lower, upper) AS least,
                sign * if(sign = 1, upper, lower) AS most
            FROM score s JOIN observation o ON o.indicator_id = s.id AND o.area_code = s.area_code
                AND o.edition = s.edition JOIN indicator i ON i.indicator_id = s.id
            WHERE s.edition = {results.edition} AND profile = {literal(results.profile)}
                AND england_percentile IS NOT NULL {only}),
        wards AS (SELECT held.* FROM held SEMI JOIN area ON area.area_code = held.area_code AND level = 'ward'),
        judged AS (
            SELECT id, share,
                share > 50 AND (least IS NULL OR EXISTS (
                    SELECT 1 FROM wards w WHERE w.id = t.id AND w.share >= 50 AND w.good <= t.least)) AS better,
                share < 50 AND (most IS NULL OR EXISTS (
                    SELECT 1 FROM wards w WHERE w.id = t.id AND w.share <= 50 AND w.good >= t.most)) AS worse
            FROM held t WHERE area_code = {literal(results.town.code)})"""
