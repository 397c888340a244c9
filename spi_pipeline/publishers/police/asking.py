"""data.police.uk: what to ask for, and when again.

The months of its window come from the API, for the outline of our wards, and the newest of them again each time, since
they are revised. Months before the window come from its archives, of 36 months and 1.7 GB each; so do all months of
more forces than the API can be asked for. A month a force did not publish is in neither, and stays missing. What was
had before stays, though the window has moved on. How answers are read is in ``answers``.
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

from spi_pipeline.geography.codes import listed
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
from spi_pipeline.publishers.police.answers import STOPS, STREET, Kind, leave_of_forces, point_of
from spi_pipeline.publishers.police.files import PUBLISHER
from spi_pipeline.publishers.routes import Route

# It states 15 requests a second and bursts of 30.
POLICE = Host("POLICE", "https://data.police.uk", redirects=("policeuk-data.s3.amazonaws.com",), rate=15)
LISTING = Request(POLICE, "/data/archive/", media=("html",))
ARCHIVE_BYTES = 3_000_000_000
WINDOW = 36
REVISED = 3
# Of a force the API answers for 36 months twice each, some 36 MB, in four seconds each time; an archive has 1.7 GB.
FORCES = Route(requests=2 * WINDOW, area=WINDOW * MEGABYTE, pages=1, whole=1734 * MEGABYTE, request=4 * MEGABYTE)
TOO_MANY = 503
# Degrees: the outline may leave the wards by some 50 m; each crime is placed by the wards' own edges later.
MARGIN = 0.0005
SPLITS = 6


def fetch_street_crime(client: Client, scope: Scope) -> Iterator[Download]:
    """Archives, oldest first; then month by month what the API offers."""
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
        # In the order in which they are asked for, so that the same answers make the same table.
        kept = sorted((one for one in scope.have if one.period == month), key=_is_of_street, reverse=True)
        if month not in offered:
            yield from kept
            continue
        had_some = len(outlines) == 1 and any(_is_of_street(one) and _holds_some(one) for one in kept)
        fixed = Request(POLICE, "", media=("json",), period=month, settled=month not in offered[:REVISED])
        try:
            found = [answer for outline in outlines for answer in inside(client, fixed, outline, had_some)]
        except PermanentFailure as failure:
            if not isinstance(failure.__cause__ or failure, _FellSilentError):
                raise
            yield from kept
            continue
        yield from found
        # A town without a crime is a month that is not there: crimes without a place alone would make it zero.
        if any(map(_holds_some, found)):
            places = (("category", "all-crime"), ("force", ""), ("date", month))
            yield from of_forces(client, fixed, "crimes-no-location", places, scope)


def fetch_stops(client: Client, scope: Scope) -> Iterator[Download]:
    """Archives, oldest first; then month by month from the API those with and those without a place."""
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
        fixed = Request(POLICE, "", media=("json",), period=month, settled=month not in offered[:REVISED])
        ours = replace(scope, forces=tuple(force for force in scope.forces if force in forces[month]))
        for endpoint in ("stops-force", "stops-no-location"):
            yield from of_forces(client, fixed, endpoint, (("force", ""), ("date", month)), ours)


def newest_month(client: Client, scope: Scope) -> str:
    """The newest month there is, which the publisher calls its last update: no day of publication."""
    answer = client.read_json(Request(POLICE, "/api/crime-last-updated", media=("json",)))
    told = str(answer["date"]) if isinstance(answer, dict) and "date" in answer else ""
    if not re.match(MONTH, told):
        raise PermanentFailure(f"crime-last-updated of {PUBLISHER} names no month any more; see its docs")
    return told[:7]


class _FellSilentError(PermanentFailure):
    """An answer without a crime, for a month that had some before."""


def _availability(client: Client) -> list[tuple[str, list[str]]]:
    """The months the API offers, newest first, with the forces whose stops it has."""
    answer = client.read_json(Request(POLICE, "/api/crimes-street-dates", media=("json",)))
    try:
        found = sorted(((str(one["date"]), list(one.get("stop-and-search", ()))) for one in answer), reverse=True)
    except (KeyError, TypeError, AttributeError) as error:
        raise PermanentFailure(
            f"crimes-street-dates of {PUBLISHER} does not list months any more; see its docs"
        ) from error
    if not found:
        raise PermanentFailure(f"crimes-street-dates of {PUBLISHER} lists no month; ask again tomorrow")
    return found


def _wanted(offered: Sequence[str], scope: Scope) -> list[str]:
    """Every month since the first one wanted or, where none is named, since the first one offered or kept."""
    first = min(scope.only, default=scope.since)
    if first and first > max(offered):
        raise PermanentFailure(f"{PUBLISHER} offers months up to {max(offered)}, and {first} is later")
    kept = [one.period.split("/")[0] for one in scope.have if re.match(MONTH, one.period)]
    found = months_between(first or min([*offered, *kept]), max(offered))
    return [month for month in found if month in (scope.only or found)]


def _before(window: str, months: Sequence[str], scope: Scope) -> list[str]:
    """The months before the window of which no answer is kept."""
    kept = {one.period for one in scope.have}
    return [month for month in months if month < window and month not in kept]


def _nation(client: Client, scope: Scope, kind: Kind, months: Sequence[str]) -> Iterator[Download]:
    """All months from archives, the newest above all: the publisher calls every other one out of date."""
    newest = months[-1]
    older = [month for month in months if month < month_before(newest, WINDOW - 1)]
    archives = list(_archives(client, scope, kind, [*_chosen(scope, older, newest), *_chosen(scope, [newest], newest)]))
    if not archives or _last(archives[-1]) < newest:
        raise PermanentFailure(f"{PUBLISHER} offers {newest}, and no archive of it yet; ask again tomorrow")
    yield from archives


def _chosen(scope: Scope, months: Sequence[str], newest: str) -> list[Download | str]:
    """The fewest archives that hold some months: those that were had, and by their last months others where none was.

    Each is the latest that still holds the first month not held yet, since an archive is never revised.
    """
    kept = sorted((one for one in scope.have if _serves(one, scope)), key=_last, reverse=True)
    chosen: list[Download | str] = []
    while months:
        had = next((one for one in kept if _first(one) <= months[0] <= _last(one)), None)
        end = _last(had) if had else min(month_before(months[0], 1 - WINDOW), newest)
        chosen.append(had or end)
        months = [month for month in months if month > end]
    return chosen


def _archives(client: Client, scope: Scope, kind: Kind, chosen: Sequence[Download | str]) -> Iterator[Download]:
    """Archives, those asked for that were not had yet; one that the publisher neither has nor lists is passed over."""
    missing = [one for one in chosen if isinstance(one, str)]
    sums = _sums(client) if missing else {}
    asked = {end: archive_of(scope, end, sums.get(end, "")) for end in missing}
    client.announce(list(asked.values()))
    for one in chosen:
        if not isinstance(one, str):
            yield one
            continue
        leave = partial(leave_of_forces, kind=kind, forces=scope.forces, md5=asked[one].md5)
        try:
            yield client.get(asked[one], leave if asked[one].part else None)
        except PermanentFailure as failure:
            if failure.status != 404 or one in sums:
                raise


def archive_of(scope: Scope, end: str, md5: str) -> Request:
    """The archive whose last month is ``end``."""
    return Request(
        POLICE,
        f"/data/archive/{end}.zip",
        media=("zip",),
        period=f"{month_before(end, WINDOW - 1)}/{end}",
        settled=True,
        max_bytes=ARCHIVE_BYTES,
        md5=md5,
        part="+".join(scope.forces) if scope.archives == "drop" else "",
    )


def _sums(client: Client) -> dict[str, str]:
    """The MD5 of each archive that the page of archives lists, by its last month; empty where it tells none.

    Of one it tells what is none, the tag of a body sent in parts. That one is held to the checksums inside it alone, as
    all are where the page is not to be had.
    """
    try:
        page = client.get(LISTING).path.read_text("utf-8", errors="replace")
    except PermanentFailure:
        return {}
    return sums_in(page)


def sums_in(page: str) -> dict[str, str]:
    """The MD5 of each archive that the page of archives tells, by its last month."""
    found: dict[str, str] = {}
    for end, rest in re.findall(rf"/archive/({MONTH})\.zip(.*?)(?=/archive/|\Z)", page, re.DOTALL):
        told = re.search(r"(?<![0-9A-Za-z-])[0-9a-fA-F]{32}(?![0-9A-Za-z-])", rest)
        found[end] = told[0] if told else ""
    return found


def _serves(kept: Download, scope: Scope) -> bool:
    """Whether it is an archive, or what was kept of one for our forces."""
    forces = urlsplit(kept.url).fragment
    return "/" in kept.period and (not forces or set(scope.forces) <= set(forces.split("+")))


def _first(archive: Download) -> str:
    return archive.period.split("/")[0]


def _last(archive: Download) -> str:
    return archive.period.split("/")[-1]


def _is_of_street(kept: Download) -> bool:
    return "/crimes-street/" in kept.url


def _holds_some(answer: Download) -> bool:
    return bool(json_of(answer.path, answer.name, PUBLISHER))


def outlines_of(scope: Scope) -> list[Polygon]:
    """Outlines around our wards, with few corners: each answer tells how near a crime is, not in which ward.

    Raises:
        PermanentFailure: when a ward has no boundary yet: its crimes would not be asked for, and seem to be none.
    """
    if bare := sorted(set(scope.wards) - set(scope.polygons)):
        raise PermanentFailure(
            f"{PUBLISHER} is asked by outlines, and {listed(bare)} have none yet; run spi refresh --live again when "
            "wards were fetched"
        )
    around = shapely.union_all([shape.buffer(MARGIN) for shape in scope.polygons.values()]).simplify(MARGIN / 2)
    return _parts(around)


def _parts(shape: BaseGeometry) -> list[Polygon]:
    return [Polygon(part.exterior) for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon)]


def inside(
    client: Client, fixed: Request, outline: Polygon, had_some: bool, splits: int = SPLITS
) -> Iterator[Download]:
    """The crimes of a month inside an outline, which is halved as long as they are too many for one answer."""
    corners = ":".join(f"{y:.5f},{x:.5f}" for x, y in outline.exterior.coords)
    form: Pairs = (("poly", corners), ("date", fixed.period))
    asked = replace(fixed, path="/api/crimes-street/all-crime", data=form, final=(TOO_MANY,))
    try:
        yield client.get(asked, partial(_check_crimes, outline=outline, month=fixed.period, had_some=had_some))
    except PermanentFailure as failure:
        if failure.status != TOO_MANY:
            raise
        if not splits:
            said = f"{PUBLISHER} answers 503, too many crimes, for {fixed.period} even on a small area; ask again later"
            raise PermanentFailure(said, TOO_MANY) from failure
        for half in _halves(outline):
            # A half may well be without crimes.
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
    """Crimes of the month asked for, near the outline asked for."""
    name = f"crimes-street of {PUBLISHER}"
    crimes = json_of(path, name, PUBLISHER)
    if not isinstance(crimes, list):
        raise PermanentFailure(f"{name} answered no list of crimes for {month}, but {str(crimes)[:60]!r}; see its docs")
    if not crimes and had_some:
        raise _FellSilentError(f"{name} answered no crime at all for {month}, where it had some before")
    west, south, east, north = outline.buffer(10 * MARGIN).bounds
    for crime in crimes:
        place = crime.get("location")
        x, y = point_of(place, name)
        if crime.get("month") != month or (place and not (west <= x <= east and south <= y <= north)):
            raise PermanentFailure(
                f"{name} answered a crime of {crime.get('month')} at {y}, {x} (latitude, longitude) when asked for "
                f"{month} inside our wards; ask again, and see its docs if it goes on"
            )


def of_forces(client: Client, fixed: Request, endpoint: str, params: Pairs, scope: Scope) -> Iterator[Download]:
    """What an endpoint answers for each force."""
    for force in scope.forces:
        named = tuple((name, force if name == "force" else value) for name, value in params)
        yield client.get(replace(fixed, path=f"/api/{endpoint}", params=named))
