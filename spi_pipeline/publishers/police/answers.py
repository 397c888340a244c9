"""data.police.uk: how its archives and the answers of its API become tables.

What is asked for, and when, is in ``asking``; the CSV files inside an archive are read by ``files``.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.reading import begins, json_of, zip_members
from spi_pipeline.publishers.http.exchange import Download, Scope
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
    """

    columns: tuple[str, ...]
    member: str
    parse: Callable[..., pd.DataFrame]
    row: Callable[[Mapping[str, Any], Download], tuple[Any, ...] | None]


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
    """Longitude and latitude, which come as texts; not a number without a place."""
    try:
        if not place:
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
    """A stop. Whether a force's list holds those without a place is not documented, so they come from their own."""
    x, y = point_of(item["location"], "stops")
    if math.isnan(x) != ("no-location" in asked.name):
        return None
    return asked.period or _month_at_home(item["datetime"]), x, y


def _month_at_home(stamp: str) -> str:
    return f"{dt.datetime.fromisoformat(stamp).astimezone(ZoneInfo('Europe/London')):%Y-%m}"


STREET = Kind(
    ("month", "crime_type", "longitude", "latitude", "lsoa_code", "crimes"), "street", parse_street_crime, _crime
)
STOPS = Kind(("month", "longitude", "latitude", "stops"), "stop-and-search", parse_stop_and_search, _stop)
