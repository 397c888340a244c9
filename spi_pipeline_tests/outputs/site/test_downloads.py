"""Downloads hold the published figures, describe their content, and come out the same twice."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from lxml import html

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.outputs.site.build import build
from spi_pipeline.outputs.site.results import Results
from spi_pipeline_tests.contracts.mutation import CONTRACTS
from spi_pipeline_tests.outputs.site.small import OTHER_PAGES, SCORES, WARDS, published, rows


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    contracts = load_contracts(CONTRACTS)
    return published(contracts, tmp_path_factory.mktemp("published") / "spi.duckdb", rows(contracts))


@pytest.fixture(scope="module")
def site(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(results, folder, kinds=OTHER_PAGES)
    return folder


def test_every_table_is_downloadable_as_csv_and_parquet_and_linked(site: Path, results: Results) -> None:
    files = {file.name for file in (site / "downloads").iterdir()}
    for name in results.tables:
        assert {f"{name}.csv", f"{name}.parquet"} <= files
    hrefs = html.parse(str(site / "downloads.html")).xpath("//@href")
    links = {link.split("/")[-1] for link in hrefs if link.startswith("downloads/")}
    assert links == files
    scores = pd.read_csv(site / "downloads/score.csv")
    assert len(scores) == len(results.tables["score"])
    assert scores["score"].sum() == pytest.approx(results.tables["score"]["score"].sum())


def test_the_database_is_the_published_one(site: Path, results: Results) -> None:
    assert (site / "downloads/spi.duckdb").read_bytes() == results.file.read_bytes()


def test_parquet_and_dictionary_describe_the_columns(site: Path) -> None:
    schema = pq.read_schema(site / "downloads/score.parquet")
    assert schema.metadata[b"licence"] == b"OGL-UK-3.0"
    assert schema.metadata[b"figures_taken_on"] == b"2026-11-23"
    dictionary = pd.read_csv(site / "downloads/dictionary.csv").set_index(["table", "column"])
    assert dictionary.index.is_unique
    assert dictionary.loc[("change", "movable"), "licence"] == "OGL-UK-3.0"
    assert dictionary.loc[("residual", "residual"), "unit"] == "points_apart"


def test_the_map_layer_follows_the_geojson_standard(site: Path) -> None:
    layer = json.loads((site / "downloads/wards.geojson").read_text(encoding="utf-8"))
    assert "crs" not in layer
    assert layer["metadata"]["figures_taken_on"] == "2026-11-23"
    assert [feature["id"] for feature in layer["features"]] == list(WARDS)
    for feature in layer["features"]:
        polygon = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert polygon.exterior.is_ccw
        assert polygon.bounds[0] < 0 < 51 < polygon.bounds[1]
        properties = feature["properties"]
        assert properties["area_name"] == WARDS[properties["area_code"]]
        assert properties["social_progress_index_score"] == pytest.approx(sum(SCORES[properties["area_code"]]) / 3)
        assert properties["social_progress_index_rank_low"] <= properties["social_progress_index_rank_high"]


def test_the_workbook_has_cover_contents_and_notes(site: Path) -> None:
    workbook = openpyxl.load_workbook(site / "downloads/spi.xlsx")
    assert workbook.sheetnames == ["Cover", "Contents", "Notes", "Scores", "Likely ranks", "Indicators", "Dictionary"]
    cells = [[cell for cell in row if cell is not None] for row in workbook["Scores"].iter_rows(values_only=True)]
    assert next(row for row in cells if row and row[0] == "Ash")[:4] == ["Ash", 70, 80, 80]
    notes = " ".join(str(cell) for row in workbook["Notes"].iter_rows(values_only=True) for cell in row if cell)
    assert "Overcrowded households (%); unit %" in notes
    headings = [str(cell) for row in workbook["Indicators"].iter_rows(values_only=True) for cell in row if cell]
    assert any("[note 1]" in heading for heading in headings)
    assert all(not sheet.merged_cells.ranges for sheet in workbook)


def test_long_texts_fit_the_screen_and_their_rows_are_high_enough(site: Path) -> None:
    workbook = openpyxl.load_workbook(site / "downloads/spi.xlsx")
    for name, column in (("Notes", "B"), ("Dictionary", "C")):
        sheet = workbook[name]
        width = sheet.column_dimensions[column].width
        assert width < 110
        last = sheet[column][-1]
        lines = sheet.row_dimensions[last.row].height // 15
        assert lines * width >= len(last.value) > 0


def test_unchanged_downloads_are_not_rewritten_and_unwanted_ones_are_removed(results: Results, tmp_path: Path) -> None:
    build(results, tmp_path, kinds=OTHER_PAGES)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}
    build(results, tmp_path, kinds=OTHER_PAGES)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()} == before
    build(results, tmp_path, downloads=False, kinds=OTHER_PAGES)
    assert not (tmp_path / "downloads").exists()
    assert "comes without whole tables" in (tmp_path / "downloads.html").read_text("utf-8")


def test_missing_gptables_is_reported_with_how_to_install_it(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gptables", None)
    with pytest.raises(SpiError, match=r"pip install 'spi-pipeline\[site\]', or build with --no-downloads"):
        build(results, tmp_path, kinds=OTHER_PAGES)
    assert list(tmp_path.iterdir()) == []
