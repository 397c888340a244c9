"""NHS England: patients of each practice by LSOA, and the registers of the Quality and Outcomes Framework (QOF).

Files are found through the publication pages, since their addresses change with each. Prevalence is known by practice:
an area's is that of the practices its residents are registered with, weighted by how many are; it is withheld where too
few of them are with a practice whose register is known and credible. Pages turn programs away at times; then the two
files go into the inbox.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from typing import IO, NamedTuple
from urllib.parse import urljoin, urlsplit

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.archives import is_called, member_of
from spi_pipeline.publishers.files.columns import Named
from spi_pipeline.publishers.files.reading import header_of, numbers, text_rows, whole_numbers
from spi_pipeline.publishers.http.exchange import MEGABYTE, Client, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import KILOBYTE, Earlier, Probe, Shape

PUBLISHER = "NHS England"
NHS_PAGES = Host("NHS_PAGES", "https://digital.nhs.uk", "/data-and-information/publications/statistical")
NHS_FILES = Host("NHS_FILES", "https://files.digital.nhs.uk")
PATIENTS = f"{NHS_PAGES.folder}/patients-registered-at-a-gp-practice"
QOF = f"{NHS_PAGES.folder}/quality-and-outcomes-framework-achievement-prevalence-and-exceptions-data"
PATIENTS_FILE, PATIENTS_MEMBER = r"gp-reg-pat-prac-lsoa[^/]*\.zip$", r"gp-reg-pat-prac-lsoa-all.*\.csv"
QOF_FILE, QOF_MEMBER = r"(?:qof|prev)[^/]*\.zip$", r"PREVALENCE[_\w]*\.csv"
LISTS = ("ps.series.publications-list.latest", "ps.series.publications-list.previous")
# The list is monthly, its LSOA table quarterly.
EDITIONS_LOOKED_AT = 4
QUARTERS = "/(january|april|july|october)-"


class Register(NamedTuple):
    """A register of QOF: its group, the list that holds the ages it covers, and the most of a list that is credible.

    No register covers more than a fifth of England's list of its ages; at four to eight times of England's share
    (8 %, 13 %, 15 % and 2 %) stand practices that serve one home or clinic, and slips: 63.7 % was published once.
    """

    group: str
    ages: str
    most: float


REGISTERS = {
    "diabetes": Register("DM", "17OV", 40),
    "depression": Register("DEP", "18OV", 60),
    "hypertension": Register("HYP", "TOTAL", 60),
    "copd": Register("COPD", "TOTAL", 15),
}
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
    "list": ("PRACTICE_LIST_SIZE", "PATIENT_LIST_SIZE"),
    "register": ("REGISTER", "REGISTER_SIZE"),
}
# Which list a register is a share of; files that do not say it have one row for a practice and register.
LIST_KIND = "PATIENT_LIST_TYPE"
LEAST_COVERED = 0.8
# A condition is withheld where a smaller share of an area's patients is seen, or fewer than that share of the 1,000
# residents that every LSOA has: one on the Welsh border had seven patients in England.
LEAST_SEEN, LEAST_PATIENTS = 0.65, 650


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """The newest patients by LSOA and the newest registers."""
    yield _newest(client, PATIENTS, PATIENTS_FILE)
    yield _newest(client, QOF, QOF_FILE)


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Patients, the share of them seen and the prevalence of each condition by LSOA, in the year registers were closed.

    Seen are those of a practice with a credible register; of several conditions the one that fewest are seen for.

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
    by_area, count = patients["area_code"], patients["patients"].astype("float64")
    weighted = rates.reindex(patients["practice"]).set_index(patients.index).mul(count, axis=0)
    weights = weighted.notna().mul(count, axis=0).groupby(by_area).sum()
    counted = patients.groupby("area_code")["patients"].sum()
    seen = weights.div(counted, axis=0)
    known = (seen >= LEAST_SEEN).mul(counted >= LEAST_PATIENTS, axis=0)
    shares = (weighted.groupby(by_area).sum() / weights).where(known)
    # A register that nobody keeps any more hides no patient.
    least = 100 * seen.loc[:, rates.notna().any()].min(axis=1)
    frame = pd.DataFrame({"year": year, "patients": counted, "seen": least}).join(shares)
    return frame.rename_axis("area_code").reset_index()[["area_code", "year", "patients", "seen", *REGISTERS]]


def _newest(client: Client, series: str, pattern: str) -> Download:
    """The newest file of a series: on its own page, else on the first of its publications that links such a file."""
    first, in_lists = _links(client, Request(NHS_PAGES, series))
    pages = _publications(first, in_lists, series)
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
    return client.get(replace(client.absolute(_of_newer_areas(files), [NHS_FILES]), media=("zip",), settled=True))


def _publications(links: Sequence[str], in_lists: Sequence[str], series: str) -> Sequence[str]:
    """The publications of a series: those in its lists or, without any, those below it."""
    return in_lists or [link for link in links if f"{series}/" in urlsplit(link).path]


def _of_newer_areas(files: Sequence[str]) -> str:
    """Where both vintages of LSOAs are offered, the address of the newer says so."""
    return max(files, key=lambda link: "2021" in link)


def _files(links: Sequence[str], pattern: str) -> list[str]:
    return [link for link in links if re.search(pattern, urlsplit(link).path, re.IGNORECASE)]


def _links(client: Client, request: Request) -> tuple[list[str], list[str]]:
    """The addresses a page links, in order, and those of them that stand in its lists of publications."""
    found = client.get(replace(request, media=("html",)))
    return _links_in(found.path.read_bytes(), request.path)


def _links_in(page: bytes, path: str) -> tuple[list[str], list[str]]:
    reader = _Links(LISTS)
    reader.feed(page.decode("utf-8", errors="replace"))
    # As the publisher would write them in full, wherever the page came from.
    home = f"{NHS_PAGES.base}{path}"
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
    with member_of(download.path, member, download.name, PUBLISHER) as found:
        yield found


def _patients(download: Download, scope: Scope) -> pd.DataFrame:
    """Patients of each practice in our LSOAs."""
    ours = {*scope.lsoas, *scope.lsoas_2011}
    with _table(download, PATIENTS_MEMBER) as (stream, name):
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
    with _table(download, QOF_MEMBER) as (stream, name):
        groups = [register.group for register in REGISTERS.values()]
        kinds = LIST_KIND in (column.strip().upper() for column in header_of(stream, name, PUBLISHER))
        stream.seek(0)
        wanted = {**QOF_COLUMNS, **({"kind": LIST_KIND} if kinds else {})}
        rows = text_rows(stream, name, PUBLISHER, wanted, where={"group": set(groups)})
    closed = re.search(r"_(\d\d)(\d\d)(?:\D|$)", name)
    if closed is None or int(closed[2]) != (int(closed[1]) + 1) % 100:
        raise SpiError(f"{name} of {PUBLISHER} does not tell its year, as PREVALENCE_2425.csv does; give it that name")
    if rows.empty:
        raise SpiError(f"{name} of {PUBLISHER} has none of the registers {listed(groups)}; fetch it again")
    fitting = (_fitting(rows, name) if kinds else rows).drop_duplicates()
    if fitting.duplicated(["practice", "group"]).any():
        missing = "one of a kind" if kinds else f"no column {LIST_KIND}"
        raise SpiError(f"{name} of {PUBLISHER} has several lists of a practice and {missing}; see its notes")
    register = numbers(fitting["register"], name, "REGISTER")
    size = numbers(fitting["list"], name, "PRACTICE_LIST_SIZE")
    wide = fitting.assign(rate=100 * register / size).pivot(index="practice", columns="group", values="rate")
    # Registers come and go with the year's contract; one that is gone is missing.
    wide = wide.reindex(columns=groups).set_axis(list(REGISTERS), axis=1)
    credible = wide.le(pd.Series({name: register.most for name, register in REGISTERS.items()}), axis=1)
    return 2000 + int(closed[2]), wide.where(credible)


def _fitting(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows whose list has the ages that the register covers.

    A register of adults over a list of all ages would come out a fifth too low.
    """
    ages = {register.group: register.ages for register in REGISTERS.values()}
    fitting = rows[rows["kind"] == rows["group"].map(ages)]
    if other := sorted(set(rows["group"]) - set(fitting["group"])):
        found = listed(sorted(rows.loc[rows["group"] == other[0], "kind"].unique()))
        said = f"gives register {other[0]} no list of type {ages[other[0]]} but {found}"
        raise SpiError(f"{name} of {PUBLISHER} {said}; see in {PUBLISHER}'s notes which ages it covers now")
    return fitting


def _named(links: Sequence[str]) -> tuple[str, ...]:
    return tuple(urlsplit(link).path.rpartition("/")[2] for link in links)


def _series_shape(series: str, peek: Peek) -> Shape:
    """The newest publications of a series."""
    pages = _publications(*_links_in(peek.body, series), series)
    return Shape(rows=len(pages), links=_named(pages[:EDITIONS_LOOKED_AT]))


def _edition(series: str, _: Scope, earlier: Earlier) -> Request:
    """The newest publication that should link the file: of a monthly series that of a quarter."""
    pages = _publications(*_links_in(earlier.body, series), series)
    if not pages:
        raise SpiError("the series leads to no publication")
    page = next((page for page in pages if re.search(QUARTERS, page)), pages[0])
    return replace(earlier.absolute(page, [NHS_PAGES]), media=("html",))


def _edition_shape(peek: Peek) -> Shape:
    """The files that a publication links."""
    links, _ = _links_in(peek.body, "")
    return Shape(rows=len(links), links=_named(_files(links, r"\.(zip|csv|xlsx)$")))


def _file(pattern: str, _: Scope, earlier: Earlier) -> Request:
    files = _files(_links_in(earlier.body, "")[0], pattern)
    if not files:
        raise SpiError("the publication links no such file")
    return replace(earlier.absolute(_of_newer_areas(files), [NHS_FILES]), media=("zip",))


def _probes(kind: str, series: str, file: str, member: str) -> tuple[Probe, ...]:
    """The series, its publication, and what is in the file that it links."""

    def publishes(shape: Shape) -> None:
        if not shape.links:
            raise SpiError(f"the page {series} of {PUBLISHER} lists no publications any more; see data-uipath there")

    def has_file(shape: Shape) -> None:
        if not _files(shape.links, file):
            raise SpiError(f"the publication of {kind} of {PUBLISHER} links no file {file} but {listed(shape.links)}")

    def has_member(shape: Shape) -> None:
        if not any(is_called(name, member) or is_called(name, r".*\.zip") for name in shape.links):
            raise SpiError(f"the file of {kind} of {PUBLISHER} holds no member {member} but {listed(shape.links)}")

    first = Probe(
        f"nhs/{kind}_series", lambda *_: Request(NHS_PAGES, series, media=("html",)), partial(_series_shape, series),
        (publishes,), piece=Piece(MEGABYTE),
    )  # fmt: skip
    second = Probe(
        f"nhs/{kind}_publication",
        partial(_edition, series),
        _edition_shape,
        (has_file,),
        piece=Piece(MEGABYTE),
        follows=first,
    )
    third = Probe(
        f"nhs/{kind}_file", partial(_file, file), lambda peek: Shape(links=tuple(shapes.members_of(peek, PUBLISHER))),
        (has_member,), piece=Piece(64 * KILOBYTE, end=True), follows=second,
    )  # fmt: skip
    return first, second, third


PROBES = (
    *_probes("patients", PATIENTS, PATIENTS_FILE, PATIENTS_MEMBER), *_probes("qof", QOF, QOF_FILE, QOF_MEMBER),
)  # fmt: skip
HOSTS = (NHS_PAGES, NHS_FILES)
OFFERS = {
    "diagnosed_conditions": Offer(fetch, parse, probes=PROBES),
    "covid_vaccination": Offer(read=Named("health/msoa_covid_vaccinations_april_2021_*.csv", "2021-04", "msoa11")),
}
