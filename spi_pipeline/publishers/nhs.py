"""NHS England: patients of each practice by LSOA, and the registers of the Quality and Outcomes Framework (QOF).

Files are found through the publication pages, since their addresses change with each edition. Prevalence is known by
practice. An area has the average of the practices with which its residents are registered, weighted by their number. It
is withheld if too few of them are with a practice whose register is known and credible. The pages sometimes block
programs; then the two files go into the inbox.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import is_called, table_in
from spi_pipeline.publishers.files.columns import ContractReader
from spi_pipeline.publishers.files.reading import header_of, numbers, text_rows, whole_numbers
from spi_pipeline.publishers.http.exchange import MEGABYTE, Client, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import KILOBYTE, EarlierResponse, Probe, Shape
from spi_pipeline.rules.wording import listing

PUBLISHER = "NHS England"
NHS_PAGES = Host("NHS_PAGES", "https://digital.nhs.uk", "/data-and-information/publications/statistical")
NHS_FILES = Host("NHS_FILES", "https://files.digital.nhs.uk")
PATIENTS = f"{NHS_PAGES.folder}/patients-registered-at-a-gp-practice"
QOF = f"{NHS_PAGES.folder}/quality-and-outcomes-framework-achievement-prevalence-and-exceptions-data"
PATIENTS_FILE, PATIENTS_MEMBER = r"gp-reg-pat-prac-lsoa[^/]*\.zip$", r"gp-reg-pat-prac-lsoa-all.*\.csv"
QOF_FILE, QOF_MEMBER = r"(?:qof|prev)[^/]*\.zip$", r"PREVALENCE[_\w]*\.csv"
LISTS = ("ps.series.publications-list.latest", "ps.series.publications-list.previous")
# The publication is monthly, its LSOA table quarterly.
EDITIONS_LOOKED_AT = 4
QUARTERS = "/(january|april|july|october)-"


class Register(NamedTuple):
    """A register of QOF: its group, the list of the ages it covers, and the highest credible percentage of that list.

    No register covers more than a fifth of England's list of its ages. Practices at four to eight times England's share
    (8 %, 13 %, 15 % and 2 %) serve a single home or clinic, or are slips: 63.7 % was published once.
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
# The list that a register is a share of; files without this column have one row per practice and register.
LIST_KIND = "PATIENT_LIST_TYPE"
LEAST_COVERED = 0.8
# A condition is withheld if a smaller share of an area's patients is seen, or fewer patients than that share of the
# 1,000 residents that every LSOA has: one LSOA on the Welsh border had seven patients in England.
LEAST_SEEN, LEAST_PATIENTS = 0.65, 650


def fetch(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch the newest patients by LSOA and the newest registers."""
    yield _newest(client, PATIENTS, PATIENTS_FILE)
    yield _newest(client, QOF, QOF_FILE)


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Compute patients, the percentage of them seen and the prevalence of each condition, by LSOA.

    The year is that in which the registers were closed. A patient is seen if registered with a practice that has a
    credible register; the percentage is that of the condition for which the fewest patients are seen.

    Raises:
        SpiError: when one of the two files is missing or is on the LSOAs of 2011, or their practices do not match.
    """
    patients = registers = None
    for download in downloads:
        if re.match(r"gp-reg-pat", download.name, re.IGNORECASE):
            patients = _patients(download, scope)
        else:
            registers = _registers(download)
    if patients is None or registers is None:
        missing = "patients by LSOA" if patients is None else "QOF prevalence"
        raise SpiError(f"the file of {missing} of {PUBLISHER} is missing; fetch both files, or place both in the inbox")
    year, rates = registers
    known = patients[patients["practice"].isin(rates.index)]
    if known["patients"].sum() < LEAST_COVERED * patients["patients"].sum():
        raise SpiError(
            f"only {len(set(known['practice']))} of {len(set(patients['practice']))} practices of our patients are in "
            f"the QOF file of {PUBLISHER}; fetch the two of the same year"
        )
    # A practice without a register has no weight in that condition.
    by_area, count = patients["area_code"], patients["patients"].astype("float64")
    weighted = rates.reindex(patients["practice"]).set_index(patients.index).mul(count, axis=0)
    weights = weighted.notna().mul(count, axis=0).groupby(by_area).sum()
    counted = patients.groupby("area_code")["patients"].sum()
    seen = weights.div(counted, axis=0)
    known = (seen >= LEAST_SEEN).mul(counted >= LEAST_PATIENTS, axis=0)
    shares = (weighted.groupby(by_area).sum() / weights).where(known)
    # A register that no practice keeps any more does not reduce the percentage seen.
    least = 100 * seen.loc[:, rates.notna().any()].min(axis=1)
    frame = pd.DataFrame({"year": year, "patients": counted, "seen": least}).join(shares)
    return frame.rename_axis("area_code").reset_index()[["area_code", "year", "patients", "seen", *REGISTERS]]


def _newest(client: Client, series: str, pattern: str) -> Download:
    """Fetch the newest file of a series, from its own page or the first of its publications that links such a file."""
    first, in_lists = _links(client, Request(NHS_PAGES, series))
    pages = _publications(first, in_lists, series)
    files = _files(first, pattern)
    if not pages and not files:
        raise PermanentFailure(
            f"no publication was found on {PUBLISHER}'s page {series}; download the file by hand into the inbox"
        )
    for page in () if files else pages[:EDITIONS_LOOKED_AT]:
        files = _files(_links(client, client.absolute(page, [NHS_PAGES]))[0], pattern)
        if files:
            break
    if not files:
        raise PermanentFailure(
            f"no page of {series} of {PUBLISHER} links a file {pattern}; place the file in the inbox"
        )
    return client.get(replace(client.absolute(_of_newer_areas(files), [NHS_FILES]), media=("zip",), immutable=True))


def _publications(links: Sequence[str], in_lists: Sequence[str], series: str) -> Sequence[str]:
    """Return the publications of a series: those in its lists or, if there are none, those below its address."""
    return in_lists or [link for link in links if f"{series}/" in urlsplit(link).path]


def _of_newer_areas(files: Sequence[str]) -> str:
    """Choose a file; if both vintages of LSOAs are offered, the address of the newer one contains the year."""
    return max(files, key=lambda link: "2021" in link)


def _files(links: Sequence[str], pattern: str) -> list[str]:
    return [link for link in links if re.search(pattern, urlsplit(link).path, re.IGNORECASE)]


def _links(client: Client, request: Request) -> tuple[list[str], list[str]]:
    """Return the addresses that a page links, in order, and those in its lists of publications."""
    page = client.get(replace(request, media=("html",)))
    return _links_in(page.path.read_bytes(), request.path)


def _links_in(page: bytes, path: str) -> tuple[list[str], list[str]]:
    reader = _Links(LISTS)
    reader.feed(page.decode("utf-8", errors="replace"))
    # Completed with the publisher's own base, even if a setting replaces it.
    home = f"{NHS_PAGES.base}{path}"
    all_links, in_lists = (
        [urljoin(home, link) for link in dict.fromkeys(links)] for links in (reader.all, reader.in_lists)
    )
    return all_links, in_lists


class _Links(HTMLParser):
    """Collects the addresses of all links and, separately, of those in lists with certain names."""

    def __init__(self, lists: Sequence[str]) -> None:
        super().__init__()
        self.lists = lists
        self.inside: list[bool] = []
        self.all: list[str] = []
        self.in_lists: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the beginning of a list, or a link."""
        attributes = dict(attrs)
        if tag == "ul":
            self.inside.append(attributes.get("data-uipath") in self.lists)
        if tag == "a" and attributes.get("href"):
            self.all.append(str(attributes["href"]))
            self.in_lists += [str(attributes["href"])] if any(self.inside) else []

    def handle_endtag(self, tag: str) -> None:
        """Record the end of a list."""
        if tag == "ul" and self.inside:
            self.inside.pop()


def _patients(download: Download, scope: Scope) -> pd.DataFrame:
    """Read the patients of each practice in our LSOAs."""
    ours = {*scope.lsoas, *scope.lsoas_2011}
    with table_in(download.path, PATIENTS_MEMBER, download.name, PUBLISHER) as (stream, name):
        rows = text_rows(stream, name, PUBLISHER, PATIENT_COLUMNS, where={"area_code": ours, "sex": {"ALL"}})
    old = sorted(set(rows["area_code"]) - set(scope.lsoas))
    if old or rows.empty:
        fault = f"is on the LSOAs of 2011 ({listing(old)})" if old else "holds no LSOA of ours"
        raise SpiError(f"{name} of {PUBLISHER} {fault}; fetch the file of a quarter since April 2025")
    rows = whole_numbers(rows, ["patients"], name).drop_duplicates()
    twice = rows[rows.duplicated(["practice", "area_code"])]
    if len(twice):
        pair = f"{twice.iloc[0]['practice']} in {twice.iloc[0]['area_code']}"
        raise SpiError(f"{name} of {PUBLISHER} holds {pair} twice, with different figures; download it again")
    return rows


def _registers(download: Download) -> tuple[int, pd.DataFrame]:
    """Read the year in which the registers were closed, and the prevalence in percent by practice."""
    with table_in(download.path, QOF_MEMBER, download.name, PUBLISHER) as (stream, name):
        groups = [register.group for register in REGISTERS.values()]
        kinds = LIST_KIND in (column.strip().upper() for column in header_of(stream, name, PUBLISHER))
        stream.seek(0)
        wanted = {**QOF_COLUMNS, **({"kind": LIST_KIND} if kinds else {})}
        rows = text_rows(stream, name, PUBLISHER, wanted, where={"group": set(groups)})
    closed = re.search(r"_(\d\d)(\d\d)(?:\D|$)", name)
    if closed is None or int(closed[2]) != (int(closed[1]) + 1) % 100:
        raise SpiError(f"the name of {name} of {PUBLISHER} lacks its year; rename it like PREVALENCE_2425.csv")
    if rows.empty:
        raise SpiError(f"{name} of {PUBLISHER} has none of the registers {listing(groups)}; download it again")
    fitting = (_fitting(rows, name) if kinds else rows).drop_duplicates()
    if fitting.duplicated(["practice", "group"]).any():
        missing = "of one type" if kinds else f"without a column {LIST_KIND}"
        raise SpiError(f"{name} of {PUBLISHER} has several lists of a practice {missing}; see its notes")
    register = numbers(fitting["register"], name, "REGISTER")
    size = numbers(fitting["list"], name, "PRACTICE_LIST_SIZE")
    wide = fitting.assign(rate=100 * register / size).pivot(index="practice", columns="group", values="rate")
    # Registers come and go with the contract of the year; a register without rows is missing.
    wide = wide.reindex(columns=groups).set_axis(list(REGISTERS), axis=1)
    credible = wide.le(pd.Series({name: register.most for name, register in REGISTERS.items()}), axis=1)
    return 2000 + int(closed[2]), wide.where(credible)


def _fitting(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows whose list has the ages that the register covers.

    A register of adults divided by a list of all ages would be a fifth too low.
    """
    ages = {register.group: register.ages for register in REGISTERS.values()}
    fitting = rows[rows["kind"] == rows["group"].map(ages)]
    if other := sorted(set(rows["group"]) - set(fitting["group"])):
        kinds = listing(sorted(rows.loc[rows["group"] == other[0], "kind"].unique()))
        fault = f"gives register {other[0]} no list of type {ages[other[0]]} but {kinds}"
        raise SpiError(f"{name} of {PUBLISHER} {fault}; see in {PUBLISHER}'s notes which ages it covers now")
    return fitting


def _named(links: Iterable[str]) -> tuple[str, ...]:
    return tuple(urlsplit(link).path.rpartition("/")[2] for link in links)


def _series_shape(series: str, peek: Peek) -> Shape:
    """Describe the newest publications of a series."""
    pages = _publications(*_links_in(peek.body, series), series)
    return Shape(rows=len(pages), links=_named(pages[:EDITIONS_LOOKED_AT]))


def _edition(series: str, _: Scope, earlier: EarlierResponse) -> Request:
    """Return the request for the newest publication that should link the file: in a monthly series, a quarter's."""
    pages = _publications(*_links_in(earlier.body, series), series)
    if not pages:
        raise SpiError("the series leads to no publication")
    page = next((page for page in pages if re.search(QUARTERS, page)), pages[0])
    return replace(earlier.absolute(page, [NHS_PAGES]), media=("html",))


def _edition_shape(pattern: str, peek: Peek) -> Shape:
    """Describe the files that a publication links, beginning with those that may be the one to read."""
    links, _ = _links_in(peek.body, "")
    ours = _files(links, pattern)
    return Shape(rows=len(links), links=_named(dict.fromkeys([*ours, *_files(links, r"\.(zip|csv|xlsx)$")])))


def _file_shape(member: str, peek: Peek) -> Shape:
    """Describe the members of a file, beginning with those that may be the one to read."""
    names = shapes.members_of(peek, PUBLISHER)
    return Shape(rows=len(names), links=tuple(sorted(names, key=lambda name: not _may_hold(name, member))))


def _may_hold(name: str, member: str) -> bool:
    """Whether a file in a zip is the member to read, or another zip, which may hold it."""
    return is_called(name, member) or is_called(name, r".*\.zip")


def _file(pattern: str, _: Scope, earlier: EarlierResponse) -> Request:
    files = _files(_links_in(earlier.body, "")[0], pattern)
    if not files:
        raise SpiError("the publication links no such file")
    return replace(earlier.absolute(_of_newer_areas(files), [NHS_FILES]), media=("zip",))


def _probes(kind: str, series: str, file: str, member: str) -> tuple[Probe, ...]:
    """Return the probes of the series, of its publication, and of the file that the publication links."""

    def publishes(shape: Shape) -> None:
        if not shape.links:
            raise SpiError(
                f"no publication was found on {PUBLISHER}'s page {series}; if the page shows some, it is laid out in "
                "a new way"
            )

    def has_file(shape: Shape) -> None:
        if not _files(shape.links, file):
            raise SpiError(f"the publication of {kind} of {PUBLISHER} links no file {file} but {listing(shape.links)}")

    def has_member(shape: Shape) -> None:
        if not any(_may_hold(name, member) for name in shape.links):
            raise SpiError(f"the file of {kind} of {PUBLISHER} holds no member {member} but {listing(shape.links)}")

    first = Probe(
        f"nhs/{kind}_series", lambda *_: Request(NHS_PAGES, series, media=("html",)), partial(_series_shape, series),
        (publishes,), piece=Piece(MEGABYTE),
    )  # fmt: skip
    second = Probe(
        f"nhs/{kind}_publication",
        partial(_edition, series),
        partial(_edition_shape, file),
        (has_file,),
        piece=Piece(MEGABYTE),
        follows=first,
    )
    third = Probe(
        f"nhs/{kind}_file", partial(_file, file), partial(_file_shape, member),
        (has_member,), piece=Piece(64 * KILOBYTE, end=True), follows=second,
    )  # fmt: skip
    return first, second, third


PROBES = (
    *_probes("patients", PATIENTS, PATIENTS_FILE, PATIENTS_MEMBER), *_probes("qof", QOF, QOF_FILE, QOF_MEMBER),
)  # fmt: skip
HOSTS = (NHS_PAGES, NHS_FILES)
OFFERS = {
    "diagnosed_conditions": Offer(fetch, parse, probes=PROBES),
    "covid_vaccination": Offer(
        read=ContractReader("health/msoa_covid_vaccinations_april_2021_*.csv", "2021-04", "msoa11")
    ),
}
