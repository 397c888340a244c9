"""ONS Open Geography on ArcGIS (sources.md, section 2): queries of a layer, and errors with status 200.

Pages of 2,000, both places of the flag and `1=1` follow clients that page through the service. The list of services
(some 3,900 at the publisher, sometimes empty) has the names and types that those clients read.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from spi_pipeline_tests.imitations.messages import Request, Response, Served, html_response, json_response, not_found
from spi_pipeline_tests.imitations.publishers.ons_geography.files import FILES as FILES
from spi_pipeline_tests.imitations.publishers.ons_geography.layers import NAMES, Layer, layer

_CLAUSE = re.compile(r"\(?\s*(\w+)\s*(=|<>|LIKE|IN)\s*(.+?)\s*\)?", re.IGNORECASE)


class _RefusedError(Exception):
    """A query to which ArcGIS responds with an error body."""


def respond(request: Request) -> Response:
    """/{service}/FeatureServer/0/query, the layer's description one level up, and the list of all services."""
    if request.path.strip("/") == "" and request.query.get("f") in ("json", "pjson"):
        services = [{"name": name, "type": "FeatureServer"} for name in NAMES]
        return json_response({"currentVersion": 12, "services": services})
    found = re.fullmatch(r"/(\w+)/FeatureServer/0(/query)?", request.path.rstrip("/"))
    if not found:
        return not_found(request)
    service = layer(found[1])
    if service is None:
        return _error(400, "Invalid URL", "Invalid URL")
    form = request.query.get("f", "html")
    if form == "html":  # the default format
        return html_response(f"<h1>{found[1]}</h1>")
    most = min(service.records, request.site.arcgis_records)
    if not found[2]:
        return json_response(_description(found[1], service, most))
    try:
        return _query(service, request.query, form, most)
    except _RefusedError as refused:
        return _error(400, "Cannot perform query. Invalid query parameters.", str(refused))


def _error(code: int, message: str, detail: str) -> Response:
    return json_response({"error": {"code": code, "message": message, "details": [detail]}})


def _description(name: str, service: Layer, most: int) -> dict[str, Any]:
    edited = {"lastEditDate": 1_733_000_000_000, "dataLastEditDate": 1_733_000_000_000}
    return {"name": name, "maxRecordCount": most, "editingInfo": edited, "fields": _fields(service.rows)}


def _query(service: Layer, query: Any, form: str, most: int) -> Response:
    rows = service.rows[_where(service.rows, query.get("where", ""))]
    if query.get("returnCountOnly", "false").lower() == "true":
        return json_response({"count": len(rows)})
    if order := query.get("orderByFields"):
        field, _, direction = order.partition(" ")
        rows = rows.sort_values(_known(rows, field), ascending=direction.upper() != "DESC", kind="stable")
    start = int(query.get("resultOffset", 0))
    page = rows.iloc[start : start + min(int(query.get("resultRecordCount", most)), most)]
    more = start + len(page) < len(rows)
    fields = query.get("outFields", service.object_id)
    columns = list(rows) if fields == "*" else [_known(rows, name.strip()) for name in fields.split(",")]
    geometry = query.get("returnGeometry", "true").lower() == "true" and service.shapes is not None
    shapes = _projected(service, query.get("outSR", "27700"))[page.index] if geometry else [None] * len(page)
    records = page[columns].to_dict("records")
    if form in ("geojson", "pgeojson"):
        return _geojson(service, records, shapes, more)
    features = [_esri_feature(*pair) for pair in zip(records, shapes, strict=True)]
    content: dict[str, Any] = {"objectIdFieldName": service.object_id, "fields": _fields(page[columns])}
    return json_response({**content, "features": features} | ({"exceededTransferLimit": True} if more else {}))


def _geojson(service: Layer, records: list[dict[Any, Any]], shapes: Any, more: bool) -> Response:
    """Features as GeoJSON; the flag is in `properties`, but at the top level for layers with pages of 1000 records."""
    features = [
        {"type": "Feature", "id": number, "properties": record, "geometry": shape and shapely.geometry.mapping(shape)}
        for number, (record, shape) in enumerate(zip(records, shapes, strict=True), 1)
    ]
    flag = {"exceededTransferLimit": True}
    at = {} if not more else flag if service.records == 1000 else {"properties": flag}
    content = {"type": "FeatureCollection", **at, "features": features}
    return json_response(content, content_type="application/geo+json; charset=utf-8")


def _esri_feature(record: dict[Any, Any], shape: Any) -> dict[str, Any]:
    if shape is None:
        return {"attributes": record}
    if shape.geom_type == "Point":
        return {"attributes": record, "geometry": {"x": shape.x, "y": shape.y}}
    # The rings of all parts are in one list; outer rings are clockwise.
    rings = [
        [list(point) for point in ring.coords]
        for part in shapely.get_parts(shape)
        for ring in (lambda p: (p.exterior, *p.interiors))(shapely.geometry.polygon.orient(part, -1.0))
    ]
    return {"attributes": record, "geometry": {"rings": rings}}


def _projected(service: Layer, reference: str) -> np.ndarray:
    """The shapes in longitude and latitude, or on the British National Grid."""
    if reference not in ("4326", "27700"):
        raise _RefusedError("'outSR' parameter is invalid")
    if reference == "4326":
        return np.asarray(service.shapes)
    transformer = _transformer()
    return shapely.transform(service.shapes, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def _fields(rows: pd.DataFrame) -> list[dict[str, str]]:
    types = {"i": "esriFieldTypeOID", "f": "esriFieldTypeDouble"}
    return [
        {"name": name, "alias": name, "type": types.get(rows[name].dtype.kind, "esriFieldTypeString")} for name in rows
    ]


def _known(rows: pd.DataFrame, name: str) -> str:
    by_name = {column.upper(): column for column in rows}
    if name.upper() not in by_name:
        raise _RefusedError(f"'Invalid field: {name}' parameter is invalid")
    return by_name[name.upper()]


def _where(rows: pd.DataFrame, text: str) -> np.ndarray:
    """Rows that meet all clauses: =, <>, LIKE and IN, joined by AND; text comparison ignores case."""
    if not text:
        raise _RefusedError("'where' parameter is invalid")
    kept = np.ones(len(rows), dtype=bool)
    for clause in re.split(r"\s+AND\s+", text, flags=re.IGNORECASE):
        if clause.replace(" ", "") == "1=1":
            continue
        found = _CLAUSE.fullmatch(clause.strip())
        if not found:
            raise _RefusedError("'where' parameter is invalid")
        cells = rows[_known(rows, found[1])].astype(str).str.upper()
        values = [
            value.upper() for value in re.findall(r"'([^']*)'|(?<![\w'])(\d+)", found[3]) for value in value if value
        ]
        if found[2].upper() == "LIKE":
            pattern = re.escape(values[0]).replace("%", ".*")
            kept &= cells.str.fullmatch(pattern).to_numpy()
        else:
            kept &= cells.isin(values).to_numpy() ^ (found[2] == "<>")
    return kept


@cache
def _transformer() -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(4326, 27700, always_xy=True)


SERVED = {
    "ons_geography": Served(respond, "lsoa_best_fit", column="LSOA21CD"),
}
