"""Reads areas that files draw: GeoJSON polygons, or a table of postcodes or of codes of small areas and wards.

This module reads and checks the file; the geography determines what lies in an area.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import shape

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.own_areas import CODE, OwnArea

POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", re.IGNORECASE)
# The column, or the property of a feature, that names the area a row or polygon is part of.
AREA = "area"
# Longitude and latitude of Great Britain, west, south, east, north.
BRITAIN = (-9.0, 49.0, 2.5, 61.5)
# The largest relative change of surface in mending: a ring that touches itself keeps its surface, unlike one that
# crosses itself.
MENDED = 1e-3
DECIMALS = 6  # of a degree: a decimetre
_POLYGONS = ("Polygon", "MultiPolygon")


def read_drawn(path: Path, name: str = "") -> list[OwnArea]:
    """Read the areas that a file draws.

    Args:
        path: a ``.geojson`` or ``.json`` file, or else a table as CSV or a list with one entry per line. Rows and
            features that name an ``area`` are parts of the area of that name; a file may hold several areas.
        name: the name of the area, if the file gives none; by default the name of the file.

    Returns:
        Each area, with an id made from its name.

    Raises:
        SpiError: when the file cannot be read, draws nothing, or draws something that cannot be intended.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SpiError(f"{path} cannot be read ({error.strerror or error}); name a file") from error
    except UnicodeDecodeError as error:
        raise SpiError(f"{path} is not text in UTF-8; save it as GeoJSON or CSV") from error
    title = name or re.sub(r"[_-]+", " ", path.stem).strip()
    title = title[:1].upper() + title[1:]
    if not text.strip():
        raise SpiError(f"{path} is empty; name a file that draws an area")
    if path.suffix.lower() in (".geojson", ".json") or text.lstrip().startswith("{"):
        areas = [OwnArea(id=id_of(each), title=each, outline=_outline(parts, path))
                 for each, parts in _grouped(_features(text, path), title, name, path)]  # fmt: skip
    else:
        areas = [_listed(each, entries, path) for each, entries in _grouped(_entries(text, path), title, name, path)]
    ids = [one.id for one in areas]
    if repeated := next((one for one in ids if ids.count(one) > 1), ""):
        raise SpiError(f"{path} names two areas whose id would be {repeated}; give them other names")
    return areas


def id_of(title: str) -> str:
    """Return an id made from a name: lower-case letters, digits and underscores, beginning with a letter.

    Raises:
        SpiError: when no id can be made from the name.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", title.casefold()).strip("_")
    if not plain:
        raise SpiError(f"no id can be made of the name {title!r}; give another with --name")
    return plain if plain[0].isalpha() else f"area_{plain}"


def _grouped(parts: Sequence[tuple[str, Any]], title: str, name: str, path: Path) -> list[tuple[str, list[Any]]]:
    """Group parts by the area they name, in order of appearance; if none is named, all under one name."""
    if not parts:
        raise SpiError(f"{path} draws no area: it holds no polygon, postcode or code")
    named = sorted({own for own, _ in parts if own})
    if name and len(named) > 1:
        raise SpiError(f"{path} names {len(named)} areas, {named[0]} and {named[1]} among them; leave --name out")
    if named and any(not own for own, _ in parts):
        raise SpiError(f"{path} names an area for some of its parts and not for others; name all of them, or none")
    groups: dict[str, list[Any]] = {}
    for own, part in parts:
        groups.setdefault(name or own or title, []).append(part)
    return list(groups.items())


def _features(text: str, path: Path) -> list[tuple[str, shapely.Geometry]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpiError(f"{path} is not GeoJSON ({error}); export it again") from error
    if not isinstance(data, dict):
        raise SpiError(f"{path} is not GeoJSON: it holds no object; export it again")
    reference = json.dumps(data.get("crs") or "")
    if data.get("crs") and not re.search(r"CRS84|4326", reference):
        raise SpiError(f"{path} declares that its coordinates are {reference}; {_WGS84}")
    features = data.get("features") if data.get("type") == "FeatureCollection" else [data]
    if not isinstance(features, list):
        raise SpiError(f"{path} is not GeoJSON: its features are not a list; export it again")
    return [part for feature in features for part in _polygons(feature, path)]


def _polygons(feature: Any, path: Path) -> Iterator[tuple[str, shapely.Geometry]]:
    if not isinstance(feature, dict):
        raise SpiError(f"{path} is not GeoJSON: a feature is not an object; export it again")
    geometry = feature.get("geometry") if feature.get("type") == "Feature" else feature
    properties = feature.get("properties")
    # Programs that measure surfaces may write a number under this name.
    own = properties.get(AREA) if isinstance(properties, dict) else None
    if geometry is None:
        return
    if not isinstance(geometry, dict) or geometry.get("type") not in (*_POLYGONS, "GeometryCollection"):
        kind = geometry.get("type") if isinstance(geometry, dict) else geometry
        raise SpiError(f"{path} holds a {kind}, where polygons are wanted; keep the polygons alone")
    parts = geometry.get("geometries", []) if geometry["type"] == "GeometryCollection" else [geometry]
    for part in parts:
        if not isinstance(part, dict) or part.get("type") not in _POLYGONS:
            raise SpiError(f"{path} holds more than polygons; keep the polygons alone")
        try:
            made = shapely.force_2d(shape(part))
        except (ValueError, TypeError, AttributeError, IndexError, KeyError, shapely.errors.ShapelyError) as error:
            raise SpiError(
                f"{path} holds an invalid polygon ({error}); repair it where it was drawn, then export it again"
            ) from error
        if not made.is_empty:
            yield own.strip() if isinstance(own, str) else "", made


_WGS84 = "save it as GeoJSON in WGS84 (EPSG:4326), with longitude before latitude"


def _outline(parts: Sequence[shapely.Geometry], path: Path) -> str:
    for part in parts:
        _require_degrees(part, path)
    mended = [_mended(part, path) for part in parts]
    united = shapely.union_all(mended)
    return str(shapely.to_wkt(united, rounding_precision=DECIMALS))


def _require_degrees(polygon: shapely.Geometry, path: Path) -> None:
    west, south, east, north = polygon.bounds
    if not all(map(math.isfinite, (west, south, east, north))):
        raise SpiError(f"{path} holds coordinates that are not numbers; export it again")
    place = f"{west:g} {south:g}"
    if max(abs(east), abs(north), abs(west), abs(south)) > 180:
        grid = "on the British National Grid" if 0 <= west < 7e5 and 0 <= south < 1.3e6 else "not degrees"
        raise SpiError(f"the coordinates of {path} are {grid}, the first {place}; {_WGS84}")
    if BRITAIN[1] <= west and east <= BRITAIN[3] and BRITAIN[0] <= south and north <= BRITAIN[2]:
        raise SpiError(f"{path} has latitude before longitude, the first {place}; {_WGS84}")
    if not (BRITAIN[0] <= west and east <= BRITAIN[2] and BRITAIN[1] <= south and north <= BRITAIN[3]):
        raise SpiError(f"{path} draws an area outside Great Britain, at {place}; {_WGS84}")


def _mended(polygon: shapely.Geometry, path: Path) -> shapely.Geometry:
    if shapely.is_valid(polygon):
        return polygon
    made = shapely.make_valid(polygon)
    if abs(shapely.area(made) - shapely.area(polygon)) > MENDED * shapely.area(made):
        why = shapely.is_valid_reason(polygon)
        raise SpiError(f"an outline in {path} crosses itself ({why}); mend it in the program that drew it")
    return made


def _entries(text: str, path: Path) -> list[tuple[str, str]]:
    """Return the postcodes and codes of a table, each with the area named for it."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if any(map(str.strip, row))]
    except csv.Error as error:
        raise SpiError(f"{path} is not CSV ({error}); save it again") from error
    if not rows:
        return []
    counts = [sum(_is_place(_cell(row, at)) for row in rows) for at in range(max(map(len, rows)))]
    column = counts.index(max(counts))
    if not counts[column]:
        raise SpiError(
            f"{path} holds no column of postcodes or of codes of output areas, LSOAs or wards: its first row is "
            f"{','.join(rows[0])[:60]}"
        )
    headed = not _is_place(_cell(rows[0], column))
    names = [cell.casefold() for cell in rows[0]] if headed else []
    of = names.index(AREA) if AREA in names else None
    body = rows[1:] if headed else rows
    strange = [_cell(row, column) for row in body if not _is_place(_cell(row, column))]
    if strange:
        raise SpiError(
            f"{len(strange):,} of {len(body):,} rows of {path} hold no postcode or code, the first "
            f"{strange[0][:20]!r}; correct them, or leave them out"
        )
    return [("" if of is None else _cell(row, of), _cell(row, column).upper()) for row in body]


def _cell(row: Sequence[str], at: int) -> str:
    return row[at] if at < len(row) else ""


def _is_place(text: str) -> bool:
    return bool(POSTCODE.fullmatch(text) or CODE.fullmatch(text.upper()))


def _listed(title: str, entries: Iterable[str], path: Path) -> OwnArea:
    once = list(dict.fromkeys(entries))
    codes = [text for text in once if CODE.fullmatch(text)]
    if codes and len(codes) < len(once):
        raise SpiError(f"{path} holds postcodes and codes of areas for {title}; give one of the two")
    if codes:
        return OwnArea(id=id_of(title), title=title, codes=codes)
    return OwnArea(id=id_of(title), title=title, postcodes=once)
