"""The files of the second imitation's publishers for the invented town; see ``town``."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence

import openpyxl

from spi_pipeline_tests.imitations.second.server import Manner, Query, Reply
from spi_pipeline_tests.imitations.second.town import MISSING, fingertips, json_reply, nomis, ons, police, table
from spi_pipeline_tests.publishers.fake import TOWN

_ELECTIONS = (
    "person_id,election_id,ballot_paper_id,election_date,cancelled_poll,by_election,gss,turnout_reported,"
    "total_electorate,turnout_percentage"
)


def govuk_content(manner: Manner, path: str, query: Query) -> Reply:
    """Sections 7.6 and 7.10: attachments with absolute addresses."""
    media = "https://assets.publishing.service.gov.uk/media"
    if path.startswith("/government/statistics/") and "deprivation" in path and not manner.worded:
        names = ("File_1_IoD2025.xlsx", "File_7_IoD2025_All_Scores.csv")
        attachments = [{"url": f"{media}/2/{name}", "title": name} for name in names]
        return json_reply({"public_updated_at": "2025-11-17T09:30:00Z", "details": {"attachments": attachments}})
    if path == "/government/collections/fuel-poverty-sub-regional-statistics":
        return json_reply(
            {"details": {"attachments": [{"url": f"{media}/3/tables-2026.xlsx", "title": "Tables 2026 (2024 data)"}]}}
        )
    return json_reply({"message": "Not found"}, 404)


def govuk_assets(manner: Manner, path: str, query: Query) -> Reply:
    """The attachments themselves."""
    if "File_7" in path:
        names = (
            "Children and Young People",
            "Adult Skills",
            "Geographical Barriers",
            "Wider Barriers",
            "Indoors",
            "Outdoors",
        )
        header = ["LSOA code (2021)", "LSOA name (2021)", *(f"{name} Sub-domain Score" for name in names)]
        return table(
            manner, header, [[lsoa, "Any", *(n + 0.5 for n in range(6))] for lsoa in ("E01000001", *TOWN.lsoas)]
        )
    if path.endswith("tables-2026.xlsx"):
        book = openpyxl.Workbook()
        sheet = book.create_sheet("Table 3")
        for row in (["Table 3: Sub-regional fuel poverty, England"], ["A note"],
                    ["LSOA Code", "LSOA Name", "LA Code", "LA Name", "Region", "Number of households1",
                     "Number of households in fuel poverty1", "Proportion of households fuel poor (%)"],
                    *([lsoa, "Any", "E06900001", "Any", "East", 600, 90, 15] for lsoa in TOWN.lsoas),
                    ["1. A footnote"]):  # fmt: skip
            sheet.append(row)
        out = io.BytesIO()
        book.save(out)
        return Reply(out.getvalue(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    return MISSING


def defra(manner: Manner, path: str, query: Query) -> Reply:
    """Section 7.4: five lines, then cells by their centres in metres; sea is MISSING."""
    found = re.fullmatch(r"/datastore/pcm/map(no2(?:2022|2023)|pm25(?:2022|2023)g)\.csv", path)
    if found is None:
        return MISSING
    at = [(x, y) for x in range(505_500, 516_500, 1000) for y in range(218_500, 226_500, 1000)]
    cells = [(n, x, y, 10 + n / 100) for n, (x, y) in enumerate(at)] + [(999, 655_500, 300_500, "MISSING")]
    return table(manner, ("gridcode", "x", "y", found[1]), cells, [f"line {n}" for n in range(5)])


def stats19(manner: Manner, path: str, query: Query) -> Reply:
    """Section 7.9: columns under their older or newer names; -1 means unknown."""
    if not path.endswith("/dft-road-casualty-statistics-collision-last-5-years.csv"):
        return MISSING
    old = manner.name == "old"
    header = ("accident_index" if old else "collision_index", "accident_year" if old else "collision_year",
              "accident_severity" if old else "collision_severity", "longitude", "latitude",
              "local_authority_ons_district")  # fmt: skip
    rows = [("1", 2025, 2, -0.42, 51.88, "E06900001"), ("2", 2025, 3, -1, -1, "E06900001"),
            ("3", 2025, 1, -0.1, 51.5, "E09000001")]  # fmt: skip
    return table(manner, header, rows)


def elections(manner: Manner, path: str, query: Query) -> Reply:
    """Section 7.8: a row for each candidate; turnout is sometimes missing, and truth values are those of Postgres."""
    if path != "/data/export_csv/" or not re.search(query["election_id"], "local.any-town.2023-05-04"):
        return MISSING
    header = _ELECTIONS.split(",")
    rows = [(person, "local.any-town.2023-05-04", f"local.any-town.{ward}.2023-05-04", "2023-05-04", "f", "f",
             f"gss:{ward}" if manner.worded else ward, 900, 3000, 30 if number else "")
            for number, ward in enumerate(TOWN.wards) for person in (1, 2)]  # fmt: skip
    ward = TOWN.wards[0]
    rows += [(3, "local.any-town.2024-06-06", f"local.any-town.{ward}.by.2024-06-06", "2024-06-06", "f", "t", ward, 1,
              3000, 5),
             (4, "local.any-town.2025-06-06", f"local.any-town.{ward}.2025-06-06", "2025-06-06", "t", "f", ward, "",
              3000, "")]  # fmt: skip
    return table(manner, header, rows)


def nhs_pages(manner: Manner, path: str, query: Query) -> Reply:
    """Section 6: lists of publications with absolute or root-relative links, and pages that link to files."""
    start = "https://digital.nhs.uk" if manner.worded else ""
    series = path.rsplit("/", 1)[-1]
    if series in ("patients-registered-at-a-gp-practice",):
        return _page([f"{start}{path}/august-2026", f"{start}{path}/july-2026"], "latest")
    if series.startswith("quality-and-outcomes"):
        return _page([f"{start}{path}/2024-25"], "previous" if manner.worded else "")
    names = {"july-2026": "gp-reg-pat-prac-lsoa-male-female-July-26.zip", "2024-25": "QOF_2425.zip"}
    return _page([f"https://files.digital.nhs.uk/74/93D6A1/{names.get(series, 'gp-reg-pat-prac-all.csv')}"])


def _page(links: Sequence[str], which: str = "") -> Reply:
    named = f' data-uipath="ps.series.publications-list.{which}"' if which else ""
    items = "".join(f'<li><ul><li>x</li></ul><a class="link" href="{link}">A file</a></li>' for link in links)
    body = f'<!DOCTYPE html><html><body><ul><li><a href="/home">Home</a></li></ul><ul{named}>{items}</ul></body></html>'
    return Reply(body.encode(), "text/html; charset=utf-8")


def nhs_files(manner: Manner, path: str, query: Query) -> Reply:
    """Zips of tables."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        if "gp-reg-pat" in path:
            header = (
                "PUBLICATION",
                "EXTRACT_DATE",
                "PRACTICE_CODE",
                "PRACTICE_NAME",
                "LSOA_CODE",
                "SEX",
                "NUMBER_OF_PATIENTS",
            )
            rows = [
                ("GP_PRAC_PAT_LIST", "01JUL2026", "A1", "A, B", lsoa, sex, 1500)
                for lsoa in TOWN.lsoas
                for sex in ("ALL", "MALE")
            ]
            file.writestr("folder/gp-reg-pat-prac-lsoa-all.csv", table(manner, header, rows).body)
        else:
            header = ("PRACTICE_CODE", "GROUP_CODE", "REGISTER", "PATIENT_LIST_TYPE", "PRACTICE_LIST_SIZE")
            rows = [("A1", group, 10, kind, 100) for group, kind in (("DM", "17OV"), ("DEP", "18OV"), ("HYP", "TOTAL"))]
            file.writestr("PREVALENCE_2425.csv", table(manner, header, rows).body)
    return Reply(buffer.getvalue(), "application/octet-stream")


PUBLISHERS = {
    "NOMIS": nomis, "ONS_GEOGRAPHY": ons, "POLICE": police, "FINGERTIPS": fingertips, "NHS_PAGES": nhs_pages,
    "NHS_FILES": nhs_files, "GOVUK_CONTENT": govuk_content, "GOVUK_ASSETS": govuk_assets, "DEFRA_PCM": defra,
    "STATS19": stats19, "DEMOCRACY_CLUB": elections,
}  # fmt: skip
BASES = {
    "NOMIS": "https://www.nomisweb.co.uk",
    "ONS_GEOGRAPHY": "https://services1.arcgis.com/ESMARspQHYMw9BZ9/arcgis/rest/services",
    "POLICE": "https://data.police.uk", "FINGERTIPS": "https://fingertips.phe.org.uk/api",
    "NHS_PAGES": "https://digital.nhs.uk", "NHS_FILES": "https://files.digital.nhs.uk",
    "GOVUK_CONTENT": "https://www.gov.uk/api/content", "GOVUK_ASSETS": "https://assets.publishing.service.gov.uk",
    "DEFRA_PCM": "https://uk-air.defra.gov.uk", "STATS19": "https://data.dft.gov.uk",
    "DEMOCRACY_CLUB": "https://candidates.democracyclub.org.uk",
}  # fmt: skip
