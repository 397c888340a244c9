"""Shapes for charts: the ward map as paths in whole pixels, lines over editions, colours of scores."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap

import numpy as np
import pandas as pd
import shapely

from spi_pipeline.geography.shapes import Shapes

# Blue is better than the town, orange worse; at least 26 apart in CAM02-UCS for every type of colour vision.
CLASSES = ("#b35806", "#f0a860", "#f3f2f1", "#7fb0dc", "#12436d")
WORDS = ("far below", "below", "about", "above", "far above")
# In points from the town's own score: "about" reaches half a class on either side of it.
BREAKS = (-15.0, -5.0, 5.0, 15.0)


def colour_class(score: float | None, reference: float) -> int | None:
    """The class of a score among five, 0 the worst; None without a score."""
    if score is None or pd.isna(score):
        return None
    return int(np.searchsorted(BREAKS, score - reference, side="right"))


@dataclass(frozen=True)
class Outline:
    """The outline of a ward on a map.

    Attributes:
        code: the code of the ward.
        path: an SVG path in whole pixels.
        x: the horizontal position of its label.
        y: the vertical position of its label.
    """

    code: str
    path: str
    x: float
    y: float


@dataclass(frozen=True)
class WardMap:
    """A map of all wards.

    Attributes:
        width: its width in pixels.
        height: its height in pixels.
        outlines: the outlines, in the order of the codes.
        corner: its western and northern edge, in metres of the British National Grid.
        scale: pixels per metre.
    """

    width: int
    height: int
    outlines: list[Outline]
    corner: tuple[float, float]
    scale: float


def ward_map(boundaries: pd.DataFrame, width: int = 640, tolerance: float = 25.0) -> WardMap | None:
    """Draw wards without gaps between them.

    Args:
        boundaries: ``area_code`` and ``geometry`` (well-known binary, WGS84).
        width: the width of the map in pixels.
        tolerance: the tolerance of simplification, in metres.

    Returns:
        The map; None if no boundary is available.
    """
    shapes = Shapes.from_frame(boundaries).on_national_grid()
    if not len(shapes.codes):
        return None
    polygons = shapely.coverage_simplify(shapes.polygons, tolerance)
    west, south, east, north = shapely.total_bounds(polygons)
    scale = width / (east - west)
    outlines = []
    for code, polygon in zip(shapes.codes, polygons, strict=True):
        path = _path(polygon, west, north, scale)
        # The middle of the largest circle inside lies well within crooked wards; a centroid may not.
        label = shapely.maximum_inscribed_circle(polygon, tolerance=50).coords[0]
        x, y = (label[0] - west) * scale, (north - label[1]) * scale
        outlines.append(Outline(str(code), path, round(x, 1), round(y, 1)))
    return WardMap(width, int(np.ceil((north - south) * scale)), outlines, (west, north), scale)


def upon(wards: WardMap, outline: str) -> str:
    """An outline to lay over a map, as an SVG path.

    Args:
        wards: the map.
        outline: polygons as well-known text (WGS84).
    """
    frame = pd.DataFrame({"area_code": [""], "geometry": [shapely.to_wkb(shapely.from_wkt(outline))]})
    return _path(Shapes.from_frame(frame).on_national_grid().polygons[0], *wards.corner, wards.scale)


def _path(polygon: shapely.Geometry, west: float, north: float, scale: float) -> str:
    rings = [ring for part in shapely.get_parts(polygon) for ring in (part.exterior, *part.interiors)]
    return "".join(_ring(np.asarray(ring.coords), west, north, scale) for ring in rings)


def lines(name: str, width: int = 7) -> list[str]:
    """A name broken between words to fit into a ward, in lines of at most ``width`` letters unless a word is longer."""
    return wrap(name, width, break_long_words=False, break_on_hyphens=False)


def _ring(points: np.ndarray, west: float, north: float, scale: float) -> str:
    pixels = np.rint(np.column_stack([(points[:, 0] - west) * scale, (north - points[:, 1]) * scale])).astype(int)
    distinct = pixels[np.r_[True, (np.diff(pixels, axis=0) != 0).any(axis=1)]]
    steps = " ".join(f"{x},{y}" for x, y in distinct[:-1])
    return f"M{steps}Z"


@lru_cache(maxsize=4096)
def position(value: float, low: float = 0.0, high: float = 100.0) -> float:
    """The position of a value on a line from low to high, in percent of its length."""
    return round(100 * min(max((value - low) / (high - low), 0.0), 1.0), 2)


# A trend is drawn in a box of 640 by 290 whose scale is always 0 to 100, so that measures can be compared.
LEFT, RIGHT, TOP, BOTTOM = 44, 612, 12, 262


def across(count: int) -> list[float]:
    """The horizontal position of each of ``count`` editions in a trend."""
    return [round(LEFT + (RIGHT - LEFT) * step / max(count - 1, 1), 1) for step in range(count)]


def up(score: float) -> float:
    """The vertical position of a score in a trend."""
    return round(BOTTOM - (BOTTOM - TOP) * score / 100, 1)


def trend_line(scores: Sequence[float | None]) -> str:
    """A line through the scores of the editions, as an SVG path that breaks where a score is missing."""
    path, pen = [], "M"
    for x, score in zip(across(len(scores)), scores, strict=True):
        if score is not None:
            path.append(f"{pen}{x},{up(score)}")
        pen = "M" if score is None else "L"
    return "".join(path)


def ticks(values: Iterable[float], top: float, height: float) -> str:
    """Vertical marks at values between 0 and 100, as one path; marks that would overlap become one."""
    places = sorted({round(2 * position(value)) / 2 for value in values})
    return "".join(f"M{place:g} {top:g}v{height:g}" for place in places)


def line(values: Sequence[float | None], low: float, high: float) -> str:
    """A line through evenly spaced values, in a box of 100 by 100, that breaks where a value is missing."""
    return "".join(
        "M" + "L".join(f"{x:g} {y:g}" for x, y in run) + ("h0" if len(run) == 1 else "")
        for run in _runs(_placed(values, low, high))
    )


def band(lower: Sequence[float | None], upper: Sequence[float | None], low: float, high: float) -> str:
    """The area between two such lines, which break in the same places."""
    runs = zip(_runs(_placed(lower, low, high)), _runs(_placed(upper, low, high)), strict=True)
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in [*below, *reversed(above)]) + "Z" for below, above in runs)


def _placed(values: Sequence[float | None], low: float, high: float) -> list[tuple[float, float] | None]:
    step = 100 / max(len(values) - 1, 1)
    return [
        None if value is None else (round(step * place, 1), round(100 - position(value, low, high), 1))
        for place, value in enumerate(values)
    ]


def _runs(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def around(wards: WardMap, codes: Collection[str], margin: int = 6) -> tuple[str, list[Outline]]:
    """The part of a map that shows the given wards: the view box, and their outlines."""
    shown = [outline for outline in wards.outlines if outline.code in codes]
    points = np.array([[int(x), int(y)] for outline in shown for x, y in re.findall(r"(-?\d+),(-?\d+)", outline.path)])
    west, north = points.min(axis=0) - margin
    east, south = points.max(axis=0) + margin
    return f"{west} {north} {east - west} {south - north}", shown
