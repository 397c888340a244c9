"""The best and the worst rank that an area can reach under any weights: how far its rank depends on that choice.

All non-negative weights that sum to 1 are allowed, including all weight on one part. Each end of each area's range is
the solution of a mixed-integer linear programme: a binary variable for each other area records whether that area ranks
above, and their number is minimised or maximised. Areas that rank above under all weights, or under none, are left out
of the search.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

# Two scores this close, in points, share a rank.
TIED = 1e-3
# Margin around a tie within which the search does not place a lead: ten times the solver's own tolerance. With a margin
# as wide as a tie, one rank in a hundred, among 300 areas, was off by one, depending on the order of the areas.
NEAR = 1e-5

Array = npt.NDArray[Any]


def rank_range(scores: Array) -> Array:
    """The best and the worst rank of each area over all possible weights of the parts, in an arithmetic mean.

    Args:
        scores: areas by parts, in points, higher is better, none missing.

    Returns:
        Areas by two, best and worst: ranks that are attained under some weights, counted under those weights. Rank 1
        is best, and areas with the same score share the better rank.
    """
    ranks = np.empty((len(scores), 2), dtype=int)
    for area in range(len(scores)):
        ahead = np.delete(scores, area, axis=0) - scores[area]
        ranks[area] = 1 + _above(ahead, fewest=True), 1 + _above(ahead, fewest=False)
    return ranks


def _above(ahead: Array, fewest: bool) -> int:
    """The fewest or the most areas that can rank above.

    Args:
        ahead: other areas by parts: the points by which each is ahead.
        fewest: True for the fewest, False for the most.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    open_ = (ahead.min(axis=1) <= TIED) & (ahead.max(axis=1) > TIED)
    contested, parts = ahead[open_], ahead.shape[1]
    if not len(contested):
        return int((ahead.min(axis=1) > TIED).sum())
    count = len(contested)
    # Where an area's variable says "not above", its lead is at most a tie; where it says "above", more than a tie.
    if fewest:
        bound = LinearConstraint(np.hstack([contested, -np.diag(contested.max(axis=1))]), -np.inf, TIED - NEAR)
    else:
        slack = TIED + NEAR - contested.min(axis=1)
        bound = LinearConstraint(np.hstack([contested, -np.diag(slack)]), TIED + NEAR - slack, np.inf)
    weights_sum = LinearConstraint(np.r_[np.ones(parts), np.zeros(count)][None], 1, 1)
    with _unheard():
        solution = milp(
            np.r_[np.zeros(parts), np.full(count, 1.0 if fewest else -1.0)],
            constraints=[bound, weights_sum],
            integrality=np.r_[np.zeros(parts), np.ones(count)],
            bounds=Bounds(0, 1),
        )
    weights = solution.x[:parts].clip(0) / solution.x[:parts].clip(0).sum()
    return int((ahead @ weights > TIED).sum())


@contextmanager
def _unheard() -> Iterator[None]:
    """A context in which nothing reaches standard output, not even from a library in C.

    In about one search in a thousand HiGHS prints
    "HighsMipSolverData::transformNewIntegerFeasibleSolution tmpSolver.run();", whatever its display options, and so
    into the middle of a table, or of JSON that a program reads.
    """
    if sys.stdout is None:  # closed by the parent process: there is nothing to silence
        yield
        return
    flush = ctypes.CDLL(None).fflush
    # Flush so that earlier output is not lost and output written now does not appear later.
    sys.stdout.flush()
    flush(None)
    original, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        yield
    finally:
        flush(None)
        os.dup2(original, 1)
        os.close(original)
        os.close(null)
