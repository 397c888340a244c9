"""GOV.UK (sources.md, sections 7.6 and 7.10): the content API, and the host of the attachments it lists.

Both reject HEAD requests and the default User-Agents of libraries. ``files`` has the figures.
"""

from __future__ import annotations

from spi_pipeline_tests.imitations.messages import Request, Response, Served, html_response, json_response, not_found
from spi_pipeline_tests.imitations.publishers.govuk import files
from spi_pipeline_tests.imitations.tables import LUTON

_ASSETS = "https://assets.publishing.service.gov.uk"
_CSV, _XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_IOD = "/government/statistics/english-indices-of-deprivation-2025"
_FUEL = "/government/collections/fuel-poverty-sub-regional-statistics"
_FUEL_2026 = "/government/statistics/sub-regional-fuel-poverty-data-2026-2024-data"
# Page -> title, public update time, attachments (title, path, content).
_PAGES = {
    _IOD: ("English indices of deprivation 2025", "2025-11-17T09:30:00Z", [
        ("File 1: Index of Multiple Deprivation",
         "/media/691ded2b7a1e4ab0f29a2a7a/File_1_IoD2025_Index_of_Multiple_Deprivation.xlsx", files.file_1),
        ("File 7: all ranks, scores, deciles and population denominators",
         "/media/691ded56d140bbbaa59a2a7d/File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv",
         files.file_7),
        ("File 8: underlying indicators",
         "/media/691ded7ce4ae4ab0f29a2a80/File_8_IoD2025_Underlying_Indicators.xlsx", files.file_8),
    ]),
    _FUEL_2026: ("Sub-regional fuel poverty data 2026 (2024 data)", "2026-05-14T08:30:00Z", [
        ("Sub-regional fuel poverty tables 2026 (2024 data)",
         "/media/6a05b2c19fe4a1d7c3b0e611/sub-regional-fuel-poverty-tables-2026-2024-data.xlsx",
         files.fuel_poverty),
    ]),
}  # fmt: skip


def content(request: Request) -> Response:
    """A page as JSON: the attachments of a publication or the publications of a collection."""
    if refused := _wall(request):
        return refused
    path = request.path.rstrip("/")
    if path == _FUEL:
        documents = [{"base_path": page, "title": _PAGES[page][0]} for page in (_FUEL_2026,)]
        body = {"base_path": path, "document_type": "document_collection", "links": {"documents": documents}}
        return json_response({**body, "public_updated_at": _PAGES[_FUEL_2026][1], "details": {}})
    if path not in _PAGES:
        return json_response({"message": "Not found"}, 404)
    title, changed, attachments = _PAGES[path]
    listed = [_attachment(request, *attachment[:2]) for attachment in attachments]
    body = {"base_path": path, "title": title, "document_type": "official_statistics", "public_updated_at": changed}
    return json_response({**body, "details": {"attachments": listed}, "links": {}})


def _attachment(request: Request, title: str, path: str) -> dict[str, str]:
    kind = _CSV if path.endswith(".csv") else _XLSX
    described = {"attachment_type": "file", "title": title, "content_type": kind}
    return {**described, "filename": path.rpartition("/")[2], "url": request.site.link("govuk_assets", _ASSETS, path)}


def assets(request: Request) -> Response:
    """One attachment. Its address changes whenever the file is corrected, so every other address is a 404."""
    if refused := _wall(request):
        return refused
    for _, _, attachments in _PAGES.values():
        for _, path, file in attachments:
            if path == request.path:
                return Response(200, file(), _CSV if path.endswith(".csv") else _XLSX, compress=path.endswith(".csv"))
    return not_found(request)


def _wall(request: Request) -> Response | None:
    return html_response("<h1>403 Forbidden</h1>", 403) if request.method == "HEAD" or request.default_agent() else None


SERVED = {
    "govuk_content": Served(content, "deprivation_2025_subdomains"),
    "govuk_assets": Served(assets, "fuel_poverty_lilee", column="Number of households*"),
}
# The file in a folder: one row for each pre-2023 ward and type of insolvency.
FILES = {
    "insolvencies": {
        "income/individual_insolvencies_ward_2012_2022_town.csv": f"""\
ward_code,ward_name,local_authority_code,local_authority_name,insolvency_type,2021,2022
E05000001,North,{LUTON},Town,Bankruptcy,1,"1,002"
E05000002,South,{LUTON},Town,Bankruptcy,4,5
E05000002,South,{LUTON},Town,DRO,0,7
E05000002,South,{LUTON},Town,Total,4,12
E05000003,Elsewhere,E06000002,Other,IVA,50,60
""",
    },
}
