"""Method: how a figure becomes a score, generated from the contracts that the index was computed by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from spi_pipeline.contracts.models.framework import Profile
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import figure, stated
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.pages.ward.scorecard import strong_or_weak
from spi_pipeline.outputs.site.results import Row, records

# On what goalposts rest.
BASES = {
    "reference": "the wards of England",
    "theory": "the scale has an end",
    "cap": "chosen: see the reason",
}


def method(site: Site) -> Iterator[Page]:
    """The page."""
    contracts = site.results.contracts
    yield Page(
        path="method.html",
        template="method.html",
        title="Method",
        description="How a figure becomes a score: goalposts, weights, means, missing figures, editions and intervals.",
        content={
            "profiles": [
                (name, profile, _stated(name, profile)) for name, profile in contracts.framework.profiles.items()
            ],
            "goalposts": _goalposts(site),
            "weights": _weights(site),
            "left_out": _left_out(site),
            "peer_count": stated(contracts.peers.count, "context.yaml peers count"),
            "strong": strong_or_weak(site),
            "peer_measure": words.plain(contracts.context[contracts.peers.measure].title),
            "held": stated(contracts.framework.publication.held, "framework.yaml publication held", how="percent"),
            "draws": stated(contracts.framework.uncertainty.draws, "framework.yaml uncertainty draws"),
            "seed": contracts.framework.uncertainty.seed,
            "imputed": _imputed(site),
        },
        section="method.html",
    )


def _stated(name: str, profile: Profile) -> dict[str, str | Markup]:
    """What a profile states, level by level where it does so."""
    said_of = {
        "weights": "Weights",
        "impute": "Missing figures",
        "aggregate": "Means",
        "available": "Least share of parts that must have a figure",
        "normalise": "Scale",
        "treat": "Outliers",
    }
    held = {said: (getattr(profile, one), f"framework.yaml profiles {name} {one}") for one, said in said_of.items()}
    return {said: _plain(*value) for said, value in held.items() if value[0] is not None}


def _plain(value: object, where: str) -> str | Markup:
    """What a profile states, level by level where it does so; shares as percentages."""
    if isinstance(value, dict):
        return Markup("; ").join(
            Markup("{}: {}").format(name, _plain(held, f"{where} {name}")) for name, held in value.items()
        )
    return Markup("{}%").format(stated(value, where, how="percent")) if isinstance(value, float) else str(value)


def _goalposts(site: Site) -> list[dict[str, Any]]:
    """Of each indicator: the values that score 0 and 100, on what they rest and why."""
    results = site.results
    catalogue = {row["indicator_id"]: row for row in records(results.tables["indicator"])}
    found = []
    for element in results.elements.values():
        if element.level != "indicator":
            continue
        row, stated = catalogue[element.id], results.contracts.indicators[element.id].goalposts
        found.append(
            {
                "element": element,
                "unit": row["unit"],
                "ends": [_end(row[name], name, element.id) for name in ("worst", "best")],
                "basis": BASES.get(stated.basis, stated.basis),
                "reason": stated.reason,
            }
        )
    return found


def _end(value: float | None, column: str, indicator: str) -> Markup:
    digits = 0 if value is None or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return figure(value, "indicator", column, digits, indicator_id=indicator)


def _weights(site: Site) -> list[dict[str, Any]]:
    """What every element weighs in the one above it, in the order of the framework."""
    results = site.results
    rows = {row["id"]: row for row in records(results.newest("weight")) if row["authority_code"] == results.town.code}
    found = []
    for element in results.elements.values():
        row = rows.get(element.id)
        if row is None or element.parent is None:
            continue
        key = {name: row[name] for name in ("edition", "profile", "authority_code", "parent_id", "id")}
        found.append(
            {
                "element": element,
                "parent": results.elements[element.parent],
                "method": row["method"],
                "cells": [figure(row[name], "weight", name, 2, **key) for name in ("weight", "effective_weight")],
            }
        )
    return found


def _left_out(site: Site) -> list[tuple[Row, Row | None]]:
    """Indicators that are declared and enter no score, each with the one that stands in its place, if any."""
    rows = records(site.results.tables["indicator"].sort_values("indicator_id"))
    return [(row, site.instead(row)) for row in rows if not row["in_basis"]]


def _imputed(site: Site) -> list[dict[str, Any]]:
    """The estimates of the newest edition, each with its typical error."""
    results = site.results
    found = []
    for row in records(results.newest("imputation")):
        key = {name: row[name] for name in ("edition", "profile", "indicator_id", "area_code")}
        found.append(
            {
                "indicator": results.contracts.titles.get(row["indicator_id"], row["indicator_id"]),
                "area": results.areas[row["area_code"]].name,
                "method": row["method"],
                "cells": [figure(row[name], "imputation", name, 1, **key) for name in ("value", "error")],
            }
        )
    return found
