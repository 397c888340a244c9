"""data.police.uk: what to ask for, and when again.

The archive of a December holds the 36 months up to it and is fetched once; the months since come from the API, for the
outline of our wards, and the newest of them again each time, since they are revised. A month a force did not publish is
in neither, and stays missing. What was had before stays, though the publisher's window has moved on. How answers are
read is in ``answers``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import shapely
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from spi_pipeline.publishers.files.months import month_before, months_between
from spi_pipeline.publishers.files.reading import json_of
from spi_pipeline.publishers.http.exchange import Client, Download, Host, Pairs, PermanentFailure, Request, Scope
from spi_pipeline.publishers.police.answers import point_of
from spi_pipeline.publishers.police.files import PUBLISHER

# It states 15 requests a second and bursts of 30.
POLICE = Host("POLICE", "https://data.police.uk", redirects=("policeuk-data.s3.amazonaws.com",), rate=15)
WINDOW = 36
REVISED = 3
TOO_MANY = 503
# Degrees: the outline may leave the wards by some 50 m; each crime is placed by the wards' own edges later.
MARGIN = 0.0005
SPLITS = 6
_MONTH = re.compile(r"\d{4}-\d{2}")


def fetch_street_crime(client: Client, scope: Scope) -> Iterator[Download]:
    """Archives, oldest first; then month by month what no archive holds."""
    offered = [month for month, _ in _availability(client)]
    published = _published(client, scope)
    wanted = _wanted(offered, scope)
    archives = _archives(client, scope, scope.since or min(offered), max(offered))
    yield from archives
    held = {month for archive in archives for month in months_between(*archive.period.split("/"))}
    outlines = _outlines(scope)
    for month in wanted:
        if month in held:
            continue
        # In the order in which they are asked for, so that the same answers make the same table.
        kept = sorted((one for one in scope.have if one.period == month), key=_is_of_street, reverse=True)
        if month not in offered:
            yield from kept
            continue
        had_some = len(outlines) == 1 and any(_is_of_street(one) and _holds_some(one) for one in kept)
        fixed = Request(POLICE, "", media=("json",), period=month, settled=month not in offered[:REVISED])
        try:
            answers = [answer for outline in outlines for answer in _inside(client, fixed, outline, had_some)]
        except PermanentFailure as failure:
            if not isinstance(failure.__cause__ or failure, _FellSilentError):
                raise
            yield from (published(one, fixed) for one in kept)
            continue
        yield from (published(answer, fixed) for answer in answers)
        # A town without a crime is a month that is not there: crimes without a place alone would make it zero.
        if any(map(_holds_some, answers)):
            places = (("category", "all-crime"), ("force", ""), ("date", month))
            yield from (published(one, fixed) for one in _of_forces(client, fixed, "crimes-no-location", places, scope))


def fetch_stops(client: Client, scope: Scope) -> Iterator[Download]:
    """Month by month from the API, those with and those without a place; before its window from archives."""
    forces = dict(_availability(client))
    offered = list(forces)
    published = _published(client, scope)
    yield from _archives(client, scope, scope.since or min(offered), month_before(min(offered), 1))
    for month in _wanted(offered, scope):
        if month not in offered:
            yield from (download for download in scope.have if download.period == month)
            continue
        fixed = Request(POLICE, "", media=("json",), period=month, settled=month not in offered[:REVISED])
        ours = replace(scope, forces=tuple(force for force in scope.forces if force in forces[month]))
        for endpoint in ("stops-force", "stops-no-location"):
            answers = _of_forces(client, fixed, endpoint, (("force", ""), ("date", month)), ours)
            yield from (published(answer, fixed) for answer in answers)


def last_updated(client: Client, scope: Scope) -> str:
    """The day the publisher says it last changed anything."""
    answer = client.read_json(Request(POLICE, "/api/crime-last-updated", media=("json",)))
    if not isinstance(answer, dict) or "date" not in answer:
        raise PermanentFailure(f"crime-last-updated of {PUBLISHER} names no date any more; see its docs")
    return str(answer["date"])


class _FellSilentError(PermanentFailure):
    """An answer without a crime, for a month that had some before."""


def _published(client: Client, scope: Scope) -> Callable[[Download, Request], Download]:
    """Puts the day of the last publication on answers that it revised, which are those not settled yet."""
    day = f"{last_updated(client, scope)}T00:00:00+00:00"
    return lambda answer, asked: answer if asked.settled else replace(answer, published_at=day)


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
    if scope.since and scope.since > max(offered):
        raise PermanentFailure(f"{PUBLISHER} offers months up to {max(offered)}, and {scope.since} is later")
    kept = [one.period for one in scope.have if _MONTH.fullmatch(one.period)]
    return months_between(scope.since or min([*offered, *kept]), max(offered))


def _archives(client: Client, scope: Scope, first: str, last: str) -> list[Download]:
    """The archives that hold the months between two, oldest first; before them those that were had for others."""
    found = [archive for end in _archive_ends(first, last) if (archive := _archive(client, end))]
    asked = {archive.url for archive in found}
    kept = [one for one in scope.have if "/" in one.period and one.url not in asked]
    return [*(one for one in kept if one.period.split("/")[1] >= (scope.since or "")), *found]


def _archive_ends(first: str, last: str) -> list[str]:
    """The Decembers whose archives hold, 36 months each, all from the first month up to the last of them."""
    end = last if last.endswith("-12") else f"{int(last[:4]) - 1}-12"
    ends = []
    while end >= first:
        ends.append(end)
        end = month_before(end, WINDOW)
    return ends[::-1]


def _archive(client: Client, end: str) -> Download | None:
    """An archive, or None where the publisher does not have it."""
    asked = Request(
        POLICE,
        f"/data/archive/{end}.zip",
        media=("zip",),
        period=f"{month_before(end, WINDOW - 1)}/{end}",
        settled=True,
        max_bytes=3_000_000_000,
    )
    try:
        return client.get(asked)
    except PermanentFailure as failure:
        if failure.status == 404:
            return None
        raise


def _is_of_street(kept: Download) -> bool:
    return "/crimes-street/" in kept.url


def _holds_some(answer: Download) -> bool:
    return bool(json_of(answer.path, answer.name, PUBLISHER))


def _outlines(scope: Scope) -> list[Polygon]:
    """Outlines around our wards, with few corners: each answer tells how near a crime is, not in which ward."""
    around = shapely.union_all([shape.buffer(MARGIN) for shape in scope.polygons.values()]).simplify(MARGIN / 2)
    return _parts(around)


def _parts(shape: BaseGeometry) -> list[Polygon]:
    return [Polygon(part.exterior) for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon)]


def _inside(
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
            yield from _inside(client, fixed, half, False, splits - 1)


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


def _of_forces(client: Client, fixed: Request, endpoint: str, params: Pairs, scope: Scope) -> Iterator[Download]:
    for force in scope.forces:
        named = tuple((name, force if name == "force" else value) for name, value in params)
        yield client.get(replace(fixed, path=f"/api/{endpoint}", params=named))
