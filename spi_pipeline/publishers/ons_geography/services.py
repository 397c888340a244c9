"""ONS Open Geography: what its ArcGIS services are asked for, and how their answers are read.

What its dialect hides, with status 200: an error is a body, and an answer of more records than a service gives at once
is cut off with a flag. Services are replaced under new names: they stand here, and a vintage is in the name of every
field. Coordinates come in metres unless degrees are asked for.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import check_area_codes, listed
from spi_pipeline.publishers.files.reading import json_of
from spi_pipeline.publishers.http.exchange import (
    Client,
    Download,
    Host,
    PermanentFailure,
    Request,
    Scope,
    TransientFailure,
)

PUBLISHER = "ONS Open Geography"
ONS_GEOGRAPHY = Host("ONS_GEOGRAPHY", "https://services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services")
PAGE = 2000
CODES_A_REQUEST = 100
# Of Great Britain, longitude and latitude.
DEGREES = (-9.0, 49.0, 2.5, 61.5)
OVERLOADED = (429, 498, 500, 503, 504)


@dataclass(frozen=True)
class Service:
    """One layer.

    Attributes:
        name: of its service.
        field: the field by which areas are asked for.
        order: the field that tells its records apart, by which pages are ordered.
        scope: the attribute of ``Scope`` that holds the codes it may have.
        columns: by our column a pattern of the field, whose vintage changes.
        drawn: whether it has boundaries or points.
    """

    name: str
    field: str
    order: str
    scope: str
    columns: Mapping[str, str]
    drawn: bool = False


# By the source whose table they fill, or what they are read for beside one.
CENTROIDS = "lsoa_centroids"
SERVICES = {
    "wards": Service(
        "Wards_December_2024_Boundaries_UK_BGC", "LAD24CD", "WD24CD", "authorities",
        {"area_code": r"WD\d\dCD", "area_name": r"WD\d\dNM", "authority_code": r"LAD\d\dCD"}, drawn=True,
    ),
    "lsoa_boundaries": Service(
        "Lower_layer_Super_Output_Areas_December_2021_Boundaries_EW_BGC_V5", "LSOA21CD", "LSOA21CD", "lsoas",
        {"area_code": "LSOA21CD"}, drawn=True,
    ),
    "output_area_lookup": Service(
        "OA_LSOA_MSOA_EW_DEC_2021_LU_v3", "LSOA21CD", "OA21CD", "lsoas",
        {"area_code": "OA21CD", "lsoa_code": "LSOA21CD", "msoa_code": "MSOA21CD", "authority_code": r"LAD\d\dCD"},
    ),
    "lsoa_best_fit": Service(
        "LSOA21_WD24_LAD24_EW_LU", "LAD24CD", "LSOA21CD", "authorities",
        {"area_code": "LSOA21CD", "ward_code": r"WD\d\dCD", "authority_code": r"LAD\d\dCD"},
    ),
    "lsoa_2011_lookup": Service(
        "LSOA11_LSOA21_LAD22_EW_LU_v5", "LSOA21CD", "LSOA11CD", "lsoas",
        {"lsoa_2011_code": "LSOA11CD", "lsoa_2021_code": "LSOA21CD", "change": "CHN?GIND"},
    ),
    CENTROIDS: Service(
        "LSOA_PopCentroids_EW_2021_V4", "LSOA21CD", "LSOA21CD", "lsoas", {"area_code": "LSOA21CD"}, drawn=True,
    ),
}  # fmt: skip


def fetch_service(name: str, client: Client, scope: Scope) -> Iterator[Download]:
    """Every page of a service, for our areas only."""
    service = SERVICES[name]
    codes = getattr(scope, service.scope)
    for start in range(0, len(codes), CODES_A_REQUEST):
        some = [f"'{code}'" for code in codes[start : start + CODES_A_REQUEST]]
        chosen = f"={some[0]}" if len(some) == 1 else f" IN ({','.join(some)})"
        asked = Request(
            ONS_GEOGRAPHY, f"/{service.name}/FeatureServer/0/query",
            (("where", f"{service.field}{chosen}"), ("outFields", "*"),
             ("returnGeometry", str(service.drawn).lower()), ("outSR", "4326"),
             ("orderByFields", service.order),
             ("resultRecordCount", str(PAGE)), ("f", "geojson" if service.drawn else "json")),
            media=("json",), period=service.name,
        )  # fmt: skip
        read, more = 0, True
        while more:
            page = replace(asked, params=(*asked.params, ("resultOffset", str(read))))
            download = client.get(page, partial(_check_page, service=service))
            yield download
            body = json_of(download.path, service.name, PUBLISHER)
            read, more = read + len(body["features"]), _cut_off(body) and bool(body["features"])


def parse_service(name: str, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """One row a feature, in the columns of the service, with ``geometry`` (well-known binary) where it is drawn.

    Raises:
        SpiError: when a page is missing, a field is gone, coordinates are no degrees, or areas are others than ours.
    """
    service, rows = SERVICES[name], []
    for file, feature in _features(service, downloads):
        row = _fields(service, feature.get("attributes", feature.get("properties")), file)
        if service.drawn:
            row["geometry"] = _geometry(feature.get("geometry"), file)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=[*service.columns, *(["geometry"] if service.drawn else [])])
    frame = frame.drop_duplicates(list(service.columns), ignore_index=True)
    _check_areas(service, frame, scope)
    return frame


def fetch_best_fit(client: Client, scope: Scope) -> Iterator[Download]:
    """The best fit of LSOAs to wards, and the lookup that says in which MSOA each lies."""
    yield from fetch_service("lsoa_best_fit", client, scope)
    yield from fetch_service("output_area_lookup", client, scope)


def parse_best_fit(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """``area_code, ward_code, authority_code, msoa_code`` of each LSOA.

    Raises:
        SpiError: as for ``parse_service``; or when one of the two lookups is not there.
    """
    fits: list[Download] = []
    nested: list[Download] = []
    for download in downloads:
        body = json_of(download.path, download.name, PUBLISHER)
        features = body.get("features") or [{}] if isinstance(body, dict) else [{}]
        fields = features[0].get("attributes") or features[0].get("properties") or {}
        (nested if "OA21CD" in fields else fits).append(download)
    frame = parse_service("lsoa_best_fit", fits, scope)
    if not nested:
        lacking = SERVICES["output_area_lookup"].name
        raise SpiError(f"the lookup {lacking} of {PUBLISHER} is missing; fetch it along, or lay both into the inbox")
    larger = parse_service("output_area_lookup", nested, scope)[["lsoa_code", "msoa_code"]].drop_duplicates()
    larger = larger.rename(columns={"lsoa_code": "area_code"})
    twice = larger[larger.duplicated("area_code")]
    if len(twice):
        raise SpiError(f"{PUBLISHER} puts {twice.iloc[0]['area_code']} into two MSOAs; ask again")
    return frame.merge(larger, on="area_code", how="left", validate="1:1")


def parse_centroids(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """``area_code, longitude, latitude`` of the population-weighted centroid of each LSOA."""
    frame = parse_service(CENTROIDS, downloads, scope)
    points = shapely.from_wkb(frame["geometry"].to_numpy(dtype=object))
    return frame[["area_code"]].assign(longitude=shapely.get_x(points), latitude=shapely.get_y(points))


def _check_page(path: Path, service: Service) -> None:
    """Features, and not one of the errors that come with status 200."""
    body = json_of(path, service.name, PUBLISHER)
    error = body.get("error") if isinstance(body, dict) else None
    if error:
        said = f"service {service.name} of {PUBLISHER} answered error {error.get('code')}: {error.get('message')}"
        if error.get("code") in OVERLOADED:
            raise TransientFailure(said)
        raise PermanentFailure(f"{said}; if it has a new name, write it into spi_pipeline/publishers/ons_geography")
    if not isinstance(body, dict) or not isinstance(body.get("features"), list):
        raise PermanentFailure(f"service {service.name} of {PUBLISHER} answered no features; see the geoportal")


def _cut_off(body: Mapping[str, Any]) -> bool:
    """The flag stands at the top, or under ``properties`` in GeoJSON; some services put it at the top there as well."""
    return bool(body.get("exceededTransferLimit") or (body.get("properties") or {}).get("exceededTransferLimit"))


def _features(service: Service, downloads: Sequence[Download]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every feature with the name of its file; the last page of each question must not be cut off."""
    last: dict[str, tuple[str, bool]] = {}
    for download in downloads:
        name = f"{service.name} ({download.name})"
        body = json_of(download.path, name, PUBLISHER)
        if not isinstance(body, dict) or not isinstance(body.get("features"), list):
            raise SpiError(f"{name} of {PUBLISHER} holds no features but {str(body)[:40]!r}; ask again")
        last[re.sub(r"[?&]resultOffset=\d+", "", download.url)] = name, _cut_off(body)
        yield from ((name, feature) for feature in body["features"])
    for name, cut in last.values():
        if cut:
            raise SpiError(f"{name} of {PUBLISHER} is cut off (exceededTransferLimit), no page follows; fetch it whole")


def _fields(service: Service, fields: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    row = {}
    for column, pattern in service.columns.items():
        found = [field for field in fields or () if re.fullmatch(pattern, field)]
        if not found:
            raise SpiError(
                f"{name} of {PUBLISHER} has no field like {pattern}, it has {listed(list(fields or ()))}; name its "
                "fields in spi_pipeline/publishers/ons_geography"
            )
        row[column] = (fields or {})[found[0]]
    return row


def _geometry(shape: Any, name: str) -> bytes:
    try:
        geometry = shapely.geometry.shape(shape)
        west, south, east, north = geometry.bounds
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise SpiError(f"{name} of {PUBLISHER} holds a feature without readable geometry; ask again") from error
    if not (DEGREES[0] <= west and DEGREES[1] <= south and east <= DEGREES[2] and north <= DEGREES[3]):
        raise SpiError(
            f"{name} of {PUBLISHER} has coordinates elsewhere ({west:g}, {south:g}), as in metres where outSR is "
            "not 4326; fetch it again in degrees"
        )
    wkb: bytes = shapely.to_wkb(geometry, byte_order=1)
    return wkb


def _check_areas(service: Service, frame: pd.DataFrame, scope: Scope) -> None:
    """Only areas of ours, all of them, and of the vintage in force."""
    known: dict[str, Collection[str]]
    if service is SERVICES["wards"]:
        known = {"area_code": scope.wards}
    elif service is SERVICES["output_area_lookup"]:
        known = {"lsoa_code": scope.lsoas}
    else:
        known = {"area_code": scope.lsoas, "ward_code": scope.wards, "lsoa_2021_code": scope.lsoas}
    former = dict.fromkeys(scope.former_wards, "a former ward")
    for column in known.keys() & set(frame.columns):
        check_area_codes(frame[column].unique(), known[column], former, f"{service.name} of {PUBLISHER}")
        absent = sorted(set(known[column]) - set(frame[column]))
        if absent:
            raise SpiError(
                f"{service.name} of {PUBLISHER} lacks {len(absent)} of {len(known[column])} areas, {listed(absent)}; "
                "fetch it again, or compare it with geography.yaml"
            )
