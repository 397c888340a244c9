"""data.police.uk (sources.md, section 4): the API, and the archives with their page and redirects to a bucket.

Statuses, error bodies, the month of ``crime-last-updated`` and null fields follow probes of 1 October 2026
(cyanheads/uk-police-crime-mcp-server, docs/design.md). The page of archives, their members and their windows follow
BlackThrive/streetlamp, read on 16 September 2026 (inst/NOTES/data_sources.md and its fixture archive-index.html).
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import shapely

from spi_pipeline_tests.imitations.messages import (
    Request,
    Response,
    Served,
    html_response,
    json_response,
    not_found,
    zipped,
)
from spi_pipeline_tests.imitations.publishers.police.tables import (
    CATEGORIES,
    FORCES,
    crimes,
    months,
    published,
    stops,
    window,
)

_BUCKET = "https://policeuk-data.s3.amazonaws.com"
_MILE = 1609.344
_PLACED = "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name"
STREET_HEADER = f"{_PLACED},Crime type,Last outcome category,Context"
_OUTCOMES = f"{_PLACED},Outcome type"
# The documents name the stop-and-search file but not its columns; these are the columns of published files.
STOP_HEADER = (
    "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
    "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing"
)
# Copies of files in a folder: one file for each force and month.
STREET = f"""{STREET_HEADER}
aa11,2024-01,F,F,-0.41,51.88,On or near A,E01900001,L 1A,Burglary,None,
aa11,2024-01,F,F,-0.41,51.88,On or near A,E01900001,L 1A,Burglary,None,
bb22,2024-01,F,F,-0.41,51.88,On or near A,E01900001,L 1A,Burglary,None,
,2024-01,F,F,-0.42,51.89,On or near B,E01900002,L 1B,Anti-social behaviour,,
,2024-01,F,F,-0.42,51.89,On or near B,E01900002,L 1B,Anti-social behaviour,,
cc33,2024-01,F,F,,,No Location,,,Drugs,None,
"""
STOPS = f"""{STOP_HEADER}
Person search,2024-04-01T10:00:00+00:00,False,,51.88,-0.41,Male,18-24,White,White,Act,Drugs,Nothing,,False
Person search,2024-03-31T23:30:00+00:00,False,,51.88,-0.41,Female,25-34,White,White,Act,Drugs,Nothing,,False
Person search,2024-04-02T10:00:00+00:00,False,,,,Male,over 34,White,White,Act,Drugs,Nothing,,False
"""
FILES = {
    "street_crime": {
        "police/bedfordshire_street/2024-01-bedfordshire-street.csv.gz": STREET,
    },
    "stop_and_search": {
        "police/bedfordshire_stop_and_search/2024-04-bedfordshire-stop-and-search.csv.gz": STOPS,
    },
}


def respond(request: Request) -> Response:
    """The API under /api and the archive under /data/archive."""
    if request.path.startswith(("/data/archive/", "/archive/")):
        return _archive(request)
    if not request.path.startswith("/api/"):
        return not_found(request)
    if not request.site.police_bucket.take():
        return Response(429, b"Too Many Requests\n")
    if request.method == "GET" and request.length > request.site.police_url:
        return Response(400, b"Request-URI Too Large\n")
    name, _, rest = request.path.removeprefix("/api/").strip("/").partition("/")
    endpoint = _ENDPOINTS.get(name)
    if endpoint is None:
        return not_found(request)
    offered = _window(request)
    month = request.query.get("date", offered[-1])
    if month > offered[-1]:
        return json_response([])
    if month not in offered:
        return Response(502 if name.startswith("stops-") else 404, b"", "text/html")
    return endpoint(request, rest, month)


def _window(request: Request) -> tuple[str, ...]:
    return window(request.site.months, request.site.police_held_back)


def _dates(request: Request, _rest: str, _month: str) -> Response:
    newest_first = reversed(_window(request))
    return json_response([{"date": month, "stop-and-search": ["bedfordshire"]} for month in newest_first])


def _last_updated(request: Request, _rest: str, _month: str) -> Response:
    """The first day of the newest month, whichever day it was published."""
    return json_response({"date": f"{_window(request)[-1]}-01"})


def _categories(_request: Request, _rest: str, _month: str) -> Response:
    return json_response(
        [{"url": slug, "name": name} for slug, name in {"all-crime": "All crime", **CATEGORIES}.items()]
    )


def _forces(request: Request, rest: str, _month: str) -> Response:
    if not rest:
        return json_response([{"id": slug, "name": name} for slug, name in FORCES.items()])
    if rest not in FORCES:
        return not_found(request)
    return json_response({"id": rest, "name": FORCES[rest], "url": "", "description": None, "telephone": "101"})


def _crimes_street(request: Request, category: str, month: str) -> Response:
    inside = _place(request)
    if inside is None:
        return Response(400, b"", "text/html")
    found = crimes(month)
    found = found[inside(found)]
    if len(found) > request.site.police_crimes:
        return Response(503, b"", "text/html")
    if category in CATEGORIES:  # an unknown category means all crime
        found = found[found.type == CATEGORIES[category]]
    return json_response(_crime_objects(found, month))


def _crimes_no_location(request: Request, _rest: str, month: str) -> Response:
    if request.query.get("force") not in FORCES:
        return Response(502, b"", "text/html")
    found = crimes(month)
    category = request.query.get("category", "all-crime")
    found = found[found.longitude.isna() & (found.force == request.query.get("force"))]
    if category in CATEGORIES:
        found = found[found.type == CATEGORIES[category]]
    return json_response(_crime_objects(found, month))


def _crime_objects(found: pd.DataFrame, month: str) -> list[dict[str, Any]]:
    slugs = {name: slug for slug, name in CATEGORIES.items()}
    return [
        {
            "category": slugs[row.type],
            "location_type": None if pd.isna(row.longitude) else "BTP" if row.force == "btp" else "Force",
            "location": _location(row),
            "context": "",
            "outcome_status": {"category": row.outcome, "date": month} if row.outcome else None,
            "persistent_id": row.crime_id,
            "id": row.id,
            "location_subtype": "",
            "month": month,
        }
        for row in found.itertuples()
    ]


def _location(row: Any) -> dict[str, Any] | None:
    if pd.isna(row.longitude):
        return None
    street = {"id": row.street_id, "name": row.street}
    return {"latitude": f"{row.latitude:.6f}", "street": street, "longitude": f"{row.longitude:.6f}"}


def _stops(request: Request, _rest: str, month: str) -> Response:
    """Stops in a place, of a force, or of a force without a place."""
    found = stops(month)
    endpoint = request.path.removeprefix("/api/").strip("/")
    if endpoint == "stops-street":
        inside = _place(request)
        if inside is None:
            return Response(400, b"", "text/html")
        found = found[inside(found)]
    elif request.query.get("force") != "bedfordshire":
        found = found[:0]
    elif endpoint == "stops-no-location":
        found = found[found.longitude.isna()]
    return json_response([_stop_object(row) for row in found.itertuples()])


def _stop_object(row: Any) -> dict[str, Any]:
    return {
        "age_range": "18-24", "outcome": "A no further action disposal", "involved_person": True,
        "self_defined_ethnicity": None, "gender": "Male", "legislation": "Misuse of Drugs Act 1971 (section 23)",
        "outcome_linked_to_object_of_search": None, "datetime": row.at, "removal_of_more_than_outer_clothing": False,
        "outcome_object": {"id": "bu-no-further-action", "name": "A no further action disposal"},
        "location": _location(row), "operation": None, "officer_defined_ethnicity": None, "type": "Person search",
        "operation_name": None, "object_of_search": row.object,
    }  # fmt: skip


def _place(request: Request) -> Callable[[pd.DataFrame], np.ndarray] | None:
    """Selects rows in the polygon or within a mile of the point; None if the request names neither."""
    try:
        if "poly" in request.query:
            pairs = [tuple(map(float, pair.split(","))) for pair in request.query["poly"].split(":")]
            polygon = shapely.Polygon([(lng, lat) for lat, lng in pairs])
            return lambda rows: shapely.contains_xy(polygon, rows.longitude.to_numpy(), rows.latitude.to_numpy())
        lat, lng = float(request.query["lat"]), float(request.query["lng"])
    except (KeyError, ValueError):
        return None

    def near(rows: pd.DataFrame) -> np.ndarray:
        east = (rows.longitude.to_numpy() - lng) * 111_320 * np.cos(np.radians(lat))
        return np.hypot(east, (rows.latitude.to_numpy() - lat) * 111_320) <= _MILE

    return near


_ENDPOINTS: dict[str, Callable[[Request, str, str], Response]] = {
    "crimes-street-dates": _dates,
    "crime-last-updated": _last_updated,
    "crime-categories": _categories,
    "forces": _forces,
    "crimes-street": _crimes_street,
    "crimes-no-location": _crimes_no_location,
    "stops-street": _stops,
    "stops-force": _stops,
    "stops-no-location": _stops,
}


def _archive(request: Request) -> Response:
    name = request.path.rpartition("/")[2]
    if not name:
        return _page(request)
    if name.removesuffix(".zip") not in (*published(request.site.police_held_back), "latest"):
        return not_found(request)
    if request.path.startswith("/archive/"):  # a client that rebases the bucket's real address requests this
        return bucket(request)
    home = _BUCKET if request.site.redirects == "published" else f"{request.site.base}/police_bucket"
    return Response(302, b"", headers={"Location": f"{home}/archive/{name}"})


def _page(request: Request) -> Response:
    """All archives, newest first.

    Only the newest has its real MD5, since each archive takes seconds to build. The others show the tag of a multipart
    upload, as one archive does at the publisher.
    """
    items = []
    for end in reversed(published(request.site.police_held_back)):
        sum_ = f"{zlib.crc32(end.encode()):032x}-207"
        if request.site.police_sums and not items:
            sum_ = hashlib.md5(archive(end, request.site.archive_months), usedforsecurity=False).hexdigest()
        month = pd.Period(end, "M")
        items.append(
            f'<div class="download"><i class="icon-file"></i> <span><a href="/data/archive/{end}.zip">'
            f'{month:%B %Y}</a> (1.6 GB)</span>\n<p class="contained-range">\nContains data from {month - 35:%b %Y} to '
            f'{month:%b %Y}\n</p>\n<p class="md5sum">{sum_}</p></div>'
        )
    latest = '<p>You can get the latest archive from <a href="/data/archive/latest.zip">latest.zip</a>.</p>'
    return html_response(f'<div class="content"><h1>Archive</h1>{latest}{"".join(items)}</div>')


def bucket(request: Request) -> Response:
    """The zip itself, with validators like those of S3."""
    name = request.path.removeprefix("/archive/").removesuffix(".zip")
    known = published(request.site.police_held_back)
    if name not in (*known, "latest"):
        return Response(403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
    newest = known[-1] if name == "latest" else name
    body = archive(newest, request.site.archive_months)
    return Response(200, body, "application/zip", validators=True, compress=False)


@cache
def archive(newest: str, length: int) -> bytes:
    """The snapshot published for a month: the files of each force for the `length` months up to it."""
    first = str(pd.Period(newest, "M") - length + 1)
    members: dict[str, str | bytes] = {}
    for month in months():
        if not first <= month <= newest:
            continue
        for force in FORCES:
            members[f"{month}/{month}-{force}-street.csv"] = _street_csv(month, force)
            members[f"{month}/{month}-{force}-outcomes.csv"] = f"{_OUTCOMES}\n"
        if len(stops(month)):
            members[f"{month}/{month}-bedfordshire-stop-and-search.csv"] = _stops_csv(month)
    return zipped(members)


def _street_csv(month: str, force: str) -> bytes:
    found = crimes(month)
    found = found[found.force == force].assign(month=month, reported=FORCES[force], within=FORCES[force], context="")
    columns = ["crime_id", "month", "reported", "within", "longitude", "latitude", "street", "lsoa_code", "lsoa_name"]
    table = pa.Table.from_pandas(found[[*columns, "type", "outcome", "context"]], preserve_index=False)
    out = io.BytesIO(f"{STREET_HEADER}\n".encode())
    out.seek(0, io.SEEK_END)
    # pandas takes five times as long, and an archive has 108 of these files.
    pyarrow.csv.write_csv(table, out, pyarrow.csv.WriteOptions(include_header=False, quoting_style="none"))
    return out.getvalue()


def _stops_csv(month: str) -> str:
    found = stops(month)
    columns: dict[str, Any] = dict.fromkeys(STOP_HEADER.split(","), "")
    columns |= {"Type": "Person search", "Date": found["at"], "Part of a policing operation": False}
    columns |= {"Latitude": found.latitude, "Longitude": found.longitude, "Gender": "Male", "Age range": "18-24"}
    columns |= {"Legislation": "Misuse of Drugs Act 1971 (section 23)", "Object of search": found["object"]}
    columns |= {"Outcome": "A no further action disposal", "Removal of more than just outer clothing": False}
    return pd.DataFrame(columns, index=found.index).to_csv(index=False, lineterminator="\n")


SERVED = {
    "police": Served(respond, "street_crime", "/api/crimes-street/*", "category"),
    # The archive redirects here.
    "police_bucket": Served(bucket, "street_crime", column="Crime type", is_host=False),
}
