"""Comparison of the town with England: the indicators in which it does better or worse than the middle ward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import derived, named
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Element

# For each list of indicators, its heading and the condition that the tables must fulfil. No table holds the middle ward
# of England: a ward of the town that is at or beyond the middle, and lies outside the town’s interval, proves the same.
STANDINGS: Mapping[str, tuple[str, str]] = {
    "better": ("▲ Better than the middle ward of England", "better"),
    "worse": ("▼ Worse than the middle ward of England", "worse"),
    "unclear": ("? Too near to the middle ward of England to tell", "NOT better AND NOT worse"),
}


@dataclass(frozen=True)
class Standing:
    """The comparison with England in one element.

    Attributes:
        says: the number of indicators in which the town does better, and the number in which it does worse.
        lists: by heading from ``STANDINGS``, each indicator with the share of wards of England that do worse.
    """

    says: Markup
    lists: Mapping[str, list[Markup]]


def against_england(site: Site, element: Element, up: str) -> Standing:
    """The comparison of the town with the wards of England in the indicators of an element, the best first.

    Args:
        site: the site.
        element: the index, a dimension or a component.
        up: the relative path from the page to the site's folder.
    """
    town, within = site.results.town, _within(site, element)
    shares = {
        indicator.id: float(site.results.scores[indicator.id, town.code]["england_percentile"]) for indicator in within
    }
    within.sort(key=lambda indicator: (-shares[indicator.id], indicator.id))
    groups = {name: [indicator for indicator in within if stands(site, indicator) == name] for name in STANDINGS}
    if not within:
        return Standing(
            Markup("How {} compares with England in “{}” cannot be said: England’s wards have no figures here.")
            .format(town.name, element.title), {},
        )  # fmt: skip
    says = Markup(
        "Of {} indicators with figures for the wards of England, {} does better than the middle ward of England in {} "
        "and worse in {}. "
    ).format(
        _count(site, element, within, "true"), town.name, *(_count(site, element, groups[name], name) for name in
        ("better", "worse")),
    )  # fmt: skip
    says += Markup("In {} it is too near to tell.").format(
        _count(site, element, groups["unclear"], STANDINGS["unclear"][1])
    )
    lists = {
        STANDINGS[name][0]: [_list_item(site, indicator, name, up) for indicator in indicators]
        for name, indicators in groups.items()
        if indicators
    }
    return Standing(says, lists)


def best_and_worst(site: Site) -> Markup:
    """The indicators in which the town does best and worst among the wards of England; empty if none is known."""
    results, index = site.results, site.results.index
    within = _within(site, index)
    if len(within) < 2:
        return Markup("")
    by_share = sorted(
        within,
        key=lambda indicator: (
            -float(results.scores[indicator.id, results.town.code]["england_percentile"]),
            indicator.id,
        ),
    )
    query = f"{_judged_query(site, index)} SELECT id FROM judged ORDER BY share {{}}, id {{}} LIMIT 1"
    best, worst = (
        Markup("“{}” (better than {} of 100 wards of England)").format(
            named(words.plain(indicator.title), indicator.id, query.format(*order)),
            site.england(indicator, results.town),
        )
        for indicator, order in ((by_share[0], ("DESC", "")), (by_share[-1], ("", "DESC")))
    )
    return Markup("It does best in {} and worst in {}.").format(best, worst)


def stands(site: Site, indicator: Element) -> str:
    """``better`` or ``worse`` if the town's value differs from the middle ward of England by more than its interval.

    Without an interval, the value alone decides. Otherwise the result is ``unclear``.
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
    return "unclear"


def _within(site: Site, element: Element) -> list[Element]:
    """The indicators below an element, or the indicator itself, that have figures for England."""
    results = site.results
    return [
        indicator
        for indicator in results.elements.values()
        if indicator.level == "indicator"
        and (indicator is element or element in site.above(indicator))
        and results.scores.get((indicator.id, results.town.code), {}).get("england_percentile") is not None
    ]


def _count(site: Site, element: Element, indicators: list[Element], condition: str) -> Markup:
    return derived(len(indicators), f"{_judged_query(site, element)} SELECT count(*) FROM judged WHERE {condition}")


def standing_says(site: Site, indicator: Element) -> Markup:
    """Two sentences that compare the town with England in one indicator that has figures for England."""
    name, town = stands(site, indicator), site.results.town
    template = {
        "better": "In {} {} as a whole does better than the middle ward of England.",
        "worse": "In {} {} as a whole does worse than the middle ward of England.",
        "unclear": "In {} {} as a whole is too near to the middle ward of England to tell which of the two is better.",
    }[name]
    marked = Markup("“{}”").format(_marked(site, indicator, words.plain(indicator.title), name))
    share = Markup("It does better than {} of 100 wards of England.").format(site.england(indicator, town))
    return Markup("{} {}").format(Markup(template).format(marked, town.name), share)


def _list_item(site: Site, indicator: Element, name: str, up: str) -> Markup:
    return Markup('<a href="{}{}">{}</a>, better than {} of 100 wards of England').format(
        up,
        site.path(indicator),
        _marked(site, indicator, indicator.title, name),
        site.england(indicator, site.results.town),
    )


def _marked(site: Site, indicator: Element, title: str, name: str) -> Markup:
    """The title of an indicator, marked so that the readback checks the town's standing against the tables."""
    return named(
        title, indicator.id, f"{_judged_query(site, indicator)} SELECT id FROM judged WHERE {STANDINGS[name][1]}"
    )


def _judged_query(site: Site, element: Element) -> str:
    """A query for the town's standing in each indicator of an element, ``judged``, from the published database."""
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
