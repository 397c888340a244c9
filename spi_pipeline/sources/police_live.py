"""data.police.uk: what to ask for, and how its API's answers and its archives become tables.

The archive of a December holds the 36 months up to it and is fetched once; the months since come from the API, for the
outline of our wards, and the newest of them again each time, since they are revised. A month a force did not publish is
in neither, and stays missing.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import shapely
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.sources.exchange import Client, Download, Fetcher, Pairs, PermanentFailure, Request, Scope
from spi_pipeline.sources.months import month_before, months_between
from spi_pipeline.sources.police import PUBLISHER, parse_stop_and_search, parse_street_crime
from spi_pipeline.sources.reading import json_of, zip_members

WINDOW = 36
REVISED = 3
TOO_MANY = 503
# Degrees: the outline may leave the wards by some 50 m; each crime is placed by the wards' own edges later.
MARGIN = 0.0005
SPLITS = 6
CATEGORIES = {
    "anti-social-behaviour": "Anti-social behaviour", "bicycle-theft": "Bicycle theft", "burglary": "Burglary",
    "criminal-damage-arson": "Criminal damage and arson", "drugs": "Drugs", "other-theft": "Other theft",
    "possession-of-weapons": "Possession of weapons", "public-order": "Public order", "robbery": "Robbery",
    "shoplifting": "Shoplifting", "theft-from-the-person": "Theft from the person", "vehicle-crime": "Vehicle crime",
    "violent-crime": "Violence and sexual offences", "other-crime": "Other crime",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One of the two things the police publish.

    Attributes:
        columns: of the table, the count last.
        member: ending of its files in an archive.
        parse: reads such a file.
        row: reads one object of the API, or returns None for one that is not ours.
    """

    columns: tuple[str, ...]
    member: str
    parse: Callable[..., pd.DataFrame]
    row: Callable[[Mapping[str, Any], Download], tuple[Any, ...] | None]


def fetch_street_crime(client: Client, scope: Scope) -> Iterator[Download]:
    """Archives, oldest first; then month by month what no archive holds."""
    offered = _offered(client)
    wanted = months_between(scope.since or min(offered), max(offered))
    for end in _archive_ends(wanted[0], wanted[-1]):
        archive = _archive(client, end)
        if archive:
            yield archive
            held = months_between(month_before(end, WINDOW - 1), end)
            wanted = [month for month in wanted if month not in held]
    outlines = _outlines(scope)
    for month in wanted:
        kept = [download for download in scope.have if download.period == month]
        had_some = len(outlines) == 1 and any(_crimes_in(download) for download in kept)
        if month not in offered:
            yield from kept
            continue
        fixed = Request("POLICE", "", media=("json",), period=month, settled=month not in offered[:REVISED])
        try:
            answers = [answer for outline in outlines for answer in _inside(client, fixed, outline, had_some)]
            places = (("category", "all-crime"), ("force", ""), ("date", month))
            yield from answers
            yield from _of_forces(client, fixed, "crimes-no-location", places, scope)
        except PermanentFailure as failure:
            if not isinstance(failure.__cause__ or failure, _FellSilentError):
                raise
            yield from kept


def fetch_stops(client: Client, scope: Scope) -> Iterator[Download]:
    """Month by month from the API, those with and those without a place; before its window from archives."""
    forces = dict(_availability(client))
    offered = list(forces)
    wanted = months_between(scope.since or min(offered), max(offered))
    for end in _archive_ends(wanted[0], month_before(min(offered), 1)):
        archive = _archive(client, end)
        if archive:
            yield archive
    for month in wanted:
        if month not in offered:
            yield from (download for download in scope.have if download.period == month)
            continue
        fixed = Request("POLICE", "", media=("json",), period=month, settled=month not in offered[:REVISED])
        ours = replace(scope, forces=tuple(force for force in scope.forces if force in forces[month]))
        for endpoint in ("stops-force", "stops-no-location"):
            yield from _of_forces(client, fixed, endpoint, (("force", ""), ("date", month)), ours)


def parse_police(kind: Kind, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """The counts of every month, from archives, answers of the API and single files alike.

    Where several hold the same month of a force the last one counts, since later archives revise earlier months.

    Raises:
        SpiError: when a file is none of the three, or not what its name promises.
    """
    by_file: dict[tuple[str, str], pd.DataFrame] = {}
    answered: dict[str, dict[Any, tuple[Any, ...]]] = {}
    for download in downloads:
        with download.path.open("rb") as stream:
            start = stream.read(64).lstrip()
        if start.startswith(b"PK"):
            by_file |= dict(_members(kind, download, scope))
        elif start.startswith((b"[", b"{")):
            for key, row in _objects(kind, download).items():
                answered.setdefault(row[0], {})[key] = row
        else:
            with download.path.open("rb") as stream:
                frame = kind.parse(stream, download.name)
            by_file |= {(str(month), download.name): rows for month, rows in frame.groupby("month")}
    frames = [rows for (month, _), rows in sorted(by_file.items()) if month not in answered]
    for _, rows in sorted(answered.items()):
        columns = list(kind.columns[:-1])
        found = pd.DataFrame(list(rows.values()), columns=columns)
        frames.append(found.value_counts(dropna=False, sort=False).rename(kind.columns[-1]).reset_index())
    if not frames:
        raise SpiError(f"no download of {PUBLISHER} holds a month of {listed(scope.forces)}; see spi refresh --since")
    return pd.concat(frames, ignore_index=True)[list(kind.columns)]


def last_updated(client: Client, scope: Scope) -> str:
    """The day the publisher says it last changed anything."""
    answer = client.read_json(Request("POLICE", "/api/crime-last-updated", media=("json",)))
    return str(answer["date"])


class _FellSilentError(PermanentFailure):
    """An answer without a crime, for a month that had some before."""


def _availability(client: Client) -> list[tuple[str, list[str]]]:
    """The months the API offers, newest first, with the forces whose stops it has."""
    answer = client.read_json(Request("POLICE", "/api/crimes-street-dates", media=("json",)))
    try:
        found = sorted(((str(one["date"]), list(one.get("stop-and-search", ()))) for one in answer), reverse=True)
    except (KeyError, TypeError, AttributeError) as error:
        raise PermanentFailure(
            f"crimes-street-dates of {PUBLISHER} does not list months any more; see its docs"
        ) from error
    if not found:
        raise PermanentFailure(f"crimes-street-dates of {PUBLISHER} lists no month; ask again tomorrow")
    return found


def _offered(client: Client) -> list[str]:
    return [month for month, _ in _availability(client)]


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
        "POLICE",
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


def _crimes_in(kept: Download) -> bool:
    return "/crimes-street/" in kept.url and kept.size > len("[]")


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
        x, y = _point(place, name)
        if crime.get("month") != month or (place and not (west <= x <= east and south <= y <= north)):
            raise PermanentFailure(
                f"{name} answered a crime of {crime.get('month')} at {y}, {x} (latitude, longitude) when asked for "
                f"{month} inside our wards; ask again, and see its docs if it goes on"
            )


def _of_forces(client: Client, fixed: Request, endpoint: str, params: Pairs, scope: Scope) -> Iterator[Download]:
    for force in scope.forces:
        named = tuple((name, force if name == "force" else value) for name, value in params)
        yield client.get(replace(fixed, path=f"/api/{endpoint}", params=named))


def _members(kind: Kind, download: Download, scope: Scope) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The files of our forces in an archive, by month and force. A force-month that is not there is not known."""
    pattern = re.compile(rf"(?:.*/)?(\d{{4}}-\d{{2}})-({'|'.join(map(re.escape, scope.forces))})-{kind.member}\.csv")
    with zip_members(download.path, download.name, PUBLISHER) as archive:
        for name in archive.namelist():
            found = pattern.fullmatch(name)
            if not found or (scope.since and found[1] < scope.since):
                continue
            with archive.open(name) as stream:
                frame = kind.parse(stream, f"{download.name}: {name}")
            others = sorted(set(frame["month"].dropna()) - {found[1]})
            if others:
                raise SpiError(
                    f"{download.name}: {name} holds {', '.join(others)}, not the month of its name; fetch it again"
                )
            yield (found[1], found[2]), frame


def _objects(kind: Kind, download: Download) -> dict[Any, tuple[Any, ...]]:
    """The rows of an answer of the API, by what tells them apart: the same crime may be in two answers."""
    answer = json_of(download.path, download.name, PUBLISHER)
    if not isinstance(answer, list):
        raise SpiError(
            f"{download.name} of {PUBLISHER} is no list of incidents but {str(answer)[:60]!r}; fetch it again"
        )
    rows: dict[Any, tuple[Any, ...]] = {}
    for place, item in enumerate(answer):
        try:
            row = kind.row(item, download)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SpiError(
                f"{download.name} of {PUBLISHER}: incident {place + 1} cannot be read ({error!r}); "
                "compare it with the publisher's docs"
            ) from error
        if row is not None:
            rows[item.get("id", (download.url, place))] = row
    return rows


def _point(place: Mapping[str, Any] | None, name: str) -> tuple[float, float]:
    """Longitude and latitude, which come as texts; not a number without a place."""
    try:
        if not place:
            return float("nan"), float("nan")
        return round(float(place["longitude"]), 6), round(float(place["latitude"]), 6)
    except (KeyError, TypeError, ValueError) as error:
        raise SpiError(f"{name} holds {place!r} where a place belongs; see the publisher's docs") from error


def _crime(item: Mapping[str, Any], _asked: Download) -> tuple[Any, ...] | None:
    """A crime of a territorial force: the railway police are in no archive of our forces either."""
    if item["location_type"] == "BTP":
        return None
    slug = item["category"]
    if slug not in CATEGORIES:
        raise ValueError(f"the category {slug!r} is not known")
    return item["month"], CATEGORIES[slug], *_point(item["location"], slug), None


def _stop(item: Mapping[str, Any], asked: Download) -> tuple[Any, ...] | None:
    """A stop. Whether a force's list holds those without a place is not documented, so they come from their own."""
    x, y = _point(item["location"], "stops")
    if math.isnan(x) != ("no-location" in asked.name):
        return None
    at_home = dt.datetime.fromisoformat(item["datetime"]).astimezone(ZoneInfo("Europe/London"))
    return asked.period or f"{at_home:%Y-%m}", x, y


STREET = Kind(
    ("month", "crime_type", "longitude", "latitude", "lsoa_code", "crimes"), "street", parse_street_crime, _crime
)
STOPS = Kind(("month", "longitude", "latitude", "stops"), "stop-and-search", parse_stop_and_search, _stop)

FETCHERS = {
    "street_crime": Fetcher(partial(parse_police, STREET), fetch_street_crime, last_updated),
    "stop_and_search": Fetcher(partial(parse_police, STOPS), fetch_stops, last_updated),
}
