"""Pictures on the pages of assets: self-contained SVG, and small, since Dagster stores those of every run."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

import pandas as pd

from spi_pipeline.outputs.site.drawing import BREAKS, CLASSES, WORDS, colour_class, position, ward_map

# In pixels. Simplified to 60 m, a ward takes some 150 bytes.
MAP_WIDTH, TOLERANCE = 300, 60.0
ROW, NAMES, PLOT = 15, 110, 230
# With more wards, a plot would be longer than a page and a map larger than everything else stored of a run.
MOST_WARDS = 80


class Ranked(NamedTuple):
    """A ward with its rank, and the range of its rank in nine of ten recalculations."""

    name: str
    rank: int
    low: int
    high: int


def svg(picture: bytes, alt: str) -> str:
    """A picture that needs no network, in Markdown, with its alternative text."""
    return f"![{alt}](data:image/svg+xml;base64,{base64.b64encode(picture).decode()})"


def score_map(boundaries: pd.DataFrame, scores: Mapping[str, float | None], reference: float) -> str:
    """The wards coloured by their scores against a reference score; empty if there is nothing to draw.

    Args:
        boundaries: ``area_code`` and ``geometry``, as ``drawing.ward_map`` takes them.
        scores: by ward code.
        reference: the score that is neither above nor below.
    """
    drawn = ward_map(boundaries, MAP_WIDTH, TOLERANCE) if 0 < len(boundaries) <= MOST_WARDS else None
    if drawn is None:
        return ""
    shapes = []
    for outline in drawn.outlines:
        place = colour_class(scores.get(outline.code), reference)
        shapes.append(f'<path d="{outline.path}" fill="{"#fff" if place is None else CLASSES[place]}"/>')
    keys = [
        f'<rect x="{60 * at}" y="{drawn.height + 8}" width="12" height="10" fill="{colour}"/>'
        f'<text x="{60 * at + 15}" y="{drawn.height + 17}" stroke="none">{word}</text>'
        for at, (colour, word) in enumerate(zip(CLASSES, WORDS, strict=True))
    ]
    inside = f'<g stroke="#6f777b" font-size="10" font-family="sans-serif">{"".join([*shapes, *keys])}</g>'
    alt = f"The wards by score; about is within {BREAKS[2]:g} points of {reference:.1f}"
    return svg(_framed(MAP_WIDTH, drawn.height + 22, inside), alt)


def rank_plot(wards: Sequence[Ranked]) -> str:
    """A row for each ward, best first: a line over its likely ranks, a dot at its rank; empty without wards."""
    if not 0 < len(wards) <= MOST_WARDS:
        return ""
    rows, last = [], max(ward.high for ward in wards)
    for at, ward in enumerate(sorted(wards, key=lambda ward: (ward.rank, ward.name))):
        low, dot, high = (NAMES + PLOT * position(rank, 1, last) / 100 for rank in (ward.low, ward.rank, ward.high))
        y = ROW * at + 10
        rows.append(
            f'<text x="0" y="{y + 3}" stroke="none">{escape(ward.name[:18])}</text>'
            f'<path d="M{low:.0f} {y}H{high:.0f}"/><circle cx="{dot:.0f}" cy="{y}" r="3.5"/>'
        )
    style = f'stroke="{CLASSES[-1]}" stroke-width="2" font-size="10.5" font-family="sans-serif"'
    height = ROW * len(wards) + 6
    alt = f"Rank of each ward among {last}, 1st on the left, and where it lies in nine of ten recalculations"
    return svg(_framed(NAMES + PLOT + 8, height, f"<g {style}>{''.join(rows)}</g>"), alt)


def _framed(width: int, height: int, inside: str) -> bytes:
    # With its own background: the UI may be dark.
    ground = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    size = f'width="{width}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{ground}{inside}</svg>'.encode()
