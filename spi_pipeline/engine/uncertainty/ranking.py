"""Ranks of many draws at once, within editions, among the areas that take part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.panel import Array
from spi_pipeline.engine.rank import TIE_DECIMALS, places

Whole = npt.NDArray[np.unsignedinteger]


class Ranking:
    """How the areas of an index are ranked.

    Attributes:
        rows: positions of the rows that are ranked, by edition.
        kind: the smallest whole numbers that hold a rank.
    """

    def __init__(self, scores: Scores) -> None:
        self._turn = -1.0 if scores.task.recipe.rank_first == "highest" else 1.0
        self.rows = scores.inputs.rows.ranked
        self.kind = np.min_scalar_type(max(len(rows) for rows in self.rows.values()))

    def __call__(self, scores: Array) -> Whole:
        """Ranks along the last axis, ties sharing the best place; 0 without a rank."""
        ranks = np.zeros(scores.shape, dtype=self.kind)
        for rows in self.rows.values():
            block = scores if len(rows) == scores.shape[-1] else scores[..., rows]
            found = places(np.rint(block * (self._turn * 10.0**TIE_DECIMALS)))
            found[np.isnan(found)] = 0
            ranks[..., rows] = found
        return ranks
