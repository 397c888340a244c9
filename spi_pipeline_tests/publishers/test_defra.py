"""DEFRA's grids: the value of the cell in which an area's centroid lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyproj import Transformer

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.shapes import BRITISH_NATIONAL_GRID
from spi_pipeline.publishers.defra import OFFERS
from spi_pipeline.publishers.http.exchange import PermanentFailure
from spi_pipeline.publishers.ons_geography.layers import CENTROIDS, SERVICES
from spi_pipeline_tests.imitations.publishers.defra import grid
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, fetch_and_parse, matches_contract

POLLUTION = OFFERS["background_pollution"]
PLACES = {"E01900001": (508_200, 221_700), "E01900002": (509_900, 221_100)}  # metres, in two cells side by side
CELLS = {(508_500, 221_500): "12.5", (509_500, 221_500): "9.25"}


def centroids() -> bytes:
    to_degrees = Transformer.from_crs(BRITISH_NATIONAL_GRID, "EPSG:4326", always_xy=True)
    features = [
        {"properties": {"LSOA21CD": code}, "geometry": {"type": "Point", "coordinates": to_degrees.transform(*place)}}
        for code, place in PLACES.items()
    ]
    return json.dumps({"features": features}).encode()


def publisher(folder: Path) -> FakeClient:
    maps = {f"/datastore/pcm/mapno2{year}.csv": grid(f"no2{year}", CELLS) for year in (2023, 2024)}
    maps |= {
        "/datastore/pcm/mappm252024g.csv": grid("pm252024g", {(508_500, 221_500): "7", (509_500, 221_500): "MISSING"})
    }
    return FakeClient(folder, {f"/{SERVICES[CENTROIDS].name}/FeatureServer/0/query": centroids(), **maps})


def test_an_area_has_the_value_of_its_cell_by_year(tmp_path: Path) -> None:
    frame = fetch_and_parse(POLLUTION, publisher(tmp_path), TOWN)
    assert matches_contract("background_pollution", frame)
    assert frame[["area_code", "year", "no2"]].values.tolist() == [
        ["E01900001", 2023, 12.5], ["E01900001", 2024, 12.5], ["E01900002", 2023, 9.25], ["E01900002", 2024, 9.25],
    ]  # fmt: skip
    assert frame["pm25"].isna().tolist() == [True, False, True, True]  # no map for 2023; no cell for the second area


def test_unpublished_years_are_accepted_unless_no_year_is_published(tmp_path: Path) -> None:
    client = publisher(tmp_path)
    list(POLLUTION.fetch(client, TOWN))
    assert client.paths()[-1] == "/datastore/pcm/mappm252025g.csv"
    with pytest.raises(PermanentFailure, match=r"has no grid of any year since 2021; see uk-air\.defra\.gov\.uk$"):
        list(POLLUTION.fetch(FakeClient(tmp_path, {client.paths()[0]: centroids()}), TOWN))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            grid("so22024", CELLS),
            "map.csv of DEFRA ends in column 'so22024', not in one like no22024; fetch the right map",
        ),
        (
            b"<!DOCTYPE html>\n<html>\n",
            "map.csv is not a CSV file of DEFRA: no line starts with 'gridcode' or 'ukgridcode'; download it again",
        ),
        (
            grid("no22024", {(1_500, 1_500): "3"}),
            "map.csv of DEFRA has no value for 2 of 2 LSOAs, so its grid may cover another place",
        ),
        (grid("no22024", {(508_500, 221_500): "high"}), "map.csv: column no22024 holds 'high' where a number belongs"),
    ],
    ids=["another pollutant", "a web page", "another grid", "a word"],
)
def test_another_file_is_refused(tmp_path: Path, body: bytes, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        POLLUTION.parse([as_download(tmp_path, centroids(), "query"), as_download(tmp_path, body, "map.csv")], TOWN)
    assert str(caught.value).startswith(message)


def test_grids_without_centroids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"^the grids of DEFRA lack the centroids of our LSOAs; "):
        POLLUTION.parse([as_download(tmp_path, grid("no22024", CELLS), "map.csv")], TOWN)
