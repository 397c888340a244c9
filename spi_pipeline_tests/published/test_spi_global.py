"""The global Social Progress Index, 2024 release: 2,561 country-years with scores printed to two decimals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.engine.aggregate.parent import aggregate
from spi_pipeline.engine.impute.regression import impute_regression
from spi_pipeline.engine.normalise.linear import goalpost_scores
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.fit import component_fit
from spi_pipeline.engine.weights.given import equal_weights
from spi_pipeline.engine.weights.principal import principal_component_weights
from spi_pipeline_tests.published.files import global_release

COMPONENTS = {
    "score_bhn": ["score_nbmc", "score_ws", "score_sh", "score_ps"],
    "score_fow": ["score_abk", "score_aic", "score_hw", "score_eq"],
    "score_opp": ["score_pr", "score_pfc", "score_incl", "score_aae"],
}
# Four printed parts, each off by up to 0.005, and the printed whole, off by as much again.
ROUNDING = 0.01
# The goalposts of "Rights and Voice" are the ends of the scales given in the printed labels.
RIGHTS_BEST = {"pr_equalprotect": 1.0, "pr_peaceassemb": 4.0, "pr_eqbeflaw": 1.0, "pr_polrights": 40.0}


@pytest.fixture(scope="module")
def release() -> pd.DataFrame:
    return global_release().filter(regex="^(score|pr)_").astype(float)


@pytest.fixture(scope="module")
def rights(release: pd.DataFrame) -> pd.DataFrame:
    return release[list(RIGHTS_BEST)]


@pytest.mark.parametrize(("dimension", "rows"), [("score_bhn", 2418), ("score_fow", 2254), ("score_opp", 2249)])
def test_dimension_is_the_mean_of_its_components(release: pd.DataFrame, dimension: str, rows: int) -> None:
    ids = COMPONENTS[dimension]
    computed = aggregate(release[ids], equal_weights(ids), available=1.0).score
    difference = (computed - release[dimension]).dropna().abs()
    assert len(difference) == rows
    assert difference.max() < ROUNDING


def test_index_is_the_mean_of_its_dimensions(release: pd.DataFrame) -> None:
    ids = list(COMPONENTS)
    computed = aggregate(release[ids], equal_weights(ids), available=1.0).score
    difference = (computed - release["score_spi"]).dropna().abs()
    assert len(difference) == 2223
    assert difference.max() < ROUNDING


def test_rights_and_voice_is_reproduced_from_raw_indicators_without_fitting(
    release: pd.DataFrame, rights: pd.DataFrame
) -> None:
    best = pd.Series(RIGHTS_BEST)
    scores = goalpost_scores(rights, worst=0 * best, best=best)
    pooled = pooled_correlation(scores)
    weights = principal_component_weights(pooled.correlation, pooled.sd)
    computed = aggregate(scores, weights, available=1.0).score

    difference = (computed - release["score_pr"]).dropna().abs()
    assert len(difference) == pooled.n == 2288
    assert difference.max() < 0.025
    assert difference.mean() < 0.006

    fit = component_fit(pooled.correlation, pooled.n)
    assert fit.alpha > 0.7
    assert fit.kmo > 0.5


def test_hidden_values_are_imputed_as_closely_as_the_correlations_allow(rights: pd.DataFrame) -> None:
    complete = rights.dropna()
    rng = np.random.default_rng(0)
    hidden = pd.DataFrame(False, index=complete.index, columns=complete.columns)
    for row in np.flatnonzero(rng.random(len(complete)) < 0.2):
        hidden.iloc[row, rng.integers(4)] = True
    imputed = impute_regression(complete.mask(hidden))
    assert len(imputed.cells) == hidden.to_numpy().sum()

    error = (imputed.panel - complete).where(hidden).pow(2).mean().pow(0.5)
    # The residual of a regression on all other columns: sd * sqrt(1 - R²), with 1 - R² = 1 / (inverse correlation)_ii.
    residual = complete.std() / np.sqrt(np.diag(np.linalg.inv(complete.corr())))
    assert (error / residual).between(0.85, 1.15).all()
