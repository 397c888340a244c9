"""STATS19: collisions on roads in which someone was hurt, from the Department for Transport, by point.

Columns were renamed over the years; a missing value is -1. The small area in the file is on changing vintages, so the
point places a collision.
"""

from collections.abc import Iterator, Sequence

import pandas as pd
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.reading import numbers, text_rows
from spi_pipeline.publishers.http.exchange import Client, Download, Host, Request, Scope
from spi_pipeline.publishers.offer import Offer

PUBLISHER = "the Department for Transport"
STATS19 = Host("STATS19", "https://data.dft.gov.uk", "/road-accidents-safety-data")
FILE = f"{STATS19.folder}/dft-road-casualty-statistics-collision-last-5-years.csv"
COLUMNS = {
    "id": ("collision_index", "accident_index"),
    "year": ("collision_year", "accident_year"),
    "severity": ("collision_severity", "accident_severity", "legacy_collision_severity"),
    "authority": ("local_authority_ons_district",),
    "longitude": ("longitude",),
    "latitude": ("latitude",),
}
SEVERITIES = {"1": "fatal", "2": "serious", "3": "slight"}
MISSING = -1.0
# Degrees around our wards, and the share of our collisions that may lie farther off.
NEAR, MOST_ELSEWHERE = 0.05, 0.1


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """The last five years, all of Great Britain."""
    yield client.get(Request(STATS19, FILE))


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Collisions of our authorities by year, severity and point; place null where none is given.

    Raises:
        SpiError: when a column is gone, a severity is unknown, or the collisions of our authorities lie elsewhere.
    """
    frames = [_collisions(download, scope) for download in downloads]
    rows = pd.concat(frames, ignore_index=True).drop_duplicates("id", keep="last")
    keys = ["year", "severity", "longitude", "latitude"]
    return rows.groupby(keys, dropna=False, sort=True).size().rename("collisions").reset_index()


def _collisions(download: Download, scope: Scope) -> pd.DataFrame:
    name = download.name
    with download.path.open("rb") as stream:
        rows = text_rows(stream, name, PUBLISHER, COLUMNS, where={"authority": scope.authorities})
    if rows.empty:
        raise SpiError(f"{name} of {PUBLISHER} holds no collision in {', '.join(scope.authorities)}; fetch it again")
    unknown = sorted(set(rows["severity"]) - set(SEVERITIES))
    if unknown:
        raise SpiError(f"{name} of {PUBLISHER}: column severity holds {unknown[0]!r}, not 1, 2 or 3; see its guide")
    placed = {
        axis: numbers(rows[axis], name, axis).replace(MISSING, float("nan")).round(6)
        for axis in ("longitude", "latitude")
    }
    rows = rows.assign(severity=rows["severity"].map(SEVERITIES), year=rows["year"].astype("int64"), **placed)
    _check_place(rows, name, scope)
    return rows


def _check_place(rows: pd.DataFrame, name: str, scope: Scope) -> None:
    """Collisions of our authorities lie in or near our wards."""
    west, south, east, north = shapely.union_all(list(scope.polygons.values())).buffer(NEAR).bounds
    placed = rows.dropna(subset=["longitude", "latitude"])
    far = placed[~(placed["longitude"].between(west, east) & placed["latitude"].between(south, north))]
    if len(far) > MOST_ELSEWHERE * max(len(placed), 1):
        first = far.iloc[0]
        raise SpiError(
            f"{name} of {PUBLISHER}: {len(far)} of {len(placed)} collisions in our authorities lie elsewhere, the "
            f"first at longitude {first['longitude']:g}, latitude {first['latitude']:g}; fetch it again"
        )


HOSTS = (STATS19,)
OFFERS = {"road_collisions": Offer(fetch, parse)}
