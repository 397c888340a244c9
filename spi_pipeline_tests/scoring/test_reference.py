"""Weights of a component from the reference for England, and its fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.weights.fit import Fit
from spi_pipeline.engine.weights.principal import principal_component_weights
from spi_pipeline.scoring.reference import reference_weights
from spi_pipeline_tests.scoring.town import catalogue, indicator, reference

THREE = [indicator(name, worst=10, best=90) for name in "abc"]


def matrix(ab: float, ac: float, bc: float) -> pd.DataFrame:
    return pd.DataFrame([[1, ab, ac], [ab, 1, bc], [ac, bc, 1]], list("abc"), list("abc"))


def weights_and_fit(correlation: pd.DataFrame, *indicators: object) -> tuple[pd.Series | None, Fit | None]:
    """The weights that the engine forms with the method that the reference gives, and the fit."""
    specification, fit = reference_weights(catalogue(housing=indicators or THREE), reference(correlation))
    if specification is None:
        return None, fit
    ids = [item.id for item in indicators or THREE]
    return principal_component_weights(
        pd.DataFrame(specification["correlation"], ids, ids), pd.Series(specification["sd"], ids)
    ), fit


def test_weights_are_the_first_eigenvector_divided_by_the_spread_of_the_scores() -> None:
    correlation = matrix(0.9, 0.8, 0.7)
    weights, fit = weights_and_fit(correlation, THREE[0], indicator("b", worst=10, best=50), THREE[2])
    # Use power iteration, not the engine's decomposition. Each score's standard deviation is 10 units of its scale, and
    # the scales are 80, 40 and 80 long.
    vector = np.ones(3)
    for _ in range(500):
        vector = correlation.to_numpy() @ vector
        vector /= np.linalg.norm(vector)
    expected = vector / np.array([100 * 10 / 80, 100 * 10 / 40, 100 * 10 / 80])
    assert weights is not None
    assert weights.to_list() == pytest.approx(list(expected / expected.sum()))
    assert fit is not None
    assert fit.n == 6784


def test_correlations_are_reversed_where_lower_is_better() -> None:
    straight, fit = weights_and_fit(matrix(0.9, 0.8, 0.7))
    reversed_weights, reversed_fit = weights_and_fit(
        matrix(-0.9, 0.8, -0.7), THREE[0], indicator("b", worst=90, best=10), THREE[2]
    )
    assert straight is not None
    assert reversed_weights is not None
    pd.testing.assert_series_equal(straight, reversed_weights)
    assert fit == reversed_fit


@pytest.mark.parametrize(
    ("correlation", "indicators", "has_fit"),
    [
        (matrix(0.9, 0.8, 0.7), [*THREE[:2], indicator("local")], False),
        (matrix(0.9, 0.8, 0.7), THREE[:2], True),
        (matrix(0.9, -0.8, -0.7), THREE, True),
        (matrix(0.9, 0.1, 0.05), THREE, True),
    ],
    ids=["one indicator not national", "two indicators", "negative loading", "low reliability"],
)
def test_a_component_unfit_for_principal_components_is_weighted_equally(
    correlation: pd.DataFrame, indicators: list[object], has_fit: bool
) -> None:
    weights, fit = weights_and_fit(correlation, *indicators)
    assert weights is None
    assert (fit is not None) == has_fit


def test_the_fit_of_two_indicators_is_missing() -> None:
    fit = weights_and_fit(matrix(0.9, 0.8, 0.7), *THREE[:2])[1]
    assert fit is not None
    assert np.isnan([fit.alpha, fit.kmo, fit.pc1_share]).all()


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(-0.99, 0.99)] * 3))
def test_weights_are_positive_and_add_up_to_one(with_one: tuple[float, float, float]) -> None:
    a, b, c = with_one  # the correlation of each with one common factor, so that the matrix is valid
    weights, fit = weights_and_fit(matrix(a * b, a * c, b * c))
    assert fit is not None
    if weights is not None:
        assert (weights > 0).all()
        assert weights.sum() == pytest.approx(1)
