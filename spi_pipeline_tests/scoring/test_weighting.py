from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.scoring.weighting import Weighting, Yardstick, weigh
from spi_pipeline_tests.scoring.town import reference

THREE = [["a"], ["b"], ["c"]]
UP = dict.fromkeys("abc", "higher_is_better")
POSTS = pd.DataFrame({"worst": [10.0, 10, 10], "best": [90.0, 90, 90]}, list("abc"))


def matrix(ab: float, ac: float, bc: float) -> pd.DataFrame:
    return pd.DataFrame([[1, ab, ac], [ab, 1, bc], [ac, bc, 1]], list("abc"), list("abc"))


def weighed(
    correlation: pd.DataFrame,
    chains: list[list[str]] = THREE,
    directions: dict[str, str] = UP,
    posts: pd.DataFrame = POSTS,
    method: str = "pca",
) -> Weighting:
    yardstick = Yardstick.of(reference(correlation), [name for chain in chains for name in chain])
    return weigh(chains, directions, posts, yardstick, method)


def test_the_yardstick_reads_its_own_rows_and_no_others() -> None:
    found = Yardstick.of(reference(matrix(0.9, 0.8, 0.7), n=6000, sd=4), ["a", "c", "local"])
    assert found.sd.to_dict() == {"a": 4, "c": 4}
    assert found.correlation.to_numpy().tolist() == [[1, 0.8], [0.8, 1]]
    assert found.n == 6000


def test_weights_are_the_first_eigenvector_over_the_spread_of_the_scores() -> None:
    correlation = matrix(0.9, 0.8, 0.7)
    posts = POSTS.assign(best=[90.0, 50, 90])
    found = weighed(correlation, posts=posts)
    # By power iteration, not by the engine's decomposition; sd of scores: 10 units of 80, 40 and 80.
    vector = np.ones(3)
    for _ in range(500):
        vector = correlation.to_numpy() @ vector
        vector /= np.linalg.norm(vector)
    expected = vector / np.array([100 * 10 / 80, 100 * 10 / 40, 100 * 10 / 80])
    assert found.basis == "pca_reference"
    assert found.weights.to_list() == pytest.approx(list(expected / expected.sum()))
    assert found.fit is not None
    assert found.fit.n == 6784


def test_where_less_is_better_correlations_of_values_turn_round() -> None:
    straight = weighed(matrix(0.9, 0.8, 0.7))
    turned = weighed(
        matrix(-0.9, 0.8, -0.7),
        directions=UP | {"b": "lower_is_better"},
        posts=POSTS.assign(worst=[10.0, 90, 10], best=[90.0, 10, 90]),
    )
    pd.testing.assert_series_equal(straight.weights, turned.weights)
    assert straight.fit == turned.fit


def test_indicators_of_one_slot_share_its_weight_and_the_newest_decides() -> None:
    found = weighed(matrix(0.9, 0.8, 0.7), chains=[["a", "old"], ["b"], ["c"]])
    assert found.weights["old"] == found.weights["a"]
    assert found.weights.drop("old").sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("correlation", "chains", "has_fit"),
    [
        (matrix(0.9, 0.8, 0.7), [["a"], ["b"], ["local"]], False),
        (matrix(0.9, 0.8, 0.7), [["a"], ["b"]], True),
        (matrix(0.9, -0.8, -0.7), THREE, True),
        (matrix(0.9, 0.1, 0.05), THREE, True),
    ],
    ids=["not wholly national", "two indicators", "negative loading", "not one thing"],
)
def test_equal_weights_and_said_so(correlation: pd.DataFrame, chains: list[list[str]], has_fit: bool) -> None:
    posts = POSTS.reindex([name for chain in chains for name in chain]).fillna({"worst": 10, "best": 90})
    found = weighed(correlation, chains, UP | {"local": "higher_is_better"}, posts)
    assert found.basis == "equal"
    assert found.weights.to_list() == pytest.approx([1 / len(chains)] * len(chains))
    assert (found.fit is not None) == has_fit


def test_with_two_indicators_no_fit_is_told() -> None:
    fit = weighed(matrix(0.9, 0.8, 0.7), [["a"], ["b"]]).fit
    assert fit is not None
    assert np.isnan([fit.alpha, fit.kmo, fit.pc1_share]).all()


def test_a_profile_that_weighs_equally_does_so_whatever_the_yardstick_says() -> None:
    found = weighed(matrix(0.9, 0.8, 0.7), method="equal")
    assert (found.basis, found.weights.to_list()) == ("equal", pytest.approx([1 / 3] * 3))
    assert found.fit is not None, "the fit is told all the same"


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(-0.99, 0.99)] * 3))
def test_weights_are_positive_and_add_up_to_one_whatever_the_correlations(with_one: tuple[float, float, float]) -> None:
    a, b, c = with_one  # how each goes with one thing behind them all, which makes a possible matrix
    found = weighed(matrix(a * b, a * c, b * c))
    assert (found.weights > 0).all()
    assert found.weights.sum() == pytest.approx(1)
