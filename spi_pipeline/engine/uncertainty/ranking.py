"""Ranks of many draws at once, within editions, among the reference areas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.panel import Array, as_slice
from spi_pipeline.engine.rank import TIE_DECIMALS, places

RankArray = npt.NDArray[np.unsignedinteger]


class Ranking:
    """The ranking of an index's areas.

    Attributes:
        rows: positions of the rows that are ranked, by edition.
        kind: the smallest integer type that holds every rank.
    """

    def __init__(self, scores: Scores) -> None:
        self._turn = -1.0 if scores.task.recipe.rank_first == "highest" else 1.0
        self.rows = scores.inputs.rows.ranked
        self.kind = np.min_scalar_type(max(len(rows) for rows in self.rows.values()))

    def __call__(self, scores: Array) -> RankArray:
        """Ranks along the last axis; ties share the best place, and 0 means no rank."""
        ranks = np.zeros(scores.shape, dtype=self.kind)
        for rows in map(as_slice, self.rows.values()):
            turned = scores[..., rows] * (self._turn * 10.0**TIE_DECIMALS)
            ranks[..., rows] = places(np.rint(turned, out=turned), self.kind)
        return ranks
