"""NHS England: the pages of two series of publications and their files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import HTML, Request, Response, csv_bytes, not_found

STATISTICAL = "/data-and-information/publications/statistical"
LISTS = f"{STATISTICAL}/patients-registered-at-a-gp-practice"
QOF = f"{STATISTICAL}/quality-and-outcomes-framework-achievement-prevalence-and-exceptions-data"
FILES = "https://files.digital.nhs.uk"
# Condition, its patient list, the share of that list on the register, the share of all patients on that list.
CONDITIONS = (
    ("AF", "TOTAL", 0.02, 1.0),
    ("COPD", "TOTAL", 0.018, 1.0),
    ("DEP", "18OV", 0.13, 0.76),
    ("DM", "17OV", 0.09, 0.78),
    ("HYP", "TOTAL", 0.14, 1.0),
    ("OB", "18OV", 0.12, 0.76),
)
PRACTICES = tuple(f"E810{number:02d}" for number in range(1, 27))


@dataclass(frozen=True)
class Publication:
    """A page of a series; `files` has the title and the path on the file host of each file."""

    slug: str
    title: str
    files: tuple[tuple[str, str], ...]


def _lists(month: str, year: int, path: str = "") -> Publication:
    """Only the first month of a quarter has the table by LSOA."""
    title = f"Patients Registered at a GP Practice, {month.title()} {year}"
    files: list[tuple[str, str]] = [
        ("Totals (All persons)", f"/0A/1B2C3D/gp-reg-pat-prac-all-{month[:3].lower()}-{year % 100}.zip"),
    ]
    if path:
        files.append(("Patients Registered at a GP Practice: LSOA level", path))
    return Publication(f"{month.lower()}-{year}", title, tuple(files))


LIST_PAGES = (
    _lists("July", 2026, "/5B/0E28B5/gp-reg-pat-prac-lsoa-male-female-July-26.zip"),
    _lists("June", 2026),
    _lists("May", 2026),
    _lists("April", 2026, "/D8/54ED89/gp-reg-pat-prac-lsoa-male-female-Apr-26.zip"),
    _lists("January", 2026, "/1C/9A0D11/gp-reg-pat-prac-lsoa-male-female-jan-26.zip"),
    _lists("October", 2025, "/2C/9A0D12/gp-reg-pat-prac-lsoa-male-female-oct-25..zip"),
    _lists("July", 2025, "/3C/9A0D13/gp-reg-pat-prac-lsoa-male-female-july-25.zip"),
)
QOF_PAGES = (
    Publication(
        "2025-26",
        "Quality and Outcomes Framework, 2025-26",
        (
            (
                "QOF 2025-26: Prevalence, achievements and personalised care adjustments, LS",
                "/49/BCDC28/qof-2526-prac-prev-ach-pca-ls.xlsx",
            ),
            ("Quality and Outcomes Framework, 2025-26: raw data", "/C6/77B386/QOF%202526.zip"),
        ),
    ),
    Publication(
        "2024-25",
        "Quality and Outcomes Framework, 2024-25",
        (
            ("QOF 2024-25: overall achievement", "/EB/16B1C0/qof-2425-prac-dom-ach.xlsx"),
            ("Quality and Outcomes Framework, 2024-25: raw data", "/95/4708D7/QOF2425.zip"),
        ),
    ),
    Publication("2023-24", "Quality and Outcomes Framework, 2023-24", (("Raw data", "/DA/975A29/QOF2324.zip"),)),
    Publication(
        "2022-23",
        "Quality and Outcomes Framework, 2022-23",
        (("Raw data", "/32/40B931/QOF%202022-23%20Raw%20data%20.csv%20files.zip"),),
    ),
)
SERIES: Mapping[str, tuple[str, tuple[Publication, ...]]] = {
    LISTS: ("Patients Registered at a GP Practice", LIST_PAGES),
    QOF: ("Quality and Outcomes Framework, Achievement, prevalence and exceptions data", QOF_PAGES),
}


def page(request: Request) -> Response:
    path = request.path.rstrip("/")
    for root, (title, publications) in SERIES.items():
        if path == root:
            return Response(_series(root, title, publications).encode(), HTML)
        for publication in publications:
            if path == f"{root}/{publication.slug}":
                return Response(_publication(publication).encode(), HTML)
    return not_found()


def _series(root: str, title: str, publications: Iterable[Publication]) -> str:
    latest, *previous = publications

    def listed(kind: str, held: Iterable[Publication]) -> str:
        items = "\n".join(
            f'<li class="article-section__item"><h3 itemprop="name">{one.title}</h3>\n'
            f'<a href="{root}/{one.slug}" class="cta__button" itemprop="url">{one.title}</a></li>'
            for one in held
        )
        return f'<ul class="list" data-uipath="ps.series.publications-list.{kind}">\n{items}\n</ul>'

    return _html(
        title,
        '<div class="article-section" id="latest-statistics"><h2>Latest statistics</h2>'
        f"{listed('latest', [latest])}</div>\n"
        f'<div class="article-section" id="past-publications"><h2>Past publications</h2>{listed("previous", previous)}'
        "</div>",
    )


def _publication(publication: Publication) -> str:
    links = "\n".join(
        f'<div class="nhsd-a-box"><a class="nhsd-a-box-link" href="{FILES}{path}" itemprop="contentUrl">'
        f'<span itemprop="name">{title}</span></a></div>'
        for title, path in publication.files
    )
    resources = f'<div data-uipath="ps.publication.resources-attachments"><h2>Resources</h2>\n{links}\n</div>'
    return _html(publication.title, resources)


def _html(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title} - NHS England Digital</title></head>\n"
        f'<body><h1 data-uipath="document.title">{title}</h1>\n{body}\n</body></html>\n'
    )


def file(request: Request) -> Response:
    archive = _files().get(request.path)
    return Response(archive(), "application/zip") if archive else not_found()


@cache
def _files() -> dict[str, Callable[[], bytes]]:
    """The file for each unescaped path. Workbooks and totals have links but no file here."""
    held: dict[str, Callable[[], bytes]] = {}
    for publication in LIST_PAGES:
        for _, path in publication.files:
            if "lsoa" in path:
                month, year = publication.slug.split("-")
                held[path] = lambda month=month, year=year: _list(month, int(year))  # type: ignore[misc]
    for publication in QOF_PAGES:
        years = publication.slug[2:4] + publication.slug[5:7]
        path = publication.files[-1][1].replace("%20", " ")
        held[path] = lambda years=years: _qof(years)  # type: ignore[misc]
    return held


def _zip(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 8, 27, 9, 30, 0)), body)
    return packed.getvalue()


@cache
def registered() -> tuple[tuple[str, str, int], ...]:
    """Practice, LSOA and patients: three practices for each LSOA, and some patients far away, in Wales or unplaced."""
    rows: list[tuple[str, str, int]] = []
    for number, code in enumerate(town.lsoas()):
        for step, patients in enumerate((900, 520, 210)):
            rows.append((PRACTICES[(number // 5 + step * 3) % len(PRACTICES)], code, patients + number % 17))
    rows += [(PRACTICES[0], "CLOSED", 4), (PRACTICES[1], "W01000001", 1), (PRACTICES[2], "E01017614", 31)]
    # A practice that does not take part in the Quality and Outcomes Framework.
    return (*rows, ("Y99999", "E01015693", 20))


def _list(month: str, year: int) -> bytes:
    date = f"01{month[:3].upper()}{year}"
    header = "PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,PRACTICE_NAME,LSOA_CODE,SEX,NUMBER_OF_PATIENTS"
    rows = sorted(registered())

    def told(sex: str, share: float) -> bytes:
        return csv_bytes(
            header,
            (
                ("GP_PRAC_PAT_LIST", date, code, f"SURGERY, {code}", lsoa, sex, round(n * share))
                for code, lsoa, n in rows
            ),
        )

    return _zip(
        {
            "gp-reg-pat-prac-lsoa-all.csv": told("ALL", 1.0),
            "gp-reg-pat-prac-lsoa-female.csv": told("FEMALE", 0.5),
            "gp-reg-pat-prac-lsoa-male.csv": told("MALE", 0.5),
        }
    )


def _qof(years: str) -> bytes:
    """The QOF zip. The register column has another name in 2025-26. One register is blank."""
    register = "REGISTER_SIZE" if years == "2526" else "REGISTER"
    lists = {code: sum(n for practice, _, n in registered() if practice == code) for code in PRACTICES}

    def rows() -> Iterable[tuple[str, str, str | int, str, int]]:
        for number, (code, patients) in enumerate(lists.items()):
            for group, kind, share, part in CONDITIONS:
                size = round(patients * part)
                counted = round(size * share * (1 + number % 5 / 10))
                yield code, group, "" if (number, group) == (3, "COPD") else counted, kind, size

    return _zip(
        {
            f"ACHIEVEMENT_EAST_OF_ENGLAND_{years}.csv": csv_bytes("PRACTICE_CODE,INDICATOR_CODE,MEASURE,VALUE", ()),
            f"MAPPING_INDICATORS_{years}.csv": csv_bytes("INDICATOR_CODE,GROUP_CODE,PATIENT_LIST_TYPE", ()),
            f"MAPPING_NHS_GEOGRAPHIES_{years}.csv": csv_bytes("PRACTICE_CODE,PRACTICE_NAME", ()),
            f"PREVALENCE_{years}.csv": csv_bytes(
                f"PRACTICE_CODE,GROUP_CODE,{register},PATIENT_LIST_TYPE,PRACTICE_LIST_SIZE", rows()
            ),
        }
    )


ADI = "Autonomy-Data-Unit/annual-deprivation-index `config/qof_schemas.toml`"
EVIDENCE = (
    Evidence(
        "pages",
        "A series lists its latest publication and those before it apart, with links of class cta__button",
        "NHSDigital's templates of its site; ebmdatalab/openprescribing, a page kept for tests; "
        "Autonomy-Data-Unit/annual-deprivation-index `utils/scrape.py`",
    ),
    Evidence(
        "pages", "A publication links its files at files.digital.nhs.uk as nhsd-a-box-link", "NHSDigital's templates"
    ),
    Evidence("pages", "Titles of links, and all other mark-up"),
    Evidence("pages", "403 to what does not look like a browser (not served)", "several clients"),
    Evidence(
        "lists of patients",
        "Irregular names: `…-Apr-26.zip`, `…-July-26.zip`, `…-oct-22..zip`; by LSOA once a quarter",
        "clients that name D8/54ED89 and others; NHSDigital's notes",
    ),
    Evidence("lists of patients", "`gp-reg-pat-prac-lsoa-all.csv` and its header", "clients of 2021 to 2026"),
    Evidence("lists of patients", "LSOA_CODE may be CLOSED or Welsh", "a client that takes both out"),
    Evidence("lists of patients", "Line ends, names of the other members"),
    Evidence(
        "QOF",
        "2025-26 is at C6/77B386/QOF%202526.zip, with a blank in its name, published on 2026-08-27",
        "an R script of a public project, autumn 2026, that downloads and reads it",
    ),
    Evidence(
        "QOF",
        "PREVALENCE_2526.csv has REGISTER_SIZE in place of REGISTER",
        "the same script; 2014-15 had that name as well (the schema below)",
    ),
    Evidence("QOF", "PREVALENCE_2425.csv and before: PRACTICE_CODE, GROUP_CODE, REGISTER, PRACTICE_LIST_SIZE", ADI),
    Evidence("QOF", "PATIENT_LIST_TYPE of TOTAL, 17OV (DM), 18OV (DEP, OB), one row for practice and group", ADI),
    Evidence("QOF", "Blank registers", "Autonomy-Data-Unit/annual-deprivation-index, its step for health"),
    Evidence("QOF", "Other members: ACHIEVEMENT_…, MAPPING_…", "a public parser of QOF2425.zip"),
    Evidence("QOF", "PATIENT_LIST_TYPE in 2025-26, order of columns, line ends"),
    Evidence("files", "ETag or Last-Modified (none is sent here)"),
)
