"""The best and the worst rank that any weights can bring: how far an area's rank is a matter of taste.

All weights that are not negative and add up to 1 are allowed, all weight on one part among them. The search is a
mixed-integer linear programme for each area and end: a binary unknown for each other area says whether it stands above,
and as few, or as many, as possible shall. Areas that are above, or not above, under all weights are left out first.
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

# Two scores this close, in points, are one and the same rank.
TIED = 1e-3
# How near to a tie a lead may come that the search takes for none, or for one: an order more than the solver's own
# tolerance. Where it was as wide as a tie, a rank in a hundred of 300 areas was one off, by their order.
NEAR = 1e-5

Array = npt.NDArray[Any]


def rank_range(scores: Array) -> Array:
    """The best and the worst rank of each area under any weights of the parts, in an arithmetic mean.

    Args:
        scores: areas by parts, in points, higher is better, none missing.

    Returns:
        Areas by two, best and worst: ranks that some weights do bring about, counted under these. Rank 1 is best, and
        areas with the same score share the better rank.
    """
    ranks = np.empty((len(scores), 2), dtype=int)
    for area in range(len(scores)):
        ahead = np.delete(scores, area, axis=0) - scores[area]
        ranks[area] = 1 + _above(ahead, fewest=True), 1 + _above(ahead, fewest=False)
    return ranks


def _above(ahead: Array, fewest: bool) -> int:
    """How many areas stand above, at the fewest or the most.

    Args:
        ahead: other areas by parts, by how many points each is ahead.
        fewest: the end.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    open_ = (ahead.min(axis=1) <= TIED) & (ahead.max(axis=1) > TIED)
    doubtful, parts = ahead[open_], ahead.shape[1]
    if not len(doubtful):
        return int((ahead.min(axis=1) > TIED).sum())
    count = len(doubtful)
    # Where the unknown of an area says "not above", its lead is held to a tie; where "above", to more than a tie.
    if fewest:
        held = LinearConstraint(np.hstack([doubtful, -np.diag(doubtful.max(axis=1))]), -np.inf, TIED - NEAR)
    else:
        slack = TIED + NEAR - doubtful.min(axis=1)
        held = LinearConstraint(np.hstack([doubtful, -np.diag(slack)]), TIED + NEAR - slack, np.inf)
    whole = LinearConstraint(np.r_[np.ones(parts), np.zeros(count)][None], 1, 1)
    with _unheard():
        found = milp(
            np.r_[np.zeros(parts), np.full(count, 1.0 if fewest else -1.0)],
            constraints=[held, whole],
            integrality=np.r_[np.zeros(parts), np.ones(count)],
            bounds=Bounds(0, 1),
        )
    weights = found.x[:parts].clip(0) / found.x[:parts].clip(0).sum()
    return int((ahead @ weights > TIED).sum())


@contextmanager
def _unheard() -> Iterator[None]:
    """A context in which nothing reaches standard output, not even from a library in C.

    HiGHS prints "HighsMipSolverData::transformNewIntegerFeasibleSolution tmpSolver.run();", whatever it is asked to
    display, in one search of some thousand: in the middle of a table, or of JSON that a program reads.
    """
    if sys.stdout is None:  # closed by whoever started the process: nothing can be heard
        yield
        return
    flush = ctypes.CDLL(None).fflush
    # What was written before is not to be lost, and what is written now not to come out afterwards.
    sys.stdout.flush()
    flush(None)
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        flush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
