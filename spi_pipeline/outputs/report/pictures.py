"""Pictures of the report as SVG: the shapes of the site with colours inline, since paper has no stylesheet."""

from __future__ import annotations

import re

from markupsafe import Markup

from spi_pipeline.outputs.site import drawing
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.pages.ward.recent import Band
from spi_pipeline.outputs.site.pages.ward.scorecard import Strip
from spi_pipeline.outputs.site.results import Row

WORST, *_, BEST = drawing.CLASSES
INK, GREY, PEERS, CHANCE = "#0b0c0c", "#6f777b", "#801650", "#b9cfe6"
# With more wards than this, names would overlap.
NAMED = 60
# Pixels of the map between two lines of a name, and the number of letters that fit in a line.
LINE, LETTERS = 12, 14


def ward_map(site: Site) -> str | None:
    """A map of every ward, named and coloured by its score against the town's; None if there are no boundaries."""
    if site.map is None:
        return None
    index, areas = site.results.index, site.results.areas
    shapes, names = [], []
    for outline in site.map.outlines:
        place = site.place(index, areas[outline.code])
        shapes.append(
            Markup('<path d="{}" fill="{}" stroke="{}" stroke-width="1.5"/>').format(
                outline.path, "#ffffff" if place is None else drawing.CLASSES[place], GREY
            )
        )
        names.append(_name(areas[outline.code].name, outline, "#ffffff" if place in (0, 4) else INK))
    group = Markup('<g font-family="Source Sans Pro" font-size="12.5" font-weight="600" text-anchor="middle">{}</g>')
    drawn = Markup("").join(shapes) + (group.format(Markup("").join(names)) if len(names) <= NAMED else "")
    return _picture(f"0 0 {site.map.width} {site.map.height}", drawn)


def _name(name: str, outline: drawing.Outline, colour: str) -> Markup:
    """A name that fits on a map: one line for each word, at most three, with long words shortened."""
    words = [word if len(word) <= LETTERS else f"{word[: LETTERS - 1]}…" for word in name.split()]
    words = words if len(words) <= 3 else [*words[:2], "…"]
    first = outline.y - LINE * (len(words) - 1) / 2 + LINE / 3
    lines = (
        Markup('<text x="{}" y="{:.1f}" fill="{}">{}</text>').format(outline.x, first + LINE * at, colour, word)
        for at, word in enumerate(words)
    )
    return Markup("").join(lines)


def swatch(place: int | None) -> str:
    """A sample of a class of the map."""
    fill = "#ffffff" if place is None else drawing.CLASSES[place]
    return _picture(
        "0 0 20 14", Markup('<rect x="1" y="1" width="18" height="12" fill="{}" stroke="{}"/>').format(fill, GREY)
    )


def interval(row: Row, last: int) -> str | None:
    """A ward's place among all: a line over its likely ranks and a mark at its rank; None if it has no rank."""
    if None in (row["rank_low"], row["rank"], row["rank_high"]):
        return None
    low, rank, high = (drawing.position(row[column], 1, last) for column in ("rank_low", "rank", "rank_high"))
    return _picture(
        "-3 0 106 12", _line(low, high, 6, BEST, 3) + _mark(rank, 1, 11, INK, 4) + _line(0, 100, 11.5, GREY, 0.5)
    )


def strip(drawn: Strip) -> str:
    """All wards on a line from 0 to 100, as on the page of a ward, stretched to twice the width."""
    marks = Markup('<path d="{}" stroke="{}" stroke-width="0.5"/>').format(drawn.others, GREY)
    if drawn.peers:
        marks += Markup('<path d="{}" stroke="{}" stroke-width="0.7"/>').format(drawn.peers, PEERS)
    if drawn.town is not None:
        marks += _dashed(drawn.town, 0.5)
    if drawn.low is not None and drawn.high is not None:
        marks += _line(drawn.low, drawn.high, 10, BEST, 2.4)
    if drawn.own is not None:
        marks += _mark(drawn.own, 1, 19, BEST, 1.4)
    return _picture("-2 0 104 20", marks, 'width="208" height="20" preserveAspectRatio="none"')


def signs() -> dict[str, str]:
    """The marks of a strip, by their meaning."""
    marks = {
        "own": _mark(6, 1, 19, BEST, 2.8) + _line(0, 12, 10, BEST, 2.4),
        "peers": _mark(6, 3, 17, PEERS, 1.4),
        "others": _mark(6, 7, 13, GREY, 1),
        "town": _dashed(6, 1),
    }
    return {name: _picture("0 0 12 20", mark) for name, mark in marks.items()}


def band(drawn: Band) -> str:
    """A monthly rate within its band of chance."""
    return _picture(
        "0 0 600 100",
        Markup('<path d="{}" fill="{}"/>').format(_stretched(drawn.area), CHANCE)
        + _line(0, 600, 0.5, GREY, 0.7)
        + _line(0, 600, 99.5, GREY, 0.7)
        + Markup('<path d="{}" fill="none" stroke="{}" stroke-width="2"/>').format(_stretched(drawn.line), BEST),
    )


def _stretched(path: str) -> str:
    """A path such as ``M0 32.2L4.2 30.5`` at six times the width; stretching the picture would widen its line too."""
    return re.sub(r"([ML])([0-9.]+)", lambda step: f"{step[1]}{6 * float(step[2]):g}", path)


def _picture(box: str, drawn: Markup, size: str = "") -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {size}>{drawn}</svg>'


def _line(start: float, end: float, y: float, colour: str, width: float) -> Markup:
    return Markup('<path d="M{} {}H{}" stroke="{}" stroke-width="{}"/>').format(start, y, end, colour, width)


def _mark(x: float, top: float, bottom: float, colour: str, width: float) -> Markup:
    return Markup('<path d="M{} {}V{}" stroke="{}" stroke-width="{}"/>').format(x, top, bottom, colour, width)


def _dashed(x: float, width: float) -> Markup:
    return Markup('<path d="M{} 0v20" stroke="{}" stroke-width="{}" stroke-dasharray="2 1.5"/>').format(x, INK, width)
