"""The check reports a postcode or point next to a figure in every kind of file, but not an area with figures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spi_pipeline.outputs.places import place_beside_figure

Row = dict[str, Any]
MESSAGE = "a postcode or point is next to a figure in row 2"
GOOD: Row = {"area_code": "E05014735", "area_name": "Barnfield", "note": "LU1, 2021", "calls": 12}


def _csv(rows: list[Row]) -> bytes:
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    return "\n".join(lines).encode()


def _parquet(rows: list[Row]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def _workbook(rows: list[Row]) -> bytes:
    book, sink = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    book.save(sink)
    return sink.getvalue()


def _geojson(rows: list[Row]) -> bytes:
    outline = {"type": "Polygon", "coordinates": [[[-0.4, 51.8], [-0.3, 51.8], [-0.3, 51.9], [-0.4, 51.8]]]}
    features = [{"type": "Feature", "properties": row, "geometry": outline} for row in rows]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _page(rows: list[Row]) -> bytes:
    cells = ["".join(f"<td>{value}</td>" for value in row.values()) for row in rows]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>".encode()


def _lines(rows: list[Row]) -> bytes:
    return ",\n".join(json.dumps(row) for row in rows).encode()


KINDS: dict[str, Callable[[list[Row]], bytes]] = {
    "csv": _csv, "parquet": _parquet, "xlsx": _workbook, "geojson": _geojson, "html": _page, "js": _lines,
    "json": _lines,
}  # fmt: skip


def check(kind: str, planted: Row) -> str | None:
    message = place_beside_figure(f"downloads/some.{kind}", KINDS[kind]([dict.fromkeys(planted), planted]))
    # The header of a worksheet counts as a row.
    return message and message.replace("row 3", "row 2") if kind == "xlsx" else message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("note", ["LU1 2AB", "at LU12AB", "51.87870, -0.42001", "-0.4200; 51.87870"])
def test_a_planted_place_is_reported(kind: str, note: str) -> None:
    assert check(kind, GOOD | {"note": note}) == MESSAGE


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_without_a_figure_is_not_reported(kind: str) -> None:
    assert check(kind, {"area_name": "Barnfield", "note": "LU1 2AB", "calls": "none"}) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("note", ["LU1", "KS403EW", "LSOA21CD", "51.87, -0.42", "0.12345, 0.54321", "LU1 2"])
def test_similar_texts_are_not_reported(kind: str, note: str) -> None:
    assert check(kind, GOOD | {"note": note}) is None


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx", "geojson"])
@pytest.mark.parametrize("name", ["easting", "Longitude", "postcode", "X"])
def test_a_column_of_places_is_recognised_by_its_name(kind: str, name: str) -> None:
    planted = {name: 508123, "calls": 3}
    message = place_beside_figure(f"some.{kind}", KINDS[kind]([planted]))
    assert message
    assert "508123" not in message, "the message does not repeat the place"
    assert place_beside_figure(f"some.{kind}", KINDS[kind]([{"ward": 508123, "calls": 3}])) is None


def test_a_point_on_a_map_is_reported_and_an_outline_is_not() -> None:
    layer = json.loads(_geojson([GOOD]))
    assert place_beside_figure("wards.geojson", json.dumps(layer).encode()) is None
    layer["features"][0]["geometry"] = {"type": "Point", "coordinates": [-0.4, 51.8]}
    assert place_beside_figure("wards.geojson", json.dumps(layer).encode())


def test_files_without_text_are_not_read() -> None:
    assert place_beside_figure("spi.duckdb", b"LU1 2AB 3") is None


def test_an_unknown_kind_of_file_is_refused() -> None:
    message = place_beside_figure("notes.txt", b"nothing")
    assert message
    assert message.startswith("files of kind .txt are not checked for postcodes and points; use one of csv, ")
