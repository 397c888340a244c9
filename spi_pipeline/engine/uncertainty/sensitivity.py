"""Which source of doubt drives the ranks: Sobol shares.

The estimators belong here; what is varied is in ``doubt``, one recalculation in ``draws``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.doubt import SOURCES, Doubt
from spi_pipeline.engine.uncertainty.draws import Model
from spi_pipeline.engine.uncertainty.simulate import ENDS, TOGETHER, Ranking

Array = npt.NDArray[np.float64]


def sensitivity(
    scores: Scores, draws: int = 500, seed: int = 0, doubt: Doubt | None = None, resamples: int = 200
) -> pd.DataFrame:
    """Which source of doubt drives the ranks: first- and total-order Sobol shares with 90 % bootstrap intervals.

    The output looked at is the mean absolute shift of the index's ranks from those computed. Each source is one factor.
    With A and B two sets of draws, and A with one source taken from B, Jansen's estimators give ``S = 1 - Σ (f_B -
    f_AB)² / 2nV`` and ``T = Σ (f_A - f_AB)² / 2nV``.

    Source: Saltelli et al. (2010); Jansen (1999); COINr's ``get_sensitivity``.

    Args:
        scores: the index as computed.
        draws: n; the index is recomputed n (k + 2) times for k sources.
        seed: of all random numbers.
        doubt: as in ``simulate``.
        resamples: bootstrap samples behind each interval.

    Returns:
        One row per source, varied or not: source, varied, how, first, first_low, first_high, total, total_low,
        total_high; NaN where it was not varied.
    """
    model = Model(scores, doubt or scores.task.recipe.doubt)
    on = [entry.source for entry in model.varied if entry.varied]
    shift = _Shift(model, seed)
    numbers = range(draws)
    base = shift([dict.fromkeys(on, number) for number in numbers])
    other = shift([dict.fromkeys(on, draws + number) for number in numbers])
    picks = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(len(SOURCES),)))
    samples = [np.arange(draws), *picks.integers(0, draws, (resamples, draws))]
    rows = []
    for entry in model.varied:
        row: dict[str, object] = {"source": entry.source, "varied": entry.varied, "how": entry.how}
        if entry.varied:
            mixed = shift([{source: number + draws * (source == entry.source) for source in on} for number in numbers])
            shares = np.array([_shares(base[rows_], other[rows_], mixed[rows_]) for rows_ in samples])
            for position, name in enumerate(("first", "total")):
                known = shares[1:, position][~np.isnan(shares[1:, position])]
                low, high = np.quantile(known, ENDS) if len(known) else (np.nan, np.nan)
                row |= {name: shares[0, position], f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = ["source", "varied", "how", "first", "first_low", "first_high", "total", "total_low", "total_high"]
    return pd.DataFrame(rows, columns=columns)


class _Shift:
    """Mean absolute shift of the index's ranks from those computed, for every draw."""

    def __init__(self, model: Model, seed: int) -> None:
        self.model, self.seed, self.ranking = model, seed, Ranking(model.scores)
        self.computed = self._ranks(model.scores.scores[model.parents[-1]].to_numpy(dtype=float))

    def __call__(self, numbers: Sequence[Mapping[str, int]]) -> Array:
        shifts = []
        together = max(TOGETHER // len(self.model.index), 1)
        for start in range(0, len(numbers), together):
            ranks = self._ranks(self.model.draw(numbers[start : start + together], self.seed).scores[:, -1])
            both = (ranks > 0) & (self.computed > 0)
            moved = np.where(both, np.abs(ranks - self.computed), 0.0)
            shifts.append(moved.sum(axis=1) / np.maximum(both.sum(axis=1), 1))
        return np.concatenate(shifts) if shifts else np.array([])

    def _ranks(self, score: Array) -> Array:
        ranks: Array = self.ranking(score).astype(float)
        return ranks


def _shares(base: Array, other: Array, mixed: Array) -> tuple[float, float]:
    variance = np.concatenate([base, other]).var()
    if not variance > 0:
        return float("nan"), float("nan")
    first = 1 - ((other - mixed) ** 2).mean() / (2 * variance)
    return float(first), float(((base - mixed) ** 2).mean() / (2 * variance))
