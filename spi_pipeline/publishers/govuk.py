"""GOV.UK: the Indices of Deprivation 2025 and fuel poverty, found through the content API.

A file that is corrected gets a new address, so it is looked up each time. Headers are cut short and carry footnote
digits, so labels are compared by how they begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any
from zipfile import BadZipFile

import openpyxl
import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.http.exchange import Client, Download, Fetcher, PermanentFailure, Request, Scope
from spi_pipeline.publishers.reading import header_of, numbers, text_rows, whole_numbers

PUBLISHER = "GOV.UK"
INDICES = "/government/statistics/english-indices-of-deprivation-2025"
FUEL_POVERTY = "/government/collections/fuel-poverty-sub-regional-statistics"
# Where File 7 lay after its correction of November 2025, should the page move: a file that changes gets a new address.
FILE_7 = (
    "https://assets.publishing.service.gov.uk/media/691ded56d140bbbaa59a2a7d/"
    "File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv"
)
# On LSOAs of 2021 since the figures for 2021, which are released two years later.
FIRST_FUEL_YEAR = 2021
FUEL_DELAY = 2
SUBDOMAINS = {
    "children_and_young_people": "Children and Young People Sub-domain Score",
    "adult_skills": "Adult Skills Sub-domain Score",
    "geographical_barriers": "Geographical Barriers Sub-domain Score",
    "wider_barriers": "Wider Barriers Sub-domain Score",
    "indoors": "Indoors Sub-domain Score",
    "outdoors": "Outdoors Sub-domain Score",
}
FUEL_COLUMNS = {
    "area_code": "lsoa code", "households": "number of households",
    "fuel_poor": "number of households in fuel poverty",
}  # fmt: skip


def fetch_indices(client: Client, scope: Scope) -> Iterator[Download]:
    """File 7 of the indices: all scores."""
    try:
        page = _page(client, INDICES)
        file, changed = _attachments(page, r"File_7[^/]*\.csv$", INDICES)[0], page.get("public_updated_at")
    except PermanentFailure as failure:
        if failure.status != 404:
            raise
        file, changed = FILE_7, None
    asked = replace(client.absolute(file, ["GOVUK_ASSETS"]), media=("csv",), period="2025")
    found = client.get(asked)
    yield replace(found, published_at=changed or found.published_at)


def parse_subdomains(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """The scores of the sub-domains by LSOA.

    Raises:
        SpiError: when the file is on the LSOAs of 2011, lacks a score, or lacks areas of ours.
    """
    name = downloads[-1].name
    with downloads[-1].path.open("rb") as stream:
        header = header_of(stream, name, PUBLISHER)
        if not any(column.startswith("LSOA code (2021)") for column in header):
            met = [column for column in header if column.startswith("LSOA code")]
            raise SpiError(f"{name} of {PUBLISHER} has no column LSOA code (2021) but {met}; fetch File 7 of 2025")
        columns = {
            "area_code": "LSOA code (2021)",
            **{ours: _begins(header, one, name) for ours, one in SUBDOMAINS.items()},
        }
        stream.seek(0)
        rows = text_rows(stream, name, PUBLISHER, columns, where={"area_code": scope.lsoas})
    _check_all_there(rows["area_code"], scope, name)
    return rows.assign(**{ours: numbers(rows[ours], name, columns[ours]) for ours in SUBDOMAINS})


def last_indices(client: Client, scope: Scope) -> str:
    """When the page of the indices last changed."""
    return str(_page(client, INDICES).get("public_updated_at"))


def fetch_fuel_poverty(client: Client, scope: Scope) -> Iterator[Download]:
    """The tables of every year on our LSOAs, oldest first."""
    page = _page(client, FUEL_POVERTY)
    found = {}
    for document in (page.get("links") or {}).get("documents") or []:
        path = str(document.get("base_path"))
        year = _fuel_year(f"{document.get('title')} {path}")
        if year >= FIRST_FUEL_YEAR:
            found[year] = _attachments(_page(client, path), r"\.xlsx$", path)[0]
    for attachment in (page.get("details") or {}).get("attachments") or []:
        url = str(attachment.get("url"))
        year = _fuel_year(f"{attachment.get('title')} {url}")
        if year >= FIRST_FUEL_YEAR and url.endswith(".xlsx"):
            found.setdefault(year, url)
    if not found:
        raise PermanentFailure(f"{FUEL_POVERTY} of {PUBLISHER} lists no tables of a year since 2021; see the page")
    for year, file in sorted(found.items()):
        yield client.get(replace(client.absolute(file, ["GOVUK_ASSETS"]), media=("xlsx",), period=str(year)))


def _fuel_year(said: str) -> int:
    """The year of the figures that a title names, or that of its release less the delay; 0 where it names none."""
    data, release = re.search(r"(20\d\d)[ -]data", said), re.search(r"20\d\d", said)
    return int(data[1]) if data else int(release[0]) - FUEL_DELAY if release else 0


def parse_fuel_poverty(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
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
        _check_all_there(rows["area_code"], scope, download.name)
        frames[year] = whole_numbers(rows, ["households", "fuel_poor"], download.name).assign(year=year)
    return pd.concat(frames.values(), ignore_index=True)[["area_code", "year", "households", "fuel_poor"]]


def _page(client: Client, path: str) -> Mapping[str, Any]:
    found = client.read_json(Request("GOVUK_CONTENT", path, media=("json",)))
    if not isinstance(found, dict):
        raise PermanentFailure(f"the content API of {PUBLISHER} answered no page for {path}; see whether it moved")
    return found


def _attachments(page: Mapping[str, Any], pattern: str, path: str) -> list[str]:
    listed_files = [str(one.get("url")) for one in (page.get("details") or {}).get("attachments") or []]
    found = [url for url in listed_files if re.search(pattern, url, re.IGNORECASE)]
    if not found:
        names = [url.rsplit("/", 1)[-1] for url in listed_files]
        raise PermanentFailure(
            f"{path} of {PUBLISHER} has no attachment {pattern}, it has {listed(names)}; see the page"
        )
    return found


def _begins(header: Sequence[str], wanted: str, name: str) -> str:
    """The column that begins as wanted; some headers are cut short in the file itself."""
    low = wanted.lower()
    found = [
        column
        for column in header
        if column.lower().startswith(low) or (len(column) > 20 and low.startswith(column.lower()))
    ]
    if len(found) != 1:
        raise SpiError(f"{name} of {PUBLISHER} has {len(found)} columns {wanted!r}; fetch it again, or see its notes")
    return found[0]


def _fuel_table(download: Download, areas: set[str]) -> tuple[int, pd.DataFrame]:
    """The year and our rows of the sheet that lists LSOAs."""
    with download.path.open("rb") as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
            said = f"{download.name} of {PUBLISHER} is no readable workbook: {error}; fetch it again"
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


def _check_all_there(codes: pd.Series, scope: Scope, name: str) -> None:
    absent = sorted(set(scope.lsoas) - set(codes))
    if absent:
        raise SpiError(
            f"{name} of {PUBLISHER} lacks {len(absent)} LSOAs of ours, {listed(absent)}; fetch it again, whole"
        )


FETCHERS = {
    "deprivation_2025_subdomains": Fetcher(parse_subdomains, fetch_indices, last_indices),
    "fuel_poverty_lilee": Fetcher(parse_fuel_poverty, fetch_fuel_poverty),
}
