"""The estimates behind stated errors, on figures to which a known error was added."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.contracts.models.indicators import MeasurementError
from spi_pipeline.indicators.estimates import contrast_ratio, estimated_error, level_error, scatter
from spi_pipeline_tests.scoring.town import indicator

WARDS = [f"E05{number:06}" for number in range(2000)]
GENERATOR = np.random.default_rng(11)
TRUTH = GENERATOR.normal(50, 8, len(WARDS))


def observed(name: str, values: np.ndarray, year: int = 2024) -> pd.DataFrame:
    return pd.DataFrame(
        {"indicator_id": name, "area_code": WARDS, "period_end": pd.Timestamp(year, 12, 31), "value": values}
    )


def test_two_measures_of_one_thing_show_the_error_of_each() -> None:
    noisy = [TRUTH + GENERATOR.normal(0, 3, len(WARDS)) for _ in range(2)]
    table = pd.concat([observed("one", noisy[0]), observed("other", noisy[1] / 10)])
    item = indicator("one").model_copy(update={"error": MeasurementError(evidence="two_measures", sd=1, other="other")})
    # The second measure may have another unit. √(1 − r) from 2,000 pairs has a standard error of one fiftieth.
    assert estimated_error(item, table) == pytest.approx(3, rel=0.08)
    turned = table.assign(value=table["value"].where(table["indicator_id"] == "one", -table["value"]))
    assert estimated_error(item, turned) == pytest.approx(estimated_error(item, table)), "or another direction"


def test_the_assumed_bound_is_half_of_the_variance_of_the_newest_values() -> None:
    item = indicator("one").model_copy(update={"error": MeasurementError(evidence="assumed", sd=1, reason="None.")})
    table = pd.concat([observed("one", TRUTH, 2024), observed("one", 9 * TRUTH, 2019), observed("x", TRUTH)])
    assert estimated_error(item, table) == pytest.approx(np.sqrt(TRUTH.var(ddof=1) / 2))
    stated = indicator("one").model_copy(
        update={"error": MeasurementError(evidence="assumed", relative_sd=0.2, reason="By law.")}
    )
    assert estimated_error(stated, table) is None


def test_the_scatter_of_repeats_excludes_trends_and_changes_common_to_all_wards() -> None:
    years = np.arange(7)
    steady = 50 + GENERATOR.normal(0, 2, (3000, 1)) * years + GENERATOR.normal(0, 5, years.size)
    assert scatter(steady) == pytest.approx(0, abs=1e-10)
    noisy = steady + GENERATOR.normal(0, 0.4, steady.shape)
    assert scatter(noisy) == pytest.approx(0.4, rel=0.03)
    gap = noisy.copy()
    gap[0, 3] = np.nan
    assert scatter(gap) == pytest.approx(scatter(noisy[1:]))


def test_a_repeated_measure_states_its_scatter_as_a_share_of_the_value() -> None:
    item = indicator("buses").model_copy(
        update={"error": MeasurementError(evidence="dispersion", relative_sd=0.1, reason="Years.")}
    )
    years = [
        observed("buses", TRUTH * np.exp(GENERATOR.normal(0, 0.1, len(WARDS))), year) for year in range(2018, 2025)
    ]
    assert estimated_error(item, pd.concat([*years, years[0]])) == pytest.approx(0.1, rel=0.03)


def test_the_level_error_combines_the_scatter_of_years_with_their_own_error() -> None:
    levels = pd.Series(TRUTH, WARDS)
    years = pd.concat(
        [observed("crime", TRUTH * (1 + GENERATOR.normal(0, 0.12, len(WARDS))), year) for year in (2023, 2024)]
    )
    # The 95 % interval is 1.96 standard errors either side; one standard error is 5 % of the level.
    half = 1.959964 * 0.05 * years["area_code"].map(levels)
    years = years.assign(lower=years["value"] - half, upper=years["value"] + half)
    assert level_error(levels, years) == pytest.approx(0.13, rel=0.03)
    carried = pd.concat([years, years.assign(edition=2025)])
    assert level_error(levels, carried) == pytest.approx(level_error(levels, years)), "a carried value counts once"


def test_areas_of_two_independent_pieces_have_a_contrast_of_four() -> None:
    """Each area is two output areas in two wards, rates from one distribution: σ² is half its variance, δ² twice it."""
    parents = [f"E02{number:06}" for number in range(3000)]
    areas = [f"E00{number:06}" for number in range(2 * len(parents))]
    weights = pd.DataFrame(
        {"small_area_code": areas, "area_code": ["E05000001", "E05000002"] * len(parents), "weight": 1.0}
    )
    figure = pd.DataFrame({"area_code": areas, "count": GENERATOR.normal(30, 5, len(areas)), "base": 100.0})
    ratio = contrast_ratio({"one": figure}, weights, pd.Series(np.repeat(parents, 2), areas))
    # Areas made of two independent pieces have half the variance of the pieces, so the ratio is 2 / (1/2).
    assert ratio == pytest.approx(4, rel=0.1)
    whole = weights.assign(area_code=np.repeat(["E05000001", "E05000002"] * (len(parents) // 2), 2))
    assert contrast_ratio({"one": figure}, whole, pd.Series(np.repeat(parents, 2), areas)) is None
