"""The path from a raw figure to a score, for one ward, as sums that a reader can repeat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.outputs.site.figures import calculated, figure, places
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Element

DIVIDED = (
    "What was counted, divided by what it is a share of. Where small areas are shared out among wards, so are their "
    "counts."
)
ANCHORED = (
    "The rate was published for an earlier time. The count says only how far it has moved since, so dividing the count "
    "does not give it. The earlier rate is not among our tables, so this one step cannot be done again here."
)
UNLIKE = "{} is not the plain weighted mean of all its parts here, so the sums end with what was published."


@dataclass(frozen=True)
class Step:
    """One step of the calculation.

    Attributes:
        name: the name of the step.
        says: the sum with its result; every number is marked with its origin.
        note: anything else the reader must know; may be empty.
    """

    name: str
    says: Markup
    note: str = ""


@dataclass(frozen=True)
class Middle:
    """The ward of the worked example.

    Attributes:
        ward: the ward in the middle of the ranking.
        alone: whether it is the only one in the middle; with an even number of wards there are two.
    """

    ward: Area
    alone: bool


def middle_ward(site: Site, element: Element) -> Middle | None:
    """The ward in the middle of the ranking among those with a measured value; None if no ward has one."""
    results = site.results
    known = [
        results.areas[row["area_code"]]
        for row in results.ranking(element.id)
        if row["score"] is not None
        and results.observations[element.id, row["area_code"], results.edition]["status"]
        in ("observed", "carried", "held")
    ]
    return Middle(known[len(known) // 2], len(known) % 2 == 1) if known else None


def chain(site: Site, element: Element, ward: Area) -> list[Step]:
    """The steps from the count for a ward to points of the index, in the newest edition.

    Args:
        site: the site.
        element: an indicator in the basis.
        ward: a ward with a value.
    """
    return [_counted(site, element, ward), _scored(site, element, ward), *_weighed(site, element, ward)]


def _counted(site: Site, element: Element, ward: Area) -> Step:
    contracts, results = site.results.contracts, site.results
    indicator, entry = contracts.indicators[element.id], results.indicators[element.id]
    row = results.observations[element.id, ward.code, results.edition]
    value = site.value(element, ward, "value", places(entry["worst"], entry["best"], 4))
    above, below = (site.value(element, ward, name, 2) for name in ("numerator", "denominator"))
    text = Markup("{} <span>{}</span> ({})").format(value, entry["unit"], site.when(row))
    if row["numerator"] is None:
        return Step("The figure", text + ".", _averaged(indicator, entry["allocation"]))
    if indicator.measure.kind == "anchored":
        return Step("The figure", Markup("{}, with {} incidents counted.").format(text, above), ANCHORED)
    declared_per = indicator.measure.per if indicator.measure.kind == "rate" else None
    factor = declared_per or contracts.vocabulary.units[indicator.unit].per or 1
    return Step(
        "The figure",
        Markup("{} ÷ {} × {} = {}.").format(above, below, calculated(factor, repr(float(factor)), 0), text),
        DIVIDED,
    )


def _averaged(indicator: Indicator, allocation: str) -> str:
    """The reason why there is no count to divide."""
    if allocation == "ward":
        return "It is published for the ward, without a count to divide."
    weight = "" if indicator.measure.denominator else f", weighted by {indicator.measure.weighted_by}"
    return (
        f"It is the mean of what is published for the small areas of the ward{weight}, so there is no count to divide."
    )


def _scored(site: Site, element: Element, ward: Area) -> Step:
    results, entry = site.results, site.results.indicators[element.id]
    score = site.score(element, ward, 2)
    profile = results.contracts.framework.profiles[results.profile].methods
    methods = entry["methods"] or {key: profile[key] for key in ("normalise", "treat") if key in profile}
    if methods:
        return Step("The score", Markup("{} of 100.").format(score), f"It is formed as the contracts state: {methods}.")
    digits = places(entry["worst"], entry["best"], 4)
    worst, best = (
        figure(entry[post], "indicator", post, digits, indicator_id=element.id) for post in ("worst", "best")
    )
    value = site.value(element, ward, "value", digits)
    low, high = sorted((entry["worst"], entry["best"]))
    beyond = not low <= results.observations[element.id, ward.code, results.edition]["value"] <= high
    return Step(
        "The score",
        Markup("{} × ({} − {}) ÷ ({} − {}) = {} of 100.").format(
            calculated(100, "100", 0), value, worst, best, worst, score
        ),
        "The value lies beyond a goalpost, and no score is below 0 or above 100." if beyond else "",
    )


def _weighed(site: Site, element: Element, ward: Area) -> list[Step]:
    """The points of each element above: those that the part below adds, times the weight of that part."""
    results = site.results
    plain = results.contracts.framework.profiles[results.profile].aggregate in (None, "arithmetic")
    steps: list[Step] = []
    child, points, factors = element, site.score(element, ward, 2), [results.scores[element.id, ward.code]["score"]]
    for parent in reversed(site.above(element)):
        present = [
            part for part in results.below(parent.id) if (parent.id, part.id, ward.code) in results.contributions
        ]
        complete = math.isclose(sum(results.weights[parent.id, part.id]["weight"] for part in present), 1)
        if not plain or not complete:
            added = _contribution(site, parent, child, ward)
            published = Step(
                f"Points of {parent.title}", Markup("{} points.").format(added), UNLIKE.format(parent.title)
            )
            return [*steps, published]
        weight = results.weights[parent.id, child.id]["weight"]
        factors.append(weight)
        shown = site.weight(parent, child, "weight", 4)
        sum_ = "*".join(repr(float(factor)) for factor in factors)
        added = (
            _contribution(site, parent, child, ward) if child is element else calculated(math.prod(factors), sum_, 2)
        )
        steps.append(
            Step(
                f"Points of {parent.title}",
                Markup("{} × {}, the weight of {}, = {} points.").format(points, shown, child.title, added),
            )
        )
        child, points = parent, added
    return steps


def _contribution(site: Site, parent: Element, child: Element, ward: Area) -> Markup:
    results = site.results
    key: dict[str, Any] = {"edition": results.edition, "profile": results.profile, "area_code": ward.code}
    points = results.contributions.get((parent.id, child.id, ward.code))
    return figure(points, "contribution", "contribution", 2, parent_id=parent.id, id=child.id, **key)
