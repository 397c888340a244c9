"""The weights of small areas in wards, compared with weights computed by hand for a small town."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.allocation import METHODS, WEIGHT_COLUMNS, made_of_parts, small_area_weights
from spi_pipeline_tests.geography import town
from spi_pipeline_tests.geography.town import EAST, OA, WEST, A, B, C, D

OUT = "outside"


@pytest.fixture(scope="module")
def weights() -> pd.DataFrame:
    return small_area_weights(**town.tables())


def allocation_of(weights: pd.DataFrame, geography: str, code: str) -> tuple[dict[str, float], str, float]:
    rows = weights[(weights["geography"] == geography) & (weights["small_area_code"] == code)]
    assert rows["method"].nunique() == 1
    assert rows["residents"].nunique() == 1
    return dict(zip(rows["area_code"], rows["weight"], strict=True)), rows["method"].iloc[0], rows["residents"].iloc[0]


@pytest.mark.parametrize(
    ("geography", "code", "shares", "method", "residents"),
    [
        pytest.param("oa21", OA[1], {WEST: 1}, "postcodes", 100, id="whole"),
        pytest.param("oa21", OA[2], {WEST: 3 / 4, EAST: 1 / 4}, "postcodes", 200, id="3 of 4 postcodes, half the area"),
        pytest.param("oa21", OA[3], {WEST: 4 / 5, EAST: 1 / 5}, "area_overlap", 100, id="no postcode inside"),
        pytest.param("oa21", OA[4], {WEST: 2 / 3, EAST: 1 / 3}, "remainder_postcodes", 90, id="no polygon"),
        pytest.param("oa21", OA[5], {EAST: 1 / 2, OUT: 1 / 2}, "remainder_overlap", 50, id="no polygon, no postcode"),
        pytest.param("oa21", OA[7], {WEST: 1}, "best_fit", 80, id="LSOA without polygon"),
        pytest.param("lsoa21", A, {WEST: 390 / 490, EAST: 100 / 490}, "parts", 490, id="100+150+80+60 of 490"),
        pytest.param("lsoa21", B, {EAST: 85 / 110, OUT: 25 / 110}, "parts", 110, id="60+25 of 110"),
        pytest.param("lsoa21", D, {EAST: 1}, "best_fit", 40, id="no output areas"),
        pytest.param("lsoa11", "X1", {WEST: 390 / 600, EAST: 185 / 600, OUT: 25 / 600}, "parts", 600, id="split"),
        pytest.param("lsoa11", "X2", {WEST: 1}, "parts", 40, id="merged: half of 80"),
        pytest.param("lsoa11", "X3", {WEST: 1}, "parts", 40, id="merged: the other half"),
        pytest.param("lsoa11", D, {EAST: 1}, "parts", 40, id="unchanged"),
        pytest.param("msoa21", town.M2, {WEST: 1}, "parts", 80, id="one LSOA"),
        pytest.param("msoa11", "Y1", {WEST: 470 / 680, EAST: 185 / 680, OUT: 25 / 680}, "parts", 680, id="split MSOA"),
        pytest.param("msoa11", town.M3, {EAST: 1}, "parts", 40, id="unchanged MSOA"),
    ],
)
def test_weights_by_hand(
    weights: pd.DataFrame, geography: str, code: str, shares: dict[str, float], method: str, residents: float
) -> None:
    allocated_shares, by, people = allocation_of(weights, geography, code)
    assert allocated_shares == pytest.approx(shares, abs=1e-6)
    assert (by, people) == (method, residents)


@pytest.mark.parametrize(
    ("geography", "code", "shares", "households"),
    [
        pytest.param("oa21", OA[2], {WEST: 3 / 4, EAST: 1 / 4}, 100, id="an output area by its postcodes alone"),
        pytest.param("lsoa21", A, {WEST: 175 / 220, EAST: 45 / 220}, 220, id="40+75+40+20 of 220"),
        pytest.param("lsoa11", "X1", {WEST: 175 / 270, EAST: 85 / 270, OUT: 10 / 270}, 270, id="split"),
        pytest.param("msoa11", town.M3, {EAST: 1}, 20, id="unchanged MSOA"),
    ],
)
def test_weights_by_households_by_hand(
    weights: pd.DataFrame, geography: str, code: str, shares: dict[str, float], households: float
) -> None:
    rows = weights[(weights["geography"] == geography) & (weights["small_area_code"] == code)]
    assert dict(zip(rows["area_code"], rows["household_weight"], strict=True)) == pytest.approx(shares)
    assert set(rows["households"]) == {households}


def test_the_weights_of_each_small_area_sum_to_one(weights: pd.DataFrame) -> None:
    assert list(weights.columns) == WEIGHT_COLUMNS
    assert set(weights["method"]) == set(METHODS) - {"output_areas"}, "no best-fit ward is stated"
    assert not weights.duplicated(["geography", "small_area_code", "area_code"]).any()
    assert (weights["weight"] > 0).all()
    sums = weights.groupby(["geography", "small_area_code"])[["weight", "household_weight"]].sum()
    assert sums.to_numpy() == pytest.approx(1.0, abs=1e-12)


def test_every_geography_counts_the_same_residents(weights: pd.DataFrame) -> None:
    areas = weights.drop_duplicates(["geography", "small_area_code"])
    residents = areas.groupby("geography")["residents"].sum()
    assert residents["oa21"] == 680
    assert residents.drop("oa21").tolist() == [720] * 4


def test_areas_of_other_authorities_get_no_weights(weights: pd.DataFrame) -> None:
    assert not weights["small_area_code"].isin(["E01000009", "X9", "E00000099"]).any()


def test_the_order_of_rows_does_not_change_the_weights(weights: pd.DataFrame) -> None:
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in town.tables().items()}
    pd.testing.assert_frame_equal(
        small_area_weights(**shuffled).sort_values(WEIGHT_COLUMNS, ignore_index=True),
        weights.sort_values(WEIGHT_COLUMNS, ignore_index=True),
    )


def test_a_postcode_in_an_unconfigured_ward_counts_as_outside() -> None:
    tables = town.tables()
    tables["postcodes"] = pd.concat([tables["postcodes"], town.postcodes((480, 20, "E05000077"))])
    shares, method, _ = allocation_of(small_area_weights(**tables), "oa21", OA[1])
    assert method == "postcodes"
    assert shares == pytest.approx({WEST: 2 / 3, OUT: 1 / 3})


def test_a_postcode_without_ward_or_place_is_ignored(weights: pd.DataFrame) -> None:
    tables = town.tables()
    blank = town.postcodes((480, 20, None), (float("nan"), 20, EAST))
    tables["postcodes"] = pd.concat([tables["postcodes"], blank])
    pd.testing.assert_frame_equal(small_area_weights(**tables), weights)


def test_a_polygon_in_no_ward_counts_as_outside() -> None:
    tables = town.tables()
    tables["output_area_boundaries"] = town.boundaries({OA[1]: (5000, 0, 5100, 100)})
    assert allocation_of(small_area_weights(**tables), "oa21", OA[1])[:2] == ({OUT: 1.0}, "area_overlap")


def test_a_sliver_of_overlap_is_ignored() -> None:
    tables = town.tables()
    tables["output_area_boundaries"] = town.boundaries({OA[3]: (530, 500, 1030, 1000), OA[6]: (1310, 0, 1810, 400)})
    tables["postcodes"] = None
    weights = small_area_weights(**tables)
    assert allocation_of(weights, "oa21", OA[3])[:2] == ({WEST: 1.0}, "area_overlap"), "30 m of 500 m are 6 %"
    assert allocation_of(weights, "oa21", OA[6])[:2] == ({EAST: 1.0}, "area_overlap"), "10 m of 500 m lie in no ward"


def test_an_lsoa_filled_by_its_drawn_output_areas_falls_back_to_best_fit() -> None:
    tables = town.tables()
    tables["output_area_boundaries"] = town.boundaries({OA[6]: (1100, -100, 2100, 1100)})
    assert allocation_of(small_area_weights(**tables), "oa21", OA[5])[:2] == ({EAST: 1.0}, "best_fit")


def test_without_output_areas_every_lsoa_goes_to_its_best_fit_ward() -> None:
    tables = town.tables()
    lookup = pd.DataFrame({"lsoa_code": [A, B, C, D], "msoa_code": [town.M1, town.M1, town.M2, town.M3]})
    names = ["wards", "lsoa_best_fit", "lsoa_2011_lookup", "msoa_2011_lookup"]
    given = {name: tables[name] for name in names}
    weights = small_area_weights(
        **given, lsoa_lookup=lookup.assign(residents=[490, 110, 80, 40], households=[9, 3, 2, 1])
    )
    assert set(weights["geography"]) == {"lsoa21", "lsoa11", "msoa21", "msoa11"}
    assert allocation_of(weights, "lsoa21", A) == ({WEST: 1.0}, "best_fit", 490)
    assert allocation_of(weights, "lsoa21", B) == ({EAST: 1.0}, "best_fit", 110)
    assert allocation_of(weights, "msoa21", town.M1) == ({WEST: 490 / 600, EAST: 110 / 600}, "parts", 600)


def test_without_any_boundaries_output_areas_use_the_best_fit() -> None:
    tables = town.tables() | {"output_area_boundaries": None, "lsoa_boundaries": None}
    weights = small_area_weights(**tables)
    assert set(weights.loc[weights["geography"] == "oa21", "method"]) == {"best_fit"}
    assert allocation_of(weights, "lsoa21", B)[0] == {EAST: 1.0}


def test_whole_output_areas_go_to_their_ward_without_postcodes() -> None:
    tables = town.tables() | {"output_area_boundaries": None, "lsoa_boundaries": None, "postcodes": None}
    fits = {OA[1]: WEST, OA[2]: WEST, OA[3]: EAST, OA[4]: WEST, OA[5]: EAST}
    lookup = tables["output_area_lookup"]
    weights = small_area_weights(
        **tables | {"output_area_lookup": lookup.assign(ward_code=lookup["oa_code"].map(fits))}
    )
    assert allocation_of(weights, "oa21", OA[3]) == ({EAST: 1.0}, "output_areas", 100)
    assert allocation_of(weights, "oa21", OA[6]) == ({EAST: 1.0}, "best_fit", 60), "no table states its best fit"
    assert allocation_of(weights, "lsoa21", A) == ({WEST: 390 / 490, EAST: 100 / 490}, "parts", 490)


def test_the_official_best_fit_ranks_between_postcodes_and_area_overlap() -> None:
    tables = town.tables()
    lookup = tables["output_area_lookup"].assign(ward_code=WEST)
    weights = small_area_weights(**tables | {"output_area_lookup": lookup})
    methods = dict(zip(weights["small_area_code"], weights["method"], strict=True))
    assert [methods[OA[number]] for number in (2, 3, 4, 5, 7)] == [
        "postcodes", "area_overlap", "remainder_postcodes", "output_areas", "output_areas",
    ]  # fmt: skip


def test_residents_of_zero_give_a_plain_mean() -> None:
    parts = pd.DataFrame(
        {
            "geography": "oa21",
            "small_area_code": ["p", "q"],
            "area_code": [WEST, EAST],
            "weight": 1.0,
            "residents": 0.0,
            "household_weight": 1.0,
            "households": [3.0, 1.0],
            "method": "postcodes",
        }
    )
    lookup = pd.DataFrame({"whole": ["w", "w"], "part": ["p", "q"]})
    weights_of_wholes = made_of_parts(parts, lookup, "whole", "part", "lsoa21")
    assert allocation_of(weights_of_wholes, "lsoa21", "w") == ({WEST: 0.5, EAST: 0.5}, "parts", 0.0)
    assert weights_of_wholes.set_index("area_code")["household_weight"].to_dict() == {WEST: 0.75, EAST: 0.25}


def test_without_parts_no_weights_are_made() -> None:
    parts = pd.DataFrame({column: [] for column in WEIGHT_COLUMNS}).astype({"small_area_code": str, "area_code": str})
    lookup = pd.DataFrame({"whole": ["w"], "part": ["p"]})
    weights_of_wholes = made_of_parts(parts, lookup, "whole", "part", "lsoa21")
    assert weights_of_wholes.empty
    assert list(weights_of_wholes.columns) == WEIGHT_COLUMNS


def broken(name: str, change: object) -> dict[str, object]:
    tables = town.tables()
    table = tables[name].copy()
    if isinstance(change, tuple):
        column, old, new = change
        table[column] = table[column].replace(old, new)
    return tables | {name: table if isinstance(change, tuple) else change}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        pytest.param(
            broken("postcodes", ("ward_code", EAST, "E05002193")), f"No postcode names the ward {EAST}", id="old"
        ),
        pytest.param(
            broken(
                "postcodes", town.tables()["postcodes"].rename(columns={"easting": "northing", "northing": "easting"})
            ),
            "None of the .* postcodes of the wards lies in an output area",
            id="exchanged",
        ),
        pytest.param(
            broken("lsoa_best_fit", ("ward_code", WEST, "E05002193")), "the wards E05002193", id="old best fit"
        ),
        pytest.param(broken("output_area_lookup", ("lsoa_code", C, "E01999999")), "LSOAs E01999999", id="unknown LSOA"),
        pytest.param(
            broken("output_area_lookup", ("residents", 50, None)), f"no count of residents for {OA[5]}", id="oa"
        ),
        pytest.param(
            broken("output_area_lookup", ("households", 30, None)), "no count of households for E", id="no households"
        ),
        pytest.param(broken("lsoa_lookup", None), f"no count of residents for {D}", id="no LSOA residents"),
    ],
)
def test_missing_tables_or_another_vintage_are_refused(tables: dict[str, pd.DataFrame], message: str) -> None:
    with pytest.raises(SpiError, match=message):
        small_area_weights(**tables)
