"""Best and worst rank under any weights, checked against a dense grid of weights and against obvious cases."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from spi_pipeline.engine.any_weights import rank_range


def test_an_area_ahead_in_every_part_is_first_under_all_weights() -> None:
    assert rank_range(np.array([[9.0, 8.0], [3.0, 7.0], [4.0, 2.0]])).tolist() == [[1, 1], [2, 3], [2, 3]]


def test_a_middling_area_may_be_first_under_no_weights() -> None:
    # The third area lies below the line between the other two, so one of them beats it under any weights.
    assert rank_range(np.array([[10.0, 0.0], [0.0, 10.0], [4.0, 4.0]])).tolist() == [[1, 3], [1, 3], [2, 3]]
    assert rank_range(np.array([[10.0, 0.0], [0.0, 10.0], [6.0, 6.0]])).tolist() == [[1, 3], [1, 3], [1, 2]]


def test_equal_areas_share_the_better_rank() -> None:
    assert rank_range(np.array([[5.0, 5.0], [5.0, 5.0], [1.0, 9.0]])).tolist() == [[1, 2], [1, 2], [1, 3]]


def test_one_area_alone_is_first() -> None:
    assert rank_range(np.array([[5.0, 6.0]])).tolist() == [[1, 1]]


@pytest.mark.parametrize("seed", range(3))
def test_the_range_equals_the_extremes_over_a_grid_of_weights(seed: int) -> None:
    scores = np.random.default_rng(seed).normal(50, 10, (9, 3))
    steps = np.linspace(0, 1, 201)
    first, second = (axis.ravel() for axis in np.meshgrid(steps, steps))
    inside = first + second <= 1
    weights = np.stack([first, second, 1 - first - second])[:, inside]
    index = scores @ weights
    ranks = 1 + (index[None] > index[:, None] + 1e-9).sum(axis=1)
    assert rank_range(scores).tolist() == np.stack([ranks.min(axis=1), ranks.max(axis=1)], axis=1).tolist()


def test_output_of_a_c_library_is_suppressed_and_all_other_output_is_not() -> None:
    code = """
import ctypes
from spi_pipeline.engine.any_weights import _unheard
printf = ctypes.CDLL(None).printf
printf(b"before "), print("and ", end="")
try:
    with _unheard():
        printf(b"debugging")
        print("in Python", end="", flush=True)
        raise LookupError
except LookupError:
    printf(b"after")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == ["after", "and", "before"]


def test_ranks_are_computed_with_standard_output_closed() -> None:
    """Some supervisors start a program with standard output closed."""
    code = (
        "import sys; from spi_pipeline.engine.any_weights import rank_range; import numpy as np; "
        "sys.exit(rank_range(np.array([[10.0, 0.0], [0.0, 10.0], [6.0, 6.0]])).tolist() != [[1, 3], [1, 3], [1, 2]])"
    )
    assert subprocess.run(["sh", "-c", '"$0" -c "$1" >&-', sys.executable, code], check=False).returncode == 0
