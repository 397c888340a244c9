"""Checks of the plausibility of scores: correlation with siblings, twins, and gaps between neighbours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.sanity import nearest_twins, neighbour_gaps, rest_correlations

AREAS = list("abcdef")


def panel(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns, AREAS, dtype="float64")


def test_a_child_is_correlated_with_the_mean_of_its_siblings() -> None:
    children = panel(x=[1, 2, 3, 4, 5, 6], y=[2, 4, 6, 8, 10, 13], against=[9, 7, 6, 3, 2, 1])
    result = rest_correlations(children)
    by_hand = np.corrcoef(children["against"], (children["x"] + children["y"]) / 2)[0, 1]
    assert result["against"] == pytest.approx(by_hand)
    assert result["against"] < 0 < result["x"]


@pytest.mark.parametrize(
    "children",
    [
        pytest.param(panel(x=[1, 2, 3, 4, 5, 6]), id="no sibling"),
        pytest.param(panel(x=[1, 2, 3, 4, 5, 6], y=[7, 7, 7, 7, 7, 7]), id="a sibling that does not vary"),
        pytest.param(panel(x=[1, 2, 3, 4, None, None], y=[2, 1, 4, 3, 6, 5]), id="four areas"),
    ],
)
def test_a_correlation_that_cannot_be_computed_is_missing(children: pd.DataFrame) -> None:
    assert np.isnan(rest_correlations(children)["x"])


def test_twins_are_the_strongest_positive_pairs() -> None:
    scores = panel(x=[1, 2, 3, 4, 5, 6], twin=[1, 2, 3, 4, 5, 7], mirror=[-1, -2, -3, -4, -5, -6], flat=[1.0] * 6)
    result = nearest_twins(scores).set_index("id")
    assert result["other"].to_dict() == {"x": "twin", "twin": "x", "mirror": "twin"}
    assert result.loc["x", "correlation"] == pytest.approx(np.corrcoef(scores["x"], scores["twin"])[0, 1])
    assert result.loc["mirror", "correlation"] < 0, "a negative correlation does not make a twin"
    assert nearest_twins(scores[["flat"]]).empty


def test_a_gap_is_the_standardised_distance_from_the_mean_of_the_neighbours() -> None:
    scores = pd.Series([10.0, 20.0, 30.0, 90.0, np.nan], list("abcde"))
    pairs = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"), ("c", "d"), ("d", "c"), ("e", "a"), ("a", "e")]
    result = neighbour_gaps(scores, pairs)
    distances = pd.Series({"a": 10 - 20, "b": 20 - 20, "c": 30 - 55, "d": 90 - 30}, dtype="float64")
    assert result["gap"].dropna().to_dict() == pytest.approx((distances / distances.std(ddof=1)).to_dict())
    assert result["neighbours"].to_dict() == {"a": 1, "b": 2, "c": 2, "d": 1, "e": 1}
    assert neighbour_gaps(scores, [])["gap"].isna().all(), "areas without neighbours have no gap"


@given(st.lists(st.floats(0, 100).map(lambda x: round(x, 2)), min_size=6, max_size=6))
@settings(max_examples=25)
def test_gaps_do_not_depend_on_the_scale(figures: list[float]) -> None:
    scores = pd.Series(figures, AREAS)
    pairs = [(a, b) for a in AREAS for b in AREAS if a != b]
    one, other = (neighbour_gaps(values, pairs)["gap"] for values in (scores, 3 * scores + 5))
    np.testing.assert_allclose(one, other, atol=1e-6)
