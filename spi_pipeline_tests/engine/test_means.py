"""Aggregation methods that are not power means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spi_pipeline.engine.aggregate.parent import Mean, aggregate, contributions, with_group_means
from spi_pipeline.engine.errors import EngineError
from spi_pipeline_tests.engine.panels import make_panel

NAN = float("nan")
EQUAL = pd.Series(1.0, index=list("abc"))


def frame(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list("abc"), dtype=float)


def test_the_weighted_median_by_hand() -> None:
    scores = frame((10, 90, 40), (10, NAN, 40), (NAN, NAN, NAN))
    assert aggregate(scores, EQUAL, "median").score.tolist() == pytest.approx([40, 25, NAN], nan_ok=True)
    heavy = pd.Series({"a": 3, "b": 1, "c": 1})
    assert aggregate(scores, heavy, "median").score.tolist()[:2] == [10, 10]
    half = pd.Series({"a": 0.5, "b": 0.2, "c": 0.3})
    assert aggregate(frame((10, 20, 40)), half, "median").score.item() == 15
    assert aggregate(frame((10, 20, 40)), pd.Series({"a": 1, "b": 0, "c": 1}), "median").score.item() == 25


def test_the_inverted_geometric_mean_is_that_of_the_risk_index() -> None:
    scores = frame((8, 2, 5))
    left = [(10 - score) / 10 * 9 + 1 for score in (8, 2, 5)]
    by_hand = (10 - np.prod(left) ** (1 / 3)) / 9 * 10
    assert aggregate(scores, EQUAL, "inverted_geometric", top=10).score.item() == pytest.approx(by_hand)
    assert by_hand > 5
    assert aggregate(frame((100, 100, 100), (0, 0, 0)), EQUAL, "inverted_geometric").score.tolist() == [100, 0]
    with pytest.raises(EngineError, match=r"from 0 to 10.*: a"):
        aggregate(frame((11, 1, 1)), EQUAL, "inverted_geometric", top=10)


def test_pairwise_comparisons_by_hand() -> None:
    # A beats B in a and b, and C in all three; B beats C only in a and ties in b.
    scores = frame((9, 9, 5), (5, 3, 6), (3, 3, 9))
    scores.iloc[0, 2] = 10
    assert aggregate(scores, EQUAL, "copeland").score.tolist() == [100, 25, 25]
    shares = aggregate(scores, EQUAL, "outranking").score
    assert shares.tolist() == pytest.approx([100, 100 * (0 + 0.5) / 2, 100 * (0 + 0.5) / 2])
    weighted = aggregate(scores, pd.Series({"a": 2, "b": 1, "c": 1}), "copeland").score
    assert weighted.tolist() == [100, 50, 0]


def test_pairwise_comparisons_stay_within_the_edition_and_skip_missing_scores() -> None:
    scores = make_panel({"a": [1, 2, 2, 1], "b": [1, NAN, 1, 2]}, editions=(2023, 2024))
    assert aggregate(scores, EQUAL[["a", "b"]], "outranking").score.tolist() == [0, 100, 50, 50]
    alone = make_panel({"a": [1.0]})
    assert aggregate(alone, EQUAL[["a"]], "copeland").score.isna().all()


@pytest.mark.parametrize("mean", ["median", "copeland", "outranking"])
def test_means_that_cannot_be_split_have_blank_contributions(mean: Mean) -> None:
    assert contributions(frame((1, 2, 3), (3, 2, 2)), EQUAL, mean).isna().all(axis=None)


@settings(max_examples=40, deadline=None)
@given(arrays(float, (4, 3), elements=st.one_of(st.just(NAN), st.floats(0, 100))))
def test_the_inverted_geometric_mean_splits_into_parts(values: np.ndarray) -> None:
    scores = pd.DataFrame(values, columns=list("abc"))
    score = aggregate(scores, EQUAL, "inverted_geometric").score
    parts = contributions(scores, EQUAL, "inverted_geometric").sum(axis=1, min_count=1)
    pd.testing.assert_series_equal(parts, score, rtol=0, atol=1e-9)
    assert (score.isna() | (score >= scores.mean(axis=1) - 1e-9)).all()


@settings(max_examples=40, deadline=None)
@given(arrays(float, (5, 3), elements=st.floats(0, 100)), st.sampled_from(["median", "copeland", "outranking"]))
def test_a_better_child_never_lowers_the_parent(values: np.ndarray, mean: Mean) -> None:
    scores = pd.DataFrame(values, columns=list("abc"))
    better = scores.copy()
    better.iloc[2, 1] += 7
    difference = aggregate(better, EQUAL, mean).score - aggregate(scores, EQUAL, mean).score
    assert difference.iloc[2] >= 0
    assert aggregate(scores, EQUAL, mean).score.between(0, 100).all()


def test_a_missing_child_takes_the_mean_of_its_group() -> None:
    scores = np.array([[[1, 1], [3, 1], [NAN, 1], [9, 1], [NAN, NAN]]])
    north, south, every = np.arange(3), np.arange(3, 5), np.arange(5)
    assert with_group_means(scores, [north, south])[0, :, 0].tolist() == pytest.approx([1, 3, 2, 9, NAN], nan_ok=True)
    assert with_group_means(scores, [every])[0, 2, 0] == pytest.approx(13 / 3)


def test_an_unknown_mean_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(EngineError, match=r"'average' is not a way.*arithmetic"):
        aggregate(frame((1, 2, 3)), EQUAL, "average")  # type: ignore[arg-type]
