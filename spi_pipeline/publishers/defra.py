"""DEFRA: modelled background concentrations of pollutants (PCM), on a grid of one kilometre.

An LSOA has the value of the cell that contains its population-weighted centroid, so the centroids of ONS Open Geography
are fetched along with the grids.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd
from pyproj import Transformer

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.shapes import BRITISH_NATIONAL_GRID
from spi_pipeline.publishers.files.reading import begins, found_columns, header_of, numbers, text_rows
from spi_pipeline.publishers.http.exchange import Client, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.http.peeking import Piece
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.ons_geography.layers import CENTROIDS
from spi_pipeline.publishers.ons_geography.probes import PROBES as GEOGRAPHY
from spi_pipeline.publishers.ons_geography.services import fetch_service, parse_centroids
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import KILOBYTE, Probe, Shape

PUBLISHER = "DEFRA"
DEFRA_PCM = Host("DEFRA_PCM", "https://uk-air.defra.gov.uk", "/datastore/pcm")
YEARS = 5
MISSING = "MISSING"
# The beginnings of the header, now and in files before 2019; notes stand above it.
STARTS = ("gridcode", "ukgridcode")
# Only cells at sea have no value, and nobody lives there.
MOST_WITHOUT = 0.1
# By our column, the name of the file of a year, and of its last column.
POLLUTANTS = {"no2": ("mapno2{year}.csv", r"no2(20\d\d)"), "pm25": ("mappm25{year}g.csv", r"pm25(20\d\d)g")}


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch the centroids, then the grids of the last years; a grid that is not published yet is not a fault."""
    yield from fetch_service(CENTROIDS, client, scope)
    this_year = int(scope.as_of[:4])
    count = 0
    for year in range(this_year - YEARS, this_year):
        for file, _ in POLLUTANTS.values():
            try:
                yield client.get(_map(file, year))
                count += 1
            except PermanentFailure as failure:
                if failure.status != 404:
                    raise
    if not count:
        raise PermanentFailure(
            f"{PUBLISHER} has no grid of any year since {this_year - YEARS}; see uk-air.defra.gov.uk"
        )


def _map(file: str, year: int) -> Request:
    return Request(DEFRA_PCM, f"{DEFRA_PCM.folder}/{file.format(year=year)}", period=str(year))


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Read the annual mean of each pollutant by LSOA and year, in micrograms per cubic metre; null without a cell.

    Raises:
        SpiError: when a file is not a grid, the centroids are missing, or too many of our cells are missing in a grid.
    """
    points = [download for download in downloads if begins(download.path) == b"{"]
    if not points:
        raise SpiError(f"the grids of {PUBLISHER} lack the centroids of our LSOAs; fetch or supply both")
    centroids = parse_centroids(points, scope)
    to_grid = Transformer.from_crs("EPSG:4326", BRITISH_NATIONAL_GRID, always_xy=True)
    east, north = to_grid.transform(centroids["longitude"].to_numpy(), centroids["latitude"].to_numpy())
    cells = pd.DataFrame(
        {
            "area_code": centroids["area_code"],
            "x": [f"{int(at // 1000) * 1000 + 500}" for at in east],
            "y": [f"{int(at // 1000) * 1000 + 500}" for at in north],
        }
    )
    grids = [_grid(download, cells) for download in downloads if download not in points]
    long = pd.concat(grids, ignore_index=True)
    wide = long.pivot(index=["area_code", "year"], columns="pollutant", values="value").rename_axis(columns=None)
    return wide.reindex(columns=list(POLLUTANTS)).reset_index()


def _grid(download: Download, cells: pd.DataFrame) -> pd.DataFrame:
    """Read the values of our cells in one file: ``area_code, year, pollutant, value``."""
    name = download.name
    with download.path.open("rb") as stream:
        last = header_of(stream, name, PUBLISHER, STARTS)[-1].strip()
        stream.seek(0)
        pollutant, year = _subject(last, name)
        where = {"x": set(cells["x"]), "y": set(cells["y"])}
        rows = text_rows(stream, name, PUBLISHER, {"x": "x", "y": "y", "value": last}, where=where, starts=STARTS)
    value = rows["value"].str.strip()
    rows["value"] = numbers(value.mask(value == MISSING), name, last)
    placed = cells.merge(rows.drop_duplicates(["x", "y"]), on=["x", "y"], how="left", validate="m:1")
    bare = placed[placed["value"].isna()]
    if len(bare) > max(1, MOST_WITHOUT * len(placed)):
        raise SpiError(
            f"{name} of {PUBLISHER} has no value for {len(bare)} of {len(placed)} LSOAs, so its grid may cover another "
            "place; download the map of the whole United Kingdom"
        )
    return placed[["area_code", "value"]].assign(year=year, pollutant=pollutant)


def _subject(last: str, name: str) -> tuple[str, int]:
    """Return the pollutant and the year of a map, by its last column."""
    matches = {one: re.fullmatch(pattern, last) for one, (_, pattern) in POLLUTANTS.items()}
    subject = next(((one, int(year[1])) for one, year in matches.items() if year), None)
    if subject is None:
        raise SpiError(f"{name} of {PUBLISHER} ends in column {last!r}, not in one like no22024; fetch the right map")
    return subject


def _is_map(pollutant: str, shape: Shape) -> None:
    name = f"the map of {pollutant}"
    found_columns(shape.columns, name, PUBLISHER, {"x": "x", "y": "y"})
    if _subject(shape.columns[-1], name)[0] != pollutant:
        raise SpiError(f"{name} of {PUBLISHER} ends in column {shape.columns[-1]!r}; see how its files are named")


def _probe(pollutant: str) -> Probe:
    """Return the probe of the map of the year before last, which should be published by now."""
    file, _ = POLLUTANTS[pollutant]
    return Probe(
        f"defra/{pollutant}",
        lambda scope, _: _map(file, int(scope.as_of[:4]) - 2),
        partial(shapes.table, publisher=PUBLISHER, starts=STARTS),
        (partial(_is_map, pollutant),),
        piece=Piece(16 * KILOBYTE, ranged=True),
    )


HOSTS = (DEFRA_PCM,)
OFFERS = {
    "background_pollution": Offer(fetch, parse, probes=(GEOGRAPHY[CENTROIDS], *(_probe(one) for one in POLLUTANTS))),
}
