"""The page Progress: what moved, what did not, what cannot be told, and how little of the index is measured again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import counted, derived, figure, named, word
from spi_pipeline.outputs.site.pages.largest import largest, points, value_moved
from spi_pipeline.outputs.site.pages.page import Page, Site
from spi_pipeline.outputs.site.results import Element, Row, records

# By the verdict of the table ``change``, on scores: more is better.
VERDICTS = {
    "rose": ("▲", "got better"),
    "fell": ("▼", "got worse"),
    "not_distinguishable": ("●", "no clear change"),
    "cannot_tell": ("?", "cannot be told"),
}
# By the verdict of the table ``decade``, on values: more may be better or worse.
OF_DECADE = {"rose": "▲ rose", "fell": "▼ fell", "cannot be told": "? cannot be told"}
# The number of rises and of falls listed at the top.
SHOWN = 10
SIGNALS = {"rise": "▲ more than before", "fall": "▼ fewer than before"}


def progress(site: Site) -> Iterator[Page]:
    """The page Progress."""
    results = site.results
    change = results.tables["change"]
    change = change[change["profile"] == results.profile]
    yield Page(
        path="progress.html",
        template="progress.html",
        title="Progress",
        description="What moved, what stood still, what cannot be told, and how much of the index is measured again.",
        content={
            "largest": _largest(site),
            "steps": _steps(site, change),
            "long": _since_the_first(site, change),
            "verdicts": VERDICTS,
            "decade": _decade(site),
            "of_decade": OF_DECADE,
            "recent": _recent(site),
            "revised": not results.tables["release_change"].empty or not results.tables["release_element"].empty,
            "part": change_part,
            "verdict": change_verdict,
        },
        section="progress.html",
    )


def change_part(site: Site, row: Row, column: str, digits: int = 1) -> Markup:
    """A number from the table ``change``."""
    key = {name: row[name] for name in ("id", "area_code", "edition_from", "edition_to", "profile")}
    return figure(row[column], "change", column, digits, **key)


def change_verdict(row: Row) -> Markup:
    """The verdict of the table ``change`` on an area, in words."""
    key = {name: row[name] for name in ("id", "area_code", "edition_from", "edition_to", "profile")}
    return word(VERDICTS[row["verdict"]][1], row["verdict"], "change", "verdict", **key)


def _percent(row: Row) -> Markup:
    """The share of the index that can have moved, in percent."""
    condition = " AND ".join(
        f"{name} = {row[name]}" if name.startswith("edition") else f"{name} = {literal(row[name])}"
        for name in ("id", "area_code", "edition_from", "edition_to", "profile")
    )
    share = None if row["movable"] is None else 100 * row["movable"]
    return derived(share, f"SELECT 100 * movable FROM change WHERE {condition}")


def _largest(site: Site) -> list[dict[str, Any]]:
    """The largest rises and falls of indicators in wards beyond chance, each with a heading and rows for a table."""
    tables = []
    for verdict, heading in (("rose", "Largest rises"), ("fell", "Largest falls")):
        rows = [
            {"move": move, "value": value_moved(site, move), "points": points(site, move, "signed")}
            for move in largest(site, verdict, SHOWN)
        ]
        if rows:
            tables.append({"heading": heading, "mark": VERDICTS[verdict][0], "rows": rows})
    return tables


def _steps(site: Site, change: pd.DataFrame) -> list[dict[str, Any]]:
    """For each pair of editions: the share measured again, the town's change, and the number of wards per verdict."""
    of_town = change[(change["id"] == site.results.index.id) & (change["area_code"] == site.results.town.code)]
    return [
        {"row": row, "share": _percent(row), "verdict_counts": _counts(site, change, site.results.index.id, row)}
        for row in sorted(
            records(of_town), key=lambda row: (row["edition_to"] - row["edition_from"], row["edition_from"])
        )
    ]


def _counts(site: Site, change: pd.DataFrame, element_id: str, pair: Row) -> dict[str, Markup]:
    """The number of wards with each verdict."""
    wards = tuple(ward.code for ward in site.results.wards)
    span = {name: pair[name] for name in ("edition_from", "edition_to")}
    return {
        verdict: counted(
            change, "change", profile=site.results.profile, id=element_id, **span, verdict=verdict, area_code=wards
        )
        for verdict in VERDICTS
    }


def _since_the_first(site: Site, change: pd.DataFrame) -> dict[str, Any] | None:
    """The changes between the first and the newest edition; None if there is only one edition."""
    results = site.results
    first, last = results.editions[0], results.editions[-1]
    rows = change[(change["edition_from"] == first) & (change["edition_to"] == last)]
    if rows.empty:
        return None
    pair = {"edition_from": first, "edition_to": last}
    moved, still = [], []
    for element in results.elements.values():
        element_rows = rows[rows["id"] == element.id]
        if element_rows.empty:
            continue
        if (element_rows["verdict"] == "cannot_tell").all():
            still.append((element, float(element_rows["movable"].max() or 0)))
        else:
            moved.append(_moved(site, change, element, element_rows, pair))
    town = next(iter(records(rows[(rows["id"] == results.index.id) & (rows["area_code"] == results.town.code)])), None)
    return {
        "first": first,
        "last": last,
        "share": None if town is None else _percent(town),
        "moved": moved,
        "still": [element for element, share in still if not share],
        "partly": [element for element, share in still if share],
        "wards": [
            row for row in records(rows[rows["id"] == results.index.id]) if row["area_code"] != results.town.code
        ],
        "silent": results.index.id in {element.id for element, _ in still},
        "verdict_counts": None if town is None else _counts(site, change, results.index.id, town),
    }


def _moved(site: Site, change: pd.DataFrame, element: Element, rows: pd.DataFrame, pair: Row) -> dict[str, Any]:
    names = {
        verdict: [
            _ward_with_verdict(site, element, code, verdict, pair)
            for code in rows.loc[rows["verdict"] == verdict, "area_code"]
            if site.results.areas[code].level == "ward"
        ]
        if not site.many
        else []
        for verdict in VERDICTS
    }
    town = next(iter(records(rows[rows["area_code"] == site.results.town.code])), None)
    return {
        "element": element,
        "names": {verdict: sorted(wards, key=Markup.striptags) for verdict, wards in names.items()},
        "counts": _counts(site, change, element.id, pair),
        "town": town,
    }


def _ward_with_verdict(site: Site, element: Element, code: str, verdict: str, pair: Row) -> Markup:
    """The name of a ward, marked so that the readback checks its verdict."""
    query = (
        f"SELECT area_code FROM change WHERE id = {literal(element.id)} AND area_code = {literal(code)} AND "
        f"edition_from = {pair['edition_from']} AND edition_to = {pair['edition_to']} AND "
        f"profile = {literal(site.results.profile)} AND verdict = {literal(verdict)}"
    )
    return named(site.results.areas[code].name, code, query)


def _decade(site: Site) -> list[dict[str, Any]]:
    """For each measure of both censuses: the town then and now, and the number of wards with each verdict."""
    table, town = site.results.tables["decade"], site.results.town
    measures = []
    for measure in dict.fromkeys(table["measure_id"]):
        rows = table[table["measure_id"] == measure]
        of_town = next(iter(records(rows[rows["area_code"] == town.code])), None)
        if of_town is None:
            continue
        digits = 0 if of_town["unit"] in {"people", "households"} else 1
        key = {"measure_id": measure, "area_code": town.code}
        wards = tuple(ward.code for ward in site.results.wards)
        measures.append(
            {
                "row": of_town,
                "cells": [
                    figure(of_town[name], "decade", name, digits, **key) for name in ("earlier", "later", "change")
                ],
                "counts": [
                    counted(rows, "decade", measure_id=measure, verdict=verdict, area_code=wards)
                    for verdict in OF_DECADE
                ],
            }
        )
    return measures


def _recent(site: Site) -> dict[str, Any] | None:
    """The newest month and the signals of the two years before it; None without monthly figures."""
    table = site.results.tables["recent"]
    if table.empty:
        return None
    newest = str(table["month"].max())
    titles = {item.id: item.title for item in site.results.contracts.monthly}
    raised = table[table["signal"].isin(tuple(SIGNALS))].sort_values("month")
    back = str(pd.Period(newest, "M") - 24)
    runs = [
        {
            "measure": titles.get(str(measure), str(measure)),
            "area": site.results.areas[str(code)],
            "signal": word(
                SIGNALS[str(signal)],
                signal,
                "recent",
                "signal",
                measure_id=measure,
                area_code=code,
                month=rows["month"].max(),
            ),
            "first": words.month(str(since)),
            "last": words.month(str(rows["month"].max())),
            "ends": str(rows["month"].max()),
        }
        for (measure, code, signal, since), rows in raised[raised["month"] >= back].groupby(
            ["measure_id", "area_code", "signal", "signal_since"], sort=True
        )
    ]
    return {
        "newest": words.month(newest),
        "now": counted(table, "recent", month=newest, signal=tuple(SIGNALS)),
        "charts": counted(table, "recent", month=newest),
        "measures": [titles.get(name, name) for name in dict.fromkeys(table["measure_id"])],
        "runs": sorted(runs, key=lambda run: str(run["ends"]), reverse=True),
        "old": (age := (site.results.as_of.to_period("M") - pd.Period(newest, "M")).n) > 3,
        "age": derived(
            age,
            "SELECT date_diff('month', strptime(max(month), '%Y-%m'), (SELECT max(as_of) FROM edition)) FROM recent",
        ),
    }
