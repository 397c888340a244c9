"""GOV.UK: files found through the content API, and labels matched by their beginnings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.govuk import OFFERS
from spi_pipeline.publishers.govuk.deprivation import FILE_7, INDICES
from spi_pipeline.publishers.govuk.fuel_poverty import FUEL_POVERTY, _fuel_year
from spi_pipeline.publishers.http.exchange import PermanentFailure
from spi_pipeline_tests.imitations.publishers.govuk.files import SUBDOMAINS, file_7_header, fuel_workbook
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, body_of, fetch_and_parse, matches_contract

INDEX, FUEL = OFFERS["deprivation_2025_subdomains"], OFFERS["fuel_poverty_lilee"]
ASSETS = "https://assets.publishing.service.gov.uk"


def scores(areas: tuple[str, ...] = TOWN.lsoas, code: str = "LSOA code (2021)") -> pd.DataFrame:
    """Sub-domain scores: those of area i are 10 i, 10 i + 2 and so on."""
    frame = pd.DataFrame(1, index=range(len(areas)), columns=file_7_header())
    for place, label in enumerate(SUBDOMAINS):
        frame[label] = [10 * i + 2 * place for i in range(1, len(areas) + 1)]
    return frame.assign(**{"LSOA code (2021)": areas}).rename(columns={"LSOA code (2021)": code})


def indices(folder: Path, file: bytes, name: str = "File_7_IoD2025_All_Ranks_Scores.csv") -> FakeClient:
    attachments = [{"url": f"{ASSETS}/media/1/File_1_IoD2025.xlsx"}, {"url": f"{ASSETS}/media/2/{name}"}]
    page = {"public_updated_at": "2025-11-17T09:30:00Z", "details": {"attachments": attachments}}
    return FakeClient(folder, {INDICES: json.dumps(page).encode(), f"/media/2/{name}": file})


def test_scores_of_the_sub_domains_come_from_file_7(tmp_path: Path) -> None:
    client = indices(tmp_path, body_of(scores()))
    frame = fetch_and_parse(INDEX, client, TOWN)
    assert matches_contract("deprivation_2025_subdomains", frame)
    assert frame.iloc[1].tolist() == ["E01900002", 20, 22, 24, 26, 28, 30]
    assert [download.published_at for download in INDEX.fetch(client, TOWN)] == ["2025-11-17T09:30:00Z"]
    assert INDEX.news(client, TOWN) == "2025-11-17T09:30:00Z"


def test_a_truncated_header_is_recognised(tmp_path: Path) -> None:
    cut = scores().rename(columns={"Outdoors Sub-domain Score": "Outdoors Sub-domain Sco"})
    assert fetch_and_parse(INDEX, indices(tmp_path, body_of(cut)), TOWN)["outdoors"].tolist() == [20, 30]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            scores(code="LSOA code (2011)"),
            "lacks the column LSOA code (2021) and has ['LSOA code (2011)']; download File 7 of 2025",
        ),
        (
            scores().drop(columns="Indoors Sub-domain Score"),
            "of GOV.UK has 0 columns 'Indoors Sub-domain Score'; download it again",
        ),
        (scores(TOWN.lsoas[:1]), "of GOV.UK lacks 1 LSOAs of ours, E01900002; download it again, whole"),
    ],
    ids=["2011", "a score gone", "an area gone"],
)
def test_another_file_is_refused(tmp_path: Path, table: pd.DataFrame, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        fetch_and_parse(INDEX, indices(tmp_path, body_of(table)), TOWN)
    assert message in str(caught.value)


def test_a_page_without_the_file_is_reported(tmp_path: Path) -> None:
    client = indices(tmp_path, b"", "Renamed.csv")
    with pytest.raises(
        PermanentFailure, match=r"has no attachment File_7.*it has File_1_IoD2025\.xlsx, Renamed\.csv; "
    ):
        fetch_and_parse(INDEX, client, TOWN)


def test_the_last_known_address_is_requested_if_the_page_moved(tmp_path: Path) -> None:
    at = FILE_7.removeprefix(ASSETS)
    client = FakeClient(tmp_path, {at: body_of(scores())})
    assert fetch_and_parse(INDEX, client, TOWN)["area_code"].tolist() == list(TOWN.lsoas)
    assert client.paths() == [INDICES, at]
    client.responses[INDICES] = PermanentFailure("answered 403", 403)
    with pytest.raises(PermanentFailure, match="answered 403"):
        fetch_and_parse(INDEX, client, TOWN)


def workbook(areas: tuple[str, ...] = TOWN.lsoas, label: str = "Number of households1", note: str = "2022") -> bytes:
    rows = [
        [area, "Anytown 001A", "E06900001", "Anytown", "East", 100 * number, 10 * number, 10.0]
        for number, area in enumerate((*areas, "E01000000"), 1)
    ]
    return fuel_workbook(rows, note, label)


def test_fuel_poverty_is_read_for_every_year_by_current_lsoa(tmp_path: Path) -> None:
    def document(year: int) -> dict[str, Any]:
        return {"base_path": f"/government/statistics/fp-{year}", "title": f"Sub-regional fuel poverty ({year} data)"}

    def page(year: int) -> bytes:
        files = [{"url": f"{ASSETS}/media/{year}/notes.pdf"}, {"url": f"{ASSETS}/media/{year}/tables.xlsx"}]
        return json.dumps({"details": {"attachments": files}}).encode()

    links = {"documents": [document(2024), document(2020), document(2023), {"title": "Methods", "base_path": "/x"}]}
    responses = {FUEL_POVERTY: json.dumps({"links": links}).encode()}
    for year in (2023, 2024):
        responses |= {
            f"/government/statistics/fp-{year}": page(year),
            f"/media/{year}/tables.xlsx": workbook(note=f"{year}"),
        }
    frame = fetch_and_parse(FUEL, FakeClient(tmp_path, responses), TOWN)
    assert matches_contract("fuel_poverty_lilee", frame)
    assert frame.values.tolist() == [
        ["E01900001", 2023, 100, 10], ["E01900002", 2023, 200, 20],
        ["E01900001", 2024, 100, 10], ["E01900002", 2024, 200, 20],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Sub-regional fuel poverty data 2026 (2024 data)", 2024),
        ("Sub-regional fuel poverty 2026", 2024),
        ("/media/1/sub-regional-fuel-poverty-tables-2025-2023-data.xlsx", 2023),
        ("Methodology", 0),
    ],
)
def test_the_year_of_figures_is_not_the_year_of_release(title: str, year: int) -> None:
    assert _fuel_year(title) == year


def test_tables_attached_to_the_collection_itself_are_read(tmp_path: Path) -> None:
    file = {"url": f"{ASSETS}/media/9/tables-2026.xlsx", "title": "Sub-regional fuel poverty 2026"}
    page = {"details": {"attachments": [file, {"url": f"{ASSETS}/media/9/notes-2026.pdf"}]}}
    client = FakeClient(tmp_path, {FUEL_POVERTY: json.dumps(page).encode(), "/media/9/tables-2026.xlsx": workbook()})
    assert fetch_and_parse(FUEL, client, TOWN)["year"].tolist() == [2024, 2024]


def test_a_workbook_in_the_inbox_states_its_own_year(tmp_path: Path) -> None:
    assert FUEL.parse([as_download(tmp_path, workbook(), "tables.xlsx")], TOWN)["year"].tolist() == [2022, 2022]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (workbook(areas=("E01900001", "E01800001")), "is on the LSOAs of 2011 (E01800001); use a later year's"),
        (workbook(areas=TOWN.lsoas[:1]), "lacks 1 LSOAs of ours, E01900002; download it again, whole"),
        (
            workbook(label="Homes"),
            "has no sheet with lsoa code, number of households, number of households in fuel poverty",
        ),
        (workbook(note="newest"), "does not name its year above the table; fetch it through its page"),
        (b"<html>", "is not a readable workbook: File is not a zip file; download it again"),
    ],
    ids=["mixed vintages", "an area gone", "renamed", "no year", "a web page"],
)
def test_another_workbook_is_refused(tmp_path: Path, body: bytes, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        FUEL.parse([as_download(tmp_path, body, "tables.xlsx")], TOWN)
    assert message in str(caught.value)
