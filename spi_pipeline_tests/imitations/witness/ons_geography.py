"""ONS Open Geography: `/SERVICE/FeatureServer/0/query`."""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from shapely import MultiPolygon, Point, Polygon
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import Request, Response, as_json

MOST_RECORDS = 2000

# Four small areas of the neighbour, so that a request without a filter for the town returns too much.
NEIGHBOUR = ("E06000056", "Central Bedfordshire")
NEIGHBOURING_LSOAS = {
    "E01017564": ("Central Bedfordshire 033C", "E05014400", "Caddington"),
    "E01017586": ("Central Bedfordshire 032C", "E05014400", "Caddington"),
    "E01017591": ("Central Bedfordshire 022C", "E05014416", "Leighton-Linslade West"),
    "E01017614": ("Central Bedfordshire 023D", "E05014416", "Leighton-Linslade West"),
}


@dataclass(frozen=True)
class Service:
    """A service; `rows` returns fields in order, and any geometry in longitude and latitude."""

    rows: Callable[[], list[tuple[dict[str, Any], BaseGeometry | None]]]
    object_id: str
    geometry: str = ""


def respond(request: Request) -> Response:
    found = re.fullmatch(r"/(\w+)/FeatureServer/0/query", request.path)
    if not found or found[1] not in SERVICES:
        return _error("Invalid URL", "Invalid URL")
    service = SERVICES[found[1]]
    try:
        return _query(found[1], service, request)
    except sqlite3.Error as problem:
        unknown = re.fullmatch(r"no such column: (?:\w+\.)?(\S+)", str(problem))
        parameter = f"Invalid field: {unknown[1]}" if unknown else "where"
        return _error("Cannot perform query. Invalid query parameters.", f"'{parameter}' parameter is invalid")


def _error(message: str, detail: str) -> Response:
    return as_json({"error": {"code": 400, "message": message, "details": [detail]}})


def _query(name: str, service: Service, request: Request) -> Response:
    base, rows = _base(name), _rows(name)
    where = request.parameter("where", "1=1") or "1=1"
    order = request.parameter("orderByFields") or service.object_id
    known = list(rows[0][0])
    out_fields = request.parameter("outFields", "*")
    fields = known if out_fields.strip() == "*" else [_field(known, one.strip()) for one in out_fields.split(",")]
    places = [place for (place,) in base.execute(f"SELECT _place FROM records WHERE {where} ORDER BY {order}")]
    if request.parameter("returnCountOnly") == "true":
        return as_json({"count": len(places)})
    start = int(request.parameter("resultOffset", "0"))
    count = min(int(request.parameter("resultRecordCount", str(MOST_RECORDS))), MOST_RECORDS)
    page = [rows[place] for place in places[start : start + count]]
    geometry = service.geometry if request.parameter("returnGeometry", "true") == "true" else ""
    reference = int(request.parameter("outSR", "27700"))
    more = start + count < len(places)
    if request.parameter("f", "html").lower() == "geojson":
        return as_json(_geojson(page, fields, service, geometry, more))
    return as_json(_json(page, fields, service, geometry, reference, more))


def _field(known: list[str], wanted: str) -> str:
    for one in known:
        if one.lower() == wanted.lower():
            return one
    raise sqlite3.OperationalError(f"no such column: {wanted}")


@cache
def _rows(name: str) -> list[tuple[dict[str, Any], BaseGeometry | None]]:
    return SERVICES[name].rows()


@cache
def _base(name: str) -> sqlite3.Connection:
    """The service as a SQLite table, which can evaluate any condition."""
    rows = _rows(name)
    base = sqlite3.connect(":memory:", check_same_thread=False)
    base.execute("CREATE TABLE records (_place, {})".format(", ".join(f'"{field}"' for field in rows[0][0])))
    marks = ",".join("?" * (1 + len(rows[0][0])))
    base.executemany(
        f"INSERT INTO records VALUES ({marks})", [(place, *row.values()) for place, (row, _) in enumerate(rows)]
    )
    return base


def _geojson(
    page: list[tuple[dict[str, Any], BaseGeometry | None]],
    fields: list[str],
    service: Service,
    geometry: str,
    more: bool,
) -> dict[str, Any]:
    """GeoJSON, always in longitude and latitude; the flag for more rows is in the properties."""
    features = [
        {
            "type": "Feature",
            "id": row[service.object_id],
            "geometry": mapping(shape) if geometry and shape else None,
            "properties": {field: row[field] for field in fields},
        }
        for row, shape in page
    ]
    start: dict[str, Any] = {"type": "FeatureCollection"}
    return start | ({"properties": {"exceededTransferLimit": True}} if more else {}) | {"features": features}


def _json(
    page: list[tuple[dict[str, Any], BaseGeometry | None]],
    fields: list[str],
    service: Service,
    geometry: str,
    reference: int,
    more: bool,
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "objectIdFieldName": service.object_id,
        "uniqueIdField": {"name": service.object_id, "isSystemMaintained": True},
        "globalIdFieldName": "GlobalID" if geometry else "",
    }
    if geometry:
        content |= {"geometryType": geometry, "spatialReference": {"wkid": reference, "latestWkid": reference}}
    content["fields"] = [_described(field, service) for field in fields]
    if more:
        content["exceededTransferLimit"] = True
    content["features"] = [
        {"attributes": {field: row[field] for field in fields}}
        | ({"geometry": _esri(shape, reference)} if geometry and shape else {})
        for row, shape in page
    ]
    return content


def _described(field: str, service: Service) -> dict[str, Any]:
    numbers = {"BNG_E": "Integer", "BNG_N": "Integer", "LONG": "Double", "LAT": "Double", service.object_id: "OID"}
    kind = numbers.get(field, "Double" if field.startswith("Shape__") else "String")
    sql = {"String": "sqlTypeNVarchar", "Double": "sqlTypeFloat"}.get(kind, "sqlTypeInteger")
    length = {"length": 60} if kind == "String" else {}
    named = {"name": field, "type": f"esriFieldType{kind}", "alias": field, "sqlType": sql}
    return named | length | {"domain": None, "defaultValue": None}


def _esri(shape: BaseGeometry, reference: int) -> dict[str, Any]:
    """The rings of all polygons are in one list; outer rings are clockwise."""
    turned = shape if reference == 4326 else town.on_grid(shape)
    if isinstance(turned, Point):
        return {"x": turned.x, "y": turned.y}
    parts = turned.geoms if isinstance(turned, MultiPolygon) else [turned]
    rings: list[list[list[float]]] = []
    for part in parts:
        if isinstance(part, Polygon):
            rings += [_ring(part.exterior.coords, clockwise=True)]
            rings += [_ring(hole.coords, clockwise=False) for hole in part.interiors]
    return {"rings": rings}


def _ring(coordinates: Any, *, clockwise: bool) -> list[list[float]]:
    points = [[float(x), float(y)] for x, y in coordinates]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(points))
    return points if (area < 0) is clockwise else points[::-1]


def _identifier(code: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, code))


def _wards(year: str) -> Callable[[], list[tuple[dict[str, Any], BaseGeometry | None]]]:
    return lambda: _wards_of(year)


def _wards_of(year: str) -> list[tuple[dict[str, Any], BaseGeometry | None]]:
    rows: list[tuple[dict[str, Any], BaseGeometry | None]] = []
    shapes = town.shapes("wards")
    for number, (code, name) in enumerate(town.wards().items(), 5306):
        centre = shapes[code].representative_point()
        east, north = town.to_grid(centre.x, centre.y)
        row = {"FID": number, f"WD{year}CD": code, f"WD{year}NM": name, f"WD{year}NMW": " "}
        row |= {f"LAD{year}CD": town.CODE, f"LAD{year}NM": town.NAME, "BNG_E": round(east), "BNG_N": round(north)}
        row |= {"LONG": round(centre.x, 5), "LAT": round(centre.y, 5), "GlobalID": _identifier(code)}
        rows.append((row, shapes[code]))
    return rows


def _lsoa_boundaries() -> list[tuple[dict[str, Any], BaseGeometry | None]]:
    rows: list[tuple[dict[str, Any], BaseGeometry | None]] = []
    shapes = town.shapes("lsoa_boundaries")
    for number, (code, name) in enumerate(town.lsoas().items(), 14900):
        centre = shapes[code].representative_point()
        east, north = town.to_grid(centre.x, centre.y)
        flat = town.on_grid(shapes[code])
        row = {"FID": number, "LSOA21CD": code, "LSOA21NM": name, "LSOA21NMW": " "}
        row |= {"BNG_E": round(east), "BNG_N": round(north), "LAT": centre.y, "LONG": centre.x}
        row |= {"Shape__Area": flat.area, "Shape__Length": flat.length, "GlobalID": _identifier(code)}
        rows.append((row, shapes[code]))
    return rows


def _centroids() -> list[tuple[dict[str, Any], BaseGeometry | None]]:
    shapes = town.shapes("lsoa_boundaries")
    return [
        ({"FID": number, "LSOA21CD": code, "GlobalID": _identifier(code)}, shapes[code].representative_point())
        for number, code in enumerate(town.lsoas(), 1)
    ]


def _best_fit(year: str) -> Callable[[], list[tuple[dict[str, Any], BaseGeometry | None]]]:
    def rows() -> list[tuple[dict[str, Any], BaseGeometry | None]]:
        pairs = town.lookup()[["lsoa_code", "ward_code"]].drop_duplicates().sort_values("lsoa_code")
        held = [
            (lsoa, town.lsoas()[lsoa], ward, town.wards()[ward], town.CODE, town.NAME)
            for lsoa, ward in zip(pairs.lsoa_code, pairs.ward_code, strict=True)
        ]
        held += [
            (code, name, ward, ward_name, *NEIGHBOUR) for code, (name, ward, ward_name) in NEIGHBOURING_LSOAS.items()
        ]
        records = []
        for number, (lsoa, name, ward, ward_name, authority, authority_name) in enumerate(sorted(held), 1):
            row = {"LSOA21CD": lsoa, "LSOA21NM": name, "LSOA21NMW": " "}
            row |= {f"WD{year}CD": ward, f"WD{year}NM": ward_name, f"WD{year}NMW": " "}
            row |= {f"LAD{year}CD": authority, f"LAD{year}NM": authority_name, f"LAD{year}NMW": " "}
            records.append((row | {"ObjectId": number}, None))
        return records

    return rows


def _output_areas() -> list[tuple[dict[str, Any], BaseGeometry | None]]:
    rows: list[tuple[dict[str, Any], BaseGeometry | None]] = []
    held = town.lookup()
    for number, (oa, lsoa, msoa) in enumerate(zip(held.oa, held.lsoa_code, held.msoa_code, strict=True), 1):
        row = {"OA21CD": oa, "LSOA21CD": lsoa, "LSOA21NM": town.lsoas()[lsoa], "LSOA21NMW": " "}
        row |= {"MSOA21CD": msoa, "MSOA21NM": town.msoas()[msoa], "MSOA21NMW": " "}
        row |= {"LAD22CD": town.CODE, "LAD22NM": town.NAME, "LAD22NMW": " ", "ObjectId": number}
        rows.append((row, None))
    return rows


def _output_area_fit() -> list[tuple[dict[str, Any], BaseGeometry | None]]:
    rows: list[tuple[dict[str, Any], BaseGeometry | None]] = []
    held = town.lookup()
    for number, (oa, ward) in enumerate(zip(held.oa, held.ward_code, strict=True), 1):
        row = {"OA21CD": oa, "WD24CD": ward, "WD24NM": town.wards()[ward], "WD24NMW": " "}
        row |= {"LAD24CD": town.CODE, "LAD24NM": town.NAME, "LAD24NMW": " ", "ObjectId": number}
        rows.append((row, None))
    return rows


def _lsoa_2011() -> list[tuple[dict[str, Any], BaseGeometry | None]]:
    rows: list[tuple[dict[str, Any], BaseGeometry | None]] = []
    held = town.table("lsoa_2011_lookup").sort_values(["lsoa_2011_code", "lsoa_2021_code"])
    for number, (old, new, change) in enumerate(held.itertuples(index=False), 1):
        name = town.lsoas()[new]
        row = {"LSOA11CD": old, "LSOA11NM": name, "LSOA21CD": new, "LSOA21NM": name, "CHGIND": change}
        row |= {"LAD22CD": town.CODE, "LAD22NM": town.NAME, "LAD22NMW": None, "ObjectId": number}
        rows.append((row, None))
    return rows


POLYGON, POINT = "esriGeometryPolygon", "esriGeometryPoint"
SERVICES: Mapping[str, Service] = {
    "WD_MAY_2025_UK_BGC_V2": Service(_wards("25"), "FID", POLYGON),
    "Wards_December_2024_Boundaries_UK_BGC": Service(_wards("24"), "FID", POLYGON),
    "Lower_layer_Super_Output_Areas_December_2021_Boundaries_EW_BGC_V5": Service(_lsoa_boundaries, "FID", POLYGON),
    "LSOA_PopCentroids_EW_2021_V4": Service(_centroids, "FID", POINT),
    "LSOA21_WD24_LAD24_EW_LU": Service(_best_fit("24"), "ObjectId"),
    "LSOA21_WD25_LAD25_EW_LU_v2": Service(_best_fit("25"), "ObjectId"),
    "OA_LSOA_MSOA_EW_DEC_2021_LU_v3": Service(_output_areas, "ObjectId"),
    "OA21_WD24_LAD24_EW_LU_v2": Service(_output_area_fit, "ObjectId"),
    "LSOA11_LSOA21_LAD22_EW_LU_v5": Service(_lsoa_2011, "ObjectId"),
}

QUERY = "/SERVICE/FeatureServer/0/query"
LIVE = "a public file of an engine of British geography, read live on 2026-08-20"
EVIDENCE = (
    Evidence(
        QUERY,
        "WD_MAY_2025_UK_BGC_V2: name and fields",
        "traffordDataLab/spatial_data (queries by wd25cd, wd25nm, long, lat); ONSvisual's file of wards of May 2025 "
        "holds the very properties. Another project writes Wards_May_2025_Boundaries_UK_BGC",
    ),
    Evidence(
        QUERY,
        "Wards_December_2024_Boundaries_UK_BGC: name, WD24CD, WD24NM, LAD24CD, LONG, LAT",
        "a table of services in a public project; three clients, one of which read it live in 2026",
    ),
    Evidence(
        QUERY,
        "Lower_layer_Super_Output_Areas_December_2021_Boundaries_EW_BGC_V5: name and fields, none of them an authority",
        "field lists committed by several clients of 2024 to 2026; ONSvisual's file of LSOAs",
    ),
    Evidence(
        QUERY,
        "LSOA21_WD24_LAD24_EW_LU: name and fields",
        "the CSV of the same table in SODP2 and its query `where=LAD24CD IN ('…')`",
    ),
    Evidence(
        QUERY, "LSOA21_WD25_LAD25_EW_LU_v2: name", "named by one client of 2026; its fields are taken from 2024's"
    ),
    Evidence(
        QUERY,
        "OA_LSOA_MSOA_EW_DEC_2021_LU_v3: name and fields",
        "field lists committed by several clients of 2024 to 2026",
    ),
    Evidence(
        QUERY,
        "OA21_WD24_LAD24_EW_LU_v2: name and fields",
        "named beside `oa21_wd24_lookup.csv` by a client of 2026; OA21CD and WD23CD of its predecessor "
        "OA21_WD23_LAD23_EW_LU in traffordDataLab/ward_data",
    ),
    Evidence(
        QUERY,
        "LSOA11_LSOA21_LAD22_EW_LU_v5: name and fields, CHGIND of U, S, M, X",
        "header of the publisher's CSV, `lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv`, and clients that name v5",
    ),
    Evidence(QUERY, "LSOA_PopCentroids_EW_2021_V4: name, LSOA21CD, points", "clients of 2025 and 2026 that name it"),
    Evidence(QUERY, "LSOA_PopCentroids_EW_2021_V4: the other fields"),
    Evidence(
        QUERY,
        "At most 2,000 records; `exceededTransferLimit` at the top in json, and absent where there are no more",
        "the note `GeoPortal limits max records at a time to 2000` of a public client; two recorded answers of "
        "ArcGIS Online (one in iTwin/itwinjs-core)",
    ),
    Evidence(QUERY, "`exceededTransferLimit` among `properties` in geojson", "facebook/Rapid issue 404"),
    Evidence(QUERY, "Order of members and description of fields in json", "the two recorded answers"),
    Evidence(QUERY, "An unknown service or field: status 200 with `error`", LIVE),
    Evidence(QUERY, "Nothing found: no features, status 200", LIVE),
    Evidence(QUERY, "A form in place of a query", "OSGeo/gdal issue 4703"),
    Evidence(QUERY, "Without `outSR` the grid of Great Britain", "clients that convert, or ask for `outSR=4326`"),
    Evidence(QUERY, "Content-Type (here application/json for both kinds)"),
    Evidence(QUERY, "ETag or Last-Modified (none is sent here)"),
    Evidence(QUERY, "Status and body under load", "`504 Your request has timed out.` in issues of clients; not served"),
)
