"""STATS19: road collisions in which someone was hurt, by point, from the Department for Transport.

Columns were renamed over the years; a missing value is -1, and a missing coordinate may be NULL. The vintage of the
small area in the file changes, so collisions are placed by their point.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.reading import numbers, text_rows, years
from spi_pipeline.publishers.http.exchange import Client, Download, Host, Request, Scope
from spi_pipeline.publishers.http.peeking import Piece
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import KILOBYTE, Probe, first_request_of, has_columns

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
SEVERITIES = {1: "fatal", 2: "serious", 3: "slight"}
MISSING = -1.0
NULL = "NULL"
# Degrees around our wards, and the share of our collisions that may lie farther away.
NEAR, MOST_ELSEWHERE = 0.05, 0.1


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch the file of the last five years, which covers all of Great Britain."""
    yield client.get(Request(STATS19, FILE))


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Count collisions of our authorities by year, severity and point; the place is null if the file gives none.

    Raises:
        SpiError: when a column is missing, a severity is unknown, or the collisions of our authorities lie elsewhere.
    """
    frames = [_collisions(download, scope) for download in downloads]
    rows = pd.concat(frames, ignore_index=True).drop_duplicates("id", keep="last")
    keys = ["year", "severity", "longitude", "latitude"]
    return rows.groupby(keys, dropna=False, sort=True).size().rename("collisions").reset_index()


def _collisions(download: Download, scope: Scope) -> pd.DataFrame:
    name = download.name
    with download.path.open("rb") as stream:
        rows = text_rows(stream, name, PUBLISHER, COLUMNS, where={"authority": scope.authorities})
    rows = rows.mask(rows == NULL)
    if rows.empty:
        raise SpiError(f"{name} of {PUBLISHER} holds no collision in {', '.join(scope.authorities)}; download it again")
    severity = numbers(rows["severity"], name, "severity").map(SEVERITIES)
    if severity.isna().any():
        unknown = rows["severity"][severity.isna()].iloc[0]
        raise SpiError(f"{name} of {PUBLISHER}: column severity holds {unknown!r}, not 1, 2 or 3; see its guide")
    placed = {
        axis: numbers(rows[axis], name, axis).replace(MISSING, float("nan")).round(6)
        for axis in ("longitude", "latitude")
    }
    rows = rows.assign(severity=severity, year=years(rows["year"], name, "year"), **placed)
    _check_place(rows, name, scope)
    return rows


def _check_place(rows: pd.DataFrame, name: str, scope: Scope) -> None:
    """Check that collisions of our authorities lie in or near our wards."""
    west, south, east, north = shapely.union_all(list(scope.polygons.values())).buffer(NEAR).bounds
    placed = rows.dropna(subset=["longitude", "latitude"])
    far = placed[~(placed["longitude"].between(west, east) & placed["latitude"].between(south, north))]
    if len(far) > MOST_ELSEWHERE * max(len(placed), 1):
        first = far.iloc[0]
        raise SpiError(
            f"{name} of {PUBLISHER}: {len(far)} of {len(placed)} collisions in our authorities lie elsewhere, the "
            f"first at longitude {first['longitude']:g}, latitude {first['latitude']:g}; download it again"
        )


PROBE = Probe(
    "stats19/collisions", first_request_of(fetch), partial(shapes.table, publisher=PUBLISHER),
    (has_columns(COLUMNS, FILE.rpartition("/")[2], PUBLISHER),), piece=Piece(16 * KILOBYTE, ranged=True),
)  # fmt: skip
HOSTS = (STATS19,)
OFFERS = {"road_collisions": Offer(fetch, parse, probes=(PROBE,))}
