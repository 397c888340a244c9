"""COINr's ASEM example before aggregation: imputation, outlier treatment, and every normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.engine.aggregate.parent import aggregate
from spi_pipeline.engine.impute.same_indicator import impute_average
from spi_pipeline.engine.normalise.linear import (
    distance_to_maximum,
    fraction_of_maximum,
    minmax_scores,
    scaled_scores,
    z_scores,
)
from spi_pipeline.engine.normalise.outliers import treat_outliers
from spi_pipeline.engine.normalise.ranks import borda_scores, percentile_ranks, rank_scores
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.principal import principal_component_weights
from spi_pipeline_tests.engine.panels import normalised
from spi_pipeline_tests.published.files import published

# COINr separates values that differ only in the last digit of a float; our engine ties them.
TIED_BY_US = {("BGR", "TolMin"), ("CZE", "TolMin"), ("NOR", "TolMin")}


def table(name: str) -> pd.DataFrame:
    frame = pd.read_csv(published(f"coinr_asem/{name}.csv"), index_col="uCode")
    return pd.concat({2018: frame}, names=["edition", "area_code"])


@pytest.fixture(scope="module")
def meta() -> pd.DataFrame:
    frame = pd.read_csv(published("coinr_asem/ASEM_iMeta.csv"), index_col="iCode")
    return frame[frame["Type"] == "Indicator"]


@pytest.fixture(scope="module")
def direction(meta: pd.DataFrame) -> pd.Series:
    return meta["Direction"].astype(int)


def test_gaps_imputed_with_the_mean_of_the_group_agree() -> None:
    units = pd.read_csv(published("coinr_asem/ASEM_iData.csv"), index_col="uCode")
    denominated, expected = table("dset_Denominated"), table("dset_Imputed")
    groups = pd.Series(units["EurAsia_group"].reindex(denominated.index.get_level_values("area_code")).to_numpy())
    imputed = impute_average(denominated, "mean", groups.set_axis(denominated.index))
    assert len(imputed.cells) == 65
    relative = (imputed.panel - expected).abs() / expected.abs().clip(lower=1e-12)
    assert relative.to_numpy().max() < 1e-12


def test_winsorised_outliers_agree() -> None:
    expected = table("dset_Treated").astype(float)
    treated = treat_outliers(table("dset_Screened"))
    pd.testing.assert_frame_equal(treated.panel, expected, rtol=1e-12, atol=0)
    assert len(treated.points) == 35
    assert set(treated.summary["treatment"]) == {"none", "winsorised"}
    assert set(treated.points.query("indicator_id == 'FemLab'")["treatment"]) == {"winsorised low"}


@pytest.mark.parametrize(
    ("name", "normalise", "options"),
    [
        ("norm_n_minmax", minmax_scores, {}),
        ("norm_minmax_1_100", minmax_scores, {"low": 1}),
        ("norm_n_zscore", z_scores, {}),
        ("norm_n_scaled", scaled_scores, {}),
        ("norm_n_dist2max", distance_to_maximum, {"scale": 1}),
    ],
)
def test_linear_normalisations_agree(
    direction: pd.Series, name: str, normalise: Callable[..., Any], options: dict[str, Any]
) -> None:
    difference = (normalised(normalise, table("dset_Treated"), direction, **options) - table(name)).abs()
    assert difference.size == 2499
    assert difference.to_numpy().max() < 1e-10


def test_fractions_of_the_maximum_agree_where_higher_is_better(direction: pd.Series) -> None:
    treated, expected = table("dset_Treated"), table("norm_n_fracmax")
    # Where lower is better, COINr divides two negative numbers, which reverses the indicator. One indicator has a
    # negative value, which is not a fraction of anything. Both cases are left out.
    higher = direction.index[(direction > 0) & (treated.min() >= 0)]
    assert len(higher) == 34
    computed = normalised(fraction_of_maximum, treated[higher], direction, scale=1)
    assert (computed - expected[higher]).abs().to_numpy().max() < 1e-12


@pytest.mark.parametrize(
    ("name", "normalise", "step"),
    [
        ("norm_n_rank", rank_scores, 1),
        ("norm_n_borda", borda_scores, 1),
        ("norm_n_prank", percentile_ranks, 1 / 50),
    ],
)
def test_rank_normalisations_agree_except_for_ties(
    direction: pd.Series, name: str, normalise: Callable[..., Any], step: float
) -> None:
    difference = (table(name) - normalised(normalise, table("dset_Treated"), direction, scale=1)).droplevel("edition")
    apart = difference.stack()
    apart = apart[apart.abs() > 1e-12]
    assert set(apart.index) == TIED_BY_US
    assert np.allclose(apart.abs(), step)


def test_aggregation_by_loadings_of_either_sign_agrees(meta: pd.DataFrame) -> None:
    scores, expected = table("norm_n_minmax"), table("agg_PCAweights_level1")
    for parent, children in meta.groupby("Parent").groups.items():
        pooled = pooled_correlation(scores[list(children)])
        loadings = principal_component_weights(pooled.correlation, pooled.sd * 0 + 1, allow_negative=True)
        computed = aggregate(scores[list(children)], loadings, signed=True).score
        assert (computed - expected[parent]).abs().max() < 1e-9, parent
