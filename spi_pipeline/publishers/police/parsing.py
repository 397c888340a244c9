"""data.police.uk: makes tables from its archives and the responses of its API.

``fetching`` sends the requests; ``files`` reads the CSV files inside an archive.
"""

import datetime as dt
import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import FAULTS, opened, zip_members
from spi_pipeline.publishers.files.months import MONTH
from spi_pipeline.publishers.files.reading import begins, json_of
from spi_pipeline.publishers.http.bodies import unwritable
from spi_pipeline.publishers.http.exchange import Download, Scope, TransientFailure
from spi_pipeline.publishers.police.files import PUBLISHER, parse_stop_and_search, parse_street_crime
from spi_pipeline.rules.wording import listing

CATEGORIES = {
    "anti-social-behaviour": "Anti-social behaviour", "bicycle-theft": "Bicycle theft", "burglary": "Burglary",
    "criminal-damage-arson": "Criminal damage and arson", "drugs": "Drugs", "other-theft": "Other theft",
    "possession-of-weapons": "Possession of weapons", "public-order": "Public order", "robbery": "Robbery",
    "shoplifting": "Shoplifting", "theft-from-the-person": "Theft from the person", "vehicle-crime": "Vehicle crime",
    "violent-crime": "Violence and sexual offences", "other-crime": "Other crime",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """One of the two kinds of incident that the police publish.

    Attributes:
        columns: columns of the table, the count last.
        member: the ending of its files in an archive.
        parse: reads such a file.
        row: reads one object of the API, or returns None for one that does not count.
        since: the first month whose files use today's categories; earlier months are skipped.
    """

    columns: tuple[str, ...]
    member: str
    parse: Callable[..., pd.DataFrame]
    row: Callable[[Mapping[str, Any], Download], tuple[Any, ...] | None]
    since: str = ""


def parse_crimes(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Count crimes of every month; see ``_counts``."""
    return _counts(STREET, downloads, scope)


def parse_stops(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Count stops of every month; see ``_counts``."""
    return _counts(STOPS, downloads, scope)


def _counts(kind: Kind, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return the counts of every month, from archives, responses of the API and single files.

    If several hold the same month of a force, the last one counts, since later archives revise earlier months.

    Raises:
        SpiError: when a file is none of the three, or does not match its name.
    """
    since = max(scope.since or "", kind.since)
    by_file: dict[tuple[str, str], pd.DataFrame] = {}
    by_month: dict[str, dict[Any, tuple[Any, ...]]] = {}
    for download in downloads:
        start = begins(download.path)
        if start == b"P":
            by_file |= dict(_members(kind, download, scope.forces, since))
        elif start in (b"[", b"{"):
            for key, row in _objects(kind, download).items():
                by_month.setdefault(row[0], {})[key] = row
        else:
            by_file |= {key: rows for key, rows in _single(kind, download, scope.forces) if key[0] >= since}
    frames = [rows for (month, _), rows in sorted(by_file.items()) if month not in by_month]
    for _, rows in sorted(by_month.items()):
        columns = list(kind.columns[:-1])
        incidents = pd.DataFrame(list(rows.values()), columns=columns)
        frames.append(incidents.value_counts(dropna=False, sort=False).rename(kind.columns[-1]).reset_index())
    if not frames:
        raise SpiError(f"no download of {PUBLISHER} holds a month of {listing(scope.forces)}; see spi refresh --since")
    return pd.concat(frames, ignore_index=True)[list(kind.columns)]


def _single(kind: Kind, download: Download, forces: Sequence[str]) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Yield a file of one month, by the month and force in its name; any name will do if we have only one force."""
    match = member_names(kind).fullmatch(download.name)
    if not match and len(forces) > 1:
        raise SpiError(
            f"the name of {download.name} lacks its police force; rename it as in an archive of {PUBLISHER}, such as "
            f"2026-07-{forces[0]}-{kind.member}.csv"
        )
    with download.path.open("rb") as stream:
        frame = _parsed(kind, stream, download.name, match[1] if match else "")
    for month in [match[1]] if match else frame["month"].dropna().unique():
        yield (month, match[2] if match else "".join(forces)), frame


def _members(
    kind: Kind, download: Download, forces: Sequence[str], since: str
) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Yield the files of our forces in an archive, by month and force; a month without a file of a force is missing."""
    with zip_members(download.path, download.name, PUBLISHER) as archive:
        for name in archive.namelist():
            match = member_names(kind).fullmatch(name)
            if match and match[1] >= since and match[2] in forces:
                with opened(archive, name, download.name) as stream:
                    yield (match[1], match[2]), _parsed(kind, stream, f"{download.name}: {name}", match[1])


def _parsed(kind: Kind, stream: IO[bytes], name: str, month: str) -> pd.DataFrame:
    """Return the counts of a file; if its name contains a month, it must hold that month alone."""
    frame = kind.parse(stream, name)
    others = sorted(set(frame["month"].dropna()) - {month}) if month else []
    if others:
        raise SpiError(f"{name} holds {', '.join(others)}, not the month of its name; download it again")
    return frame


def keep_forces(body: Path, *, kind: Kind, forces: Sequence[str], md5: str) -> None:
    """Replace an archive by a zip with only the files read for some forces; its comment describes the archive.

    Raises:
        TransientFailure: when one of those files is damaged or encrypted.
        SpiError: as for ``zip_members``; or when the zip cannot be written.
    """
    ours = body.with_name(f"{body.name}.ours")
    try:
        with zip_members(body, "the archive", PUBLISHER) as archive, zipfile.ZipFile(ours, "w") as target:
            for info in archive.infolist():
                match = member_names(kind).fullmatch(info.filename)
                if match and match[2] in forces:
                    _copy(archive, info, target)
            size = f"{body.stat().st_size:,} bytes"
            target.comment = f"Taken from an archive of {size}{md5 and f', MD5 {md5}'}: {', '.join(forces)}".encode()
        ours.replace(body)
    except OSError as error:
        raise unwritable(body.parent, error) from error
    finally:
        ours.unlink(missing_ok=True)


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, archive_of_ours: zipfile.ZipFile) -> None:
    named = zipfile.ZipInfo(info.filename, info.date_time)
    named.compress_type = zipfile.ZIP_DEFLATED
    with archive_of_ours.open(named, "w") as target:
        for block in _blocks(archive, info):
            target.write(block)


def _blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as member:
            while block := member.read(1 << 20):
                yield block
    except FAULTS as error:
        raise TransientFailure(f"{info.filename} in the archive is damaged or encrypted ({error})") from error


def member_names(kind: Kind) -> re.Pattern[str]:
    """Return a pattern of the names of a kind's files in an archive; its groups are the month and the force."""
    return re.compile(rf"(?:.*/)?({MONTH})-([a-z0-9-]+)-{kind.member}\.csv")


def _objects(kind: Kind, download: Download) -> dict[Any, tuple[Any, ...]]:
    """Return the rows of a response of the API by identifier, since the same crime may be in two responses."""
    incidents = json_of(download.path, download.name, PUBLISHER)
    if not isinstance(incidents, list):
        raise SpiError(
            f"{download.name} of {PUBLISHER} is not a list of incidents but {str(incidents)[:60]!r}; download it again"
        )
    rows: dict[Any, tuple[Any, ...]] = {}
    for place, item in enumerate(incidents):
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
    """Return longitude and latitude, which are given as texts; NaN without a place.

    The police write zeros if no map point lies within 20 km.
    """
    try:
        if not place or (place["latitude"] is None and place["longitude"] is None) or not float(place["latitude"]):
            return float("nan"), float("nan")
        return round(float(place["longitude"]), 6), round(float(place["latitude"]), 6)
    except (KeyError, TypeError, ValueError) as error:
        raise SpiError(f"{name} holds {place!r} where a place belongs; see the publisher's docs") from error


def _crime(item: Mapping[str, Any], _download: Download) -> tuple[Any, ...] | None:
    """Read a crime of a territorial force; crimes of the railway police are left out, as they are in archives."""
    if item.get("location_type") == "BTP":
        return None
    slug = item["category"]
    if slug not in CATEGORIES:
        raise ValueError(f"the category {slug!r} is not known")
    return item["month"], CATEGORIES[slug], *point_of(item["location"], slug), None


def _stop(item: Mapping[str, Any], download: Download) -> tuple[Any, ...] | None:
    """Read a stop. Stops without a place are in a force's list and in a separate list, from which they are taken."""
    x, y = point_of(item["location"], "stops")
    if math.isnan(x) != ("no-location" in download.name):
        return None
    return download.period or _month_at_home(item["datetime"]), x, y


def _month_at_home(stamp: str) -> str:
    return f"{dt.datetime.fromisoformat(stamp).astimezone(ZoneInfo('Europe/London')):%Y-%m}"


STREET = Kind(
    ("month", "crime_type", "longitude", "latitude", "lsoa_code", "crimes"), "street", parse_street_crime, _crime,
    # Until April 2013, public disorder and weapons were one type of crime, and thefts of bicycles and from persons
    # counted as other theft.
    since="2013-05",
)  # fmt: skip
STOPS = Kind(("month", "longitude", "latitude", "stops"), "stop-and-search", parse_stop_and_search, _stop)
