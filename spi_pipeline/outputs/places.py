"""Finding a postcode or a point next to a figure in a published file; a rule checks tables for the same."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spi_pipeline.rules.places import NAMED, PLACE

if TYPE_CHECKING:
    import pyarrow as pa

_PLACE, _NAMED = re.compile(PLACE), re.compile(NAMED, re.IGNORECASE)
_FIGURE = re.compile(r"[-−–£]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)? ?%?")
# Areas have outlines; any other geometry on a map is a place.
_OUTLINES = ("Polygon", "MultiPolygon")
# Kinds of files without figures (styles, the logo), and the database, whose tables are also published as Parquet.
UNREAD = ("css", "svg", "png", "duckdb")
Rows = Iterator[tuple[Sequence[str], Sequence[str]]]


def place_beside_figure(path: str, content: bytes) -> str | None:
    """The first row of a file in which a postcode or a point stands next to a figure; its content is not repeated.

    Args:
        path: the path of the file. Its suffix gives the kind: CSV, Parquet, a workbook, GeoJSON, a page (checked by
            its table rows and list items), or a script or JSON (checked by line). Files of the kinds in ``UNREAD`` are
            not read; a file of any other kind is refused, since nothing would check it.
        content: its bytes.

    Returns:
        The number of the row, or that the file cannot be checked, in words; None if there is no such row.
    """
    kind = path.rpartition(".")[2]
    if kind in UNREAD:
        return None
    if kind not in _READERS:
        return f"files of kind .{kind} are not checked for postcodes and points; use one of {', '.join(_READERS)}"
    read = _READERS[kind]
    for number, (names, cells) in enumerate(read(content), start=1):
        if _beside(names, cells):
            return f"a postcode or point is next to a figure in row {number:,}"
    return None


def _beside(names: Sequence[str], cells: Sequence[str]) -> bool:
    named = {at for at, name in enumerate(names) if _NAMED.fullmatch(name) and at < len(cells) and cells[at]}
    placed = named | {at for at, cell in enumerate(cells) if _PLACE.search(cell)}
    return bool(placed) and any(
        re.search(r"\d", _PLACE.sub("", cell)) if at in placed and at not in named else _FIGURE.fullmatch(cell.strip())
        for at, cell in enumerate(cells)
        if at not in named
    )


def _csv(content: bytes) -> Rows:
    from pyarrow.csv import read_csv

    return _table(read_csv(io.BytesIO(content)))


def _parquet(content: bytes) -> Rows:
    from pyarrow.parquet import read_table

    return _table(read_table(io.BytesIO(content)))


def _table(table: pa.Table) -> Rows:
    """The rows of a table; none if no text in it is a place, as is true of all but a few of ten thousand rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    places = any(pc.any(pc.match_substring_regex(column, PLACE)).as_py() for column in texts)
    if places or any(map(_NAMED.fullmatch, table.column_names)):
        for row in table.to_pylist():
            yield table.column_names, [_text(cell) for cell in row.values()]


def _workbook(content: bytes) -> Rows:
    """The rows of each sheet; the last row above that has only texts, none of them empty, names the columns."""
    import openpyxl

    for sheet in openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True):
        names: Sequence[str] = ()
        for row in sheet.iter_rows(values_only=True):
            cells = [_text(cell) for cell in row]
            if len(cells) > 1 and all(isinstance(cell, str) and not _FIGURE.fullmatch(cell) for cell in row):
                names = cells
            yield names, cells


def _geojson(content: bytes) -> Rows:
    for feature in json.loads(content)["features"]:
        properties, outline = feature["properties"], (feature.get("geometry") or {}).get("type") in (None, *_OUTLINES)
        place = {} if outline else {"point": "there"}
        yield [*properties, *place], [*map(_text, properties.values()), *place.values()]


def _page(content: bytes) -> Rows:
    from lxml import html

    for row in html.document_fromstring(content).xpath("//tr | //li | //dd"):
        yield (), [" ".join(cell.text_content().split()) for cell in row.xpath("./td | ./th") or [row]]


def _lines(content: bytes) -> Rows:
    return (((), [line]) for line in content.decode().splitlines())


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


_READERS: dict[str, Callable[[bytes], Rows]] = {
    "csv": _csv,
    "parquet": _parquet,
    "xlsx": _workbook,
    "geojson": _geojson,
    "html": _page,
    "js": _lines,
    "json": _lines,
}
