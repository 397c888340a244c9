"""Pairwise comparisons: the share of draws in which one area scores above another."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.panel import Array
from spi_pipeline.engine.rank import TIE_DECIMALS
from spi_pipeline.engine.uncertainty.ranking import Ranking

# Largest number of areas: a table of pairs grows with its square.
MAX_AREAS = 500


class Pairs:
    """Counts of pairwise comparisons over draws of the index's scores, edition by edition."""

    def __init__(self, ranking: Ranking, index: pd.Index) -> None:
        self._index = index
        self._rows = {edition: rows for edition, rows in ranking.rows.items() if len(rows) <= MAX_AREAS}
        self._above = {edition: np.zeros((len(rows), len(rows))) for edition, rows in self._rows.items()}
        self._shared = {edition: np.zeros((len(rows), len(rows))) for edition, rows in self._rows.items()}

    def add(self, scores: Array) -> None:
        """Add a batch of draws, draws by rows."""
        for edition, rows in self._rows.items():
            for draw in np.round(scores[:, rows], TIE_DECIMALS):
                own, other = draw[:, np.newaxis], draw[np.newaxis, :]
                self._above[edition] += (own > other) + 0.5 * (own == other)
                self._shared[edition] += (own == own) & (other == other)

    def shares(self) -> dict[object, pd.DataFrame]:
        """By edition, the share of draws in which the row's area scores above the column's; a tie counts half."""
        tables: dict[object, pd.DataFrame] = {}
        for edition, rows in self._rows.items():
            areas, shared = self._index.get_level_values("area_code")[rows], self._shared[edition]
            share = self._above[edition] / np.where(shared > 0, shared, np.nan)
            tables[edition] = pd.DataFrame(share, index=areas, columns=areas)
        return tables
