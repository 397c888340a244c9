"""data.police.uk: its API under `/api` and its archives under `/data/archive`."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pandas as pd
import shapely
from shapely import Polygon

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import HTML, Request, Response, as_json, csv_bytes, not_found

NEWEST = "2026-07"
WINDOW = 36
MOST_CRIMES = 10_000
LONGEST_ADDRESS = 4094
FORCE = "bedfordshire"
FORCE_NAME = "Bedfordshire Police"
# The last month of embedded crimes. Later months repeat the same month of an earlier year.
LAST_EMBEDDED = "2024-04"
# Serve every eighth crime, starting with the first of each month, to keep the server small.
SAMPLE = 8

CATEGORIES = {
    "Anti-social behaviour": "anti-social-behaviour",
    "Bicycle theft": "bicycle-theft",
    "Burglary": "burglary",
    "Criminal damage and arson": "criminal-damage-arson",
    "Drugs": "drugs",
    "Other crime": "other-crime",
    "Other theft": "other-theft",
    "Possession of weapons": "possession-of-weapons",
    "Public order": "public-order",
    "Robbery": "robbery",
    "Shoplifting": "shoplifting",
    "Theft from the person": "theft-from-the-person",
    "Vehicle crime": "vehicle-crime",
    "Violence and sexual offences": "violent-crime",
}
OUTCOMES = (
    "Investigation complete; no suspect identified",
    "Unable to prosecute suspect",
    "Under investigation",
    "Status update unavailable",
)
STREET = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context"
)
OUTCOME = "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Outcome type"
STOPS = (
    "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
    "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing"
)


def respond(request: Request) -> Response:
    if len(request.path) > 1 and request.method == "GET" and request.length > LONGEST_ADDRESS:
        return Response(b"", HTML, 400)
    ways: dict[str, Callable[[Request], Response]] = {
        "/api/crimes-street-dates": _dates,
        "/api/crime-last-updated": lambda _: as_json({"date": f"{NEWEST}-01"}),
        "/api/crimes-street/all-crime": _street,
        "/api/crimes-no-location": _no_location,
        "/api/stops-force": _stops_force,
        "/api/stops-no-location": _stops_no_location,
        "/data/archive/": lambda _: Response(_archive_page().encode(), HTML),
    }
    if request.path in ways:
        stop = ways[request.path](request)
        return Response(stop.body, stop.kind, stop.status, {"Access-Control-Allow-Origin": "*"} | dict(stop.headers))
    page = re.fullmatch(r"/data/archive/(\d{4}-\d\d|latest)\.zip", request.path)
    if page:
        where = f"https://policeuk-data.s3.amazonaws.com/archive/{page[1]}.zip"
        return Response(b"", HTML, 302, {"Location": where})
    held = re.fullmatch(r"/archive/(\d{4}-\d\d|latest)\.zip", request.path)
    if held and (held[1] == "latest" or held[1] in archives()):
        return _bucket(NEWEST if held[1] == "latest" else held[1], request)
    return not_found()


def months() -> list[str]:
    """The months of the window, oldest first."""
    return town.months(NEWEST, WINDOW)


def archives() -> list[str]:
    """Months with an archive: every month, as far back as the embedded crimes allow."""
    return town.months(NEWEST, 56)


def source_month(month: str) -> str:
    """The month of embedded crimes that is served for `month`."""
    year, number = int(month[:4]), int(month[5:])
    while f"{year:04d}-{number:02d}" > LAST_EMBEDDED:
        year -= 1
    return f"{year:04d}-{number:02d}"


@cache
def crimes(month: str) -> pd.DataFrame:
    """One row for each crime served for a month: type, place and LSOA, indexed by a running number."""
    held = town.table("street_crime")
    held = held[(held.month == source_month(month)) & held.longitude.notna()]
    held = held.loc[held.index.repeat(held.crimes.astype(int))].reset_index(drop=True)
    return held.iloc[::SAMPLE].drop(columns=["crimes", "month"]).reset_index(drop=True)


@cache
def stops(month: str) -> pd.DataFrame:
    held = town.table("stop_and_search")
    held = held[(held.month == source_month(month)) & held.longitude.notna()]
    held = held.loc[held.index.repeat(held.stops.astype(int))].reset_index(drop=True)
    return held.drop(columns=["stops", "month"])


def _dates(_: Request) -> Response:
    return as_json([{"date": month, "stop-and-search": [FORCE, "btp", "hertfordshire"]} for month in months()[::-1]])


def _identifier(month: str, number: int) -> str:
    return hashlib.sha256(f"{month} {number}".encode()).hexdigest()


def _street_name(longitude: float, latitude: float) -> tuple[int, str]:
    number = int(abs(longitude) * 1e6 + latitude * 1e6) % 900_000
    return 1_700_000 + number, f"On or near Road {number % 997}"


def _place(longitude: float, latitude: float) -> dict[str, Any]:
    number, name = _street_name(longitude, latitude)
    where = {"latitude": f"{latitude:.6f}", "street": {"id": number, "name": name}}
    return where | {"longitude": f"{longitude:.6f}"}


def _in_window(month: str) -> bool:
    return month in months()


def _month(request: Request) -> str:
    return request.parameter("date") or NEWEST


def _street(request: Request) -> Response:
    month, outline = _month(request), request.parameter("poly")
    if not _in_window(month):
        return Response(b"", HTML, 500)
    try:
        corners = [tuple(float(part) for part in pair.split(",")) for pair in outline.split(":")]
        polygon = Polygon([(longitude, latitude) for latitude, longitude in corners])
    except ValueError:
        return Response(b"", HTML, 400)
    held = crimes(month)
    inside = shapely.contains_xy(polygon, held.longitude.astype(float), held.latitude.astype(float))
    if inside.sum() > MOST_CRIMES:
        return Response(b"", HTML, 503)
    return as_json([_crime(month, row.Index, row) for row in held[inside].itertuples()])


def _crime(month: str, number: Any, row: Any) -> dict[str, Any]:
    behaviour = row.crime_type == "Anti-social behaviour"
    status = None if behaviour else {"category": OUTCOMES[number % len(OUTCOMES)], "date": month}
    return {
        "category": CATEGORIES[row.crime_type],
        "persistent_id": "" if behaviour else _identifier(month, number),
        "location_subtype": "",
        "id": 100_000_000 + int(month.replace("-", "")[2:]) * 10_000 + number,
        "location": _place(float(row.longitude), float(row.latitude)),
        "context": "",
        "month": month,
        "location_type": "Force",
        "outcome_status": status,
    }


def _no_location(request: Request) -> Response:
    month = _month(request)
    if not _in_window(month):
        return Response(b"", HTML, 500)
    if request.parameter("force") != FORCE:
        return not_found()
    return as_json(
        [
            {
                "category": category,
                "persistent_id": _identifier(f"nowhere {month}", number),
                "location_subtype": "",
                "id": 90_000_000 + int(month.replace("-", "")[2:]) * 100 + number,
                "location": None,
                "context": "",
                "month": month,
                "location_type": None,
                "outcome_status": {"category": OUTCOMES[number % len(OUTCOMES)], "date": month},
            }
            for number, category in enumerate(("burglary", "violent-crime", "violent-crime", "other-crime"))
        ]
    )


def _stops_force(request: Request) -> Response:
    """Only stops with a place: there is no evidence whether the publisher includes the others."""
    month = _month(request)
    if not _in_window(month):
        return Response(b"", HTML, 500)
    if request.parameter("force") != FORCE:
        return not_found()
    return as_json([_stop(month, number, row) for number, row in enumerate(stops(month).itertuples(index=False))])


def _stops_no_location(request: Request) -> Response:
    month = _month(request)
    if not _in_window(month):
        return Response(b"", HTML, 500)
    if request.parameter("force") != FORCE:
        return not_found()
    return as_json([_stop(month, number, None) for number in range(3)])


def _stop(month: str, number: Any, row: Any) -> dict[str, Any]:
    arrested = number % 5 == 0
    unknown = number % 11 == 10
    outcome = {"id": "bu-arrest", "name": "Arrest"} if arrested else {"id": "bu-no-further-action", "name": NO_ACTION}
    outcome = {"id": "", "name": ""} if unknown else outcome
    return {
        "age_range": None if unknown else ("18-24", "25-34", "over 34")[number % 3],
        "officer_defined_ethnicity": None if unknown else ("White", "Asian", "Black")[number % 3],
        "involved_person": number % 4 != 3,
        "self_defined_ethnicity": None if unknown else "Other ethnic group - Not stated",
        "gender": None if unknown else "Male",
        "legislation": None if number % 7 == 6 else "Misuse of Drugs Act 1971 (section 23)",
        "outcome_linked_to_object_of_search": (None, False, True)[number % 3],
        "datetime": f"{month}-{number % 28 + 1:02d}T{number % 24:02d}:10:00+00:00",
        "outcome_object": outcome,
        "location": None if row is None else _place(float(row.longitude), float(row.latitude)),
        "object_of_search": "Controlled drugs",
        "operation": (None, False)[number % 2],
        "outcome": outcome["name"],
        "type": ("Person search", "Person and Vehicle search", "Vehicle search")[number % 4 % 3],
        "operation_name": None,
        "removal_of_more_than_outer_clothing": (False, None, True)[number % 3],
    }


NO_ACTION = "A no further action disposal"


@cache
def archive(newest: str) -> bytes:
    """36 months up to `newest`; each is a folder with one file of each kind."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as held:
        for month in town.months(newest, WINDOW):
            for kind, body in _members(month).items():
                member = zipfile.ZipInfo(f"{month}/{month}-{FORCE}-{kind}.csv", (2026, 9, 10, 0, 0, 0))
                held.writestr(member, body, zipfile.ZIP_DEFLATED, 1)
    return packed.getvalue()


@cache
def _members(month: str) -> dict[str, bytes]:
    return {
        "outcomes": csv_bytes(OUTCOME, _outcome_rows(month)),
        "stop-and-search": csv_bytes(STOPS, _stop_rows(month)),
        "street": csv_bytes(STREET, _street_rows(month)),
    }


def _street_rows(month: str) -> Iterable[list[Any]]:
    names = town.lsoas()
    for number, row in enumerate(crimes(month).itertuples(index=False)):
        behaviour = row.crime_type == "Anti-social behaviour"
        longitude, latitude = float(row.longitude), float(row.latitude)
        yield [
            "" if behaviour else _identifier(month, number),
            month,
            FORCE_NAME,
            FORCE_NAME,
            f"{longitude:.6f}",
            f"{latitude:.6f}",
            _street_name(longitude, latitude)[1],
            row.lsoa_code,
            names.get(row.lsoa_code, "Central Bedfordshire 001A"),
            row.crime_type,
            "" if behaviour else OUTCOMES[number % len(OUTCOMES)],
            "",
        ]
    for number in range(4):
        nowhere = _identifier(f"nowhere {month}", number)
        place = ["", "", "No Location", "", ""]
        yield [nowhere, month, FORCE_NAME, FORCE_NAME, *place, "Other crime", OUTCOMES[number], ""]


def _outcome_rows(month: str) -> Iterable[list[Any]]:
    for row in _street_rows(month):
        if row[0]:
            yield [*row[:9], row[10]]


def _stop_rows(month: str) -> Iterable[list[Any]]:
    for number, row in [*enumerate(stops(month).itertuples(index=False)), *((number, None) for number in range(3))]:
        stop = _stop(month, number, row)
        where = stop["location"] or {"latitude": "", "longitude": ""}
        kept = ["outcome_linked_to_object_of_search", "removal_of_more_than_outer_clothing"]
        yield [
            stop["type"],
            stop["datetime"],
            "" if stop["operation"] is None else stop["operation"],
            "",
            where["latitude"],
            where["longitude"],
            *(stop[name] or "" for name in ("gender", "age_range", "self_defined_ethnicity")),
            *(stop[name] or "" for name in ("officer_defined_ethnicity", "legislation", "object_of_search", "outcome")),
            *("" if stop[name] is None else stop[name] for name in kept),
        ]


def _archive_page() -> str:
    """The page of archives. One archive's hash is that of a multipart upload, not of the file."""
    items = []
    for number, name in enumerate(archives()[::-1]):
        digest = hashlib.md5(archive(name), usedforsecurity=False).hexdigest()
        odd = number == len(archives()) - 1
        items.append(
            f'<li>\n<a href="/data/archive/{name}.zip">{name}.zip</a>\n<span>1.6 GB</span>\n'
            f"<code>\n{digest}{'-207' if odd else ''}\n</code>\n</li>"
        )
    listed = "\n".join(items)
    return f"<!DOCTYPE html>\n<html><body><h1>Archive</h1>\n<ul>\n{listed}\n</ul>\n</body></html>\n"


def _bucket(name: str, request: Request) -> Response:
    body = archive(name)
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    headers = {"ETag": f'"{digest}-207"', "Last-Modified": "Thu, 10 Sep 2026 09:00:00 GMT", "Accept-Ranges": "bytes"}
    sent = {name.lower(): value for name, value in request.headers.items()}
    if sent.get("if-none-match") == headers["ETag"]:
        return Response(b"", "application/zip", 304, headers)
    part = re.fullmatch(r"bytes=(\d*)-(\d*)", sent.get("range", ""))
    if not part or not any(part.groups()):
        return Response(body, "application/zip", 200, headers)
    first = int(part[1]) if part[1] else len(body) - int(part[2])
    last = min(int(part[2]), len(body) - 1) if part[1] and part[2] else len(body) - 1
    headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    return Response(body[first : last + 1], "application/zip", 206, headers)


DOCS = "data.police.uk/docs/method"
HACKNEY = "README of a public pipeline for Hackney, which says it asked on 2026-09-16"
FILES = "files of Bedfordshire Police as published, months of 2018 to 2024"
EVIDENCE = (
    Evidence("/api/crimes-street-dates", "Newest first, 36 months, `stop-and-search` lists forces", HACKNEY),
    Evidence("/api/crime-last-updated", "The first day of the newest month", HACKNEY),
    Evidence("/api/crimes-street/all-crime", "Names, order and types; coordinates are text", f"{DOCS}/crime-street"),
    Evidence("/api/crimes-street/all-crime", "A form of `poly` and `date`; 503 beyond 10,000 crimes", HACKNEY),
    Evidence("/api/crimes-street/all-crime", "400 for an address over 4,094 characters", HACKNEY),
    Evidence("/api/crimes-street/all-crime", "500 for a month outside the window", "co-cddo/api-catalogue issue 188"),
    Evidence("/api/crimes-no-location", "`location` and `location_type` are null", f"{DOCS}/crimes-no-location"),
    Evidence(
        "/api/stops-force",
        "Names, order and types; `outcome_object` may hold two empty texts, `legislation` and `operation` may be null",
        f"{DOCS}/stops-force; ukpolice and other clients' recorded answers",
    ),
    Evidence("/api/stops-force", "Whether those without a place stand among them (here they do not)"),
    Evidence("/api/stops-no-location", "The same names, `location` null", f"{DOCS}/stops-no-location"),
    Evidence("/api", "429 beyond 15 a second, in bursts of 30 (not served)", HACKNEY),
    Evidence("/api", "Bodies and types of 400, 429, 500 and 503; Retry-After"),
    Evidence(
        "/data/archive/YYYY-MM.zip",
        "302 to policeuk-data.s3.amazonaws.com/archive/YYYY-MM.zip; there application/zip, which takes ranges",
        "a public check of sources of 2026-03-02 (status and headers of 2026-01.zip); another of 2026-08-16",
    ),
    Evidence("/data/archive/YYYY-MM.zip", "What an archive that is not there is answered (here 404 of the bucket)"),
    Evidence("/data/archive/YYYY-MM.zip", "Members, headers, line ends, blanks, `No Location`", FILES),
    Evidence(
        "/data/archive/",
        "The hash is a line of its own within four lines after the archive's name",
        "christian-camille/leeds-crime-pipeline `src/download_archives.py`",
    ),
    Evidence("/data/archive/", "One hash is that of parts", "a register of sources of 2026-09-16"),
    Evidence("/data/archive/", "Mark-up around names and hashes"),
    Evidence(
        "/data/archive/",
        "An archive for every month",
        "clients that take 2017-03, 2020-11, 2020-12, 2024-06, 2024-10 and 2026-01",
    ),
)
