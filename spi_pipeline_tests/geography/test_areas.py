"""The table of areas: residents, households and the share in split small areas, computed by hand for a small town."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Authority
from spi_pipeline.geography.allocation import small_area_weights
from spi_pipeline.geography.areas import AREA_COLUMNS, area_table
from spi_pipeline_tests.geography import town
from spi_pipeline_tests.geography.town import EAST, OA, TOWN, WEST, D

HOUSEHOLDS = pd.DataFrame(
    {"area_code": [*OA.values(), D, "E00999999"], "households": [40, 80, 40, 30, 20, 30, 30, 10, 7]}
)

AUTHORITIES = [Authority(code=TOWN, name="Town", police_force="county")]


@pytest.fixture(scope="module")
def weights() -> pd.DataFrame:
    return small_area_weights(**town.tables())


def test_areas_by_hand(weights: pd.DataFrame) -> None:
    table = area_table(town.wards(), AUTHORITIES, weights, HOUSEHOLDS, "2023")
    assert list(table.columns) == AREA_COLUMNS
    assert table["area_code"].tolist() == [WEST, EAST, TOWN]
    assert table["area_name"].tolist() == ["West", "East", "Town"]
    assert table["level"].tolist() == ["ward", "ward", "authority"]
    assert table["parent_code"].isna().tolist() == [False, False, True]
    assert set(table["vintage"]) == {"2023"}
    assert set(table["placed_by"]) == {"postcodes"}
    # West: 100 + 3/4 of 200 + 4/5 of 100 + 2/3 of 90 + 80; East: 50 + 20 + 30 + half of 50 + 60 + 40.
    assert table["population"].tolist() == pytest.approx([470, 225, 695])
    assert table["households"].tolist() == pytest.approx([40 + 60 + 32 + 20 + 30, 20 + 8 + 10 + 10 + 30 + 10, 270])
    # The split output areas are 2, 3, 4 and 5, half of which is in no ward.
    assert table["split_share"].tolist() == pytest.approx([290 / 470, 125 / 225, 415 / 695])
    # The split LSOAs are A and B, part of which is in no ward.
    assert table["split_lsoa_share"].tolist() == pytest.approx([390 / 470, 185 / 225, 575 / 695])


def test_residents_of_split_areas_are_unknown_when_areas_are_placed_whole() -> None:
    tables = town.tables() | {"output_area_boundaries": None, "lsoa_boundaries": None, "postcodes": None}
    fits = pd.Series([WEST, WEST, EAST, WEST, EAST, EAST, WEST])
    lookup = tables["output_area_lookup"]
    by_oa = small_area_weights(**tables | {"output_area_lookup": lookup.assign(ward_code=fits)})
    table = area_table(town.wards(), AUTHORITIES, by_oa, HOUSEHOLDS, "2023")
    assert set(table["placed_by"]) == {"output_areas"}
    assert table["split_share"].isna().all(), "an output area may still be split"
    # Only A is in both wards, with 390 residents in West and 100 in East. West has 80 more from C, East 150 more.
    assert table["split_lsoa_share"].tolist() == pytest.approx([390 / 470, 100 / 250, 490 / 720])
    by_lsoa = area_table(town.wards(), AUTHORITIES, small_area_weights(**tables), HOUSEHOLDS, "2023")
    assert set(by_lsoa["placed_by"]) == {"best_fit"}
    assert by_lsoa[["split_share", "split_lsoa_share"]].isna().all(axis=None), "unknown is not zero"
    assert by_lsoa["population"].tolist() == [570, 150, 720]


def test_figures_of_a_ward_without_small_areas_are_missing_not_zero(weights: pd.DataFrame) -> None:
    north = pd.DataFrame({"area_code": ["E05000003"], "area_name": ["North"], "parent_code": [TOWN]})
    table = area_table(pd.concat([town.wards(), north]), AUTHORITIES, weights, HOUSEHOLDS, "2023")
    row = table.set_index("area_code").loc["E05000003"]
    assert row[["population", "households", "split_share", "split_lsoa_share"]].isna().all()
    assert table.set_index("area_code").loc[TOWN, "population"] == pytest.approx(695)


def test_missing_households_are_refused(weights: pd.DataFrame) -> None:
    with pytest.raises(SpiError, match=f"There is no count of households for {OA[3]}: "):
        area_table(town.wards(), AUTHORITIES, weights, HOUSEHOLDS[HOUSEHOLDS["area_code"] != OA[3]], "2023")
