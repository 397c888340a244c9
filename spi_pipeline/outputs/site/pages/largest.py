"""The largest rises and falls beyond chance: the ward, the indicator and the size, in figures people understand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.figures import named, word
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Area, Element, Row, records


@dataclass(frozen=True)
class Move:
    """A change of the score of an indicator in a ward.

    Attributes:
        ward: the ward.
        element: the indicator.
        row: its row of the table ``change``.
        ward_named: the name of the ward, marked so that the readback checks its place among the largest.
        element_named: the name of the indicator, marked likewise.
    """

    ward: Area
    element: Element
    row: Row
    ward_named: Markup
    element_named: Markup


def largest(site: Site, verdict: str, most: int) -> list[Move]:
    """The moves of indicators in wards with a verdict, from the first edition to the newest, the largest first.

    Args:
        site: the site.
        verdict: ``rose`` or ``fell``.
        most: the largest number of moves to return.
    """
    results = site.results
    start, end = results.editions[0], results.edition
    table = results.newest("change")
    table = table[(table["edition_from"] == start) & (table["edition_to"] == end) & (table["verdict"] == verdict)]
    rows = [
        row for row in records(table)
        if row["id"] in results.elements and results.elements[row["id"]].level == "indicator"
        and results.areas[row["area_code"]].level == "ward"
    ]  # fmt: skip
    rows.sort(key=lambda row: (-abs(row["change"]), row["id"], row["area_code"]))
    query = (
        "FROM change JOIN area USING (area_code) JOIN indicator ON indicator_id = id WHERE area.level = 'ward' "
        f"AND edition_from = {start} AND edition_to = {end} AND profile = {literal(results.profile)} "
        f"AND verdict = {literal(verdict)} ORDER BY abs(change) DESC, id, area_code LIMIT 1"
    )
    moves = []
    for place, row in enumerate(rows[:most]):
        ward, element = results.areas[row["area_code"]], results.elements[row["id"]]
        which = f"{query} OFFSET {place}"
        moves.append(
            Move(
                ward, element, row, named(ward.name, ward.code, f"SELECT area_code {which}"),
                named(words.plain(element.title), element.id, f"SELECT id {which}"),
            )
        )  # fmt: skip
    return moves


def points(site: Site, move: Move, how: str) -> tuple[Markup, Markup, Markup]:
    """The change in points and the ends of its range; sizes start with the end nearer to nought."""
    ends = ["change_low", "change_high"]
    if how == "size":
        ends.sort(key=lambda column: abs(move.row[column]))
    by, low, high = (site.figure("change", move.row, column, how=how) for column in ("change", *ends))
    return by, low, high


def value_moved(site: Site, move: Move) -> Markup:
    """The values then and now: ``from 40.0 to 55.5 per 1,000 residents``; empty if either is unknown."""
    results, years = site.results, (site.results.editions[0], site.results.edition)
    then, now = (results.observations.get((move.element.id, move.ward.code, year), {}) for year in years)
    if then.get("value") is None or now.get("value") is None:
        return Markup("")
    return Markup("from {} to {}").format(
        site.amount("observation", then, "value", results.indicators[move.element.id]["unit"], now["value"]),
        site.in_words(move.element, move.ward, then["value"]),
    )


def sentence(site: Site, move: Move) -> Markup:
    """“Stop and search” in Central went from 40.0 to 55.5 per 1,000 residents, so its score fell by 24.7 points."""
    by, low, high = points(site, move, "size")
    key: dict[str, Any] = {
        name: move.row[name] for name in ("edition_from", "edition_to", "profile", "area_code", "id")
    }
    verb = word(move.row["verdict"], move.row["verdict"], "change", "verdict", **key)
    value = value_moved(site, move)
    middle = Markup(" went {}, so its score ").format(value) if value else Markup(": its score ")
    return Markup("“{}” in {}{}{} by {} points (likely {} to {})").format(
        move.element_named, move.ward_named, middle, verb, by, low, high
    )
