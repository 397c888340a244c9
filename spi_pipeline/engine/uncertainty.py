"""How sure scores and ranks are: many draws of what may be doubted, and which doubt drives the ranks.

What many draws say together belongs here; one draw is in ``draws``, what may be doubted in ``doubt``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.doubt import SOURCES, Doubt, Varied
from spi_pipeline.engine.draws import Drawn, Model
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.rank import TIE_DECIMALS, places
from spi_pipeline.engine.score import Scores

Array = npt.NDArray[np.float64]

# Ends of the 90 % interval.
ENDS = (0.05, 0.95)
# A table of pairs grows with the square of the areas.
MOST_PAIRED = 500


@dataclass(frozen=True)
class Uncertainty:
    """What many draws say together.

    Attributes:
        intervals: by edition, area_code and id of every aggregated element: score_low, score_high, rank_low, rank_high
            (90 %), lowest (probability of being among the lowest k in rank).
        pairs: by edition, the probability that the row's area scores above the column's in the index, a tie counting
            half; only editions of up to 500 areas.
        parameters: one row per draw, what was drawn.
        varied: every source of doubt, whether it was varied, how or why not.
    """

    intervals: pd.DataFrame
    pairs: dict[object, pd.DataFrame]
    parameters: pd.DataFrame
    varied: list[Varied]


def simulate(
    scores: Scores, draws: int = 1000, seed: int = 0, doubt: Doubt | None = None, lowest: int = 5
) -> Uncertainty:
    """Recalculate an index many times with its doubtful choices drawn anew.

    Rank 1 is as in the recipe. The same seed gives the same figures, whatever the number of cores: every source of
    every draw has a seed sequence of its own, and draws are summarised in their order.

    Source: Saisana, Saltelli and Tarantola (2005); OECD/JRC handbook (2008), step 7.

    Args:
        scores: the index as computed.
        draws: how many.
        seed: of all random numbers.
        doubt: what is varied and how far; None takes every source the data allow.
        lowest: k of the probability of being among the lowest k.

    Raises:
        EngineError: fewer than 20 draws, too few for the ends of a 90 % interval.
    """
    if draws < 20:
        raise EngineError(f"a 90 % interval needs 20 or more draws, not {draws}")
    model = Model(scores, doubt or Doubt())
    drawn = (model.draw(dict.fromkeys(SOURCES, number), seed) for number in range(draws))
    table, parameters = _collected(drawn, draws, model)
    index = model.index
    parts = []
    for column, name in enumerate(model.parents):
        ranks = _ranks(table[:, :, column], index, scores.task.recipe.rank_first == "highest")
        parts.append(_intervals(table[:, :, column], ranks, index, name, lowest))
    pairs = _pairs(table[:, :, -1], index)
    return Uncertainty(
        pd.concat(parts, ignore_index=True), pairs, pd.DataFrame(parameters).rename_axis("draw"), model.varied
    )


def with_intervals(table: pd.DataFrame, uncertainty: Uncertainty) -> pd.DataFrame:
    """The rows of ``Scores.table`` with rank_low and rank_high of the aggregated elements filled in."""
    found = uncertainty.intervals.set_index(["edition", "area_code", "id"])[["rank_low", "rank_high"]]
    keys = pd.MultiIndex.from_arrays([table["edition"], table["area_code"].astype(object), table["id"].astype(object)])
    aligned = found.reindex(keys)
    return table.assign(rank_low=aligned["rank_low"].to_numpy(), rank_high=aligned["rank_high"].to_numpy())


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
    model = Model(scores, doubt or Doubt())
    on = [entry.source for entry in model.varied if entry.varied]
    shift = _Shift(model, seed)
    base = np.array([shift(dict.fromkeys(on, number)) for number in range(draws)])
    other = np.array([shift(dict.fromkeys(on, draws + number)) for number in range(draws)])
    picks = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(len(SOURCES),)))
    samples = [np.arange(draws), *picks.integers(0, draws, (resamples, draws))]
    rows = []
    for entry in model.varied:
        row: dict[str, object] = {"source": entry.source, "varied": entry.varied, "how": entry.how}
        if entry.varied:
            mixed = np.array(
                [shift({source: number + draws * (source == entry.source) for source in on}) for number in range(draws)]
            )
            shares = np.array([_shares(base[rows_], other[rows_], mixed[rows_]) for rows_ in samples])
            for position, name in enumerate(("first", "total")):
                low, high = np.nanquantile(shares[1:, position], ENDS) if resamples else (np.nan, np.nan)
                row |= {name: shares[0, position], f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = ["source", "varied", "how", "first", "first_low", "first_high", "total", "total_low", "total_high"]
    return pd.DataFrame(rows, columns=columns)


class _Shift:
    """Mean absolute shift of the index's ranks from those computed, for a draw."""

    def __init__(self, model: Model, seed: int) -> None:
        self.model, self.seed = model, seed
        self.computed = self._ranks(model.scores.scores[model.parents[-1]].to_numpy(dtype=float))

    def __call__(self, numbers: Mapping[str, int]) -> float:
        ranks = self._ranks(self.model.draw(numbers, self.seed).scores[:, -1])
        return float(np.nanmean(np.abs(ranks - self.computed)))

    def _ranks(self, score: Array) -> Array:
        ranks: Array = _ranks(score[np.newaxis], self.model.index, True)[0]
        return ranks


def _shares(base: Array, other: Array, mixed: Array) -> tuple[float, float]:
    variance = np.concatenate([base, other]).var()
    if not variance > 0:
        return float("nan"), float("nan")
    first = 1 - ((other - mixed) ** 2).mean() / (2 * variance)
    return float(first), float(((base - mixed) ** 2).mean() / (2 * variance))


def _collected(drawn: Iterable[Drawn], draws: int, model: Model) -> tuple[Array, list[dict[str, object]]]:
    table = np.empty((draws, len(model.index), len(model.parents)))
    parameters = []
    for number, draw in enumerate(drawn):
        table[number] = draw.scores
        parameters.append(draw.parameters)
    return table, parameters


def _ranks(scores: Array, index: pd.Index, highest_first: bool) -> Array:
    """Ranks within the edition for every draw, ties sharing the best place; NaN without a score."""
    editions = index.get_level_values("edition")
    ranks = np.full(scores.shape, np.nan)
    for edition in editions.unique():
        rows = np.flatnonzero(editions == edition)
        block = np.round(scores[:, rows], TIE_DECIMALS) * (-1 if highest_first else 1)
        ranks[:, rows] = places(block)
    return ranks


def _intervals(scores: Array, ranks: Array, index: pd.Index, name: str, lowest: int) -> pd.DataFrame:
    count = pd.Series(1, index=index).groupby(level="edition").transform("sum").to_numpy()
    known = ~np.isnan(ranks).all(axis=0)
    ends = {key: np.full(len(index), np.nan) for key in ("score_low", "score_high", "rank_low", "rank_high")}
    if known.any():
        ends["score_low"][known], ends["score_high"][known] = _quantiles(scores[:, known], "linear")
        # A rank is a whole number: the interval ends at ranks that were drawn, not between them.
        ends["rank_low"][known], ends["rank_high"][known] = _quantiles(ranks[:, known], "inverted_cdf")
    among = np.where(known, (ranks > count - lowest).mean(axis=0), np.nan)
    frame = index.to_frame(index=False)
    return frame.assign(id=name, **ends, lowest=among)


def _quantiles(values: Array, method: Literal["linear", "inverted_cdf"]) -> Array:
    if np.isnan(values).any():
        columns = [np.quantile(column[~np.isnan(column)], ENDS, method=method) for column in values.T]
        return np.array(columns).T
    return np.asarray(np.quantile(values, ENDS, axis=0, method=method))


def _pairs(scores: Array, index: pd.Index) -> dict[object, pd.DataFrame]:
    editions = index.get_level_values("edition")
    pairs: dict[object, pd.DataFrame] = {}
    for edition in editions.unique():
        rows = np.flatnonzero(editions == edition)
        if len(rows) > MOST_PAIRED:
            continue
        areas = index.get_level_values("area_code")[rows]
        block = np.round(scores[:, rows], TIE_DECIMALS)
        above = np.zeros((len(rows), len(rows)))
        for draw in block:
            above += np.sign(draw[:, np.newaxis] - draw[np.newaxis, :]) if not np.isnan(draw).any() else 0.0
        pairs[edition] = pd.DataFrame(0.5 + 0.5 * above / len(block), index=areas, columns=areas)
    return pairs
