"""Ranks, relative scores, and fast ranking of many rows at once."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spi_pipeline.engine.rank import places, ranks, relative_scores
from spi_pipeline_tests.engine.panels import make_panel

NAN = float("nan")
SCORES = st.lists(st.one_of(st.just(NAN), st.integers(0, 10_000).map(lambda n: n / 100)), min_size=1, max_size=12)


def one_edition(values: list[float]) -> pd.Series:
    return make_panel({"score": values})["score"]


@pytest.mark.parametrize(
    ("ties", "first", "expected"),
    [
        ("min", "highest", [4, 1, 2, 2]),
        ("average", "highest", [4, 1, 2.5, 2.5]),
        ("min", "lowest", [1, 4, 2, 2]),
        ("average", "lowest", [1, 4, 2.5, 2.5]),
    ],
)
def test_ranks_by_hand(
    ties: Literal["min", "average"], first: Literal["highest", "lowest"], expected: list[float]
) -> None:
    assert ranks(one_edition([10, 40, 20, 20]), ties=ties, first=first).tolist() == expected


def test_areas_are_ranked_within_their_edition() -> None:
    scores = make_panel({"score": [10, 20, 90, 80]}, editions=(2023, 2024))["score"]
    assert ranks(scores).tolist() == [2, 1, 1, 2]
    assert ranks(scores, by=None).tolist() == [4, 3, 1, 2]


def test_an_area_without_a_score_has_no_rank() -> None:
    ranked = ranks(one_edition([10, NAN, 30]))
    assert ranked.dtype == "Int64"
    assert ranked.isna().tolist() == [False, True, False]
    assert ranked.dropna().tolist() == [2, 1]
    assert ranks(one_edition([10, NAN]), ties="average").dtype == "Float64"


def test_small_differences_do_not_tie_but_rounding_errors_do() -> None:
    assert ranks(one_edition([61.234, 61.2341])).tolist() == [2, 1]
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    assert ranks(one_edition([0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1])).tolist() == [1, 1]


@settings(max_examples=40, deadline=None)
@given(SCORES)
def test_a_rank_is_one_more_than_the_number_of_better_areas(values: list[float]) -> None:
    ranked = ranks(one_edition(values))
    for value, rank in zip(values, ranked, strict=True):
        assert pd.isna(rank) if math.isnan(value) else rank == 1 + sum(other > value for other in values)


@settings(max_examples=40, deadline=None)
@given(SCORES)
def test_average_ranks_have_the_sum_of_untied_ranks_and_mirror_each_other(values: list[float]) -> None:
    down, up = (ranks(one_edition(values), ties="average", first=first) for first in ("highest", "lowest"))
    present = int(down.notna().sum())
    assert down.sum() == present * (present + 1) / 2
    assert (down + up).dropna().eq(present + 1).all()


def test_relative_scores_by_hand() -> None:
    # The mean is 20 and the standard deviation with n-1 exactly 10.
    assert relative_scores(one_edition([10, 20, 30])).tolist() == [40, 50, 60]


def test_relative_scores_are_within_the_edition() -> None:
    scores = make_panel({"score": [10, 20, 30, 60, 80, 100]}, editions=(2023, 2024))["score"]
    assert relative_scores(scores).tolist() == [40, 50, 60, 40, 50, 60]
    assert relative_scores(scores, by=None).iloc[0] == pytest.approx(50 + 10 * (10 - 50) / scores.std())


def test_equal_areas_all_have_the_mean_relative_score() -> None:
    relative = relative_scores(one_edition([0.1, 0.1, 0.1, 0.3 - 0.2, NAN]))
    assert relative.tolist() == pytest.approx([50, 50, 50, 50, NAN], nan_ok=True)


@pytest.mark.parametrize("values", [[7.0], [7.0, NAN]])
def test_a_single_area_has_no_relative_score(values: list[float]) -> None:
    assert relative_scores(one_edition(values)).isna().all()


@settings(max_examples=40, deadline=None)
@given(SCORES, st.floats(0.1, 10), st.floats(-50, 50))
def test_relative_scores_do_not_depend_on_the_scale(values: list[float], factor: float, shift: float) -> None:
    scores = one_edition(values)
    relative = relative_scores(scores)
    pd.testing.assert_series_equal(relative_scores(factor * scores + shift), relative, rtol=0, atol=1e-6)
    if scores.nunique() > 1:
        assert relative.mean() == pytest.approx(50)
        assert relative.std() == pytest.approx(10)
        assert (np.argsort(relative.dropna(), kind="stable") == np.argsort(scores.dropna(), kind="stable")).all()


@settings(max_examples=40, deadline=None)
@given(arrays(float, (3, 7), elements=st.one_of(st.just(float("nan")), st.integers(0, 4).map(float))))
def test_places_equal_the_ranks_within_each_row(values: np.ndarray) -> None:
    expected = pd.DataFrame(values).rank(axis=1, method="min").to_numpy()
    np.testing.assert_array_equal(places(values), expected)


@pytest.mark.parametrize("length", [1500, 20_000])
@pytest.mark.parametrize("kind", ["drawn", "tied", "missing", "crowded", "equal", "opposite", "infinite"])
def test_places_of_long_rows_equal_their_ranks(length: int, kind: str) -> None:
    values = np.random.default_rng(7).normal(50, 10, (2, length))
    if kind == "tied":
        values = values.round(1)
    if kind == "missing":
        values[:, ::9] = NAN
    if kind == "crowded":  # all but one share the same sort key
        values[:, 3] = 1e300
    if kind == "equal":
        values[:] = 4.0
    if kind == "opposite":  # a range wider than a float can hold
        values[:, :2] = [-1.7e308, 1.7e308]
    if kind == "infinite":
        values[:, 5] = np.inf
    expected = pd.DataFrame(values).rank(axis=1, method="min").to_numpy()
    np.testing.assert_array_equal(places(values), expected)
