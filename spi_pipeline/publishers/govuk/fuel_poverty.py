"""GOV.UK: sub-regional fuel poverty, from the Department for Energy Security and Net Zero.

Headers carry footnote digits, and changed over the years.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any
from zipfile import BadZipFile

import openpyxl
import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import whole_numbers
from spi_pipeline.publishers.govuk.content import ASSETS, PUBLISHER, attachments, check_all_there, page
from spi_pipeline.publishers.http.exchange import Client, Download, PermanentFailure, Scope

FUEL_POVERTY = "/government/collections/fuel-poverty-sub-regional-statistics"
# On LSOAs of 2021 since the figures for 2021, which are released two years later.
FIRST_FUEL_YEAR = 2021
FUEL_DELAY = 2
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
    found = {}
    for document in (collection.get("links") or {}).get("documents") or []:
        path = str(document.get("base_path"))
        year = _fuel_year(f"{document.get('title')} {path}")
        if year >= FIRST_FUEL_YEAR:
            found[year] = attachments(page(client, path), r"\.xlsx$", path)[0]
    for attachment in (collection.get("details") or {}).get("attachments") or []:
        url = str(attachment.get("url"))
        year = _fuel_year(f"{attachment.get('title')} {url}")
        if year >= FIRST_FUEL_YEAR and url.endswith(".xlsx"):
            found.setdefault(year, url)
    if not found:
        raise PermanentFailure(f"{FUEL_POVERTY} of {PUBLISHER} lists no tables of a year since 2021; see the page")
    for year, file in sorted(found.items()):
        yield client.get(replace(client.absolute(file, [ASSETS]), media=("xlsx",), period=str(year)))


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
    with download.path.open("rb") as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
            said = f"{download.name} of {PUBLISHER} is not a readable workbook: {error}; fetch it again"
            raise SpiError(said) from error
        for sheet in book.worksheets:
            cells = sheet.iter_rows(values_only=True)
            above, places = _fuel_header(cells)
            if places:
                ours = ([row[at] for at in places] for row in cells if row and str(row[places[0]]) in areas)
                rows = [[None if cell is None else str(cell) for cell in row] for row in ours]
                return _year_of(download, above), pd.DataFrame(rows, columns=list(FUEL_COLUMNS), dtype="str")
    raise SpiError(
        f"{download.name} of {PUBLISHER} has no sheet with {listed(list(FUEL_COLUMNS.values()))}, it has "
        f"{listed(book.sheetnames)}; fetch the sub-regional tables"
    )


def _fuel_header(rows: Iterator[tuple[Any, ...]]) -> tuple[list[str], list[int]]:
    """What stands above the header, and where our columns are, the rows left below it; none where it has no such."""
    above: list[str] = []
    for cells in islice(rows, 12):
        labels = [re.sub(r"[\s\d]+$", "", str(cell or "")).lower() for cell in cells]
        if set(FUEL_COLUMNS.values()) <= set(labels):
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
    return _read(folder, range(2011, 2019), areas.lsoa11)


def read_lilee_2011(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """2019 and 2020, low income low energy efficiency, on the LSOAs of 2011."""
    return _read(folder, range(2019, 2021), areas.lsoa11)


def read_lilee(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """2021 on, low income low energy efficiency, on the LSOAs of 2021."""
    return _read(folder, range(2021, 2023), areas.lsoa21)


def _read(folder: Folder, years: range, areas: frozenset[str]) -> pd.DataFrame:
    frames = []
    for year in years:
        name = folder.name(f"energy/fuel_poverty_{year}_lsoa_*.csv")
        table = folder.csv(name, str(year), needs=["LSOA Code"])
        table = table[table["LSOA Code"].isin(areas)]
        headers = [pair for pair in FUEL_POVERTY_HEADERS if set(pair) <= set(table.columns)]
        if not headers:
            found = ", ".join(table.columns[:20])
            raise SpiError(f"{name} has none of the known headers of fuel poverty but {found}; add the pair it uses")
        ours = whole_numbers(table[["LSOA Code", *headers[0]]], headers[0], name)
        frames.append(ours.set_axis(["area_code", "households", "fuel_poor"], axis=1).assign(year=year))
    return pd.concat(frames, ignore_index=True)
