"""data.police.uk: which requests to send, and when to repeat them.

The months of the API's window come from the API, for the outline of our wards; the newest of them are requested each
time, since they are revised. Months before the window come from archives of 36 months and 1.7 GB each, and so do all
months if there are too many forces for the API. A month that a force did not publish is in neither, and stays missing.
Stored months stay in use after the window has moved on. ``parsing`` reads the responses.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import shapely
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from spi_pipeline.publishers.files.months import MONTH, month_before, months_between
from spi_pipeline.publishers.files.reading import json_of
from spi_pipeline.publishers.http.exchange import (
    MEGABYTE,
    Client,
    Download,
    Host,
    Pairs,
    PermanentFailure,
    Request,
    Scope,
)
from spi_pipeline.publishers.police.files import PUBLISHER
from spi_pipeline.publishers.police.parsing import STOPS, STREET, Kind, keep_forces, point_of
from spi_pipeline.publishers.routes import Route
from spi_pipeline.rules.wording import listing

# The publisher allows 15 requests a second and bursts of 30.
POLICE = Host("POLICE", "https://data.police.uk", redirects=("policeuk-data.s3.amazonaws.com",), rate=15)
LISTING = Request(POLICE, "/data/archive/", media=("html",))
ARCHIVE_BYTES = 3_000_000_000
WINDOW = 36
REVISED = 3
# For a force, the API takes two requests for each of 36 months, some 36 MB at four seconds each; an archive has 1.7 GB.
FORCES = Route(requests=2 * WINDOW, area=WINDOW * MEGABYTE, pages=1, whole=1734 * MEGABYTE, request=4 * MEGABYTE)
TOO_MANY = 503
# Degrees: the outline may deviate from the wards by some 50 m; crimes are placed by the wards' own edges later.
MARGIN = 0.0005
SPLITS = 6


def fetch_street_crime(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch archives, oldest first, then the months that the API offers."""
    if scope.since:
        scope = replace(scope, since=max(scope.since, STREET.since))
    offered = [month for month, _ in _availability(client)]
    months = _wanted(offered, scope)
    if FORCES.in_bulk(len(scope.forces)):
        yield from _nation(client, scope, STREET, months)
        return
    yield from _archives(client, scope, STREET, _chosen(scope, _before(min(offered), months, scope), max(offered)))
    outlines = outlines_of(scope)
    for month in months:
        # In the order of the requests, so that the same responses make the same table.
        stored = sorted((one for one in scope.have if one.period == month), key=_is_of_street, reverse=True)
        if month not in offered:
            yield from stored
            continue
        had_some = len(outlines) == 1 and any(_is_of_street(one) and _holds_some(one) for one in stored)
        fixed = Request(POLICE, "", media=("json",), period=month, immutable=month not in offered[:REVISED])
        try:
            crimes = [page for outline in outlines for page in inside(client, fixed, outline, had_some)]
        except PermanentFailure as failure:
            if not isinstance(failure.__cause__ or failure, _FellSilentError):
                raise
            yield from stored
            continue
        yield from crimes
        # A month without any crime in town is missing; crimes without a place would make its figures zero.
        if any(map(_holds_some, crimes)):
            places = (("category", "all-crime"), ("force", ""), ("date", month))
            yield from of_forces(client, fixed, "crimes-no-location", places, scope)


def fetch_stops(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch archives, oldest first, then month by month from the API the stops with and those without a place."""
    forces = dict(_availability(client))
    offered = list(forces)
    months = _wanted(offered, scope)
    if FORCES.in_bulk(len(scope.forces)):
        yield from _nation(client, scope, STOPS, months)
        return
    yield from _archives(client, scope, STOPS, _chosen(scope, _before(min(offered), months, scope), max(offered)))
    for month in months:
        if month not in offered:
            yield from (download for download in scope.have if download.period == month)
            continue
        fixed = Request(POLICE, "", media=("json",), period=month, immutable=month not in offered[:REVISED])
        ours = replace(scope, forces=tuple(force for force in scope.forces if force in forces[month]))
        for endpoint in ("stops-force", "stops-no-location"):
            yield from of_forces(client, fixed, endpoint, (("force", ""), ("date", month)), ours)


def newest_month(client: Client, scope: Scope) -> str:
    """Return the newest month available, which the publisher calls its last update; it is not a day of publication."""
    update = client.read_json(Request(POLICE, "/api/crime-last-updated", media=("json",)))
    date = str(update["date"]) if isinstance(update, dict) and "date" in update else ""
    if not re.match(MONTH, date):
        raise PermanentFailure(f"crime-last-updated of {PUBLISHER} names no month any more; see its docs")
    return date[:7]


class _FellSilentError(PermanentFailure):
    """A response without any crime, for a month that had some before."""


def _availability(client: Client) -> list[tuple[str, list[str]]]:
    """Return the months that the API offers, newest first, each with the forces whose stops it has."""
    offered = client.read_json(Request(POLICE, "/api/crimes-street-dates", media=("json",)))
    try:
        months = sorted(((str(one["date"]), list(one.get("stop-and-search", ()))) for one in offered), reverse=True)
    except (KeyError, TypeError, AttributeError) as error:
        raise PermanentFailure(
            f"crimes-street-dates of {PUBLISHER} does not list months any more; see its docs"
        ) from error
    if not months:
        raise PermanentFailure(f"crimes-street-dates of {PUBLISHER} lists no month; try again tomorrow")
    return months


def _wanted(offered: Sequence[str], scope: Scope) -> list[str]:
    """Return every month to fetch: from the first one requested, or else from the first one offered or stored."""
    first = min(scope.only, default=scope.since)
    if first and first > max(offered):
        raise PermanentFailure(f"{PUBLISHER} offers months up to {max(offered)}, and {first} is later")
    stored = [one.period.split("/")[0] for one in scope.have if re.match(MONTH, one.period)]
    months = months_between(first or min([*offered, *stored]), max(offered))
    return [month for month in months if month in (scope.only or months)]


def _before(window: str, months: Sequence[str], scope: Scope) -> list[str]:
    """Return the months before the window that have no stored response."""
    stored = {one.period for one in scope.have}
    return [month for month in months if month < window and month not in stored]


def _nation(client: Client, scope: Scope, kind: Kind, months: Sequence[str]) -> Iterator[Download]:
    """Fetch all months from archives, the newest one included, since the publisher calls every other out of date."""
    newest = months[-1]
    older = [month for month in months if month < month_before(newest, WINDOW - 1)]
    archives = list(_archives(client, scope, kind, [*_chosen(scope, older, newest), *_chosen(scope, [newest], newest)]))
    if not archives or _last(archives[-1]) < newest:
        raise PermanentFailure(f"{PUBLISHER} offers {newest} but no archive of it yet; try again tomorrow")
    yield from archives


def _chosen(scope: Scope, months: Sequence[str], newest: str) -> list[Download | str]:
    """Return the fewest archives that hold some months: stored ones, or else the last months of those to fetch.

    Each is the latest archive that holds the first month not covered yet, since an archive is never revised.
    """
    stored = sorted((one for one in scope.have if _serves(one, scope)), key=_last, reverse=True)
    chosen: list[Download | str] = []
    while months:
        archive = next((one for one in stored if _first(one) <= months[0] <= _last(one)), None)
        end = _last(archive) if archive else min(month_before(months[0], 1 - WINDOW), newest)
        chosen.append(archive or end)
        months = [month for month in months if month > end]
    return chosen


def _archives(client: Client, scope: Scope, kind: Kind, chosen: Sequence[Download | str]) -> Iterator[Download]:
    """Yield archives, fetching those not stored yet; one that the publisher neither has nor lists is skipped."""
    missing = [one for one in chosen if isinstance(one, str)]
    sums = _sums(client) if missing else {}
    requests = {end: archive_of(scope, end, sums.get(end, "")) for end in missing}
    client.announce(list(requests.values()))
    for one in chosen:
        if not isinstance(one, str):
            yield one
            continue
        leave = partial(keep_forces, kind=kind, forces=scope.forces, md5=requests[one].md5)
        try:
            yield client.get(requests[one], leave if requests[one].part else None)
        except PermanentFailure as failure:
            if failure.status != 404 or one in sums:
                raise


def archive_of(scope: Scope, end: str, md5: str) -> Request:
    """Return the request for the archive whose last month is ``end``."""
    return Request(
        POLICE,
        f"/data/archive/{end}.zip",
        media=("zip",),
        period=f"{month_before(end, WINDOW - 1)}/{end}",
        immutable=True,
        max_bytes=ARCHIVE_BYTES,
        md5=md5,
        part="+".join(scope.forces) if scope.archives == "drop" else "",
    )


def _sums(client: Client) -> dict[str, str]:
    """Fetch the MD5 of each archive on the page of archives, by last month; empty for one without an MD5.

    For one archive the page shows the tag of a multipart upload in place of an MD5. That archive is checked only by the
    checksums inside it, as all archives are if the page cannot be fetched.
    """
    try:
        page = client.get(LISTING).path.read_text("utf-8", errors="replace")
    except PermanentFailure:
        return {}
    return sums_in(page)


def sums_in(page: str) -> dict[str, str]:
    """Return the MD5 of each archive on the page of archives, by last month."""
    sums: dict[str, str] = {}
    for end, rest in re.findall(rf"/archive/({MONTH})\.zip(.*?)(?=/archive/|\Z)", page, re.DOTALL):
        md5 = re.search(r"(?<![0-9A-Za-z-])[0-9a-fA-F]{32}(?![0-9A-Za-z-])", rest)
        sums[end] = md5[0] if md5 else ""
    return sums


def _serves(stored: Download, scope: Scope) -> bool:
    """Whether a stored download is an archive, or the part of one with the files of our forces."""
    forces = urlsplit(stored.url).fragment
    return "/" in stored.period and (not forces or set(scope.forces) <= set(forces.split("+")))


def _first(archive: Download) -> str:
    return archive.period.split("/")[0]


def _last(archive: Download) -> str:
    return archive.period.split("/")[-1]


def _is_of_street(stored: Download) -> bool:
    return "/crimes-street/" in stored.url


def _holds_some(download: Download) -> bool:
    return bool(json_of(download.path, download.name, PUBLISHER))


def outlines_of(scope: Scope) -> list[Polygon]:
    """Return outlines around our wards, with few corners, since crimes are placed into wards later.

    Raises:
        PermanentFailure: when a ward has no boundary yet: its crimes would not be requested and would seem to be zero.
    """
    if bare := sorted(set(scope.wards) - set(scope.polygons)):
        raise PermanentFailure(
            f"requests to {PUBLISHER} need the outlines of wards, and {listing(bare)} have none yet; run spi refresh "
            "--live again when wards are fetched"
        )
    around = shapely.union_all([shape.buffer(MARGIN) for shape in scope.polygons.values()]).simplify(MARGIN / 2)
    return _parts(around)


def _parts(shape: BaseGeometry) -> list[Polygon]:
    return [Polygon(part.exterior) for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon)]


def inside(
    client: Client, fixed: Request, outline: Polygon, had_some: bool, splits: int = SPLITS
) -> Iterator[Download]:
    """Fetch the crimes of a month inside an outline, which is halved while they are too many for one response."""
    corners = ":".join(f"{y:.5f},{x:.5f}" for x, y in outline.exterior.coords)
    form: Pairs = (("poly", corners), ("date", fixed.period))
    request = replace(fixed, path="/api/crimes-street/all-crime", data=form, final=(TOO_MANY,))
    try:
        yield client.get(request, partial(_check_crimes, outline=outline, month=fixed.period, had_some=had_some))
    except PermanentFailure as failure:
        if failure.status != TOO_MANY:
            raise
        if not splits:
            fault = f"responds with 503, too many crimes, for {fixed.period} even for a small area"
            raise PermanentFailure(f"{PUBLISHER} {fault}; try again later", TOO_MANY) from failure
        for half in _halves(outline):
            # A half may have no crimes.
            yield from inside(client, fixed, half, False, splits - 1)


def _halves(outline: Polygon) -> list[Polygon]:
    west, south, east, north = outline.bounds
    if east - west > north - south:
        middle = (west + east) / 2
        sides = box(west, south, middle, north), box(middle, south, east, north)
    else:
        middle = (south + north) / 2
        sides = box(west, south, east, middle), box(west, middle, east, north)
    return [part for side in sides for part in _parts(outline.intersection(side))]


def _check_crimes(path: Path, outline: Polygon, month: str, had_some: bool) -> None:
    """Check that a response lists crimes of the month and the outline that were requested."""
    name = f"crimes-street of {PUBLISHER}"
    crimes = json_of(path, name, PUBLISHER)
    if not isinstance(crimes, list):
        raise PermanentFailure(f"{name} returned no list of crimes for {month}, but {str(crimes)[:60]!r}; see its docs")
    if not crimes and had_some:
        raise _FellSilentError(f"{name} returned no crime at all for {month}, which had some before")
    west, south, east, north = outline.buffer(10 * MARGIN).bounds
    for crime in crimes:
        place = crime.get("location")
        x, y = point_of(place, name)
        if crime.get("month") != month or (place and not (west <= x <= east and south <= y <= north)):
            raise PermanentFailure(
                f"{name} returned a crime of {crime.get('month')} at {y}, {x} (latitude, longitude) for a request for "
                f"{month} inside our wards; try again, and see its docs if it goes on"
            )


def of_forces(client: Client, fixed: Request, endpoint: str, params: Pairs, scope: Scope) -> Iterator[Download]:
    """Fetch an endpoint's response for each force."""
    for force in scope.forces:
        named = tuple((name, force if name == "force" else value) for name, value in params)
        yield client.get(replace(fixed, path=f"/api/{endpoint}", params=named))
