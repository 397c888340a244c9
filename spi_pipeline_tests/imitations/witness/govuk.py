"""GOV.UK: its content API and the files it links to."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import openpyxl

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import Request, Response, as_json, not_found

ASSETS = "https://assets.publishing.service.gov.uk"
SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
IOD = "/government/statistics/english-indices-of-deprivation-2025"
FILE_7 = "/media/691ded56d140bbbaa59a2a7d/File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv"
COLLECTION = "/government/collections/fuel-poverty-sub-regional-statistics"

# Year of the figures -> slug of the release, its date, path of the workbook, number of the table by LSOA.
RELEASES: Mapping[int, tuple[str, str, str, int]] = {
    2024: (
        "sub-regional-fuel-poverty-data-2026-2024-data",
        "2026-05-14T08:30:16.000+00:00",
        "/media/6a02febf81a251700a20b42a/fuel-poverty-sub-regional-2026-2024-data-tables.xlsx",
        4,
    ),
    2023: (
        "sub-regional-fuel-poverty-data-2025-2023-data",
        "2025-04-24T08:30:10.000+00:00",
        "/media/680a1b2c3d4e5f6071829301/fuel-poverty-sub-regional-2025-2023-data-tables.xlsx",
        3,
    ),
    2022: (
        "sub-regional-fuel-poverty-data-2024-2022-data",
        "2024-04-25T08:30:08.000+00:00",
        "/media/66291b2c3d4e5f6071829302/sub-regional-fuel-poverty-2024-tables.xlsx",
        3,
    ),
    2021: (
        "sub-regional-fuel-poverty-data-2023-2021-data",
        "2023-04-27T08:30:07.000+00:00",
        "/media/644a1b2c3d4e5f6071829303/sub-regional-fuel-poverty-2023-tables.xlsx",
        3,
    ),
    2020: (
        "sub-regional-fuel-poverty-data-2022",
        "2022-04-28T08:30:06.000+00:00",
        "/media/626a1b2c3d4e5f6071829304/sub-regional-fuel-poverty-2022-tables.xlsx",
        3,
    ),
}


def content(request: Request) -> Response:
    if request.path == IOD:
        return as_json(_deprivation(), "application/json; charset=utf-8")
    if request.path == COLLECTION:
        return as_json(_collection(), "application/json; charset=utf-8")
    for year, (slug, *_) in RELEASES.items():
        if request.path == f"/government/statistics/{slug}":
            return as_json(_release(year), "application/json; charset=utf-8")
    return not_found()


def asset(request: Request) -> Response:
    if request.path == FILE_7:
        return _sent(request, _file_7(), "text/csv")
    for year, (_, _, path, _) in RELEASES.items():
        if request.path == path:
            return _sent(request, _workbook(year), SHEETS)
    return not_found()


def _sent(request: Request, body: bytes, kind: str) -> Response:
    tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()[:16]}"'
    name = request.path.rsplit("/", 1)[1]
    headers = {"ETag": tag, "Last-Modified": "Thu, 14 May 2026 08:30:16 GMT"}
    headers["Content-Disposition"] = f'inline; filename="{name}"'
    given = {key.lower(): value for key, value in request.headers.items()}
    if given.get("if-none-match") == tag:
        return Response(b"", kind, 304, headers)
    return Response(body, kind, 200, headers)


def _page(path: str, title: str, kind: str, updated: str, details: Any, links: Any) -> dict[str, Any]:
    return {
        "analytics_identifier": None,
        "base_path": path,
        "content_id": hashlib.md5(path.encode(), usedforsecurity=False).hexdigest(),
        "document_type": kind,
        "first_published_at": updated,
        "locale": "en",
        "phase": "live",
        "public_updated_at": updated,
        "publishing_app": "whitehall",
        "schema_name": "document_collection" if kind == "document_collection" else "publication",
        "title": title,
        "updated_at": "2026-09-30T02:11:41Z",
        "withdrawn_notice": {},
        "links": links,
        "description": title,
        "details": details,
    }


def _attachment(path: str, title: str, kind: str) -> dict[str, Any]:
    return {
        "accessible": False,
        "alternative_format_contact_email": "alternativeformats@example.gov.uk",
        "attachment_type": "file",
        "content_type": kind,
        "file_size": 1_234_567,
        "filename": path.rsplit("/", 1)[1],
        "id": "8012345",
        "title": title,
        "url": f"{ASSETS}{path}",
    }


def _page_attachment(path: str, title: str) -> dict[str, Any]:
    """An attachment that is a page has neither a file name nor a content type."""
    return {"attachment_type": "html", "id": "8012300", "title": title, "url": path}


def _deprivation() -> dict[str, Any]:
    attachments = [
        _page_attachment(f"{IOD}/english-indices-of-deprivation-2025-statistical-release", "Statistical release"),
        _attachment(
            "/media/691ded8fe39a085bda43eed3/File_1_IoD2025_Index_of_Multiple_Deprivation.xlsx",
            "File 1: Index of Multiple Deprivation",
            SHEETS,
        ),
        _attachment(FILE_7, "File 7: all ranks, scores, deciles and population denominators", "text/csv"),
    ]
    details = {"attachments": attachments, "body": "<div></div>", "political": False}
    title = "English indices of deprivation 2025"
    return _page(IOD, title, "official_statistics", "2025-11-20T16:20:31.000+00:00", details, {})


def _collection() -> dict[str, Any]:
    documents = [
        {
            "api_path": f"/api/content/government/statistics/{slug}",
            "base_path": f"/government/statistics/{slug}",
            "content_id": hashlib.md5(slug.encode(), usedforsecurity=False).hexdigest(),
            "document_type": "official_statistics",
            "locale": "en",
            "public_updated_at": updated,
            "schema_name": "publication",
            "title": _title(year),
            "api_url": f"https://www.gov.uk/api/content/government/statistics/{slug}",
            "web_url": f"https://www.gov.uk/government/statistics/{slug}",
        }
        for year, (slug, updated, *_) in RELEASES.items()
    ]
    groups = [{"body": "", "documents": [document["content_id"] for document in documents], "title": "Statistics"}]
    details = {"collection_groups": groups, "body": "<div></div>"}
    newest = RELEASES[max(RELEASES)][1]
    title = "Fuel poverty sub-regional statistics"
    return _page(COLLECTION, title, "document_collection", newest, details, {"documents": documents})


def _title(year: int) -> str:
    return f"Sub-regional fuel poverty data {year + 2} ({year} data)"


def _release(year: int) -> dict[str, Any]:
    slug, updated, path, _ = RELEASES[year]
    root = f"/government/statistics/{slug}"
    title = f"Sub-regional fuel poverty {year + 2} ({year} data): data tables"
    attachments = [_page_attachment(f"{root}/report", "Report"), _attachment(path, title, SHEETS)]
    details = {"attachments": attachments, "body": "<div></div>"}
    return _page(root, _title(year), "official_statistics", updated, details, {})


LA_COLUMNS = {3: ("LA Code", "LA Name"), 4: ("Local Authority Code", "Local Authority Name")}


@cache
def _workbook(year: int) -> bytes:
    """Four tables. The table by LSOA is the third, or the fourth in the newest release."""
    number = RELEASES[year][3]
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in ("Title", "Contents", "Metadata", "Notes"):
        book.create_sheet(name).append([f"{name} of {_title(year)}"])
    proportion = "Proportion of households fuel poor (%)"
    counts = ["Number of households", "Number of households in fuel poverty", proportion]
    for table in range(1, 5):
        sheet = book.create_sheet(f"Table {table}")
        kind = "LSOA" if table == number else ("Region", "Local Authority", "County", "Constituency")[table - 1]
        sheet.append([f"Table {table}: Fuel Poverty by {kind} [Notes 4 and 6], {year}"])
        sheet.append(["This table contains one table with notes, which can be found on the Notes sheet."])
        if table == number:
            sheet.append(["LSOA Code", "LSOA Name", *LA_COLUMNS[number], "Region", *counts])
            for row in _fuel_poor(year):
                sheet.append(row)
        else:
            sheet.append([f"{kind} Code", kind, *counts])
            sheet.append(["E12000006", "East", 2_600_000, 300_000, 11.5])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def _fuel_poor(year: int) -> list[list[Any]]:
    held = town.table("fuel_poverty_lilee")
    held = held[held.year == min(year, int(held.year.max()))] if year >= 2021 else held[held.year == 2021]
    names = town.lsoas()
    rows = []
    for code, households, poor in zip(held.area_code, held.households, held.fuel_poor, strict=True):
        share = 100 * poor / households
        rows.append([code, names[code], town.CODE, town.NAME, "East", int(households), int(poor), share])
    return rows


SUBDOMAINS = (
    "Children and Young People Sub-domain",
    "Adult Skills Sub-domain",
    "Geographical Barriers Sub-domain",
    "Wider Barriers Sub-domain",
    "Indoors Sub-domain",
    "Outdoors Sub-domain",
)
DOMAINS = (
    "Index of Multiple Deprivation (IMD) Score",
    "Income Score (rate)",
    "Employment Score (rate)",
    "Education, Skills and Training Score",
    "Health Deprivation and Disability Score",
    "Crime Score",
    "Barriers to Housing and Services Score",
    "Living Environment Score",
    "Income Deprivation Affecting Children Index (IDACI) Score (rate)",
    "Income Deprivation Affecting Older People (IDAOPI) Score (rate)",
)
POPULATIONS = (
    "Total population: mid 2022",
    "Dependent Children aged 0-15: mid 2022",
    "Older population aged 60 and over: mid 2022",
    "Working age population 18-66 (for use with Employment Deprivation Domain): mid 2022",
)


def file_7_columns() -> list[str]:
    """56 columns; the publisher cut off the name of one."""
    names = ["LSOA code (2021)", "LSOA name (2021)", "Local Authority District code (2024)"]
    names.append("Local Authority District name (2024)")
    for score in (*DOMAINS, *(f"{one} Score" for one in SUBDOMAINS)):
        stem = score.removesuffix(" (rate)").removesuffix(" Score")
        names += [score, f"{stem} Rank (where 1 is most deprived)"]
        decile = f"{stem} Decile (where 1 is most deprived 10% of LSOAs)"
        names.append(decile[:-3] if stem == SUBDOMAINS[0] else decile)
    return [*names, *POPULATIONS]


@cache
def _file_7() -> bytes:
    held = town.table("deprivation_2025_subdomains")
    scores = [dict(zip(held.area_code, held[column], strict=True)) for column in held.columns[1:]]
    names, columns = town.lsoas(), file_7_columns()
    lines = [",".join(f'"{name}"' if "," in name else name for name in columns)]
    for number, code in enumerate(names):
        row = [code, names[code], town.CODE, town.NAME]
        for place in range(len(DOMAINS)):
            row += [f"{10 + (number * 7 + place) % 60 / 10:.3f}", str(5000 + number), str(number % 10 + 1)]
        for column in scores:
            row += [f"{column[code]:.3f}", str(6000 + number), str(number % 10 + 1)]
        row += ["1700", "400", "300", "1000"]
        lines.append(",".join(row))
    return ("\r\n".join(lines) + "\r\n").encode()


CONTENT, MEDIA = "content", "media"
EVIDENCE = (
    Evidence(
        CONTENT,
        "A publication: details.attachments, public_updated_at, an offset of time",
        "alphagov/publishing-api `content_schemas/examples`",
    ),
    Evidence(
        CONTENT,
        "Members of an attachment; those that are pages lack filename and content_type",
        "alphagov/whitehall tests of attachments; a client of HMRC's statistics that reads filename and url",
    ),
    Evidence(CONTENT, "A collection: links.documents with base_path, api_path", "alphagov/publishing-api examples"),
    Evidence(CONTENT, "Body and type of a page that is not there (here HTML with 404)"),
    Evidence(MEDIA, "ETag, Last-Modified, Content-Disposition", "alphagov/asset-manager `base_media_controller.rb`"),
    Evidence(
        MEDIA, "File 7: path, 56 columns, one cut off", "a public mapping of its columns; clients that name 691ded56…"
    ),
    Evidence(MEDIA, "File 7: line ends, a byte order mark"),
    Evidence(
        MEDIA,
        "Fuel poverty, figures of 2022 and before: by LSOA in `Table 3`, header in its third row, LA Code",
        "2022_Sub-Regional-Data-LILEE.xlsx and 2020_…, as published",
    ),
    Evidence(
        MEDIA,
        "Fuel poverty, figures of 2024: by LSOA in `Table 4`, Local Authority Code",
        "a public client of 2026 that names the workbook 6a02febf…",
    ),
    Evidence(MEDIA, "Fuel poverty, figures of 2023 and 2021: number of the table, paths (here Table 3)"),
    Evidence(CONTENT, "Slugs of the releases of fuel poverty", "links in public notebooks of 2023 to 2026"),
)
