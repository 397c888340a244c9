"""Weights fitted to one factor, balanced by correlation, drawn at random, or of either sign."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.aggregate.parent import aggregate
from spi_pipeline.engine.errors import EngineError, NegativeLoadingError
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.fitted import correlation_balanced_weights, one_factor_weights, random_weights
from spi_pipeline.engine.weights.given import given_weights
from spi_pipeline.engine.weights.principal import principal_component_weights

NAMES = list("abcd")


def factor_model(loadings: list[float]) -> pd.DataFrame:
    vector = np.array(loadings)
    matrix = np.outer(vector, vector)
    np.fill_diagonal(matrix, 1)
    return pd.DataFrame(matrix, index=NAMES[: len(vector)], columns=NAMES[: len(vector)])


def ones(size: int) -> pd.Series:
    return pd.Series(1.0, index=NAMES[:size])


def test_given_weights_sum_to_one_and_default_to_one() -> None:
    assert given_weights(["a", "b"], {"a": 3}).to_dict() == {"a": 0.75, "b": 0.25}
    for weights in ({"a": -1}, {"a": 0, "b": 0}, {"a": float("nan")}):
        with pytest.raises(EngineError, match="not negative"):
            given_weights(["a", "b"], weights)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.2, 0.9), min_size=3, max_size=4))
def test_an_exact_one_factor_model_reproduces_its_loadings(loadings: list[float]) -> None:
    weights = one_factor_weights(factor_model(loadings), ones(len(loadings)))
    vector = np.array(loadings)
    by_hand = vector / (1 - vector**2)
    np.testing.assert_allclose(weights, by_hand / by_hand.sum(), rtol=1e-5)


def test_factor_weights_undo_a_change_of_scale() -> None:
    correlation = factor_model([0.8, 0.6, 0.5])
    plain, scaled = one_factor_weights(correlation, ones(3)), one_factor_weights(correlation, ones(3) * [1, 2, 1])
    assert scaled["b"] / scaled["a"] == pytest.approx(plain["b"] / plain["a"] / 2)


def test_the_factor_needs_three_indicators_that_correlate_positively() -> None:
    with pytest.raises(EngineError, match="three or more"):
        one_factor_weights(factor_model([0.8, 0.6]), ones(2))
    with pytest.raises(NegativeLoadingError, match="c"):
        one_factor_weights(factor_model([0.8, 0.6, -0.5]), ones(3))


def correlated(seed: int, size: int = 4) -> pd.DataFrame:
    """Children that share a common part and correlate at about 0.7."""
    rng = np.random.default_rng(seed)
    scores = 50 + (1.5 * rng.normal(size=(80, 1)) + rng.normal(size=(80, size))) * rng.uniform(2, 15, size)
    return pd.DataFrame(scores, columns=NAMES[:size])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_balanced_weights_balance_wherever_possible(seed: int) -> None:
    scores = correlated(seed)
    solvable = (np.linalg.inv(scores.corr()).sum(axis=1) > 0).all()
    try:
        weights = correlation_balanced_weights(scores)
    except EngineError:
        assert not solvable
        return
    correlations = scores.corrwith(aggregate(scores, weights).score)
    assert correlations.max() - correlations.min() < 1e-9


def test_collinear_children_cannot_be_balanced() -> None:
    scores = correlated(1, size=2).assign(c=lambda table: 3 * table["a"] + 1)
    with pytest.raises(EngineError, match="do not repeat each other"):
        correlation_balanced_weights(scores)


def test_balanced_weights_follow_targets() -> None:
    scores = correlated(3, size=3)
    targets = pd.Series({"a": 1.0, "b": 1.0, "c": 0.9})
    correlations = scores.corrwith(aggregate(scores, correlation_balanced_weights(scores, targets)).score)
    assert correlations["c"] / correlations["a"] == pytest.approx(0.9, abs=1e-9)


def test_children_that_cannot_be_balanced_are_refused() -> None:
    scores = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [1.0, 2, 3, 4.5], "c": [8.0, 6, 4, 2.5]})
    with pytest.raises(EngineError, match="use equal weights"):
        correlation_balanced_weights(scores)


def test_random_weights_stay_in_their_range_and_have_a_constant_sum() -> None:
    nominal = pd.Series({"a": 1.0, "b": 3.0})
    drawn = random_weights(nominal, 0.25, np.random.default_rng(1))
    assert drawn.sum() == pytest.approx(4)
    assert 1 / 3 * 0.75 / 1.25 <= drawn["a"] / drawn["b"] <= 1 / 3 * 1.25 / 0.75
    assert random_weights(nominal, 0, np.random.default_rng(1)).tolist() == [1, 3]
    with pytest.raises(EngineError, match="0 to 1"):
        random_weights(nominal, 1.5, np.random.default_rng(1))


def test_negative_loadings_are_allowed_only_on_request() -> None:
    scores = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [2.0, 4, 7, 8], "c": [3.0, 3, 1, 1]})
    pooled = pooled_correlation(scores)
    with pytest.raises(NegativeLoadingError):
        principal_component_weights(pooled.correlation, pooled.sd)
    weights = principal_component_weights(pooled.correlation, pooled.sd, allow_negative=True)
    assert weights["c"] < 0 < weights["a"]
    assert weights.sum() == pytest.approx(1)
    by_hand = scores @ weights
    pd.testing.assert_series_equal(aggregate(scores, weights, signed=True).score, by_hand, check_names=False)
    with pytest.raises(EngineError, match="not negative"):
        aggregate(scores, weights)
