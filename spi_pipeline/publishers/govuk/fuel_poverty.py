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
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import whole_numbers
from spi_pipeline.publishers.files.workbooks import Rows, sheets
from spi_pipeline.publishers.govuk.content import ASSETS, PUBLISHER, attached, attachments, check_all_there, page
from spi_pipeline.publishers.http.exchange import Client, Download, PermanentFailure, Scope
from spi_pipeline.rules.wording import listing

FUEL_POVERTY = "/government/collections/fuel-poverty-sub-regional-statistics"
# The figures are on LSOAs of 2021 from those for 2021 on; figures are released two years after their year.
FIRST_FUEL_YEAR = 2021
FUEL_DELAY = 2
FILE_NAME = r"\.xlsx$"
FUEL_COLUMNS = {
    "area_code": "lsoa code", "households": "number of households",
    "fuel_poor": "number of households in fuel poverty",
}  # fmt: skip
# The headers of the counts of households and of fuel-poor households changed four times in twelve years.
FUEL_POVERTY_HEADERS = (
    ("All Households", "Fuel Poor Households"),
    ("Estimated number of households", "Estimated number of Fuel Poor Households"),
    ("Estimated number of households", "Estimated number of fuel poor households"),
    ("Number of households1", "Number of households in fuel poverty1"),
    ("Number of households", "Number of households in fuel poverty"),
)


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch the tables of every year on our LSOAs, oldest first."""
    collection = page(client, FUEL_POVERTY)
    files = {year: attachments(page(client, path), FILE_NAME, path)[0] for year, path in releases(collection).items()}
    files = own_files(collection) | files
    if not files:
        raise PermanentFailure(
            f"{FUEL_POVERTY} of {PUBLISHER} lists no tables of a year since {FIRST_FUEL_YEAR}; see the page"
        )
    for year, file in sorted(files.items()):
        yield client.get(replace(client.absolute(file, [ASSETS]), media=("xlsx",), period=str(year)))


def releases(collection: Mapping[str, Any]) -> dict[int, str]:
    """Return the path of the release with each year's figures, for the years on our LSOAs."""
    paths = {}
    for document in (collection.get("links") or {}).get("documents") or []:
        path = str(document.get("base_path"))
        year = _fuel_year(f"{document.get('title')} {path}")
        if year >= FIRST_FUEL_YEAR:
            paths[year] = path
    return paths


def own_files(collection: Mapping[str, Any]) -> dict[int, str]:
    """Return the files that the collection itself attaches, by year, for the years on our LSOAs."""
    files: dict[int, str] = {}
    for url, title in attached(collection):
        year = _fuel_year(f"{title} {url}")
        if year >= FIRST_FUEL_YEAR and url.endswith(".xlsx"):
            files.setdefault(year, url)
    return files


def _fuel_year(title: str) -> int:
    """Return the year of the figures that a title names, or the year of release less the delay; 0 if it has neither."""
    data, release = re.search(r"(20\d\d)[ -]data", title), re.search(r"20\d\d", title)
    return int(data[1]) if data else int(release[0]) - FUEL_DELAY if release else 0


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Read households and those in fuel poverty, by LSOA and year.

    Raises:
        SpiError: when a workbook has no table of LSOAs, or one on the LSOAs of 2011.
    """
    frames = {}
    for download in downloads:
        year, rows = _fuel_table(download, {*scope.lsoas, *scope.lsoas_2011})
        old = sorted(set(rows["area_code"]) - set(scope.lsoas))
        if old:
            raise SpiError(
                f"{download.name} of {PUBLISHER} is on the LSOAs of 2011 ({listing(old)}); use a later year's"
            )
        check_all_there(rows["area_code"], scope, download.name)
        frames[year] = whole_numbers(rows, ["households", "fuel_poor"], download.name).assign(year=year)
    return pd.concat(frames.values(), ignore_index=True)[["area_code", "year", "households", "fuel_poor"]]


def _fuel_table(download: Download, areas: set[str]) -> tuple[int, pd.DataFrame]:
    """Return the year, and our rows of the sheet that lists LSOAs."""
    titles = []
    for title, cells in sheets(download.path, download.name, PUBLISHER):
        above, places = _fuel_header(cells, download.name)
        if places:
            texts = ([None if cell is None else str(cell).strip() for cell in row] for row in cells)
            # A row ends with its last filled cell.
            rows = [[row[at] for at in places] for row in texts if max(places) < len(row) and row[places[0]] in areas]
            return _year_of(download, above), pd.DataFrame(rows, columns=list(FUEL_COLUMNS), dtype="str")
        titles.append(title)
    raise SpiError(
        f"{download.name} of {PUBLISHER} has no sheet with {listing(list(FUEL_COLUMNS.values()))}, it has "
        f"{listing(titles)}; fetch the sub-regional tables"
    )


def _fuel_header(rows: Rows, name: str) -> tuple[list[str], list[int]]:
    """Return the texts above the header and the positions of our columns; no positions if there is no such header.

    The rows are consumed up to the header.
    """
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
    """Return the year of the figures, from the listing or else from the notes above the table."""
    year = re.fullmatch(r"20\d\d", download.period) or re.search(r"20\d\d", " ".join(above))
    if year is None:
        raise SpiError(
            f"{download.name} of {PUBLISHER} does not name its year above the table; fetch it through its page"
        )
    return int(year[0])


def read_lihc(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read 2011 to 2018, low income high costs."""
    return _read([_extract(folder, year) for year in range(2011, 2019)], areas.lsoa11)


def read_lilee_2011(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read 2019 and 2020, low income low energy efficiency, on LSOAs of 2011; for England the available years."""
    return _read(_available(folder, range(2019, 2021), areas), areas.lsoa11)


def read_lilee(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read 2021 onwards, low income low energy efficiency, on LSOAs of 2021; for England the available years."""
    return _read(_available(folder, range(2021, 2023), areas), areas.lsoa21)


File = tuple[int, str, pd.DataFrame]


def _extract(folder: Folder, year: int) -> File:
    """Return a year, the file with the figures of some authorities for it, and its table."""
    name = folder.name(f"energy/fuel_poverty_{year}_lsoa_*.csv")
    return year, name, folder.csv(name, str(year), needs=["LSOA Code"])


def _available(folder: Folder, years: range, areas: Areas) -> list[File]:
    """Return the files of several years; for England, those years whose published workbook is in the folder."""
    if not areas.national:
        return [_extract(folder, year) for year in years]
    books = {year: f"energy/{year}_Sub-Regional-Data-LILEE.xlsx" for year in years}
    needs = ["LSOA Code", *FUEL_POVERTY_HEADERS[-1]]
    files = [(year, name, folder.sheet(name, str(year), needs)) for year, name in books.items() if folder.has(name)]
    if not files:
        raise SpiError(
            f"none of {', '.join(books.values())} is in {folder.root}; docs/snapshot-folder.md describes them"
        )
    return files


def _read(files: Iterable[File], areas: frozenset[str]) -> pd.DataFrame:
    frames = []
    for year, name, published in files:
        table = published[published["LSOA Code"].isin(areas)]
        headers = [pair for pair in FUEL_POVERTY_HEADERS if set(pair) <= set(table.columns)]
        if not headers:
            columns = ", ".join(table.columns[:20])
            raise SpiError(f"{name} has none of the known headers of fuel poverty but {columns}; add the pair it uses")
        ours = whole_numbers(table[["LSOA Code", *headers[0]]], headers[0], name)
        frames.append(ours.set_axis(["area_code", "households", "fuel_poor"], axis=1).assign(year=year))
    return pd.concat(frames, ignore_index=True)
