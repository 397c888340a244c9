"""Sensitivity analysis: Sobol indices of the sources of uncertainty in the ranks.

This module holds the estimators; the sources are in ``sources``, a batch of recalculations in ``model``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import SOURCES, UncertaintySettings
from spi_pipeline.engine.panel import Array
from spi_pipeline.engine.uncertainty.model import Model, Progress
from spi_pipeline.engine.uncertainty.ranking import Ranking
from spi_pipeline.engine.uncertainty.tails import TAIL_SHARE


def sensitivity(
    scores: Scores, draws: int = 500, seed: int = 0, settings: UncertaintySettings | None = None, resamples: int = 200,
    progress: Progress | None = None,
) -> pd.DataFrame:  # fmt: skip
    """First- and total-order Sobol indices of each source of uncertainty, with 90 % bootstrap intervals.

    The output is the mean absolute shift of the index's ranks from the computed ranks. Each source is one factor. With
    A and B two sets of draws, and AB the set A with one source taken from B, Jansen's estimators give
    ``S = 1 - Σ (f_B - f_AB)² / 2nV`` and ``T = Σ (f_A - f_AB)² / 2nV``.

    Source: Saltelli et al. (2010); Jansen (1999); COINr's ``get_sensitivity``.

    Args:
        scores: the index as computed.
        draws: n; the index is recomputed n (k + 2) times for k sources.
        seed: seed of all random numbers.
        settings: as in ``simulate``.
        resamples: number of bootstrap samples behind each interval.
        progress: as in ``simulate``.

    Returns:
        One row per source, varied or not: source, varied, how, first, first_low, first_high, total, total_low,
        total_high; NaN where the source was not varied.
    """
    model = Model(scores, settings or scores.task.recipe.uncertainty)
    on = [entry.source for entry in model.varied if entry.varied]
    shift = _Shift(model, seed, draws * (len(on) + 2), progress)
    base = shift(dict.fromkeys(on, range(draws)))
    other = shift(dict.fromkeys(on, range(draws, 2 * draws)))
    picks = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(len(SOURCES),)))
    samples = [np.arange(draws), *picks.integers(0, draws, (resamples, draws))]
    rows = []
    for entry in model.varied:
        row: dict[str, object] = {"source": entry.source, "varied": entry.varied, "how": entry.how}
        if entry.varied:
            mixed = shift({**dict.fromkeys(on, range(draws)), entry.source: range(draws, 2 * draws)})
            indices = np.array([_indices(base[rows_], other[rows_], mixed[rows_]) for rows_ in samples])
            for position, name in enumerate(("first", "total")):
                known = indices[1:, position][~np.isnan(indices[1:, position])]
                low, high = np.quantile(known, (TAIL_SHARE, 1 - TAIL_SHARE)) if len(known) else (np.nan, np.nan)
                row |= {name: indices[0, position], f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = ["source", "varied", "how", "first", "first_low", "first_high", "total", "total_low", "total_high"]
    return pd.DataFrame(rows, columns=columns)


class _Shift:
    """Mean absolute shift of the index's ranks from the computed ranks, for every draw."""

    def __init__(self, model: Model, seed: int, total: int, progress: Progress | None) -> None:
        self.model, self.seed, self.ranking = model, seed, Ranking(model.scores)
        self.total, self.done, self.progress = total, 0, progress
        self.root = model.scores.task.structure.root
        self.computed = self.ranking(model.scores.scores[self.root].to_numpy(dtype=float)).astype(float)

    def __call__(self, numbers: Mapping[str, Sequence[int]]) -> Array:
        shifts = [np.zeros(0)]
        for batch in self.model.batches(len(next(iter(numbers.values()), ()))):
            some = {source: own[batch.start : batch.stop] for source, own in numbers.items()}
            ranks = self.ranking(self.model.draw(some, self.seed).scores[self.root]).astype(float)
            both = (ranks > 0) & (self.computed > 0)
            moved = np.where(both, np.abs(ranks - self.computed), 0.0)
            shift = moved.sum(axis=1) / np.maximum(both.sum(axis=1), 1)
            shifts.append(np.broadcast_to(shift, len(batch)))
            self.done += len(batch)
            if self.progress is not None:
                self.progress(self.done, self.total)
        return np.concatenate(shifts)


def _indices(base: Array, other: Array, mixed: Array) -> tuple[float, float]:
    variance = np.concatenate([base, other]).var()
    if not variance > 0:
        return float("nan"), float("nan")
    first = 1 - ((other - mixed) ** 2).mean() / (2 * variance)
    return float(first), float(((base - mixed) ** 2).mean() / (2 * variance))
