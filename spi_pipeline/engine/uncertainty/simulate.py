"""How sure scores and ranks are: many draws of what may be doubted.

What many draws say together belongs here; one draw is in ``draws``, what may be doubted in ``doubt``, which doubt
drives the ranks in ``sensitivity``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.doubt import SOURCES, Doubt
from spi_pipeline.engine.panel import INDEX_NAMES
from spi_pipeline.engine.rank import TIE_DECIMALS, places, whole_numbers
from spi_pipeline.engine.uncertainty.draws import Model
from spi_pipeline.engine.uncertainty.survey import Varied

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.unsignedinteger]
Positions = npt.NDArray[np.intp]

# Ends of the 90 % interval.
ENDS = (0.05, 0.95)
ENDS_OF = ("score_low", "score_high", "rank_low", "rank_high", "lowest")
# A table of pairs grows with the square of the areas.
MOST_PAIRED = 500
# Rows of all draws recalculated at a time.
TOGETHER = 8192
# Rows sorted at a time when percentiles are taken.
CHUNK = 4096


@dataclass(frozen=True)
class Uncertainty:
    """What many draws say together.

    Attributes:
        intervals: by edition, area_code and id: score_low, score_high, rank_low, rank_high (90 %), lowest (probability
            of being among the lowest k in rank). Indicators have intervals of ranks alone, from sampling error and
            imputation, the two doubts that change the order of areas in one indicator.
        pairs: by edition, the probability that the row's area scores above the column's in the index, a tie counting
            half; only editions of up to 500 areas.
        parameters: one row per draw, what was drawn.
        varied: every source of doubt, whether it was varied, how or why not.
    """

    intervals: pd.DataFrame
    pairs: dict[object, pd.DataFrame]
    parameters: pd.DataFrame
    varied: list[Varied]


def simulate(scores: Scores, draws: int = 1000, seed: int = 0, doubt: Doubt | None = None) -> Uncertainty:
    """Recalculate an index many times with its doubtful choices drawn anew.

    Rank 1 is as in the recipe. The same seed gives the same figures, whatever the number of cores: every source of
    every draw has a seed sequence of its own, and draws are summarised in their order.

    Source: Saisana, Saltelli and Tarantola (2005); OECD/JRC handbook (2008), step 7.

    Args:
        scores: the index as computed.
        draws: how many.
        seed: of all random numbers.
        doubt: what is varied and how far; None takes what the framework states.

    Raises:
        EngineError: fewer than 20 draws, too few for the ends of a 90 % interval.
    """
    if draws < 20:
        raise EngineError(f"a 90 % interval needs 20 or more draws, not {draws}")
    doubt = doubt or scores.task.recipe.doubt
    model = Model(scores, doubt)
    ranking = Ranking(scores)
    leaves = _Leaves(model, ranking, draws)
    table = np.empty((draws, len(model.parents), len(model.index)))
    ranks: Whole = np.empty(table.shape, dtype=ranking.kind)
    parameters: list[dict[str, object]] = []
    # Small indices are recalculated many at a time, for what a call of a function costs.
    together = max(TOGETHER // len(model.index), 1)
    for start in range(0, draws, together):
        numbers = range(start, min(start + together, draws))
        drawn = model.draw([dict.fromkeys(SOURCES, number) for number in numbers], seed)
        table[numbers] = drawn.scores
        ranks[numbers] = ranking(drawn.scores)
        for number, values, noted in zip(numbers, drawn.values, drawn.parameters, strict=True):
            leaves.note(number, values, noted.get("imputation"))
        parameters += drawn.parameters
    found = {
        name: ranking.intervals(table[:, column], ranks[:, column], doubt.lowest)
        for column, name in enumerate(model.parents)
    }
    return Uncertainty(
        intervals=_stacked({**leaves.intervals(scores, doubt.lowest), **found}, model.index),
        pairs=_pairs(table[:, -1], ranking),
        parameters=pd.DataFrame(parameters).rename_axis("draw"),
        varied=model.varied,
    )


def with_intervals(table: pd.DataFrame, uncertainty: Uncertainty) -> pd.DataFrame:
    """The rows of ``Scores.table`` with rank_low and rank_high filled in."""
    found = uncertainty.intervals  # of the same areas and elements in the same order
    whole = pd.api.types.is_integer_dtype(table["rank"].dtype)
    ends = {name: found[name].to_numpy() for name in ("rank_low", "rank_high")}
    return table.assign(**{name: whole_numbers(end, len(end)) if whole else end for name, end in ends.items()})


class Ranking:
    """Ranks within editions, among the areas that take part.

    Attributes:
        index: the rows.
        rows: positions of the rows that are ranked, by edition.
        kind: the smallest whole numbers that hold a rank.
    """

    def __init__(self, scores: Scores) -> None:
        self.index, self.turn = scores.scores.index, -1.0 if scores.task.recipe.rank_first == "highest" else 1.0
        self.rows = scores.ranking_rows()
        self.kind = np.min_scalar_type(max(len(rows) for rows in self.rows.values()))

    def __call__(self, scores: Array) -> Whole:
        """Ranks along the last axis, ties sharing the best place; 0 without a rank."""
        ranks = np.zeros(scores.shape, dtype=self.kind)
        for rows in self.rows.values():
            block = scores if len(rows) == scores.shape[-1] else scores[..., rows]
            found = places(np.rint(block * (self.turn * 10.0**TIE_DECIMALS)))
            ranks[..., rows] = np.nan_to_num(found)
        return ranks

    def intervals(self, scores: Array | None, ranks: Whole, lowest: int) -> Array:
        """One element's score_low, score_high, rank_low, rank_high and lowest, each by area, from draws by areas."""
        ends = np.full((len(ENDS_OF), len(self.index)), np.nan)
        for rows in self.rows.values():
            found = ranks[:, rows]
            ranked = found.max(axis=1, keepdims=True).astype(float)
            ends[2, rows], ends[3, rows] = _ends_of_ranks(found)
            ends[4, rows] = np.where(np.isnan(ends[2, rows]), np.nan, (found > ranked - lowest).mean(axis=0))
        if scores is not None:
            ends[0], ends[1] = _ends_of_scores(scores)
        return ends


class _Leaves:
    """Ranks of the indicators in every draw, computed anew only where a draw can change them."""

    def __init__(self, model: Model, ranking: Ranking, draws: int) -> None:
        self.model, self.ranking = model, ranking
        concerned = {entry.source: entry.columns for entry in model.varied if entry.varied}
        none = np.array([], dtype=np.intp)
        self.noisy = concerned.get("sampling", none)
        self.filled = np.setdiff1d(concerned.get("imputation", none), self.noisy)
        self.ranks: Whole = np.empty((draws, len(self.noisy) + len(self.filled), len(model.index)), dtype=ranking.kind)
        self.by_filling: dict[object, Whole] = {}

    def note(self, number: int, values: Array, filling: object) -> None:
        """Take the ranks of one draw, whose gaps were filled in a certain way."""
        if filling not in self.by_filling:
            self.by_filling[filling] = self._ranked(values, self.filled)
        self.ranks[number, : len(self.noisy)] = self._ranked(values, self.noisy)
        self.ranks[number, len(self.noisy) :] = self.by_filling[filling]

    def intervals(self, scores: Scores, lowest: int) -> dict[str, Array]:
        """Intervals of every indicator; that of one whose ranks no draw changes is the rank itself."""
        moving = [self.model.leaves[column] for column in [*self.noisy, *self.filled]]
        settled = [name for name in self.model.leaves if name not in moving]
        ranks = self.ranking(scores.scores[settled].to_numpy(dtype=float).T)[np.newaxis]
        found = {
            name: self.ranking.intervals(None, one[:, column], lowest)
            for names, one in ((moving, self.ranks), (settled, ranks))
            for column, name in enumerate(names)
        }
        return {name: found[name] for name in self.model.leaves}

    def _ranked(self, values: Array, columns: Positions) -> Whole:
        return self.ranking(self.model.places_of_leaves(values, columns).T)


def _stacked(found: dict[str, Array], index: pd.Index) -> pd.DataFrame:
    """One row per element and area, elements one after another."""
    position = np.tile(np.arange(len(index)), len(found))
    keys: dict[str, Any] = {name: index.get_level_values(name).take(position) for name in INDEX_NAMES}
    columns: dict[str, Any] = dict(zip(ENDS_OF, np.concatenate(list(found.values()), axis=1), strict=True))
    return pd.DataFrame({**keys, "id": np.repeat(np.array(list(found), dtype=object), len(index)), **columns})


def _ends_of_scores(scores: Array) -> tuple[Array, Array]:
    low, high = np.empty(scores.shape[1]), np.empty(scores.shape[1])
    for start in range(0, scores.shape[1], CHUNK):
        block = np.ascontiguousarray(scores[:, start : start + CHUNK].T)
        block.sort(axis=1)  # what is missing goes last
        count = (~np.isnan(block)).sum(axis=1)
        low[start : start + CHUNK], high[start : start + CHUNK] = (_quantile(block, count, end) for end in ENDS)
    return low, high


def _quantile(ordered: Array, count: Positions, share: float) -> Array:
    """Quantiles of ordered rows, of which the first ``count`` are there, on a straight line between two of them."""
    place = share * np.maximum(count - 1, 0)
    below = np.floor(place).astype(np.intp)
    rows = np.arange(len(ordered))
    lower, upper = ordered[rows, below], ordered[rows, np.minimum(below + 1, np.maximum(count - 1, 0))]
    between: Array = lower + (upper - lower) * (place - below)
    return between


def _ends_of_ranks(ranks: Whole) -> tuple[Array, Array]:
    """A rank is a whole number: the interval ends at ranks that were drawn, not between them."""
    low, high = np.empty(ranks.shape[1]), np.empty(ranks.shape[1])
    for start in range(0, ranks.shape[1], CHUNK):
        block = np.ascontiguousarray(ranks[:, start : start + CHUNK].T)
        block.sort(axis=1, kind="stable")  # what is missing goes first; whole numbers of 16 bits are sorted by radix
        count = (block > 0).sum(axis=1)
        for ends, share in ((low, ENDS[0]), (high, ENDS[1])):
            place = np.maximum(np.ceil(share * count).astype(np.intp), 1) - 1
            found = block[np.arange(len(block)), np.minimum(block.shape[1] - count + place, block.shape[1] - 1)]
            ends[start : start + CHUNK] = np.where(count > 0, found, np.nan)
    return low, high


def _pairs(scores: Array, ranking: Ranking) -> dict[object, pd.DataFrame]:
    pairs: dict[object, pd.DataFrame] = {}
    for edition, rows in ranking.rows.items():
        if len(rows) > MOST_PAIRED:
            continue
        areas = ranking.index.get_level_values("area_code")[rows]
        block = np.round(scores[:, rows], TIE_DECIMALS)
        above, shared = np.zeros((len(rows), len(rows))), np.zeros((len(rows), len(rows)))
        for draw in block:
            own, other = draw[:, np.newaxis], draw[np.newaxis, :]
            above += (own > other) + 0.5 * (own == other)
            shared += (own == own) & (other == other)
        share = above / np.where(shared > 0, shared, np.nan)
        pairs[edition] = pd.DataFrame(share, index=areas, columns=areas)
    return pairs
