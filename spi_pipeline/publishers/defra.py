"""DEFRA: modelled background concentrations of pollutants (PCM), on a grid of one kilometre.

An LSOA has the value of the cell in which its population-weighted centroid lies, so the centroids of ONS Open Geography
are fetched along with the grids.
"""

import re
from collections.abc import Iterator, Sequence

import pandas as pd
from pyproj import Transformer

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.shapes import BRITISH_NATIONAL_GRID
from spi_pipeline.publishers.files.reading import begins, header_of, numbers, text_rows
from spi_pipeline.publishers.http.exchange import Client, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.ons_geography.services import CENTROIDS, fetch_service, parse_centroids

PUBLISHER = "DEFRA"
DEFRA_PCM = Host("DEFRA_PCM", "https://uk-air.defra.gov.uk", "/datastore/pcm")
YEARS = 5
MISSING = "MISSING"
# Only the sea has no value, and nobody lives there.
MOST_WITHOUT = 0.1
# By our column how the file of a year is named, and its last column.
POLLUTANTS = {"no2": ("mapno2{year}.csv", r"no2(20\d\d)"), "pm25": ("mappm25{year}g.csv", r"pm25(20\d\d)g")}


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Centroids, then the grids of the last years; one that is not published yet is no fault."""
    yield from fetch_service(CENTROIDS, client, scope)
    this_year = int(scope.as_of[:4])
    found = 0
    for year in range(this_year - YEARS, this_year):
        for file, _ in POLLUTANTS.values():
            asked = Request(DEFRA_PCM, f"{DEFRA_PCM.folder}/{file.format(year=year)}", period=str(year))
            try:
                yield client.get(asked)
                found += 1
            except PermanentFailure as failure:
                if failure.status != 404:
                    raise
    if not found:
        raise PermanentFailure(
            f"{PUBLISHER} has no grid of any year since {this_year - YEARS}; see uk-air.defra.gov.uk"
        )


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Annual mean of each pollutant by LSOA and year, in micrograms per cubic metre; null where there is no cell.

    Raises:
        SpiError: when a file is not a grid, the centroids are missing, or hardly any of our cells are in a grid.
    """
    answers = [download for download in downloads if begins(download.path) == b"{"]
    if not answers:
        raise SpiError(f"the centroids of our LSOAs are missing beside the grids of {PUBLISHER}; fetch them along")
    centroids = parse_centroids(answers, scope)
    to_grid = Transformer.from_crs("EPSG:4326", BRITISH_NATIONAL_GRID, always_xy=True)
    east, north = to_grid.transform(centroids["longitude"].to_numpy(), centroids["latitude"].to_numpy())
    cells = pd.DataFrame(
        {
            "area_code": centroids["area_code"],
            "x": [f"{int(at // 1000) * 1000 + 500}" for at in east],
            "y": [f"{int(at // 1000) * 1000 + 500}" for at in north],
        }
    )
    grids = [_grid(download, cells) for download in downloads if download not in answers]
    long = pd.concat(grids, ignore_index=True)
    wide = long.pivot(index=["area_code", "year"], columns="pollutant", values="value").rename_axis(columns=None)
    return wide.reindex(columns=list(POLLUTANTS)).reset_index()


def _grid(download: Download, cells: pd.DataFrame) -> pd.DataFrame:
    """The values of our cells in one file: ``area_code, year, pollutant, value``."""
    name = download.name
    with download.path.open("rb") as stream:
        last = header_of(stream, name, PUBLISHER, "gridcode")[-1].strip()
        stream.seek(0)
        told = {one: re.fullmatch(pattern, last) for one, (_, pattern) in POLLUTANTS.items()}
        pollutant, year = next(((one, int(found[1])) for one, found in told.items() if found), ("", 0))
        if not pollutant:
            raise SpiError(
                f"{name} of {PUBLISHER} ends in column {last!r}, not in one like no22024; fetch the right map"
            )
        where = {"x": set(cells["x"]), "y": set(cells["y"])}
        rows = text_rows(stream, name, PUBLISHER, {"x": "x", "y": "y", "value": last}, where=where, starts="gridcode")
    value = rows["value"].str.strip()
    rows["value"] = numbers(value.mask(value == MISSING), name, last)
    placed = cells.merge(rows.drop_duplicates(["x", "y"]), on=["x", "y"], how="left", validate="m:1")
    bare = placed[placed["value"].isna()]
    if len(bare) > max(1, MOST_WITHOUT * len(placed)):
        raise SpiError(
            f"{name} of {PUBLISHER} has no value for {len(bare)} of {len(placed)} LSOAs, as "
            "where its grid lies elsewhere; fetch the map of the United Kingdom"
        )
    return placed[["area_code", "value"]].assign(year=year, pollutant=pollutant)


HOSTS = (DEFRA_PCM,)
OFFERS = {"background_pollution": Offer(fetch, parse)}
