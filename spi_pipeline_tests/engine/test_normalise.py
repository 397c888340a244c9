"""Normalisation of values between goalposts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise.linear import goalpost_scores
from spi_pipeline_tests.engine.panels import make_panel

VALUES = st.floats(-1e6, 1e6)


def score(values: list[float], worst: float, best: float) -> list[float]:
    scored = goalpost_scores(make_panel({"x": values}), pd.Series({"x": worst}), pd.Series({"x": best}))
    return scored["x"].tolist()


def test_scores_by_hand() -> None:
    assert score([0, 5, 20, -3, 25], worst=0, best=20) == [0, 25, 100, 0, 100]


def test_lower_is_better_where_the_worst_goalpost_is_the_higher_one() -> None:
    assert score([30, 0, 7.5], worst=30, best=0) == [0, 100, 75]


def test_missing_values_stay_missing_and_the_panel_is_unchanged() -> None:
    panel = make_panel({"x": [1, np.nan], "y": [np.nan, 4]})
    before = panel.copy()
    scored = goalpost_scores(panel, pd.Series({"y": 0, "x": 0}), pd.Series({"y": 8, "x": 2, "unused": 1}))
    pd.testing.assert_frame_equal(scored, make_panel({"x": [50, np.nan], "y": [np.nan, 50]}))
    pd.testing.assert_frame_equal(panel, before)


def test_every_unusable_goalpost_is_named_at_once() -> None:
    panel = make_panel({name: [1.0] for name in ("fine", "equal", "absent", "infinite")})
    worst = pd.Series({"fine": 0, "equal": 3, "infinite": 0})
    best = pd.Series({"fine": 1, "equal": 3, "infinite": np.inf})
    with pytest.raises(EngineError) as raised:
        goalpost_scores(panel, worst, best)
    assert all(name in str(raised.value) for name in ("equal", "absent", "infinite"))
    assert "fine (" not in str(raised.value)


def test_infinite_values_are_refused_by_name() -> None:
    panel = make_panel({"x": [1, 2], "y": [1, -np.inf]})
    with pytest.raises(EngineError, match=r"infinite.*: y$"):
        goalpost_scores(panel, pd.Series({"x": 0, "y": 0}), pd.Series({"x": 1, "y": 1}))


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        (pd.DataFrame({"x": [1.0]}), "indexed by"),
        (make_panel({"x": [1.0, 2.0]}).iloc[[0, 0]], "row once.*A00"),
        (make_panel({"x": [1.0]})[["x", "x"]], "column once.*x"),
    ],
)
def test_a_malformed_panel_is_refused(panel: pd.DataFrame, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        goalpost_scores(panel, pd.Series({"x": 0}), pd.Series({"x": 1}))


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES, min_size=2, max_size=8), VALUES, VALUES)
def test_scores_are_bounded_and_follow_the_order_of_improvement(values: list[float], worst: float, best: float) -> None:
    if abs(best - worst) < 1e-6:
        best = worst + 1
    from_worse_to_better = sorted(values, reverse=worst > best)
    scores = score(from_worse_to_better, worst, best)
    assert all(0 <= value <= 100 for value in scores)
    assert scores == sorted(scores)


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=8), VALUES, VALUES)
def test_negating_values_and_goalposts_together_changes_nothing(values: list[float], worst: float, best: float) -> None:
    if worst == best:
        best = worst + 1
    assert score([-value for value in values], -worst, -best) == score(values, worst, best)
