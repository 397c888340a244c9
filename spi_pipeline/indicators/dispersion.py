"""How much more repeated counts vary than by chance alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.panel import Array


@dataclass
class Repeats:
    """Counts of wards month by month, gathered over windows and authorities.

    Attributes:
        scatter: Pearson's χ² so far.
        freedom: its degrees of freedom.
    """

    scatter: float = 0.0
    freedom: int = 0

    def add(self, rows: pd.DataFrame, columns: list[str], authority_of: Mapping[str, str]) -> None:
        """Add the points of one window; points outside every ward are left out."""
        counted = pd.DataFrame({"ward": rows["ward_code"], "month": rows["month"], "n": rows[columns].sum(axis=1)})
        counted = counted[counted["ward"].isin(set(authority_of))]
        for _, part in counted.groupby(counted["ward"].map(authority_of)):
            table = part.pivot_table(index="ward", columns="month", values="n", aggfunc="sum", fill_value=0)
            scatter, freedom = pearson(table.to_numpy(dtype=float))
            self.scatter += scatter
            self.freedom += freedom

    @property
    def dispersion(self) -> float:
        """The variance as a multiple of a Poisson count's: ``χ² / degrees of freedom``, at least 1.

        Source: McCullagh and Nelder, Generalized Linear Models (1989), 4.5: the moment estimator of the dispersion.
        """
        return max(1.0, self.scatter / self.freedom) if self.freedom else 1.0


def pearson(counts: Array) -> tuple[float, int]:
    """Pearson's χ² of counts (wards × months) about the counts expected from their ward and month totals.

    Months that are busy everywhere, and wards that are always busy, do not count as scatter. Rows and columns without a
    count are left out.

    Returns:
        ``Σ (count − expected)² / expected`` and its degrees of freedom, ``(wards − 1) (months − 1)``.
    """
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if not counts.size:
        return 0.0, 0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    return float(((counts - expected) ** 2 / expected).sum()), freedom
