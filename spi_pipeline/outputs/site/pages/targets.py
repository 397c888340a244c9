"""The page Targets: distance and pace towards the council's targets; without any, how a council sets them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.site.figures import figure
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Row, records

VERDICTS = {
    "reached": ("✓", "reached"),
    "on_course": ("▲", "on course"),
    "behind": ("▼", "not on course"),
    "missed": ("✗", "missed: the year is over"),
    "cannot_tell": ("?", "cannot be told"),
}


def targets(site: Site) -> Iterator[Page]:
    """The page Targets."""
    results = site.results
    rows = records(results.tables["target"])
    order = {area.code: at for at, area in enumerate((results.town, *results.wards))}
    sections = []
    for target in results.contracts.targets.targets:
        own = sorted((row for row in rows if row["target_id"] == target.id), key=lambda row: order[row["area_code"]])
        if own:
            indicator = results.contracts.indicators[target.indicator]
            sections.append(
                {
                    "title": indicator.title,
                    "unit": results.contracts.vocabulary.units[indicator.unit].title,
                    "value": part(own[0], "target_value"),
                    "target": target,
                    "rows": [_row(site, row) for row in own],
                }
            )
    yield Page(
        path="targets.html",
        template="targets.html",
        title="Targets",
        description="How far the town and its wards are from the council's targets, and whether the pace leads there.",
        content={"found": sections, "verdicts": VERDICTS},
        section="targets.html",
    )


def part(row: Row, column: str, digits: int = 1) -> Markup:
    """A number from the table ``target``."""
    return figure(row[column], "target", column, digits, "–", target_id=row["target_id"], area_code=row["area_code"])


def _row(site: Site, row: Row) -> dict[str, Any]:
    return {
        "area": site.results.areas[row["area_code"]],
        "when": site.when(row, site.results.indicators[row["indicator_id"]]["source_id"]),
        "cells": [part(row, name) for name in ("value", "distance")],
        "pace": [part(row, name, 2) for name in ("pace", "pace_low", "pace_high")] if row["pace"] is not None else None,
        "needed": part(row, "needed_a_year", 2),
        "verdict": row["verdict"],
    }
