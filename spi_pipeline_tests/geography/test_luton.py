"""The weights from Luton's published tables, compared with independent figures: the electorates of May 2023."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from spi_pipeline.contracts.models.geography import Authority
from spi_pipeline.geography.allocate import allocate_counts
from spi_pipeline.geography.allocation import small_area_weights
from spi_pipeline.geography.areas import area_table
from spi_pipeline.geography.points import place_points

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = SHARED / "data"
CENSUS = DATA / "census2021_nomis" / "luton"
LUTON = "E06000032"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the published tables in ../shared/data are not available")


def polygons(file: str, code: str, name: str | None = None) -> pd.DataFrame:
    path = DATA / "geography" / file
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    features = json.loads(raw)["features"]
    geometry = [shapely.to_wkb(shapely.from_geojson(json.dumps(feature["geometry"]))) for feature in features]
    frame = pd.DataFrame({"area_code": [feature["properties"][code] for feature in features], "geometry": geometry})
    return frame.assign(area_name=[feature["properties"][name] for feature in features]) if name else frame


def lookup(file: str, **names: str) -> pd.DataFrame:
    return pd.read_csv(DATA / "geography" / file).rename(columns=names)[list(names.values())]


def census(table: str, name: str) -> pd.DataFrame:
    """The total of a census table by output area."""
    frame = pd.read_csv(CENSUS / f"census2021-{table}-oa.csv.gz")
    return frame.iloc[:, [1, 3]].set_axis(["area_code", name], axis=1)


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    heating = pd.read_csv(DATA / "census2021_onsvisual" / "TS046_heating_type_3a_2021_luton.csv.gz")
    parent = heating.groupby("Geography area type")[["Geography code", "Parent area code"]]
    areas = parent.get_group("Output Area").set_axis(["oa_code", "lsoa_code"], axis=1)
    areas = areas.merge(parent.get_group("LSOA").set_axis(["lsoa_code", "msoa_code"], axis=1), on="lsoa_code")
    counted = census("ts001", "residents").merge(census("ts041", "households"), on="area_code", validate="one_to_one")
    postcodes = pd.read_csv(DATA / "geography" / "codepoint_open_lu.csv", header=None)[[0, 2, 3, 9]]
    return {
        "wards": polygons("wards_2025_bgc_luton.geojson", "WD25CD", "WD25NM").assign(parent_code=LUTON),
        "lsoa_best_fit": lookup(
            "lookup_lsoa21_ward24_ltla24.csv.gz",
            lsoa21_code="lsoa_code",
            ward24_code="ward_code",
            ltla24_code="authority_code",
        ),
        "lsoa_2011_lookup": lookup(
            "lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv.gz", LSOA11CD="lsoa11_code", LSOA21CD="lsoa21_code"
        ),
        "msoa_2011_lookup": lookup("msoa11_msoa21_lad22_luton.csv", MSOA11CD="msoa11_code", MSOA21CD="msoa21_code"),
        "output_area_lookup": areas.merge(
            counted.rename(columns={"area_code": "oa_code"}), on="oa_code", validate="one_to_one"
        ),
        "output_area_boundaries": polygons("oa11_luton.geojson.gz", "OA11CD"),
        "lsoa_boundaries": polygons("lsoa21_bgc_luton.geojson", "LSOA21CD"),
        "postcodes": postcodes.set_axis(["postcode", "easting", "northing", "ward_code"], axis=1),
    }


@pytest.fixture(scope="module")
def weights(tables: dict[str, Any]) -> pd.DataFrame:
    return small_area_weights(**tables)


@pytest.fixture(scope="module")
def electorate(tables: dict[str, Any]) -> pd.Series:
    """Electors in May 2023 by ward code; the source lacks Farley."""
    results = pd.read_csv(DATA / "elections" / "LEH-Candidates-2023_Ward_Level_luton.csv")
    results = results[results["DISTRICTNAME"] == "Luton"]
    codes = tables["wards"].set_index("area_name")["area_code"]
    return results.set_index(results["WARDNAME"].map(codes))["ELECT"].astype(float)


def allocated(counts: pd.DataFrame, weights: pd.DataFrame, geography: str) -> pd.Series:
    allocation = allocate_counts(counts, weights[weights["geography"] == geography])
    assert (allocation.covered == 1).all(axis=None)
    return allocation.wards[counts.columns[1]]


def test_every_small_area_is_placed_by_its_residents(weights: pd.DataFrame) -> None:
    areas = weights.drop_duplicates(["geography", "small_area_code"])
    assert areas.groupby("geography").size().to_dict() == {
        "oa21": 621,
        "lsoa21": 125,
        "lsoa11": 121,
        "msoa21": 22,
        "msoa11": 21,
    }
    assert areas.groupby("geography")["residents"].sum().tolist() == [225_261] * 5
    methods = areas[areas["geography"] == "oa21"].groupby("method").size()
    assert methods.to_dict() == {"postcodes": 562, "remainder_postcodes": 59}
    assert "outside" not in set(weights["area_code"])
    assert weights["area_code"].nunique() == 20


def test_adults_correlate_with_the_electorate(
    weights: pd.DataFrame, tables: dict[str, Any], electorate: pd.Series
) -> None:
    adults = census("ts067", "adults")
    by_lsoa = adults.assign(
        area_code=adults["area_code"].map(tables["output_area_lookup"].set_index("oa_code")["lsoa_code"])
    )
    by_lsoa = by_lsoa.groupby("area_code", as_index=False).sum()
    best_fit = by_lsoa.groupby(by_lsoa["area_code"].map(tables["lsoa_best_fit"].set_index("lsoa_code")["ward_code"]))

    assert len(electorate) == 19
    assert allocated(adults, weights, "oa21").corr(electorate) >= 0.93
    assert allocated(by_lsoa, weights, "lsoa21").corr(electorate) >= 0.92
    assert best_fit["adults"].sum().corr(electorate) == pytest.approx(0.85, abs=0.01), "the weights correct this"


def test_areas(weights: pd.DataFrame, tables: dict[str, Any]) -> None:
    towns = [Authority(code=LUTON, name="Luton", police_force="bedfordshire")]
    table = area_table(tables["wards"], towns, weights, census("ts041", "households"), "2023")
    table = table.set_index("area_code")
    assert table.loc[LUTON, ["population", "households"]].tolist() == pytest.approx([225_261, 78_930])
    # 65 of the 621 output areas have postcodes in two wards.
    assert table.loc[LUTON, "split_share"] == pytest.approx(0.103, abs=0.001)
    # Expected figures from a coarser second route: postcode weights of whole LSOAs.
    coarse = {"Central": 10_100, "Barnfield": 12_500, "Northwell": 13_800, "Poets": 9_000}
    population = table.set_index("area_name")["population"]
    assert population[list(coarse)].to_dict() == pytest.approx(coarse, rel=0.1)


def test_the_split_msoa_is_the_sum_of_its_successors(weights: pd.DataFrame) -> None:
    people = weights["weight"] * weights["residents"]

    def by_ward(codes: list[str]) -> pd.Series:
        rows = weights["small_area_code"].isin(codes)
        return people[rows].groupby(weights["area_code"]).sum()

    pd.testing.assert_series_equal(by_ward(["E02003275"]), by_ward(["E02006937", "E02006938"]))


def test_postcodes_lie_in_the_polygon_of_their_published_ward(tables: dict[str, Any]) -> None:
    """This checks polygons and projection together; PROJ chooses the transformation."""
    postcodes = tables["postcodes"]
    postcodes = postcodes[postcodes["ward_code"].isin(set(tables["wards"]["area_code"]))]
    to_wgs84 = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
    longitude, latitude = to_wgs84.transform(postcodes["easting"].to_numpy(), postcodes["northing"].to_numpy())
    placed = place_points(np.asarray(longitude), np.asarray(latitude), tables["wards"])
    assert len(placed) == 3_236
    assert (placed != postcodes["ward_code"].to_numpy(dtype=object)).sum() <= 5
