"""ONS Open Geography: the requests to its ArcGIS services, and how their responses are parsed.

Faults behind status 200: an error comes as a body, and a response with more records than a service returns at once is
cut off with a flag. Services are replaced under new names: if one is gone, the error names its possible successors.
Coordinates come in metres unless degrees are requested. For many areas the whole layer is fetched, and records of other
areas are left out.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import check_area_codes
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
from spi_pipeline.publishers.ons_geography.layers import (
    CENTROIDS,
    CODES_A_REQUEST,
    OUTPUT_AREA_FIT,
    PAGE,
    SERVICES,
    Service,
)
from spi_pipeline.rules.wording import listing

PUBLISHER = "ONS Open Geography"
ONS_GEOGRAPHY = Host("ONS_GEOGRAPHY", "https://services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services")
# Longitude and latitude of Great Britain: west, south, east, north.
DEGREES = (-9.0, 49.0, 2.5, 61.5)
OVERLOADED = (429, 498, 500, 503, 504)
EVERYTHING = "1=1"


def fetch_service(name: str, client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch every page of a service for our areas, or of the whole layer if these are many.

    Raises:
        PermanentFailure: when the service is gone, naming its possible successors.
    """
    service = SERVICES[name]
    codes = getattr(scope, service.scope)
    for where in [EVERYTHING] if service.route.in_bulk(len(codes)) else _some(service, codes):
        request = Request(
            ONS_GEOGRAPHY, f"/{service.name}/FeatureServer/0/query",
            (("where", where), ("outFields", "*"),
             ("returnGeometry", str(service.drawn).lower()), ("outSR", "4326"),
             ("orderByFields", service.order),
             ("resultRecordCount", str(PAGE)), ("f", "geojson" if service.drawn else "json")),
            media=("json",), period=service.name,
        )  # fmt: skip
        read, more = 0, True
        while more:
            page = replace(request, params=(*request.params, ("resultOffset", str(read))))
            try:
                download = client.get(page, partial(_check_page, service=service))
            except PermanentFailure as failure:
                if isinstance(failure.__cause__ or failure, _GoneError) or failure.status == 404:
                    raise _gone(service, client) from failure
                raise
            yield download
            body = json_of(download.path, service.name, PUBLISHER)
            read, more = read + len(body["features"]), _cut_off(body) and bool(body["features"])


class _GoneError(PermanentFailure):
    """There is no service of this name, or it has no layer."""


def _some(service: Service, codes: Sequence[str]) -> Iterator[str]:
    """Yield clauses that select our areas, as many in each as fit into an address."""
    for start in range(0, len(codes), CODES_A_REQUEST):
        some = [f"'{code}'" for code in codes[start : start + CODES_A_REQUEST]]
        yield f"{service.field}={some[0]}" if len(some) == 1 else f"{service.field} IN ({','.join(some)})"


def _gone(service: Service, client: Client) -> PermanentFailure:
    """Return the failure for a service that is gone, naming its possible successors."""
    try:
        directory = client.read_json(Request(ONS_GEOGRAPHY, "", (("f", "json"),), media=("json",)))
        names = [str(one["name"]) for one in directory["services"]]
    except (PermanentFailure, TransientFailure, KeyError, TypeError):
        names = []  # the list has been empty at times
    alike = sorted({name for name in names if re.fullmatch(service.successors, name)}, key=_vintage, reverse=True)
    hint = f"it lists {listing(alike)}" if alike else f"look for a name like it in {ONS_GEOGRAPHY.base}?f=json"
    return PermanentFailure(
        f"{PUBLISHER} has no service {service.name} any more; {hint}, and write the one of the vintage of "
        "geography.yaml into spi_pipeline/publishers/ons_geography/layers.py"
    )


def _vintage(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]


def parse_service(name: str, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return one row per feature in the columns of the service, with ``geometry`` (well-known binary) if it is drawn.

    Raises:
        SpiError: when a page or field is missing, coordinates are not degrees, or the areas are not ours.
    """
    service, rows = SERVICES[name], []
    ours = frozenset(getattr(scope, service.scope))
    for file, feature, whole in _features(service, downloads):
        fields = _fields(feature)
        row = fields_of(service, fields, file)
        if whole and fields.get(service.field) not in ours:
            continue
        if service.drawn:
            row["geometry"] = _geometry(feature.get("geometry"), file)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=[*service.columns, *(["geometry"] if service.drawn else [])])
    frame = frame.drop_duplicates(list(service.columns), ignore_index=True)
    _check_areas(service, frame, scope)
    return frame


def fetch_best_fit(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch the best fit of LSOAs to wards, and the lookup of their MSOAs."""
    yield from fetch_service("lsoa_best_fit", client, scope)
    yield from fetch_service("output_area_lookup", client, scope)


def parse_best_fit(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return ``area_code, ward_code, authority_code, msoa_code`` of each LSOA.

    Raises:
        SpiError: as for ``parse_service``; or when one of the two lookups is missing.
    """
    fits, nested = _both(downloads, "MSOA21CD")
    frame = parse_service("lsoa_best_fit", fits, scope)
    _require(nested, "output_area_lookup")
    msoas = parse_service("output_area_lookup", nested, scope)[["lsoa_code", "msoa_code"]].drop_duplicates()
    msoas = msoas.rename(columns={"lsoa_code": "area_code"})
    twice = msoas[msoas.duplicated("area_code")]
    if len(twice):
        raise SpiError(f"{PUBLISHER} puts {twice.iloc[0]['area_code']} into two MSOAs; download it again")
    return frame.merge(msoas, on="area_code", how="left", validate="1:1")


def fetch_output_areas(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch the LSOA and MSOA of output areas, and their best-fit wards."""
    yield from fetch_service("output_area_lookup", client, scope)
    yield from fetch_service(OUTPUT_AREA_FIT, client, scope)


def parse_output_areas(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return ``area_code, lsoa_code, msoa_code, authority_code, ward_code`` of each output area.

    Raises:
        SpiError: as for ``parse_service``; or when one of the two lookups is missing, or lacks areas of the other.
    """
    nested, fits = _both(downloads, r"WD\d\dCD")
    frame = parse_service("output_area_lookup", nested, scope)
    _require(fits, OUTPUT_AREA_FIT)
    frame = frame.merge(parse_service(OUTPUT_AREA_FIT, fits, scope), on="area_code", how="left", validate="1:1")
    bare = frame.loc[frame["ward_code"].isna(), "area_code"]
    if len(bare):
        raise SpiError(
            f"{SERVICES[OUTPUT_AREA_FIT].name} of {PUBLISHER} lacks {len(bare)} of {len(frame)} output areas, "
            f"{listing(list(bare))}; download it again"
        )
    return frame


def _both(downloads: Sequence[Download], field: str) -> tuple[list[Download], list[Download]]:
    """Separate the responses of two services that fill one table; only the second has fields that match ``field``."""
    separated: tuple[list[Download], list[Download]] = [], []
    for download in downloads:
        features = _features_of(json_of(download.path, download.name, PUBLISHER)) or [{}]
        separated[any(re.fullmatch(field, name) for name in _fields(features[0]))].append(download)
    return separated


def _require(downloads: Sequence[Download], name: str) -> None:
    if not downloads:
        service = SERVICES[name].name
        raise SpiError(f"the lookup {service} of {PUBLISHER} is missing; fetch it too, or place both in the inbox")


def parse_centroids(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return ``area_code, longitude, latitude`` of the population-weighted centroid of each LSOA."""
    frame = parse_service(CENTROIDS, downloads, scope)
    points = shapely.from_wkb(frame["geometry"].to_numpy(dtype=object))
    return frame[["area_code"]].assign(longitude=shapely.get_x(points), latitude=shapely.get_y(points))


def _check_page(path: Path, service: Service) -> None:
    check_body(json_of(path, service.name, PUBLISHER), service)


def check_body(body: Any, service: Service) -> None:
    """Check that a body holds features, and not one of the errors that come with status 200."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        message = f"service {service.name} of {PUBLISHER} returned error {error.get('code')}: {error.get('message')}"
        if error.get("code") in OVERLOADED:
            raise TransientFailure(message)
        kind = _GoneError if error.get("message") == "Invalid URL" else PermanentFailure
        raise kind(f"{message}; see the geoportal")
    if _features_of(body) is None:
        raise PermanentFailure(f"service {service.name} of {PUBLISHER} returned no features; see the geoportal")


def _features_of(body: Any) -> list[dict[str, Any]] | None:
    """Return the features of a response; None if it holds no list of features."""
    features = body.get("features") if isinstance(body, dict) else None
    return features if isinstance(features, list) and all(isinstance(one, dict) for one in features) else None


def _fields(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a feature, whose key differs between JSON and GeoJSON."""
    fields = feature.get("attributes", feature.get("properties"))
    return fields if isinstance(fields, dict) else {}


def _cut_off(body: Mapping[str, Any]) -> bool:
    """Whether the flag is set: at the top, or in GeoJSON usually under ``properties``."""
    return any(
        isinstance(place, dict) and bool(place.get("exceededTransferLimit")) for place in (body, body.get("properties"))
    )


def _features(service: Service, downloads: Sequence[Download]) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield every feature with its file's name and whether the file covers the whole layer.

    Raises:
        SpiError: when a file holds no features, or the last page of a query is cut off.
    """
    last: dict[str, tuple[str, bool]] = {}
    for download in downloads:
        name = f"{service.name} ({download.name})"
        body = json_of(download.path, name, PUBLISHER)
        features = _features_of(body)
        if features is None:
            raise SpiError(f"{name} of {PUBLISHER} holds no features but {str(body)[:40]!r}; download it again")
        last[re.sub(r"[?&]resultOffset=\d+", "", download.url)] = name, _cut_off(body)
        whole = parse_qs(urlsplit(download.url).query).get("where") == [EVERYTHING]
        yield from ((name, feature, whole) for feature in features)
    for name, cut in last.values():
        if cut:
            raise SpiError(f"{name} of {PUBLISHER} is cut off (exceededTransferLimit), no page follows; fetch it whole")


def fields_of(service: Service, fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the values of a feature in the fields of the service, by our column.

    Raises:
        SpiError: when the feature lacks a field.
    """
    row = {}
    for column, pattern in service.columns.items():
        matches = [field for field in fields if re.fullmatch(pattern, field)]
        if not matches:
            raise SpiError(
                f"{name} of {PUBLISHER} has no field like {pattern}, it has {listing(list(fields))}; name its "
                "fields in spi_pipeline/publishers/ons_geography"
            )
        value = fields[matches[0]]
        row[column] = None if value is None else str(value)
    return row


def _geometry(shape: Any, name: str) -> bytes:
    try:
        geometry = shapely.geometry.shape(shape)
        west, south, *_ = geometry.bounds
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        raise SpiError(f"{name} of {PUBLISHER} holds a feature without readable geometry; download it again") from error
    if not within_degrees(geometry):
        raise SpiError(
            f"{name} of {PUBLISHER} has coordinates elsewhere ({west:g}, {south:g}), as in metres if outSR is "
            "not 4326; download it again in degrees"
        )
    wkb: bytes = shapely.to_wkb(geometry, byte_order=1)
    return wkb


def within_degrees(geometry: BaseGeometry) -> bool:
    """Whether the coordinates of a geometry can be degrees of Great Britain."""
    west, south, east, north = geometry.bounds
    return bool(DEGREES[0] <= west and DEGREES[1] <= south and east <= DEGREES[2] and north <= DEGREES[3])


def _check_areas(service: Service, frame: pd.DataFrame, scope: Scope) -> None:
    """Check that a table holds all our areas and no others, in the vintage in force."""
    known: dict[str, Collection[str]]
    if service is SERVICES["wards"]:
        known = {"area_code": scope.wards}
    elif service is SERVICES["output_area_lookup"]:
        known = {"lsoa_code": scope.lsoas}
    elif service is SERVICES[OUTPUT_AREA_FIT]:
        known = {"ward_code": scope.wards}
    else:
        known = {"area_code": scope.lsoas, "ward_code": scope.wards, "lsoa_2021_code": scope.lsoas}
    former = dict.fromkeys(scope.former_wards, "a former ward")
    for column in known.keys() & set(frame.columns):
        check_area_codes(frame[column].unique(), known[column], former, f"{service.name} of {PUBLISHER}")
        absent = sorted(set(known[column]) - set(frame[column]))
        if absent:
            raise SpiError(
                f"{service.name} of {PUBLISHER} lacks {len(absent)} of {len(known[column])} areas, {listing(absent)}; "
                "download it again, or compare it with geography.yaml"
            )
