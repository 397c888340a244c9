"""The page on the economy: which wards do better or worse than it suggests, and what goes with the index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.contracts.models.geography import ENGLAND
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.dots import Dot, DotChart, even_ticks
from spi_pipeline.outputs.site.figures import counted, derived, figure, word
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Results, Row, records

# By the verdict of the table ``residual``: the mark in the chart, the symbol and the words.
VERDICTS = {
    "more than suggested": ("more", "▲", "better than suggested"),
    "less than suggested": ("less", "▼", "worse than suggested"),
    "as suggested": ("", "●", "as suggested"),
}
# By chance alone, one in twenty lies outside a 95 % interval.
OUTSIDE = 0.05


def economy(site: Site) -> Iterator[Page]:
    """The page on the economy; none without an economic measure next to the scores, or with too few wards."""
    results = site.results
    residual = results.newest("residual")
    of_index = records(residual[residual["id"] == results.index.id].sort_values("residual", ascending=False))
    if not any(row["verdict"] for row in of_index):
        return
    composition = results.newest("composition")
    own = composition[(composition["id"] == results.index.id) & (composition["authority_code"] == results.town.code)]
    england = _over_england(results)
    yield Page(
        path="economy.html",
        template="economy.html",
        title="Social progress and the economy",
        description="Which wards do better or worse than their incomes suggest, and what the index is linked with.",
        content={
            "measure": measure_title(site, of_index[0]["measure_id"]),
            "unit": _unit(site, of_index[0]["measure_id"]),
            "rows": of_index,
            "sentence": _sentence(site, residual, of_index),
            "chart_label": _chart_name(of_index, site),
            "chart": _chart(site, of_index),
            "beyond": _beyond(site, residual),
            "compared": counted(
                residual, "residual", edition=results.edition, profile=results.profile, level=("dimension", "component")
            ),
            "by_chance": derived(
                OUTSIDE * len(residual[residual["level"].isin(["dimension", "component"])]),
                f"SELECT {OUTSIDE} * count(*) FROM residual WHERE level IN ('dimension', 'component') "
                f"AND edition = {results.edition} AND profile = '{results.profile}'",
            ),
            "outside": counted(
                residual, "residual", edition=results.edition, profile=results.profile,
                verdict=("more than suggested", "less than suggested"), level=("dimension", "component"),
            ),
            "verdicts": VERDICTS,
            "correlations": _correlations(site, own, england),
            "left_out": [results.areas[code].name for code in sorted(set(own["left_out"])) if code],
            "over_england": bool(england),
            "part": residual_part,
            "verdict": verdict,
        },
        section="economy.html",
    )  # fmt: skip


def measure_title(site: Site, measure_id: str) -> str:
    """The title of a measure of the context."""
    measure = site.results.contracts.context.get(measure_id)
    return words.plain(measure.title) if measure else measure_id


def _unit(site: Site, measure_id: str) -> str:
    """The unit as ``Site.amount`` takes it: shares are shown in percent."""
    contracts = site.results.contracts
    measure = contracts.context.get(measure_id)
    return contracts.vocabulary.units[measure.unit].title if measure else ""


def residual_part(site: Site, row: Row, column: str, digits: int = 1) -> Markup:
    """A number from the table ``residual``."""
    return figure(
        row[column], "residual", column, digits, id=row["id"], area_code=row["area_code"], edition=row["edition"],
        profile=row["profile"],
    )  # fmt: skip


def verdict(row: Row) -> Markup:
    """The verdict of the table ``residual`` on a ward, in words."""
    key = {name: row[name] for name in ("id", "area_code", "edition", "profile")}
    return word(VERDICTS[row["verdict"]][2], row["verdict"], "residual", "verdict", **key)


def _sentence(site: Site, residual: pd.DataFrame, rows: list[Row]) -> Markup:
    """The content of the chart as a sentence, with its numbers."""
    results = site.results
    outside = [row for row in rows if row["verdict"] != "as suggested"]
    count = counted(
        residual, "residual", edition=results.edition, profile=results.profile, id=results.index.id,
        verdict=("more than suggested", "less than suggested"),
    )  # fmt: skip
    sentences = [
        Markup("{} is {} ({} points, {} to {})").format(
            results.areas[row["area_code"]].name, verdict(row),
            *(residual_part(site, row, column) for column in ("residual", "lower", "upper")),
        )
        for row in outside
    ]  # fmt: skip
    start = Markup("Of {} wards, {} {} beyond what chance explains").format(
        site.ward_count, count, "lies" if len(outside) == 1 else "lie"
    )
    if not sentences:
        return Markup("{}.").format(start)
    return Markup("{}: {}.").format(start, Markup("; ").join(sentences))


def _beyond(site: Site, residual: pd.DataFrame) -> list[Row]:
    """Dimensions and components beyond the suggested range, in the order of the framework."""
    rows = residual[
        (residual["id"] != site.results.index.id)
        & residual["verdict"].isin(["more than suggested", "less than suggested"])
    ]
    order = list(site.results.elements)
    return sorted(records(rows), key=lambda row: (order.index(row["id"]), row["residual"]))


def _chart_name(rows: list[Row], site: Site) -> str:
    """The sentence as plain text, as the name of the picture."""
    names = [f"{site.results.areas[row['area_code']].name} ({VERDICTS[row['verdict']][2]})" for row in rows
             if row["verdict"] != "as suggested"]  # fmt: skip
    subject = "How many points each ward scores more or less than its income deprivation suggests. "
    return subject + (f"Outside chance: {words.listed(names)}." if names else "No ward lies outside chance.")


def _chart(site: Site, rows: list[Row]) -> DotChart:
    dots = [
        Dot(site.results.areas[row["area_code"]].name, row["residual"], row["lower"], row["upper"],
            VERDICTS[row["verdict"]][0])
        for row in rows
    ]  # fmt: skip
    ticks = even_ticks(min(row["lower"] for row in rows), max(row["upper"] for row in rows))
    return DotChart(dots, ticks, zero=0.0)


def _over_england(results: Results) -> dict[str, Row]:
    """How the index goes with each measure over all wards of England, whose newest edition may be another."""
    table = results.tables["composition"]
    whole = table[(table["authority_code"] == ENGLAND) & (table["profile"] == results.profile)]
    return {row["measure_id"]: row for row in records(whole[whole["id"] == results.index.id])}


def _correlations(site: Site, own: pd.DataFrame, england: Mapping[str, Row]) -> list[dict[str, Any]]:
    """The correlation of each measure with the index, and the correlation among wards of similar income.

    Both are given for the town's wards, for these without the ward left out, and, if any measure has figures for
    England, for all wards of England.
    """
    entries = []
    for measure in dict.fromkeys(own["measure_id"]):
        rows, england_row = records(own[own["measure_id"] == measure].sort_values("left_out")), england.get(measure)
        sentences = [
            _in_words(rows[0]),
            *([_in_words(england_row, " among all wards of England")] if england_row else []),
        ]
        entries.append(
            {
                "title": measure_title(site, measure),
                "cells": [
                    _correlation(row, *columns)
                    for row in [*rows, *([england_row] if england else [])]
                    for columns in (("correlation", "lower", "upper"), ("partial", "partial_lower", "partial_upper"))
                ],
                "words": " ".join(sentences),
            }
        )
    return entries


def _correlation(row: Row | None, value: str, low: str, high: str) -> Markup:
    if row is None:
        return Markup('<span class="absent">no figures</span>')
    key = {name: row[name] for name in ("authority_code", "id", "measure_id", "left_out", "edition", "profile")}
    if row[value] is None:
        return Markup('<span class="absent">held equal</span>')
    numbers = [figure(row[column], "composition", column, 2, **key) for column in (value, low, high)]
    return Markup("{} ({} to {})").format(*numbers)


def _in_words(row: Row, among: str = "") -> str:
    """A sentence on whether the index goes with a measure, and whether it still does among wards of similar income."""
    way = _way(row["lower"], row["upper"])
    if way is None:
        return f"We cannot tell whether scores go with it{among}."
    start = f"Where it is higher{among}, scores are {way}."
    if row["partial"] is None:
        return start
    alike = _way(row["partial_lower"], row["partial_upper"])
    if alike is None:
        return f"{start} Between wards alike in income this cannot be told."
    if alike != way:
        return f"{start} Between wards alike in income they are {alike} instead."
    return f"{start} Between wards alike in income too, scores are {alike}."


def _way(low: float, high: float) -> str | None:
    return "higher" if low > 0 else "lower" if high < 0 else None
