"""The error of placing small areas whole: by hand, by its properties, and against Luton, which has both placements."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.geography.allocate import allocate_counts
from spi_pipeline.indicators.estimates import misplacement_ratios
from spi_pipeline.indicators.spreading import MISPLACED, misplacement, spreading_error
from spi_pipeline.indicators.values import Wards, ward_values
from spi_pipeline.outputs.errors import CENSUS as CENSUS_TABLES
from spi_pipeline.outputs.errors import census_figures
from spi_pipeline_tests.docs.conftest import contracts
from spi_pipeline_tests.geography.both_ways import LEVELS, frame_of, of_level, placed_each_way
from spi_pipeline_tests.indicators.test_context import people
from spi_pipeline_tests.indicators.test_values import CENSUS, CRIME, SHARE, points, run_of_months, small
from spi_pipeline_tests.scoring.town import indicator, source

__all__ = ["contracts"]

NORTH, SOUTH = "E06000001", "E06000002"
N1, N2, S1 = WARDS = ["E05000001", "E05000002", "E05000003"]
AUTHORITY_OF = {N1: NORTH, N2: NORTH, S1: SOUTH}
LSOAS = [f"E0100000{number}" for number in range(1, 6)]
# The deprivation indicators that peak in a town centre.
CENTRE = {"violence_with_injury", "violence_without_injury", "theft", "public_order"}


def whole(*wards: str, method: str = "best_fit", geography: str = "lsoa21") -> pd.DataFrame:
    """The weights of small areas that each lie in one ward."""
    rows = pd.DataFrame({"small_area_code": LSOAS[: len(wards)], "area_code": wards})
    return rows.assign(geography=geography, weight=1.0, residents=100.0, method=method)


def errors(count: list[float], base: list[float], weights: pd.DataFrame) -> dict[str, float]:
    figures = pd.DataFrame({"area_code": weights["small_area_code"], "count": count, "base": base})
    misplaced = misplacement(weights, AUTHORITY_OF)
    got = spreading_error(figures, weights, AUTHORITY_OF, counted=True, misplaced=misplaced)
    return dict(zip([*WARDS, NORTH, SOUTH], got, strict=True))


def test_the_error_by_hand() -> None:
    # Rates .1, .1, .1 and .3 on bases of 100: mean .15, variance (3 · .0025 + .0225) / 4 = .0075. N1 has three LSOAs.
    got = errors([10, 10, 10, 30], [100] * 4, whole(N1, N1, N1, N2))
    lsoa = MISPLACED["best_fit"]["lsoa"]
    assert got[N1] == pytest.approx(300 * np.sqrt(lsoa / 3 * 0.0075))
    assert got[N2] == pytest.approx(100 * np.sqrt(lsoa * 0.0075))
    assert (got[NORTH], got[S1], got[SOUTH]) == (0, 0, 0), "one ward has what another lacks"


def test_a_town_of_one_ward_misplaces_nothing() -> None:
    assert set(misplacement(whole(N1, N2, S1, S1), AUTHORITY_OF).loc[S1]) == {0.0}


def test_residents_that_are_shared_out_are_not_misplaced() -> None:
    assert (misplacement(whole(N1, N2, S1, method="parts"), AUTHORITY_OF) == 0).all(axis=None)


def test_output_areas_count_as_placed_themselves_or_through_their_lsoas() -> None:
    five = whole(N1, N1, N1, N1, N2, geography="oa21")
    by_oa = pd.concat([five.assign(method="output_areas"), whole(N1, N2, method="parts")])
    assert misplacement(by_oa, AUTHORITY_OF).loc[N1, "oa"] == MISPLACED["output_areas"]["oa"] / 4
    by_lsoa = pd.concat([five, whole(N1, N2, method="parts")])
    assert misplacement(by_lsoa, AUTHORITY_OF).loc[N1, "lsoa"] == MISPLACED["best_fit"]["lsoa"] / 1


def test_an_unknown_spread_leaves_the_error_unknown() -> None:
    got = errors([10, np.nan], [100, 100], whole(N1, N2))
    assert np.isnan(got[N1])
    assert got[S1] == 0, "nothing is placed there"


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(1, 500)), min_size=5, max_size=5),
    st.floats(0.01, 100),
    st.permutations([N1, N1, N1, N2, S1]),
)
def test_the_error_scales_with_the_unit_and_stays_within_the_spread(
    cells: list[tuple[float, float]], factor: float, wards: list[str]
) -> None:
    weights, base = whole(*wards), [size for _, size in cells]
    got = errors([rate * size for rate, size in cells], base, weights)
    scaled = errors([factor * rate * size for rate, size in cells], base, weights)
    assert scaled == pytest.approx({area: factor * value for area, value in got.items()}, rel=1e-6, abs=1e-9)
    sizes = pd.Series(base).groupby(pd.Series(wards)).sum()
    for ward in (N1, N2):
        # Rates between 0 and 1 have a standard deviation of at most 1/2, and a ward has at least one LSOA.
        assert 0 <= got[ward] <= sizes[ward] * np.sqrt(MISPLACED["best_fit"]["lsoa"]) / 2 + 1e-9
    alike = errors([0.25 * size for size in base], base, weights)
    assert max(alike.values()) == pytest.approx(0, abs=1e-6), (
        "if all areas are alike, it does not matter who lives where"
    )


def town(method: str) -> Wards:
    """Five LSOAs in the wards of the other tests, none shared between wards."""
    wards = ["E05000001", "E05000001", "E05000002", "E05000003", "E05000004"]
    weights = whole(*wards, method=method).assign(household_weight=1.0, households=[40.0, 100.0, 20.0, 10.0, 50.0])
    authorities = [NORTH, NORTH, SOUTH, SOUTH]
    boundaries = pd.DataFrame({"area_code": sorted(set(wards)), "parent_code": authorities})
    return Wards(boundaries, weights.assign(residents=CENSUS["residents"].astype(float)), 0.65)


def of_wards(measure: dict[str, object], rows: pd.DataFrame, method: str, **stated: object) -> pd.Series:
    """The allocation errors of an indicator, as shares of its values."""
    sources = {"survey": source(**stated), "census": source("census")}
    results = ward_values(indicator("figure", **measure), sources, {"survey": rows, "census": CENSUS}, town(method))
    values = results.values.set_index("area_code").loc[list(town(method).authorities)]
    return values["allocation_error"] / values["value"]


def test_misplaced_residents_affect_rates_of_points_but_not_of_small_areas() -> None:
    year = run_of_months("2023-05", 12)
    crimes = pd.concat([points(year, ward=ward) for ward in town("best_fit").authorities], ignore_index=True)
    by_point = of_wards(CRIME, crimes, "best_fit", levels=["point"], column="month")
    size = MISPLACED["best_fit"]["size"]
    assert by_point.tolist() == pytest.approx(np.sqrt([size / 2, size, size, size]))
    assert of_wards(CRIME, crimes, "parts", levels=["point"], column="month").tolist() == [0, 0, 0, 0]
    alike = small(yes=CENSUS["residents"] // 10, asked=CENSUS["residents"])
    assert of_wards(SHARE, alike, "best_fit").tolist() == pytest.approx([0, 0, 0, 0], abs=1e-9)


def test_misplaced_residents_affect_their_total() -> None:
    alike = dataclasses.replace(
        town("best_fit"), weights=town("best_fit").weights.assign(households=CENSUS["residents"])
    )
    results = people("total", alike).set_index("area_code")
    share = (results["allocation_error"] / results["value"]).loc[list(alike.authorities)]
    size = MISPLACED["best_fit"]["size"]
    assert share.tolist() == pytest.approx(np.sqrt([size / 2, size, size, size]))
    assert results.loc[NORTH, "allocation_error"] == 0


@pytest.fixture(scope="module")
def each_way(contracts: Contracts) -> dict[str, pd.DataFrame]:
    return placed_each_way(contracts)


@pytest.mark.parametrize("method", MISPLACED)
def test_the_stated_ratios_are_those_of_luton(method: str, each_way: dict[str, pd.DataFrame]) -> None:
    fitted, true = each_way[method], each_way["postcodes"]
    placed = of_level(fitted, "oa" if method == "output_areas" else "lsoa")
    number = placed.groupby("area_code").size()
    results = {level: misplacement_ratios(of_level(fitted, level), of_level(true, level), number) for level in LEVELS}
    stated = MISPLACED[method]
    assert {level: float(f"{ratio:.2g}") for level, (ratio, _) in results.items()} == {
        level: stated[level] for level in LEVELS
    }
    assert float(f"{results['oa'][1]:.2g}") == stated["size"]


def compared(
    figures: dict[str, pd.DataFrame], fitted: pd.DataFrame, true: pd.DataFrame, level: str, contracts: Contracts
) -> pd.DataFrame:
    """For each figure, the share of wards within the error's 90 % band, and the ratio of actual to stated error."""
    authority_of = {ward.code: ward.authority for ward in contracts.geography.wards}
    misplaced = misplacement(fitted, authority_of)
    rows = {}
    for name, figure in figures.items():
        taken, own = (allocate_counts(figure, of_level(way, level)).wards for way in (fitted, true))
        missed = (taken["count"] / taken["base"] - own["count"] / own["base"]).abs()
        weights = of_level(fitted, level)
        error = spreading_error(figure, weights, authority_of, counted=False, misplaced=misplaced)[: len(taken)]
        error = error / taken["base"].to_numpy()
        ratio = np.sqrt((missed**2).sum() / (error**2).sum())
        rows[name] = {"within": (missed <= 1.645 * error).mean(), "ratio": ratio}
    results = pd.DataFrame.from_dict(rows, orient="index")
    print(f"\n{level}\n{results.round(2).to_string()}\n{results.mean().round(3).to_dict()}")
    return results


def test_the_band_covers_the_effect_of_placing_lsoas_by_best_fit_on_deprivation(
    each_way: dict[str, pd.DataFrame], contracts: Contracts
) -> None:
    true = each_way["postcodes"]
    residents = of_level(true, "lsoa").drop_duplicates("small_area_code").set_index("small_area_code")["residents"]
    figures = {}
    for table in ("deprivation_2025", "deprivation_2025_subdomains"):
        rates = frame_of(table).set_index("area_code").astype(float)
        for name in rates.columns[rates.nunique() > 10]:  # homelessness has one figure for the whole town
            figure = pd.DataFrame({"count": rates[name] * residents, "base": residents}).dropna()
            figures[name] = figure.rename_axis("area_code").reset_index()
    results = compared(figures, each_way["best_fit"], true, "lsoa", contracts)
    assert len(results) > 30
    assert 0.90 <= results["within"].mean() <= 0.97
    assert (results["within"] >= 0.90).all()
    usual = results.drop(index=sorted(CENTRE))["ratio"]
    assert usual.max() < 1.7
    assert 0.7 < usual.mean() < 1.0
    assert (results.loc[sorted(CENTRE), "ratio"] > 2).all(), "in a town centre the error is larger than stated"


@pytest.mark.parametrize("method", MISPLACED)
def test_the_band_covers_the_effect_of_placing_areas_whole_on_the_census(
    method: str, each_way: dict[str, pd.DataFrame], contracts: Contracts
) -> None:
    """The test uses output areas where the method places output areas, and LSOAs where it places LSOAs."""
    level = "oa" if method == "output_areas" else "lsoa"
    lookup, figures = frame_of("output_area_lookup").set_index("area_code"), census_figures(CENSUS_TABLES, frame_of)
    if level == "lsoa":
        for name, figure in figures.items():
            parent = figure["area_code"].map(lookup["lsoa_code"])
            figures[name] = figure.groupby(parent)[["count", "base"]].sum().reset_index()
    results = compared(figures, each_way[method], each_way["postcodes"], level, contracts)
    assert len(results) > 30
    assert 0.88 <= results["within"].mean() <= 0.97
    assert 0.7 < results["ratio"].mean() < 1.0
