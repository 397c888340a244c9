"""Power means of children by weight: missing children, floors, thresholds, and contributions that add up."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spi_pipeline.engine.aggregate.parent import aggregate, contributions
from spi_pipeline.engine.errors import EngineError

NAN = float("nan")
WEIGHTS = pd.Series({"a": 0.5, "b": 0.25, "c": 0.25})
MEANS: list[dict[str, Any]] = [
    {"mean": "arithmetic"},
    {"mean": "geometric", "floor": 0.5},
    {"mean": "harmonic", "floor": 0.5},
    {"mean": "generalised", "order": 0.5},
    {"mean": "generalised", "order": 3},
    {"mean": "generalised", "order": -2, "floor": 0.5},
]
SCORES = arrays(float, (5, 3), elements=st.one_of(st.just(NAN), st.floats(0, 100)))


def frame(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list("abc"), dtype=float)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"mean": "arithmetic"}, 0.5 * 16 + 0.25 * 4 + 0.25 * 64),
        ({"mean": "geometric"}, math.sqrt(16) * 4**0.25 * 64**0.25),
        ({"mean": "harmonic"}, 1 / (0.5 / 16 + 0.25 / 4 + 0.25 / 64)),
        ({"mean": "generalised", "order": 0.5}, (0.5 * 4 + 0.25 * 2 + 0.25 * 8) ** 2),
        ({"mean": "generalised", "order": 2}, math.sqrt(0.5 * 256 + 0.25 * 16 + 0.25 * 4096)),
        ({"mean": "generalised", "order": 1}, 0.5 * 16 + 0.25 * 4 + 0.25 * 64),
        ({"mean": "generalised", "order": 0}, math.sqrt(16) * 4**0.25 * 64**0.25),
    ],
)
def test_means_by_hand(options: dict[str, Any], expected: float) -> None:
    result = aggregate(frame((16, 4, 64)), WEIGHTS, **options)
    assert result.score.item() == pytest.approx(expected)
    assert result.coverage.item() == 1


def test_weights_are_matched_by_name_and_need_not_sum_to_one() -> None:
    reordered = pd.Series({"c": 1, "a": 2, "b": 1})
    assert aggregate(frame((16, 4, 64)), reordered).score.item() == pytest.approx(25)


def test_missing_children_pass_their_weight_to_the_others() -> None:
    scores = frame((10, NAN, 40), (10, 20, 40), (NAN, NAN, NAN))
    result = aggregate(scores, WEIGHTS)
    assert result.score.tolist() == pytest.approx([(0.5 * 10 + 0.25 * 40) / 0.75, 20, NAN], nan_ok=True)
    assert result.coverage.tolist() == pytest.approx([2 / 3, 1, 0])


def test_too_few_children_give_no_score() -> None:
    scores = frame((10, NAN, 40), (10, NAN, NAN))
    assert aggregate(scores, WEIGHTS, available=2 / 3).score.notna().tolist() == [True, False]
    assert contributions(scores, WEIGHTS, available=2 / 3).notna().any(axis=1).tolist() == [True, False]


def test_children_without_weight_alone_give_no_score() -> None:
    result = aggregate(frame((10, NAN, NAN), (10, 30, 50)), pd.Series({"a": 0, "b": 1, "c": 1}))
    assert result.score.tolist() == pytest.approx([NAN, 40], nan_ok=True)


@pytest.mark.parametrize("mean", ["geometric", "harmonic"])
def test_zero_needs_a_floor(mean: Any) -> None:
    scores = frame((0, 16, 16), (4, 4, 4))
    with pytest.raises(EngineError, match=r"above 0.*: a$"):
        aggregate(scores, WEIGHTS, mean)
    lifted = aggregate(scores, WEIGHTS, mean, floor=1)
    assert lifted.score.tolist() == pytest.approx([4 if mean == "geometric" else 32 / 17, 4])
    assert lifted.coverage.tolist() == [1, 1]


def test_a_floor_does_not_affect_a_mean_that_needs_none() -> None:
    assert aggregate(frame((0, 0, 8)), WEIGHTS, floor=5).score.item() == 2


@pytest.mark.parametrize(
    ("weights", "options", "words"),
    [
        (WEIGHTS.drop("b"), {}, "same children.*b"),
        (pd.Series({**WEIGHTS, "d": 1}), {}, "same children.*d"),
        (pd.concat([WEIGHTS, WEIGHTS]), {}, "occur twice"),
        (WEIGHTS - 0.3, {}, "not negative"),
        (WEIGHTS * 0, {}, "not all 0"),
        (WEIGHTS * NAN, {}, "finite"),
        (WEIGHTS, {"mean": "generalised"}, "needs an order"),
        (WEIGHTS, {"mean": "generalised", "order": 21}, "needs an order from -20 to 20"),
        (WEIGHTS, {"mean": "generalised", "order": NAN}, "needs an order"),
        (WEIGHTS, {"mean": "geometric", "order": 2}, "leave it out"),
        (WEIGHTS, {"mean": "geometric", "floor": -1}, "floor must be 0 or more"),
        (WEIGHTS, {"mean": "generalised", "order": 0.5}, "0 and above.*c"),
    ],
)
def test_unusable_weights_and_options_are_refused(weights: pd.Series, options: dict[str, Any], words: str) -> None:
    with pytest.raises(EngineError, match=words):
        aggregate(frame((1, 2, -3)), weights, **options)


def test_contributions_by_hand() -> None:
    arithmetic = contributions(frame((16, 4, 64), (16, NAN, 64)), WEIGHTS)
    assert arithmetic.iloc[0].tolist() == pytest.approx([8, 1, 16])
    assert arithmetic.iloc[1].tolist() == pytest.approx([16 * 2 / 3, NAN, 64 / 3], nan_ok=True)

    # Logarithms to base 2: 4, 2, 6; weighted 2, 0.5, 1.5, summing to 4; the parent is 2^4.
    geometric = contributions(frame((16, 4, 64)), WEIGHTS, "geometric")
    assert geometric.iloc[0].tolist() == pytest.approx([8, 2, 6])

    # Reciprocals times 64: 4, 16, 1; weighted 2, 4, 0.25.
    harmonic = contributions(frame((16, 4, 64)), WEIGHTS, "harmonic")
    assert harmonic.iloc[0].tolist() == pytest.approx([64 / 6.25 * part / 6.25 for part in (2, 4, 0.25)])


def test_a_parent_whose_transformed_scores_vanish_is_split_by_weight() -> None:
    assert contributions(frame((1, 1, 1)), WEIGHTS, "geometric").iloc[0].tolist() == [0.5, 0.25, 0.25]
    assert contributions(frame((0, 0, 0)), WEIGHTS, "generalised", order=0.5).iloc[0].tolist() == [0, 0, 0]
    # The mean is 1 except for rounding: dividing by the sum of the logarithms would give contributions of a billion
    # points.
    all_but_vanishing = contributions(frame((4, 0.25 * (1 + 1e-9), 0.25)), WEIGHTS, "geometric")
    assert all_but_vanishing.iloc[0].tolist() == pytest.approx([0.5, 0.25, 0.25])


def test_arithmetic_contributions_may_be_negative() -> None:
    parts = contributions(frame((-2, 4, 0)), WEIGHTS)
    assert parts.iloc[0].tolist() == [-1, 1, 0]


def test_equal_children_give_exactly_their_score() -> None:
    for options in MEANS:
        assert aggregate(frame((99.9, 99.9, 99.9)), WEIGHTS, **options).score.item() == 99.9


@pytest.mark.parametrize("options", MEANS)
@settings(max_examples=25, deadline=None)
@given(SCORES)
def test_contributions_add_up(options: dict[str, Any], values: np.ndarray) -> None:
    scores = pd.DataFrame(values, columns=list("abc"))
    before = scores.copy()
    parts = contributions(scores, WEIGHTS, **options)
    score = aggregate(scores, WEIGHTS, **options).score
    pd.testing.assert_series_equal(parts.sum(axis=1, min_count=1), score, rtol=0, atol=1e-9)
    assert (parts.notna() == scores.notna()).all(axis=None)
    pd.testing.assert_frame_equal(scores, before)


@pytest.mark.parametrize("options", MEANS)
@settings(max_examples=25, deadline=None)
@given(SCORES, st.floats(0, 50), st.sampled_from("abc"))
def test_a_mean_lies_between_its_children_and_never_falls_when_one_rises(
    options: dict[str, Any], values: np.ndarray, rise: float, child: str
) -> None:
    scores = pd.DataFrame(values, columns=list("abc"))
    score = aggregate(scores, WEIGHTS, **options).score
    lifted = scores.clip(lower=options.get("floor", 0))
    assert (score.isna() == scores.isna().all(axis=1)).all()
    assert (score.isna() | score.between(lifted.min(axis=1), lifted.max(axis=1))).all()

    better = aggregate(scores.assign(**{child: scores[child] + rise}), WEIGHTS, **options).score
    assert (score.isna() | (better >= score - 1e-9)).all()


@settings(max_examples=25, deadline=None)
@given(arrays(float, (4, 3), elements=st.floats(1, 100)))
def test_a_higher_order_never_gives_a_lower_mean(values: np.ndarray) -> None:
    scores = pd.DataFrame(values, columns=list("abc"))
    means = [aggregate(scores, WEIGHTS, "generalised", order=order).score for order in (-20, -1, 0, 0.5, 1, 2, 20)]
    for lower, higher in pairwise(means):
        assert (higher >= lower - 1e-9).all()
