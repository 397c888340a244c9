"""Equal weights and principal component weights, and statistics of their fit."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.errors import EngineError, NegativeLoadingError
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.fit import component_fit, cronbach_alpha, first_component_share, kmo
from spi_pipeline.engine.weights.given import effective_weights, equal_weights
from spi_pipeline.engine.weights.principal import principal_component_weights


def correlation(rows: list[list[float]]) -> pd.DataFrame:
    names = list("abcdef"[: len(rows)])
    return pd.DataFrame(rows, index=names, columns=names)


def uniform(r: float, size: int = 3) -> pd.DataFrame:
    return correlation((np.full((size, size), r) + (1 - r) * np.eye(size)).tolist())


def common_factor(seed: int, size: int = 4, rows: int = 60) -> pd.DataFrame:
    """Scores that share a factor and all load on it with the same sign."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(rows, size)) * rng.uniform(0.3, 0.9, size)
    scores = 50 + (rng.normal(size=(rows, 1)) + noise) * rng.uniform(2, 15, size)
    return pd.DataFrame(scores, columns=list("abcdef"[:size]))


def test_equal_weights() -> None:
    assert equal_weights(["a", "b", "c", "d"]).to_dict() == dict.fromkeys("abcd", 0.25)


@pytest.mark.parametrize("ids", [[], ["a", "a"]])
def test_equal_weights_need_different_ids(ids: list[str]) -> None:
    with pytest.raises(EngineError, match="equal weights need"):
        equal_weights(ids)


def test_pooled_correlation_uses_complete_rows_only() -> None:
    scores = pd.DataFrame({"a": [1, 2, 3, 4, np.nan], "b": [2, 4, 6, np.nan, 100]})
    pooled = pooled_correlation(scores)
    assert pooled.n == 3
    assert pooled.sd.to_dict() == {"a": 1, "b": 2}
    np.testing.assert_allclose(pooled.correlation, 1)


def test_two_complete_rows_give_no_correlation() -> None:
    pooled = pooled_correlation(pd.DataFrame({"a": [1.0, 2], "b": [2.0, 1]}))
    assert pooled.n == 2
    assert pooled.correlation.isna().all(axis=None)


def test_with_two_indicators_weights_only_undo_the_spread() -> None:
    weights = principal_component_weights(uniform(0.4, 2), pd.Series({"a": 10.0, "b": 30.0}))
    assert weights.to_dict() == pytest.approx({"a": 0.75, "b": 0.25})


def test_principal_component_weights_by_hand() -> None:
    # a and b correlate 0.6 with c and 0 with each other: the first eigenvector is (1, 1, sqrt 2) / 2.
    matrix = correlation([[1, 0, 0.6], [0, 1, 0.6], [0.6, 0.6, 1]])
    weights = principal_component_weights(matrix, pd.Series({"a": 1.0, "b": 1.0, "c": 1.0}))
    total = 2 + math.sqrt(2)
    assert weights.to_dict() == pytest.approx({"a": 1 / total, "b": 1 / total, "c": math.sqrt(2) / total})


def test_the_weighted_scores_are_the_first_component() -> None:
    # The classic method: standardise and project on the first singular vector. Both must agree exactly.
    scores = common_factor(3)
    pooled = pooled_correlation(scores)
    weighted = scores @ principal_component_weights(pooled.correlation, pooled.sd)
    standardised = ((scores - scores.mean()) / scores.std()).to_numpy()
    component = standardised @ np.linalg.svd(standardised)[2][0]
    assert abs(np.corrcoef(weighted, component)[0, 1]) == pytest.approx(1, abs=1e-12)


def test_a_negative_loading_is_refused_by_name() -> None:
    matrix = correlation([[1, 0.7, -0.5], [0.7, 1, -0.4], [-0.5, -0.4, 1]])
    with pytest.raises(NegativeLoadingError, match=r"c \(-0\.\d{3}\)") as raised:
        principal_component_weights(matrix, pd.Series({"a": 1.0, "b": 1.0, "c": 1.0}))
    assert "a (" not in str(raised.value)
    assert raised.value.loadings.gt(0).to_dict() == {"a": True, "b": True, "c": False}


def test_an_indicator_that_correlates_with_nothing_is_refused() -> None:
    matrix = correlation([[1, 0.7, 0], [0.7, 1, 0], [0, 0, 1]])
    with pytest.raises(NegativeLoadingError, match=r"for c \("):
        principal_component_weights(matrix, pd.Series({"a": 1.0, "b": 1.0, "c": 1.0}))


def test_an_indicator_that_does_not_vary_is_refused_by_name() -> None:
    pooled = pooled_correlation(common_factor(1).assign(flat=7.0))
    with pytest.raises(EngineError, match=r"do not: flat$"):
        principal_component_weights(pooled.correlation, pooled.sd)


def test_a_matrix_with_different_sides_is_refused() -> None:
    matrix = uniform(0.5).loc[["b", "a", "c"]]
    with pytest.raises(EngineError, match="same indicators in the same order"):
        principal_component_weights(matrix, pd.Series({"a": 1.0, "b": 1.0, "c": 1.0}))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.permutations(range(6)))
def test_weights_sum_to_one_and_do_not_depend_on_the_order_of_columns(seed: int, size: int, order: list[int]) -> None:
    pooled = pooled_correlation(common_factor(seed, size))
    assume(pooled.correlation.gt(0).all(axis=None))
    weights = principal_component_weights(pooled.correlation, pooled.sd)
    assert weights.sum() == pytest.approx(1)
    assert weights.gt(0).all()

    names = [weights.index[i] for i in order if i < size]
    recomputed = principal_component_weights(pooled.correlation.loc[names, names], pooled.sd)
    pd.testing.assert_series_equal(recomputed[weights.index], weights)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 100), min_size=4, max_size=4))
def test_weights_undo_a_change_of_scale(seed: int, factors: list[float]) -> None:
    scores = common_factor(seed)
    plain, scaled = pooled_correlation(scores), pooled_correlation(scores * factors)
    weights = principal_component_weights(plain.correlation, plain.sd)
    expected = weights / factors
    recomputed = principal_component_weights(scaled.correlation, scaled.sd)
    pd.testing.assert_series_equal(recomputed, expected / expected.sum())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_weights_do_not_change_when_every_indicator_is_reversed(seed: int) -> None:
    scores = common_factor(seed)
    plain, recomputed = pooled_correlation(scores), pooled_correlation(100 - scores)
    pd.testing.assert_series_equal(
        principal_component_weights(recomputed.correlation, recomputed.sd),
        principal_component_weights(plain.correlation, plain.sd),
    )


def test_effective_weights_by_hand() -> None:
    scores = pd.DataFrame({"a": [0, 10.0], "b": [0, 30.0], "unused": [0, 1.0]})
    effective = effective_weights(scores, pd.Series({"a": 0.5, "b": 0.5}))
    assert effective.to_dict() == pytest.approx({"a": 0.25, "b": 0.75})


def test_effective_weights_of_constant_scores_are_missing() -> None:
    scores = pd.DataFrame({"a": [5.0, 5.0], "b": [7.0, 7.0]})
    assert effective_weights(scores, equal_weights(["a", "b"])).isna().all()


def test_alpha_by_hand() -> None:
    assert cronbach_alpha(uniform(0.5)) == pytest.approx(3 * 0.5 / 2)
    assert cronbach_alpha(correlation([[1, 0.2, 0.4], [0.2, 1, 0.6], [0.4, 0.6, 1]])) == pytest.approx(1.2 / 1.8)


def test_alpha_is_the_classic_ratio_of_variances_of_standardised_scores() -> None:
    scores = common_factor(8)
    z = (scores - scores.mean()) / scores.std()
    classic = 4 / 3 * (1 - z.var().sum() / z.sum(axis=1).var())
    assert cronbach_alpha(scores.corr()) == pytest.approx(classic)


def test_kmo_by_hand() -> None:
    # Three indicators with correlation r: each partial correlation is (r - r²) / (1 - r²) = r / (1 + r), here 1/3.
    assert kmo(uniform(0.5)) == pytest.approx(0.25 / (0.25 + 1 / 9))


def test_kmo_from_residuals_of_regressions() -> None:
    scores = common_factor(5)
    z = ((scores - scores.mean()) / scores.std()).to_numpy()
    squares, partials = 0.0, 0.0
    for i in range(4):
        for j in range(i):
            others = z[:, [k for k in range(4) if k not in (i, j)]]
            residual = [z[:, k] - others @ np.linalg.lstsq(others, z[:, k], rcond=None)[0] for k in (i, j)]
            squares += np.corrcoef(z[:, i], z[:, j])[0, 1] ** 2
            partials += np.corrcoef(residual[0], residual[1])[0, 1] ** 2
    assert kmo(scores.corr()) == pytest.approx(squares / (squares + partials))


def test_kmo_of_linearly_dependent_indicators_is_a_share() -> None:
    scores = common_factor(6).assign(sum=lambda frame: frame.sum(axis=1))
    assert 0 < kmo(scores.corr()) < 1


def test_kmo_of_unrelated_indicators_is_not_a_number() -> None:
    assert math.isnan(kmo(uniform(0.0)))


def test_first_component_share_by_hand() -> None:
    # Eigenvalues of a uniform correlation matrix: 1 + (k-1) r once, 1 - r for the rest.
    assert first_component_share(uniform(0.5)) == pytest.approx(2 / 3)
    assert first_component_share(uniform(0.2, 5)) == pytest.approx(1.8 / 5)


def test_the_fit_of_three_indicators_by_hand() -> None:
    fit = component_fit(uniform(0.5), n=40)
    assert (fit.n, fit.alpha, fit.kmo, fit.pc1_share) == pytest.approx((40, 0.75, 9 / 13, 2 / 3))


@pytest.mark.parametrize("matrix", [uniform(0.9, 2), uniform(float("nan"))])
def test_the_fit_of_two_indicators_or_of_gaps_is_missing(matrix: pd.DataFrame) -> None:
    fit = component_fit(matrix, n=40)
    assert fit.n == 40
    assert all(math.isnan(value) for value in (fit.alpha, fit.kmo, fit.pc1_share))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 6))
def test_fit_statistics_stay_within_their_bounds(seed: int, size: int) -> None:
    pooled = pooled_correlation(common_factor(seed, size))
    fit = component_fit(pooled.correlation, pooled.n)
    assert fit.alpha <= 1
    assert 0 <= fit.kmo <= 1
    assert 1 / size <= fit.pc1_share <= 1
