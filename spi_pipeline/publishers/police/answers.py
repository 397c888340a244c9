"""data.police.uk: how its archives and the answers of its API become tables.

What is asked for, and when, is in ``asking``; the CSV files inside an archive are read by ``files``.
"""

import datetime as dt
import math
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.reading import begins, json_of, zip_members
from spi_pipeline.publishers.http.exchange import Download, Scope, TransientFailure
from spi_pipeline.publishers.police.files import PUBLISHER, parse_stop_and_search, parse_street_crime

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
        since: the first month of which files say what they say now; earlier ones are passed over.
    """

    columns: tuple[str, ...]
    member: str
    parse: Callable[..., pd.DataFrame]
    row: Callable[[Mapping[str, Any], Download], tuple[Any, ...] | None]
    since: str = ""


def parse_crimes(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Crimes of every month; see ``_counts``."""
    return _counts(STREET, downloads, scope)


def parse_stops(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Stops of every month; see ``_counts``."""
    return _counts(STOPS, downloads, scope)


def _counts(kind: Kind, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """The counts of every month, from archives, answers of the API and single files alike.

    Where several hold the same month of a force the last one counts, since later archives revise earlier months.

    Raises:
        SpiError: when a file is none of the three, or not what its name promises.
    """
    by_file: dict[tuple[str, str], pd.DataFrame] = {}
    answered: dict[str, dict[Any, tuple[Any, ...]]] = {}
    for download in downloads:
        start = begins(download.path)
        if start == b"P":
            by_file |= dict(_members(kind, download, scope))
        elif start in (b"[", b"{"):
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


def _members(kind: Kind, download: Download, scope: Scope) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """The files of our forces in an archive, by month and force. A force-month that is not there is not known."""
    pattern, since = _member_of(kind, scope.forces), max(scope.since or "", kind.since)
    with zip_members(download.path, download.name, PUBLISHER) as archive:
        for name in archive.namelist():
            found = pattern.fullmatch(name)
            if not found or found[1] < since:
                continue
            with archive.open(name) as stream:
                frame = kind.parse(stream, f"{download.name}: {name}")
            others = sorted(set(frame["month"].dropna()) - {found[1]})
            if others:
                raise SpiError(
                    f"{download.name}: {name} holds {', '.join(others)}, not the month of its name; fetch it again"
                )
            yield (found[1], found[2]), frame


def leave_of_forces(body: Path, *, kind: Kind, forces: Sequence[str], md5: str) -> None:
    """Leave of an archive the files that are read for some forces: a zip whose comment says what it was taken from.

    Raises:
        TransientFailure: when one of those files is damaged.
        SpiError: as for ``zip_members``.
    """
    pattern, ours = _member_of(kind, forces), body.with_name(f"{body.name}.ours")
    try:
        with zip_members(body, "the archive", PUBLISHER) as archive, zipfile.ZipFile(ours, "w") as left:
            for info in archive.infolist():
                if pattern.fullmatch(info.filename):
                    _copy(archive, info, left)
            size = f"{body.stat().st_size:,} bytes"
            left.comment = f"Taken from an archive of {size}{md5 and f', MD5 {md5}'}: {', '.join(forces)}".encode()
        ours.replace(body)
    finally:
        ours.unlink(missing_ok=True)


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: zipfile.ZipFile) -> None:
    named = zipfile.ZipInfo(info.filename, info.date_time)
    named.compress_type = zipfile.ZIP_DEFLATED
    try:
        with archive.open(info) as member, left.open(named, "w") as target:
            shutil.copyfileobj(member, target)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise TransientFailure(f"{info.filename} in the archive is damaged ({error})") from error


def _member_of(kind: Kind, forces: Sequence[str]) -> re.Pattern[str]:
    """Names of the files of some forces in an archive; the month and the force are its groups."""
    return re.compile(rf"(?:.*/)?(\d{{4}}-\d{{2}})-({'|'.join(map(re.escape, forces))})-{kind.member}\.csv")


def _objects(kind: Kind, download: Download) -> dict[Any, tuple[Any, ...]]:
    """The rows of an answer of the API, by what tells them apart: the same crime may be in two answers."""
    answer = json_of(download.path, download.name, PUBLISHER)
    if not isinstance(answer, list):
        raise SpiError(
            f"{download.name} of {PUBLISHER} is not a list of incidents but {str(answer)[:60]!r}; fetch it again"
        )
    rows: dict[Any, tuple[Any, ...]] = {}
    for place, item in enumerate(answer):
        try:
            row = kind.row(item, download)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise SpiError(
                f"{download.name} of {PUBLISHER}: incident {place + 1} cannot be read ({why}); compare it with the "
                "publisher's docs"
            ) from error
        if row is not None:
            rows[item.get("id", (download.url, place))] = row
    return rows


def point_of(place: Mapping[str, Any] | None, name: str) -> tuple[float, float]:
    """Longitude and latitude, which come as texts; not a number without a place.

    Where no map point lies within 20 km the police write zeros.
    """
    try:
        if not place or (place["latitude"] is None and place["longitude"] is None) or not float(place["latitude"]):
            return float("nan"), float("nan")
        return round(float(place["longitude"]), 6), round(float(place["latitude"]), 6)
    except (KeyError, TypeError, ValueError) as error:
        raise SpiError(f"{name} holds {place!r} where a place belongs; see the publisher's docs") from error


def _crime(item: Mapping[str, Any], _asked: Download) -> tuple[Any, ...] | None:
    """A crime of a territorial force: the railway police are in no archive of our forces either."""
    if item.get("location_type") == "BTP":
        return None
    slug = item["category"]
    if slug not in CATEGORIES:
        raise ValueError(f"the category {slug!r} is not known")
    return item["month"], CATEGORIES[slug], *point_of(item["location"], slug), None


def _stop(item: Mapping[str, Any], asked: Download) -> tuple[Any, ...] | None:
    """A stop. Those without a place are in a force's list and in one of their own, from which they come."""
    x, y = point_of(item["location"], "stops")
    if math.isnan(x) != ("no-location" in asked.name):
        return None
    return asked.period or _month_at_home(item["datetime"]), x, y


def _month_at_home(stamp: str) -> str:
    return f"{dt.datetime.fromisoformat(stamp).astimezone(ZoneInfo('Europe/London')):%Y-%m}"


STREET = Kind(
    ("month", "crime_type", "longitude", "latitude", "lsoa_code", "crimes"), "street", parse_street_crime, _crime,
    # Until April 2013 public disorder and weapons were one kind of crime; bicycles and persons counted as other theft.
    since="2013-05",
)  # fmt: skip
STOPS = Kind(("month", "longitude", "latitude", "stops"), "stop-and-search", parse_stop_and_search, _stop)
