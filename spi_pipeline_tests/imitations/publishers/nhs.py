"""NHS England (sources.md, section 6): publication pages, and the host of the files they link to.

Both reject the default User-Agents of libraries. Practices are invented, and their patients live nearby.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import shapely

from spi_pipeline_tests.imitations.messages import Request, Response, Served, csv_text, html_response, not_found, zipped
from spi_pipeline_tests.imitations.tables import areas, noise, required, split

_FILES = "https://files.digital.nhs.uk"
_STATISTICS = "/data-and-information/publications/statistical"
PATIENTS = f"{_STATISTICS}/patients-registered-at-a-gp-practice"
QOF = f"{_STATISTICS}/quality-and-outcomes-framework-achievement-prevalence-and-exceptions-data"
# Months, newest first. LSOA tables come in January, April, July and October; April 2025 offered both LSOA vintages.
_MONTHS = {
    "august-2026": (),
    "july-2026": ("/1B/7A90C4/gp-reg-pat-prac-lsoa-male-female-July-26.zip",),
    "june-2026": (),
    "april-2026": ("/5E/02D1FA/gp-reg-pat-prac-lsoa-male-female-April-26.zip",),
    "april-2025": (
        "/3C/51B7E2/gp-reg-pat-prac-lsoa-male-female-April-25.zip",
        "/3C/51B7E3/gp-reg-pat-prac-lsoa-2021-male-female-April-25.zip",
    ),
}
_YEARS = {
    "2024-25": ("/70/A19C44/QOF_2425.zip", "PREVALENCE_2425.csv"),
    "2020-21": ("/AC/3C964F/QOF2021_v2.zip", "PREVALENCE_2021_v2.csv"),
    "2019-20": ("/E2/BF1532/QOF_1920.zip", "PREVALENCE_1920.csv"),
    "2018-19": ("/93/0E0A20/qof-1819-csv.zip", "PREVALENCE_1819_v2.csv"),
}
# Register -> the patient list it belongs to, and its share of that list.
_REGISTERS = {"CHD": ("TOTAL", 0.03), "COPD": ("TOTAL", 0.018), "MH": ("TOTAL", 0.0095), "DM": ("17OV", 0.085)}
_REGISTERS |= {"DEP": ("18OV", 0.12), "OB": ("18OV", 0.11)}
PATIENTS_HEADER = (
    "PUBLICATION", "EXTRACT_DATE", "PRACTICE_CODE", "PRACTICE_NAME", "LSOA_CODE", "SEX", "NUMBER_OF_PATIENTS",
)  # fmt: skip
# Columns of the newest files; two of them had other names in older files.
REGISTERS_HEADER = ("PRACTICE_CODE", "GROUP_CODE", "REGISTER", "PATIENT_LIST_TYPE", "PRACTICE_LIST_SIZE")
_LISTS = {"TOTAL": 1.0, "17OV": 0.76, "18OV": 0.75}


def pages(request: Request) -> Response:
    """Pages of series and of publications."""
    if request.default_agent():
        return html_response("<h1>Access denied</h1>", 403)
    # The base of the endpoint may or may not include the folder of publications.
    path = f"{_STATISTICS}/{request.path.removeprefix(_STATISTICS).strip('/')}"
    for series, entries in ((PATIENTS, list(_MONTHS)), (QOF, list(_YEARS))):
        if path == series:
            return _series(series, entries)
        if path.startswith(f"{series}/") and (entry := path.rpartition("/")[2]) in entries:
            files = _MONTHS[entry] if series == PATIENTS else _YEARS[entry][:1]
            links = [*files, f"/{entry}/gp-reg-pat-prac-all.csv"] if series == PATIENTS else list(files)
            return html_response("".join(_attachment(request, link) for link in links))
    return not_found(request)


def _series(series: str, entries: list[str]) -> Response:
    def listed(which: str, names: list[str]) -> str:
        items = "".join(f'<li><a href="{series}/{name}">{name.replace("-", " ").title()}</a></li>' for name in names)
        return f'<ul data-uipath="ps.series.publications-list.{which}">{items}</ul>'

    return html_response(listed("latest", entries[:1]) + listed("previous", entries[1:]))


def _attachment(request: Request, path: str) -> str:
    url = request.site.link("nhs_files", _FILES, path)
    return f'<a class="nhsd-a-box-link" href="{url}">{path.rpartition("/")[2]}</a>'


def files(request: Request) -> Response:
    """Zips at paths that cannot be guessed."""
    if request.default_agent():
        return html_response("<h1>Access denied</h1>", 403)
    patients = {path: path for links in _MONTHS.values() for path in links}
    if request.path in patients:
        return Response(
            200, _patients_zip("2021" in request.path or "-26" in request.path), "application/zip", compress=False
        )
    for path, member in _YEARS.values():
        if request.path == path:
            return Response(200, zipped({member: _prevalence(member)}), "application/zip", compress=False)
    return not_found(request)


@cache
def patients() -> pd.DataFrame:
    """Patients by 2021 LSOA (rows) and practice (columns): slightly more than residents, mostly at nearby practices."""
    outlines = required("lsoa_boundaries").set_index("area_code").geometry
    middles = shapely.get_coordinates(shapely.centroid(shapely.from_wkb(outlines.to_numpy())))
    practices = [f"E810{number:02d}" for number in range(12, 124, 14)]
    at = middles[:: len(middles) // len(practices)][: len(practices)]
    distance = np.hypot(*(middles[:, None, :] - at[None, :, :]).transpose(2, 0, 1) * [[[68.6]], [[111.3]]])
    residents = areas().output_areas.groupby("lsoa").residents.sum().reindex(outlines.index)
    counted = split((residents * 1.08).round().to_numpy(), np.exp(-distance))
    return pd.DataFrame(counted, index=outlines.index, columns=practices)


@cache
def _patients_zip(vintage_2021: bool) -> bytes:
    table = patients()
    if not vintage_2021:
        old = required("lsoa_2011_lookup").set_index("lsoa_2021_code").lsoa_2011_code
        table = table.groupby(table.index.map(old)).sum()
    members = {}
    for name, sex, share in (("all", "ALL", 1.0), ("male", "MALE", 0.505), ("female", "FEMALE", 0.495)):
        cells = table.stack()
        rows = [
            ("GP_PRAC_PAT_LIST", "01JUL2026", practice, f"SURGERY {practice}", lsoa, sex, round(count * share))
            for (lsoa, practice), count in cells[cells > 0].items()
        ]
        # Patients from far away, and patients whose home is unknown.
        rows += [
            ("GP_PRAC_PAT_LIST", "01JUL2026", "E81012", "SURGERY E81012", code, sex, 7)
            for code in ("E01017610", "NO2011")
        ]
        members[f"gp-reg-pat-prac-lsoa-{name}.csv"] = csv_text(PATIENTS_HEADER, rows)
    return zipped(members)


def _prevalence(member: str) -> str:
    """Registers of each practice, with the column names of that year's files."""
    early = "1819" in member
    older = {"GROUP_CODE": "INDICATOR_GROUP_CODE"} if early else {}
    older |= {"PRACTICE_LIST_SIZE": "PATIENT_LIST_SIZE"} if early or "1920" in member else {}
    rows = []
    for practice, total in patients().sum().items():
        for code, (kind, share) in _REGISTERS.items():
            for listed in dict.fromkeys((kind, "TOTAL")):
                people = round(total * _LISTS[listed])
                register = round(total * _LISTS[kind] * share * (0.7 + 0.6 * noise("qof", str(practice), code)))
                rows.append((practice, code, register, listed, people))
    return csv_text([older.get(name, name) for name in REGISTERS_HEADER], rows)


SERVED = {
    "nhs_pages": Served(pages, "diagnosed_conditions"),
    "nhs_files": Served(files, "diagnosed_conditions", column="*SIZE", figures=("NUMBER_OF_PATIENTS", "REGISTER")),
}
