"""NHS England: patients of each practice by LSOA, and the registers of the Quality and Outcomes Framework (QOF).

Files are found through the publication pages, since their addresses change with each. Prevalence is known by practice:
an area's is that of the practices its residents are registered with, weighted by how many are. Pages turn programs away
at times; then the two files go into the inbox.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from typing import IO
from urllib.parse import urljoin, urlsplit

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.columns import Named
from spi_pipeline.publishers.files.reading import member_named, numbers, text_rows, whole_numbers, zip_members
from spi_pipeline.publishers.http.exchange import Client, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.offer import Offer

PUBLISHER = "NHS England"
NHS_PAGES = Host("NHS_PAGES", "https://digital.nhs.uk", "/data-and-information/publications/statistical")
NHS_FILES = Host("NHS_FILES", "https://files.digital.nhs.uk")
PATIENTS = f"{NHS_PAGES.folder}/patients-registered-at-a-gp-practice"
QOF = f"{NHS_PAGES.folder}/quality-and-outcomes-framework-achievement-prevalence-and-exceptions-data"
LISTS = ("ps.series.publications-list.latest", "ps.series.publications-list.previous")
# The list is monthly, its LSOA table quarterly.
EDITIONS_LOOKED_AT = 4
# By our column the group of the register; those of adults are shares of a list of adults, the others of the whole one.
GROUPS = {"diabetes": "DM", "depression": "DEP", "hypertension": "HYP", "copd": "COPD"}
ADULTS = ("DM", "DEP")
PATIENT_COLUMNS = {
    "extract": ("EXTRACT_DATE",),
    "practice": ("PRACTICE_CODE", "PracticeCode"),
    "area_code": ("LSOA_CODE", "LSOA Code"),
    "sex": ("SEX",),
    "patients": ("NUMBER_OF_PATIENTS", "Number of Patients", "All Patients"),
}
QOF_COLUMNS = {
    "practice": ("PRACTICE_CODE",),
    "group": ("GROUP_CODE", "INDICATOR_GROUP_CODE"),
    "kind": ("PATIENT_LIST_TYPE",),
    "list": ("PRACTICE_LIST_SIZE", "PATIENT_LIST_SIZE"),
    "register": ("REGISTER",),
}
LEAST_COVERED = 0.8


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """The newest patients by LSOA and the newest registers."""
    yield _newest(client, PATIENTS, r"gp-reg-pat-prac-lsoa[^/]*\.zip$")
    yield _newest(client, QOF, r"(?:qof|prev)[^/]*\.zip$")


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Patients and the prevalence of each condition by LSOA, in the year the registers were closed.

    Raises:
        SpiError: when one of the two files is missing, is on the LSOAs of 2011, or the two know other practices.
    """
    patients = registers = None
    for download in downloads:
        if re.match(r"gp-reg-pat", download.name, re.IGNORECASE):
            patients = _patients(download, scope)
        else:
            registers = _registers(download)
    if patients is None or registers is None:
        lacking = "the patients by LSOA" if patients is None else "the QOF prevalence"
        raise SpiError(f"{lacking} of {PUBLISHER} are missing; fetch both files, or lay both into the inbox")
    year, rates = registers
    known = patients[patients["practice"].isin(rates.index)]
    if known["patients"].sum() < LEAST_COVERED * patients["patients"].sum():
        raise SpiError(
            f"only {len(set(known['practice']))} of {len(set(patients['practice']))} practices of our patients are in "
            f"the QOF file of {PUBLISHER}; fetch the two of the same year"
        )
    # A practice without a register weighs nothing in that condition.
    weighted = rates.reindex(known["practice"]).set_index(known.index).mul(known["patients"].astype("float64"), axis=0)
    weights = weighted.notna().mul(known["patients"].astype("float64"), axis=0)
    by_area = known["area_code"]
    shares = weighted.groupby(by_area).sum() / weights.groupby(by_area).sum()
    counted = patients.groupby("area_code")["patients"].sum()
    frame = pd.DataFrame({"year": year, "patients": counted}).join(shares).rename_axis("area_code").reset_index()
    return frame[["area_code", "year", "patients", *GROUPS]]


def _newest(client: Client, series: str, pattern: str) -> Download:
    """The newest file of a series: on its own page, else on the first of its publications that links such a file."""
    first, in_lists = _links(client, Request(NHS_PAGES, series))
    below = [link for link in first if f"{series}/" in urlsplit(link).path]
    pages = in_lists or below
    files = _files(first, pattern)
    if not pages and not files:
        raise PermanentFailure(
            f"the page {series} of {PUBLISHER} lists no publications any more; lay the file into the inbox"
        )
    for page in () if files else pages[:EDITIONS_LOOKED_AT]:
        files = _files(_links(client, client.absolute(page, [NHS_PAGES]))[0], pattern)
        if files:
            break
    if not files:
        raise PermanentFailure(
            f"no page of {series} of {PUBLISHER} links a file {pattern}; lay the file into the inbox"
        )
    # Where both vintages of LSOAs are offered, the address of the newer says so.
    file = max(files, key=lambda link: "2021" in link)
    return client.get(replace(client.absolute(file, [NHS_FILES]), media=("zip",), settled=True))


def _files(links: Sequence[str], pattern: str) -> list[str]:
    return [link for link in links if re.search(pattern, urlsplit(link).path, re.IGNORECASE)]


def _links(client: Client, request: Request) -> tuple[list[str], list[str]]:
    """The addresses a page links, in order, and those of them that stand in its lists of publications."""
    found = client.get(replace(request, media=("html",)))
    reader = _Links(LISTS)
    reader.feed(found.path.read_text(encoding="utf-8", errors="replace"))
    # As the publisher would write them in full, wherever the page came from.
    home = f"{NHS_PAGES.base}{request.path}"
    every, listed_ones = (
        [urljoin(home, link) for link in dict.fromkeys(links)] for links in (reader.all, reader.found)
    )
    return every, listed_ones


class _Links(HTMLParser):
    """Collects the addresses of links, and apart from them those in lists of some names."""

    def __init__(self, lists: Sequence[str]) -> None:
        super().__init__()
        self.lists = lists
        self.inside: list[bool] = []
        self.all: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A list begins, or a link stands in one."""
        about = dict(attrs)
        if tag == "ul":
            self.inside.append(about.get("data-uipath") in self.lists)
        if tag == "a" and about.get("href"):
            self.all.append(str(about["href"]))
            self.found += [str(about["href"])] if any(self.inside) else []

    def handle_endtag(self, tag: str) -> None:
        """A list ends."""
        if tag == "ul" and self.inside:
            self.inside.pop()


@contextmanager
def _table(download: Download, member: str) -> Iterator[tuple[IO[bytes], str]]:
    """The table in a download: a member of a zip file, or the file itself."""
    with download.path.open("rb") as stream:
        if stream.read(2) != b"PK":
            stream.seek(0)
            yield stream, download.name
            return
    with zip_members(download.path, download.name, PUBLISHER) as archive:
        name = member_named(archive, member, download.name)
        with archive.open(name) as inner:
            yield inner, name


def _patients(download: Download, scope: Scope) -> pd.DataFrame:
    """Patients of each practice in our LSOAs."""
    ours = {*scope.lsoas, *scope.lsoas_2011}
    with _table(download, r"gp-reg-pat-prac-lsoa-all.*\.csv") as (stream, name):
        rows = text_rows(stream, name, PUBLISHER, PATIENT_COLUMNS, where={"area_code": ours, "sex": {"ALL"}})
    old = sorted(set(rows["area_code"]) - set(scope.lsoas))
    if old or rows.empty:
        what = f"is on the LSOAs of 2011 ({listed(old)})" if old else "holds no LSOA of ours"
        raise SpiError(f"{name} of {PUBLISHER} {what}; fetch the file of a quarter since April 2025")
    rows = whole_numbers(rows, ["patients"], name).drop_duplicates()
    twice = rows[rows.duplicated(["practice", "area_code"])]
    if len(twice):
        said = f"{twice.iloc[0]['practice']} in {twice.iloc[0]['area_code']} twice, with different figures"
        raise SpiError(f"{name} of {PUBLISHER} holds {said}; fetch it again")
    return rows


def _registers(download: Download) -> tuple[int, pd.DataFrame]:
    """The year the registers were closed, and the prevalence in percent by practice."""
    with _table(download, r"PREVALENCE[_\w]*\.csv") as (stream, name):
        where = {"group": set(GROUPS.values())}
        rows = text_rows(stream, name, PUBLISHER, QOF_COLUMNS, where=where)
    closed = re.search(r"_(\d\d)(\d\d)(?:\D|$)", name)
    if closed is None or int(closed[2]) != (int(closed[1]) + 1) % 100:
        raise SpiError(f"{name} of {PUBLISHER} does not tell its year, as PREVALENCE_2425.csv does; give it that name")
    # Several lists per practice: that of the ages the register covers, else the one there is.
    fits = (rows["kind"] == "TOTAL") != rows["group"].isin(ADULTS)
    rows = rows.assign(fits=fits).sort_values("fits", ascending=False).drop_duplicates(["practice", "group"])
    rate = 100 * numbers(rows["register"], name, "REGISTER") / numbers(rows["list"], name, "PRACTICE_LIST_SIZE")
    wide = rows.assign(rate=rate).pivot(index="practice", columns="group", values="rate")
    if wide.empty:
        raise SpiError(
            f"{name} of {PUBLISHER} has none of the registers {listed(list(GROUPS.values()))}; fetch it again"
        )
    # Registers come and go with the year's contract; one that is gone is missing.
    return 2000 + int(closed[2]), wide.reindex(columns=list(GROUPS.values())).set_axis(list(GROUPS), axis=1)


HOSTS = (NHS_PAGES, NHS_FILES)
OFFERS = {
    "diagnosed_conditions": Offer(fetch, parse),
    "covid_vaccination": Offer(read=Named("health/msoa_covid_vaccinations_april_2021_*.csv", "2021-04", "msoa11")),
}
