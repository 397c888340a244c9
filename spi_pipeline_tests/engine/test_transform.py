"""Transformations of values before normalisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise.transform import METHODS, Transform, estimated, transform_panel, transformed
from spi_pipeline_tests.engine.panels import make_panel

NAN = float("nan")


@pytest.mark.parametrize(
    ("transform", "value", "expected"),
    [
        (Transform(), -7.5, -7.5),
        (Transform("log"), math.e**2, 2),
        (Transform("square"), 3, 9),
        (Transform("cube"), -2, -8),
        (Transform("square_root"), 16, 4),
        (Transform("cube_root"), -27, -3),
        (Transform("reciprocal"), 4, 0.25),
        (Transform("logit"), 0.75, math.log(3)),
        (Transform("logit", upper=100), 75, math.log(3)),
        (Transform("box_cox", exponent=0.5), 9, 4),
        (Transform("box_cox", exponent=0), math.e, 1),
        (Transform("box_cox", exponent=-1), 4, 0.75),
    ],
)
def test_every_transform_by_hand(transform: Transform, value: float, expected: float) -> None:
    result = transformed(np.array([value, NAN]), transform)
    assert result[0] == pytest.approx(expected)
    assert np.isnan(result[1])


def test_every_method_is_checked() -> None:
    assert set(METHODS) == {
        "none", "log", "square", "cube", "square_root", "cube_root", "reciprocal", "logit", "box_cox",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("transform", "value", "words"),
    [
        (Transform("log"), 0, "'log' needs values above 0, and there is 0"),
        (Transform("square"), -1, "'square' needs values from 0"),
        (Transform("square_root"), -1, "from 0"),
        (Transform("reciprocal"), -2, "above 0"),
        (Transform("logit"), 1, "above 0 and below 1"),
        (Transform("logit", upper=100), 0, "above 0 and below 100"),
        (Transform("box_cox", exponent=2), 0, "above 0"),
        (Transform("box_cox"), 1, "exponent"),
        (Transform("sqrt"), 1, "not a transform.*square_root"),  # type: ignore[arg-type]
    ],
)
def test_a_value_outside_the_domain_is_refused(transform: Any, value: float, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        transformed(np.array([0.5, value]), transform)


def test_the_message_names_the_indicator() -> None:
    with pytest.raises(EngineError, match="indicator y: the transform 'log'"):
        transform_panel(make_panel({"x": [1, 2], "y": [0, 1]}), {"y": Transform("log")})


def test_indicators_without_a_transform_are_unchanged() -> None:
    panel = make_panel({"x": [1, NAN], "y": [4, 9]})
    result = transform_panel(panel, {"y": Transform("square_root")})
    pd.testing.assert_frame_equal(result, make_panel({"x": [1, NAN], "y": [2, 3]}))


def test_the_exponent_has_the_highest_likelihood() -> None:
    values = np.append(np.random.default_rng(0).lognormal(1, 0.6, 80), NAN)
    exponent = estimated(values, Transform("box_cox")).exponent
    assert exponent is not None
    assert abs(exponent) < 0.5
    best = stats.boxcox_llf(exponent, values[:-1])
    assert all(best >= stats.boxcox_llf(exponent + step, values[:-1]) for step in (-0.05, -1e-4, 1e-4, 0.05))


def test_an_exponent_is_not_estimated_from_two_values() -> None:
    with pytest.raises(EngineError, match="three or more"):
        estimated(np.array([1.0, 2, 2]), Transform("box_cox"))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([Transform(name, 0.3) for name in METHODS]),  # type: ignore[arg-type]
    st.lists(st.floats(0.001, 0.999), min_size=2, max_size=8, unique=True),
)
def test_order_is_preserved_or_reversed_throughout(transform: Transform, values: list[float]) -> None:
    result = transformed(np.sort(np.array(values)), transform)
    steps = np.diff(result) * (-1 if transform.reverses else 1)
    assert (steps >= 0).all()
