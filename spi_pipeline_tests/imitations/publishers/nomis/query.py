"""Parse the areas, dates and codes in a query to Nomis (sources.md, sections 1.2 and 1.3)."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from spi_pipeline_tests.imitations.publishers.nomis.cubes import Cube
from spi_pipeline_tests.imitations.tables import areas

_NATIONAL = {"2092957699": "E92000001"}
_INTERNAL = 7_000_000_000


class Place(NamedTuple):
    """One area; `number` is its internal id."""

    code: str
    name: str
    level: str
    number: int


@cache
def served() -> dict[str, Place]:
    """Every area by its code."""
    rows = enumerate(areas().table.itertuples())
    return {row.Index: Place(row.Index, row.name, row.level, _INTERNAL + number) for number, row in rows}


def places(table: Cube, wanted: str) -> list[Place]:
    """The areas in `wanted`: codes, ranges of codes, internal numbers, a type, or a type within a parent.

    Areas of a type are in order of name, not of code.
    """
    levels = {*table.types.values(), *(() if "old_ward" in table.types.values() else ("ward",))}
    found: dict[Place, None] = {}
    for part in wanted.split(","):
        parent, _, kind = part.partition("TYPE")
        if kind:
            inside = members(table, f"TYPE{kind}", _code(parent))
            found |= dict.fromkeys(sorted(inside, key=lambda place: place.name))
        else:
            first, _, last = part.partition("...")
            low, high = _code(first), _code(last or first)
            found |= dict.fromkeys(p for p in served().values() if low <= p.code <= high and p.level in levels)
    return list(found)


def members(table: Cube, kind: str, parent: str = "") -> list[Place]:
    """Areas of a type, limited to one authority if `parent` names it; none if the data set lacks the type."""
    if kind not in table.types:
        return []
    found = areas().members(table.types[kind])
    if parent not in ("", "E92000001", "E12000006"):
        found = found[found.ltla == parent]
    return [served()[code] for code in found.index]


def _code(text: str) -> str:
    """The code for an internal number, or the text itself."""
    by_number = areas().table.index
    at = int(text) - _INTERNAL if text.isdigit() else -1
    return str(by_number[at]) if 0 <= at < len(by_number) else _NATIONAL.get(text, text)


def dates(table: Cube, wanted: str) -> list[str]:
    """The dates in `wanted`: dates, words such as latestMINUS12, lists of them, and ranges with a hyphen."""
    date = r"(?:latest|previous|prevyear|first)(?:MINUS\d+)?|\d{4}-\d{2}|\d{4}"
    found: list[str] = []
    for part in wanted.split(","):
        ends = re.fullmatch(rf"({date})(?:-({date}))?", part)
        at = [_position(table.dates, end) for end in ends.groups() if end] if ends else []
        if at and -1 not in at:
            found += table.dates[at[0] : at[-1] + 1]
    return found


def _position(known: tuple[str, ...], word: str) -> int:
    """The index among the known dates of a date, or of a word for one; -1 if there is none."""
    name, _, back = word.partition("MINUS")
    last = len(known) - 1
    steps = {"latest": last, "previous": last - 1, "prevyear": last - (12 if "-" in known[0] else 1), "first": 0}
    if name in steps:
        return max(-1, steps[name] - int(back or 0))
    return known.index(word) if word in known else -1


def codes(labels: dict[int, str], wanted: str | None) -> list[int]:
    """The codes in a dimension's parameter, including ranges; all codes if the parameter is left out."""
    if wanted is None:
        return list(labels)
    found: list[int] = []
    for part in wanted.split(","):
        if ends := re.fullmatch(r"(\d+)(?:\.\.\.(\d+))?", part):
            first, last = int(ends[1]), int(ends[2] or ends[1])
            found += [code for code in labels if first <= code <= last]
    return found
