"""The page Method: how a figure becomes a score, generated from the contracts that the index was computed with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from spi_pipeline.contracts.models.framework import Profile
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import declared, figure
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.pages.ward.scorecard import strong_or_weak
from spi_pipeline.outputs.site.results import Row, records

# The sources of goalposts, in words.
BASES = {
    "reference": "the wards of England",
    "theory": "the scale has an end",
    "cap": "chosen: see the reason",
}


def method(site: Site) -> Iterator[Page]:
    """The page Method."""
    contracts = site.results.contracts
    yield Page(
        path="method.html",
        template="method.html",
        title="Method",
        description="How a figure becomes a score: goalposts, weights, means, missing figures, editions and intervals.",
        content={
            "profiles": [
                (name, profile, _declarations(name, profile)) for name, profile in contracts.framework.profiles.items()
            ],
            "goalposts": _goalposts(site),
            "weights": _weights(site),
            "left_out": _left_out(site),
            "peer_count": declared(contracts.peers.count, "context.yaml peers count"),
            "strong": strong_or_weak(site),
            "peer_measure": words.plain(contracts.context[contracts.peers.measure].title),
            "held": declared(contracts.framework.publication.held, "framework.yaml publication held", how="percent"),
            "draws": declared(contracts.framework.uncertainty.draws, "framework.yaml uncertainty draws"),
            "seed": contracts.framework.uncertainty.seed,
            "imputed": _imputed(site),
        },
        section="method.html",
    )


def _declarations(name: str, profile: Profile) -> dict[str, str | Markup]:
    """The declarations of a profile, separately for each level if they differ."""
    labels = {
        "weights": "Weights",
        "impute": "Missing figures",
        "aggregate": "Means",
        "available": "Least share of parts that must have a figure",
        "normalise": "Scale",
        "treat": "Outliers",
    }
    declared = {
        label: (getattr(profile, field), f"framework.yaml profiles {name} {field}") for field, label in labels.items()
    }
    return {label: _plain(*value) for label, value in declared.items() if value[0] is not None}


def _plain(value: object, where: str) -> str | Markup:
    """A declaration of a profile as text, separately for each level if they differ; shares as percentages."""
    if isinstance(value, dict):
        return Markup("; ").join(
            Markup("{}: {}").format(name, _plain(part, f"{where} {name}")) for name, part in value.items()
        )
    return Markup("{}%").format(declared(value, where, how="percent")) if isinstance(value, float) else str(value)


def _goalposts(site: Site) -> list[dict[str, Any]]:
    """The values of each indicator that score 0 and 100, with their source and reason."""
    results = site.results
    catalogue = {row["indicator_id"]: row for row in records(results.tables["indicator"])}
    entries = []
    for element in results.elements.values():
        if element.level != "indicator":
            continue
        row, declared = catalogue[element.id], results.contracts.indicators[element.id].goalposts
        entries.append(
            {
                "element": element,
                "unit": row["unit"],
                "ends": [_end(row[name], name, element.id) for name in ("worst", "best")],
                "basis": BASES.get(declared.source, declared.source),
                "reason": declared.reason,
            }
        )
    return entries


def _end(value: float | None, column: str, indicator: str) -> Markup:
    digits = 0 if value is None or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return figure(value, "indicator", column, digits, indicator_id=indicator)


def _weights(site: Site) -> list[dict[str, Any]]:
    """The weight of every element in the one above it, in the order of the framework."""
    results = site.results
    rows = {row["id"]: row for row in records(results.newest("weight")) if row["authority_code"] == results.town.code}
    entries = []
    for element in results.elements.values():
        row = rows.get(element.id)
        if row is None or element.parent is None:
            continue
        key = {name: row[name] for name in ("edition", "profile", "authority_code", "parent_id", "id")}
        entries.append(
            {
                "element": element,
                "parent": results.elements[element.parent],
                "method": row["method"],
                "cells": [figure(row[name], "weight", name, 2, **key) for name in ("weight", "effective_weight")],
            }
        )
    return entries


def _left_out(site: Site) -> list[tuple[Row, Row | None]]:
    """Declared indicators that enter no score, each with the indicator used instead, if any."""
    rows = records(site.results.tables["indicator"].sort_values("indicator_id"))
    return [(row, site.instead(row)) for row in rows if not row["in_basis"]]


def _imputed(site: Site) -> list[dict[str, Any]]:
    """The estimates of the newest edition, each with its typical error."""
    results = site.results
    entries = []
    for row in records(results.newest("imputation")):
        key = {name: row[name] for name in ("edition", "profile", "indicator_id", "area_code")}
        entries.append(
            {
                "indicator": results.contracts.titles.get(row["indicator_id"], row["indicator_id"]),
                "area": results.areas[row["area_code"]].name,
                "method": row["method"],
                "cells": [figure(row[name], "imputation", name, 1, **key) for name in ("value", "error")],
            }
        )
    return entries
