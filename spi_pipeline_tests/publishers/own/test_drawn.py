"""Files that draw areas by polygons, postcodes or codes, and the message that refuses each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.publishers.own.drawn import read_drawn

SQUARE = [[-0.42, 51.88], [-0.40, 51.88], [-0.40, 51.90], [-0.42, 51.90], [-0.42, 51.88]]
CROSSED = [[-0.42, 51.88], [-0.40, 51.90], [-0.40, 51.88], [-0.42, 51.90], [-0.42, 51.88]]
ON_GRID = [[508000, 221000], [510000, 221000], [510000, 223000], [508000, 221000]]
EXCHANGED = [[y, x] for x, y in SQUARE]
IN_FRANCE = [[x + 3, y - 7] for x, y in SQUARE]


def polygon(ring: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring]}


def feature(ring: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": polygon(ring)}


def drawn(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_polygons_in_one_file_are_one_area_unless_they_name_several(tmp_path: Path) -> None:
    east = [[x + 0.02, y] for x, y in SQUARE]
    alike = {"type": "FeatureCollection", "features": [feature(SQUARE, area=12.5), feature(east, area=13)]}
    [one] = read_drawn(drawn(tmp_path, "town_board.geojson", alike))
    assert (one.id, one.title) == ("town_board", "Town board"), "a surface area is not a name"
    assert shapely.area(shapely.from_wkt(one.outline)) == pytest.approx(0.04 * 0.02)
    named = {"type": "FeatureCollection", "features": [feature(SQUARE, area="West"), feature(east, area="East")]}
    assert [area.id for area in read_drawn(drawn(tmp_path, "both.geojson", named))] == ["west", "east"]


def test_a_table_lists_postcodes_or_codes_of_one_or_several_areas(tmp_path: Path) -> None:
    [one] = read_drawn(drawn(tmp_path, "a.csv", "\ufeffpostcode,who\nlu1 1aa,x\nLU1 1AA,y\nLU2 7AA,z\n"), "My board")
    assert (one.id, one.postcodes) == ("my_board", ["LU1 1AA", "LU2 7AA"])
    both = read_drawn(drawn(tmp_path, "b.csv", "Area,code\nWest,E01015700\nEast,E00079000\nWest,E05014751\n"))
    assert {area.id: area.codes for area in both} == {"west": ["E01015700", "E05014751"], "east": ["E00079000"]}
    [listed] = read_drawn(drawn(tmp_path, "2nd.txt", "E01015700\n"))
    assert listed.id == "area_2nd"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.geojson", "", "is empty"),
        ("a.csv", " \n", "is empty"),
        ("a.geojson", {"type": "FeatureCollection", "features": []}, "draws no area"),
        ("a.geojson", {"type": "Point", "coordinates": [-0.4, 51.9]}, "holds a Point, where polygons are wanted"),
        ("a.geojson", '{"type": "Polygon", "coord', "is not GeoJSON"),
        ("a.geojson", polygon([[-0.4, 51.9]]), "holds an invalid polygon"),
        ("a.geojson", polygon([["a", "b"]] * 4), "holds an invalid polygon"),
        ("a.geojson", polygon(ON_GRID), "are on the British National Grid, the first 508000 221000"),
        ("a.geojson", polygon(SQUARE) | {"crs": {"properties": {"name": "EPSG:27700"}}}, "27700"),
        ("a.geojson", polygon(EXCHANGED), "has latitude before longitude"),
        ("a.geojson", polygon(IN_FRANCE), "outside Great Britain"),
        ("a.geojson", polygon(CROSSED), "crosses itself"),
        ("a.csv", "name,colour\nA,red\n", "holds no column of postcodes or of codes"),
        ("a.csv", "code\nE05014751\nfoo\n", "1 of 2 rows of .* hold no postcode or code, the first 'foo'"),
        ("a.csv", "E05014751\nLU1 1AA\n", "holds postcodes and codes of areas"),
        ("a.csv", "area,code\nWest,E05014751\n,E05014748\n", "not for others"),
        ("a.csv", "area,code\nWest,E05014751\nwest.,E05014748\n", "two areas whose id would be west"),
        ("!.csv", "E05014751\n", "no id can be made"),
    ],
)
def test_ambiguous_or_invalid_files_are_refused(tmp_path: Path, name: str, content: Any, expected: str) -> None:
    with pytest.raises(SpiError, match=expected):
        read_drawn(drawn(tmp_path, name, content))


@pytest.mark.parametrize(
    "outline",
    ["", "a board", "POINT (-0.4 51.9)", "POLYGON EMPTY", "POLYGON ((-0.4 51.9, -0.3 51.9, -0.4 51.9))",
     "POLYGON ((-0.4 51.9, nan 51.9, -0.3 51.8, -0.4 51.9))"],
)  # fmt: skip
def test_an_outline_edited_by_hand_must_enclose_an_area(outline: str) -> None:
    with pytest.raises(ValueError, match=r"is not well-known text|encloses no area"):
        OwnArea(id="board", title="Board", outline=outline)
