"""Uncertainty analysis: intervals of scores and ranks from many draws of the sources of uncertainty.

This module summarises the draws. A batch of draws is in ``model``, the sources are in ``sources``, and their influence
on the ranks is in ``sensitivity``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.calculate.changes import merged
from spi_pipeline.engine.calculate.forward import Pass, forward
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.uncertainty_settings import MEASURED, SOURCES, UncertaintySettings
from spi_pipeline.engine.panel import INDEX_NAMES, Array, Flags, Positions, as_slice
from spi_pipeline.engine.rank import whole_numbers
from spi_pipeline.engine.uncertainty.model import Model, Progress
from spi_pipeline.engine.uncertainty.pairs import Pairs
from spi_pipeline.engine.uncertainty.ranking import RankArray, Ranking
from spi_pipeline.engine.uncertainty.source import Varied
from spi_pipeline.engine.uncertainty.tails import Tails

INTERVALS = ["score_low", "score_high", "measured_low", "measured_high", "rank_low", "rank_high", "lowest"]
CHANGE_COLUMNS = ["area_code", "id", "change_low", "change_high", "rank_change_low", "rank_change_high"]


@dataclass(frozen=True)
class Uncertainty:
    """The summary of many draws.

    Attributes:
        intervals: by edition, area_code and id, ends of 90 % intervals: score_low and score_high, rank_low and
            rank_high from all sources; measured_low and measured_high of the score from errors of measurement,
            allocation and imputation alone; and lowest, the probability of being among the lowest k in rank. Ranks in
            an indicator vary only with errors of its figures.
        pairs: by edition, the probability that the row's area scores above the column's in the index, where a tie
            counts half; only editions with up to 500 areas.
        parameters: the drawn parameters, one row per draw.
        varied: every source of uncertainty, with whether it was varied and how, or why not, and its assumption.
    """

    intervals: pd.DataFrame
    pairs: dict[object, pd.DataFrame]
    parameters: pd.DataFrame
    varied: list[Varied]
    _model: Model = field(repr=False)
    _draws: int
    _seed: int

    def sources(self) -> pd.DataFrame:
        """The sources of uncertainty as a table: source, varied, how, assumed."""
        rows = [(one.source, one.varied, one.how, one.assumed) for one in self.varied]
        return pd.DataFrame(rows, columns=["source", "varied", "how", "assumed"])

    def changes(self, edition_from: object, edition_to: object) -> pd.DataFrame:
        """90 % intervals of the change of every score and rank between two editions.

        The intervals cover errors of measurement, allocation and imputation alone, from the same draws as the measured
        intervals. Where both editions use the same figures they share their errors. A move to a better rank is
        negative.

        Returns:
            ``CHANGE_COLUMNS``, one row for each element and each area that is in both editions.

        Raises:
            EngineError: one of the two is not an edition of the index.
        """
        scores = self._model.scores
        before, after = (self._rows(edition) for edition in (edition_from, edition_to))
        areas = before.index.intersection(after.index, sort=False)
        pair = (before[areas].to_numpy(), after[areas].to_numpy())
        ranking, names = Ranking(scores), list(scores.scores.columns)
        published = _both(scores.scores.to_numpy(dtype=float).T, pair)
        moved, places = Tails(self._draws), Tails(self._draws)
        for numbers in self._model.batches(self._draws):
            drawn = self._model.draw(dict.fromkeys(MEASURED, numbers), self._seed)
            table = _table(drawn.scores.values(), len(numbers))
            moved.add((_both(table, pair) - published).astype(np.float32).reshape(len(numbers), -1))
            ranks = ranking(table)
            moves = _both(np.where(ranks > 0, ranks, np.nan), pair)
            places.add(moves.reshape(len(numbers), -1))
        ends = dict(zip(CHANGE_COLUMNS[2:4], moved.scores(), strict=True))
        ends = {name: published.ravel() + end for name, end in ends.items()}
        ends |= dict(zip(CHANGE_COLUMNS[4:], places.ranks(), strict=True))
        keys = {"area_code": np.tile(areas, len(names)), "id": np.repeat(names, len(areas))}
        return pd.DataFrame({**keys, **ends}, columns=CHANGE_COLUMNS)

    def _rows(self, edition: object) -> pd.Series:
        """Positions of an edition's rows, by area."""
        index = self._model.scores.scores.index
        editions = self._model.scores.inputs.rows.editions
        if edition not in editions:
            raise EngineError(f"there is no edition {edition}: use one of {', '.join(map(str, editions))}")
        rows = editions[edition]
        return pd.Series(rows, index=index.get_level_values("area_code")[rows])


def simulate(
    scores: Scores,
    draws: int = 1000,
    seed: int = 0,
    settings: UncertaintySettings | None = None,
    progress: Progress | None = None,
) -> Uncertainty:
    """Recompute an index many times, as ``engine.draw`` does, with the sources of uncertainty drawn at random.

    Rank 1 is as in the recipe. The same seed gives the same figures on any number of cores: every source of every draw
    has a seed sequence of its own, and draws are summarised in order.

    Args:
        scores: the index as computed.
        draws: number of recalculations.
        seed: seed of all random numbers.
        settings: the sources that are varied, and how far; None takes those of the framework.
        progress: called from time to time with the number of draws done and the total.

    Raises:
        EngineError: fewer than 20 draws, too few for the ends of a 90 % interval.
    """
    if draws < 20:
        raise EngineError(f"a 90 % interval needs 20 or more draws, not {draws}")
    settings = settings or scores.task.recipe.uncertainty
    model = Model(scores, settings)
    collected = _Collected(model, draws, settings.lowest)
    parameters: list[dict[str, Any]] = []
    for numbers in model.batches(draws):
        errors, _ = model.changes(dict.fromkeys(MEASURED, numbers), seed)
        others, noted = model.changes({name: numbers for name in SOURCES if name not in MEASURED}, seed)
        measured = forward(scores.inputs, errors) if len(collected.uncertain) else None
        whole = forward(scores.inputs, merged([errors, others]))
        collected.add(whole, measured, len(numbers))
        drawn = {**noted, **model.weights(whole)}
        repeated = {name: np.broadcast_to(own, len(numbers)) for name, own in drawn.items() if len(own) < len(numbers)}
        parameters.append(drawn | repeated)
        if progress is not None:
            progress(numbers.stop, draws)
    return Uncertainty(
        intervals=collected.intervals(), pairs=collected.pairs.shares(), parameters=_parameters(parameters),
        varied=model.varied, _model=model, _draws=draws, _seed=seed,
    )  # fmt: skip


def with_intervals(table: pd.DataFrame, uncertainty: Uncertainty) -> pd.DataFrame:
    """The rows of ``Scores.table`` with rank_low and rank_high filled in."""
    intervals = uncertainty.intervals  # same areas and elements in the same order
    whole = pd.api.types.is_integer_dtype(table["rank"].dtype)
    ends = {name: intervals[name].to_numpy() for name in ("rank_low", "rank_high")}
    return table.assign(**{name: whole_numbers(end, len(end)) if whole else end for name, end in ends.items()})


class _Collected:
    """The draws of every element, collected batch by batch.

    Scores are stored as their distances from the computed scores, in single precision. Scores that no draw moves stay
    exact; for the others the loss is in the eighth digit of the distance. Indicators are ranked with the errors of
    their figures alone; indicators without errors are ranked as computed.
    """

    def __init__(self, model: Model, draws: int, lowest: int) -> None:
        scores = model.scores
        self.names, self.index = np.array(scores.scores.columns, dtype=object), scores.scores.index
        self.published = scores.scores.to_numpy(dtype=float).T
        self.ranking, self.draws, self.lowest = Ranking(scores), draws, lowest
        errors = [one.columns for one in model.varied if one.varied and one.source in MEASURED]
        self.uncertain = np.unique(np.concatenate(errors)) if errors else np.array([], dtype=np.intp)
        self.parents = np.arange(len(scores.task.structure.leaves), len(self.names))
        self.moving = np.concatenate([self.uncertain, self.parents])
        self.whole, self.measured, self.ranks = Tails(draws), Tails(draws), Tails(draws)
        self.low_ranks = np.zeros((len(self.moving), len(self.index)))
        self.pairs = Pairs(self.ranking, self.index)

    def add(self, whole: Pass, measured: Pass | None, count: int) -> None:
        """Add a batch of draws: with all sources, and with errors of the figures alone."""
        scores = list(whole.scores.values())
        self.whole.add(self._distances(scores, np.arange(len(scores)), count))
        ranked = [scores[place] for place in self.parents]
        if measured is not None:
            errors = list(measured.scores.values())
            self.measured.add(self._distances(errors, self.moving, count))
            ranked = [*(errors[place] for place in self.uncertain), *ranked]
        table = _table(ranked, count)
        ranks = self.ranking(table)
        self.ranks.add(ranks.reshape(count, -1))
        self.low_ranks += self._among_lowest(ranks).sum(axis=0)
        self.pairs.add(table[:, -1])

    def _distances(self, drawn: list[Array], places: Positions, count: int) -> npt.NDArray[np.float32]:
        """Distances of some elements' draws from the computed scores, draws by cells."""
        distances = np.empty((count, len(places), len(self.index)), dtype=np.float32)
        for own, place in enumerate(places):
            np.subtract(drawn[place], self.published[place], out=distances[:, own], casting="same_kind")
        return distances.reshape(count, -1)

    def _among_lowest(self, ranks: RankArray) -> Flags:
        lowest: Flags = np.zeros(ranks.shape, dtype=bool)
        for rows in map(as_slice, self.ranking.rows.values()):
            own = ranks[..., rows]
            lowest[..., rows] = own > own.max(axis=-1, keepdims=True).astype(np.int64) - self.lowest
        return lowest

    def intervals(self) -> pd.DataFrame:
        """One row per element and area, element by element."""
        position = np.tile(np.arange(len(self.index)), len(self.names))
        keys: dict[str, Any] = {name: self.index.get_level_values(name).take(position) for name in INDEX_NAMES}
        keys["id"] = np.repeat(self.names, len(self.index))
        score = [self.published + end.reshape(self.published.shape) for end in self.whole.scores()]
        measured = [self.published.copy(), self.published.copy()]
        if len(self.uncertain):
            for ends, drawn in zip(measured, self.measured.scores(), strict=True):
                ends[self.moving] += drawn.reshape(len(self.moving), -1)
        computed = self.ranking(self.published)
        rank = [computed.astype(float), computed.astype(float)]
        for ends, drawn in zip(rank, self.ranks.ranks(), strict=True):
            ends[self.moving] = drawn.reshape(len(self.moving), -1)
        lowest = self._among_lowest(computed).astype(float)
        lowest[self.moving] = self.low_ranks / self.draws
        unranked = rank[0] == 0
        columns = dict(zip(INTERVALS, (*score, *measured, *rank, lowest), strict=True))
        for name in ("rank_low", "rank_high", "lowest"):
            columns[name] = np.where(unranked, np.nan, columns[name])
        return pd.DataFrame({**keys, **{name: column.ravel() for name, column in columns.items()}})


def _table(scores: Iterable[Array], count: int) -> Array:
    """Scores of some elements, draws by elements by rows."""
    return np.stack([np.broadcast_to(own, (count, own.shape[1])) for own in scores], 1)


def _both(table: Array, pair: tuple[Any, Any]) -> Array:
    """The later rows less the earlier ones."""
    return table[..., pair[1]] - table[..., pair[0]]


def _parameters(batches: list[dict[str, Any]]) -> pd.DataFrame:
    table = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    return pd.DataFrame(table).rename_axis("draw")
