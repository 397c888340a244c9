"""GOV.UK: sub-regional fuel poverty, from the Department for Energy Security and Net Zero.

Headers carry footnote digits, and changed over the years.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import whole_numbers
from spi_pipeline.publishers.files.workbooks import Rows, sheets
from spi_pipeline.publishers.govuk.content import ASSETS, PUBLISHER, attached, attachments, check_all_there, page
from spi_pipeline.publishers.http.exchange import Client, Download, PermanentFailure, Scope

FUEL_POVERTY = "/government/collections/fuel-poverty-sub-regional-statistics"
# On LSOAs of 2021 since the figures for 2021, which are released two years later.
FIRST_FUEL_YEAR = 2021
FUEL_DELAY = 2
FILE_NAME = r"\.xlsx$"
FUEL_COLUMNS = {
    "area_code": "lsoa code", "households": "number of households",
    "fuel_poor": "number of households in fuel poverty",
}  # fmt: skip
# The header of the count of households and of the fuel-poor among them changed four times in twelve years.
FUEL_POVERTY_HEADERS = (
    ("All Households", "Fuel Poor Households"),
    ("Estimated number of households", "Estimated number of Fuel Poor Households"),
    ("Estimated number of households", "Estimated number of fuel poor households"),
    ("Number of households1", "Number of households in fuel poverty1"),
    ("Number of households", "Number of households in fuel poverty"),
)


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """The tables of every year on our LSOAs, oldest first."""
    collection = page(client, FUEL_POVERTY)
    found = {year: attachments(page(client, path), FILE_NAME, path)[0] for year, path in releases(collection).items()}
    found = own_files(collection) | found
    if not found:
        raise PermanentFailure(
            f"{FUEL_POVERTY} of {PUBLISHER} lists no tables of a year since {FIRST_FUEL_YEAR}; see the page"
        )
    for year, file in sorted(found.items()):
        yield client.get(replace(client.absolute(file, [ASSETS]), media=("xlsx",), period=str(year)))


def releases(collection: Mapping[str, Any]) -> dict[int, str]:
    """The page of the release with each year's figures, as far as they are on our LSOAs."""
    found = {}
    for document in (collection.get("links") or {}).get("documents") or []:
        path = str(document.get("base_path"))
        year = _fuel_year(f"{document.get('title')} {path}")
        if year >= FIRST_FUEL_YEAR:
            found[year] = path
    return found


def own_files(collection: Mapping[str, Any]) -> dict[int, str]:
    """Likewise the file that the collection has itself of each year."""
    found: dict[int, str] = {}
    for url, title in attached(collection):
        year = _fuel_year(f"{title} {url}")
        if year >= FIRST_FUEL_YEAR and url.endswith(".xlsx"):
            found.setdefault(year, url)
    return found


def _fuel_year(said: str) -> int:
    """The year of the figures that a title names, or that of its release less the delay; 0 where it names none."""
    data, release = re.search(r"(20\d\d)[ -]data", said), re.search(r"20\d\d", said)
    return int(data[1]) if data else int(release[0]) - FUEL_DELAY if release else 0


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Households and those in fuel poverty, by LSOA and year.

    Raises:
        SpiError: when a workbook has no table of LSOAs, or it is on those of 2011.
    """
    frames = {}
    for download in downloads:
        year, rows = _fuel_table(download, {*scope.lsoas, *scope.lsoas_2011})
        old = sorted(set(rows["area_code"]) - set(scope.lsoas))
        if old:
            raise SpiError(
                f"{download.name} of {PUBLISHER} is on the LSOAs of 2011 ({listed(old)}); use a later year's"
            )
        check_all_there(rows["area_code"], scope, download.name)
        frames[year] = whole_numbers(rows, ["households", "fuel_poor"], download.name).assign(year=year)
    return pd.concat(frames.values(), ignore_index=True)[["area_code", "year", "households", "fuel_poor"]]


def _fuel_table(download: Download, areas: set[str]) -> tuple[int, pd.DataFrame]:
    """The year and our rows of the sheet that lists LSOAs."""
    met = []
    for title, cells in sheets(download.path, download.name, PUBLISHER):
        above, places = _fuel_header(cells, download.name)
        if places:
            texts = ([None if cell is None else str(cell).strip() for cell in row] for row in cells)
            # A row ends with its last cell.
            rows = [[row[at] for at in places] for row in texts if max(places) < len(row) and row[places[0]] in areas]
            return _year_of(download, above), pd.DataFrame(rows, columns=list(FUEL_COLUMNS), dtype="str")
        met.append(title)
    raise SpiError(
        f"{download.name} of {PUBLISHER} has no sheet with {listed(list(FUEL_COLUMNS.values()))}, it has "
        f"{listed(met)}; fetch the sub-regional tables"
    )


def _fuel_header(rows: Rows, name: str) -> tuple[list[str], list[int]]:
    """What stands above the header, and where our columns are, the rows left below it; none where it has no such."""
    above: list[str] = []
    for cells in islice(rows, 12):
        labels = [re.sub(r"[\s\d]+$", "", str(cell or "")).lower() for cell in cells]
        if set(FUEL_COLUMNS.values()) <= set(labels):
            if twice := [label for label in FUEL_COLUMNS.values() if labels.count(label) > 1]:
                raise SpiError(f"{name} of {PUBLISHER} has several columns {twice[0]!r}; see its notes")
            return above, [labels.index(label) for label in FUEL_COLUMNS.values()]
        above += [str(cell) for cell in cells if cell]
    return above, []


def _year_of(download: Download, above: Sequence[str]) -> int:
    """The year of the figures: as the listing said, else as the notes above the table do."""
    told = re.fullmatch(r"20\d\d", download.period) or re.search(r"20\d\d", " ".join(above))
    if told is None:
        raise SpiError(
            f"{download.name} of {PUBLISHER} does not tell its year above the table; fetch it through its page"
        )
    return int(told[0])


def read_lihc(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """2011 to 2018, low income high costs."""
    return _read([_extract(folder, year) for year in range(2011, 2019)], areas.lsoa11)


def read_lilee_2011(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """2019 and 2020, low income low energy efficiency, on the LSOAs of 2011; of England the years at hand."""
    return _read(_at_hand(folder, range(2019, 2021), areas), areas.lsoa11)


def read_lilee(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """2021 on, low income low energy efficiency, on the LSOAs of 2021; of England the years at hand."""
    return _read(_at_hand(folder, range(2021, 2023), areas), areas.lsoa21)


File = tuple[int, str, pd.DataFrame]


def _extract(folder: Folder, year: int) -> File:
    """A year, the file that holds some authorities' figures of it, and its table."""
    name = folder.name(f"energy/fuel_poverty_{year}_lsoa_*.csv")
    return year, name, folder.csv(name, str(year), needs=["LSOA Code"])


def _at_hand(folder: Folder, years: range, areas: Areas) -> list[File]:
    """Likewise of several years; for England those whose workbook, as published, is there."""
    if not areas.national:
        return [_extract(folder, year) for year in years]
    books = {year: f"energy/{year}_Sub-Regional-Data-LILEE.xlsx" for year in years}
    needs = ["LSOA Code", *FUEL_POVERTY_HEADERS[-1]]
    found = [(year, name, folder.sheet(name, str(year), needs)) for year, name in books.items() if folder.has(name)]
    if not found:
        raise SpiError(
            f"none of {', '.join(books.values())} is in {folder.root}; docs/snapshot-folder.md tells of them"
        )
    return found


def _read(files: Iterable[File], areas: frozenset[str]) -> pd.DataFrame:
    frames = []
    for year, name, published in files:
        table = published[published["LSOA Code"].isin(areas)]
        headers = [pair for pair in FUEL_POVERTY_HEADERS if set(pair) <= set(table.columns)]
        if not headers:
            found = ", ".join(table.columns[:20])
            raise SpiError(f"{name} has none of the known headers of fuel poverty but {found}; add the pair it uses")
        ours = whole_numbers(table[["LSOA Code", *headers[0]]], headers[0], name)
        frames.append(ours.set_axis(["area_code", "households", "fuel_poor"], axis=1).assign(year=year))
    return pd.concat(frames, ignore_index=True)
