"""One recalculation of an index with its doubtful choices drawn anew, on bare arrays.

The model compiled from a finished calculation, its weights and its aggregation belong here; how indicators are scored
in a draw is in ``draw_indicators``. Every source of doubt draws from a generator of its own, made from the seed, the
source and the number of the draw, so that a draw is the same on whatever machine and in whatever order it is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine import means
from spi_pipeline.engine.aggregate import ORDERS, shares_of_present
from spi_pipeline.engine.doubt import SOURCES, Doubt, survey
from spi_pipeline.engine.draw_indicators import Generators, IndicatorModel
from spi_pipeline.engine.methods import Spec
from spi_pipeline.engine.normalising import Yardsticks, normalised
from spi_pipeline.engine.recipe import ParentRecipe
from spi_pipeline.engine.score import Scores

Array = npt.NDArray[np.float64]

# The least a score counts under a geometric mean that only a draw asks for, as a share of the scale.
LEAST = 0.01
AVERAGES = ("arithmetic", "geometric", "harmonic", "generalised")


@dataclass(frozen=True)
class Drawn:
    """One draw.

    Attributes:
        scores: rows by aggregated elements, in the order of the structure's ``parents``.
        parameters: what was drawn.
    """

    scores: Array
    parameters: dict[str, Any]


@dataclass(frozen=True)
class _Parent:
    """One aggregation: positions of the children among leaves then parents, their ids, and how they are combined."""

    children: npt.NDArray[np.intp]
    ids: list[str]
    weights: Array
    signed: bool
    total: float
    own: ParentRecipe
    rescaled: list[Spec | None]


class Model:
    """An index compiled for many recalculations.

    Weights fitted to the data are not fitted anew: they are varied around what they are.

    Attributes:
        varied: what a draw varies, and why the rest is not.
        parents: ids of the aggregated elements, in the order of a draw's columns.
        index: the rows.
    """

    def __init__(self, scores: Scores, doubt: Doubt) -> None:
        structure, self.recipe = scores.task.structure, scores.task.recipe
        self.scores, self.spread = scores, doubt.weights
        self.varied = survey(scores, doubt)
        self.leaves, self.parents, self.index = structure.leaves, structure.parents, scores.scores.index
        self._indicators = IndicatorModel(scores, doubt, self.varied)
        position = {name: number for number, name in enumerate([*self.leaves, *self.parents])}
        self._tree = [self._compiled(name, structure.children[name], position) for name in self.parents]

    def draw(self, numbers: Mapping[str, int], seed: int) -> Drawn:
        """One recalculation.

        Args:
            numbers: the number of the draw for every source; a source that is not named stays as stated.
            seed: of the whole simulation.
        """
        generators = {
            source: np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SOURCES.index(source), number)))
            for source, number in numbers.items()
            if source in self._indicators.on
        }
        parameters: dict[str, Any] = {}
        scores = self._indicators.draw(generators, parameters)
        return Drawn(self._aggregate(scores, generators, parameters), parameters)

    def _compiled(self, name: str, ids: list[str], position: Mapping[str, int]) -> _Parent:
        formed, parents = self.scores.formed[name], self.recipe.parents
        return _Parent(
            children=np.array([position[child] for child in ids]),
            ids=ids,
            weights=formed.weighed.weights.to_numpy(dtype=float),
            signed=formed.weighed.signed,
            total=formed.total,
            own=parents[name],
            rescaled=[parents[child].rescale if child in parents else None for child in ids],
        )

    def _aggregate(self, scores: Array, generators: Generators, parameters: dict[str, Any]) -> Array:
        count = len(self.leaves)
        table = np.empty((len(scores), count + len(self.parents)), order="F")
        table[:, :count] = scores
        if "left_out" in generators:
            choice = int(generators["left_out"].integers(-1, count))
            parameters["left_out"] = "" if choice < 0 else self.leaves[choice]
            if choice >= 0:
                table[:, choice] = np.nan
        mean = "stated"
        if "aggregation" in generators:
            mean = ("stated", "arithmetic", "geometric")[generators["aggregation"].integers(3)]
            parameters["aggregation"] = mean
        for number, parent in enumerate(self._tree):
            weights = parent.weights
            if "weights" in generators:
                drawn = weights * generators["weights"].uniform(1 - self.spread, 1 + self.spread, len(weights))
                weights = drawn * (weights.sum() / drawn.sum())
                parameters.update(zip((f"weight {child}" for child in parent.ids), weights, strict=True))
            table[:, count + number] = self._form(table, parent, weights, mean)
        return table[:, count:]

    def _form(self, table: Array, parent: _Parent, weights: Array, mean: str) -> Array:
        values = table[:, parent.children]
        for column, spec in enumerate(parent.rescaled):
            if spec is not None:
                values[:, column] = self._rescaled(values[:, column], spec)
        stated = parent.own.mean.method
        method = mean if mean != "stated" and stated in AVERAGES and not parent.signed else stated
        total = parent.total if stated == "arithmetic" else 1.0
        absent = np.isnan(values)
        if not absent.any():
            shares = np.broadcast_to(weights / weights.sum(), values.shape)
            return self._mean(values, shares, weights, method, parent) * total
        needed = 1.0 if self.recipe.missing == "blank" else parent.own.available
        # An element left out by a draw is out for everybody: it does not count as missing.
        offered = max(int((~absent.all(axis=0)).sum()), 1)
        enough = (~absent).sum(axis=1) >= needed * offered - 1e-12
        if self.recipe.missing == "group_mean":
            values = self._with_means(values)
        result = self._mean(values, shares_of_present(values, weights), weights, method, parent) * total
        return np.where(enough, result, np.nan)

    def _mean(self, values: Array, shares: Array, weights: Array, method: str, parent: _Parent) -> Array:
        scale = self.recipe.scale
        if method == "arithmetic":
            return means.weighted_sum(values, shares)
        if method == "median":
            return means.weighted_median(values, shares)
        if method == "inverted_geometric":
            return means.inverted_geometric(np.clip(values, 0, scale), shares, scale)
        if method in ("copeland", "outranking"):
            result = np.full(len(values), np.nan)
            for rows in self._indicators.editions:
                result[rows] = means.outranking(values[rows], weights, method == "copeland")
            return result
        order = ORDERS.get(method, parent.own.mean.options.get("order", 1.0))
        floor = (self.recipe.floor or LEAST * scale) if order <= 0 else 0.0
        return means.power_mean(np.maximum(values, floor), shares, order)

    def _with_means(self, values: Array) -> Array:
        group = self.scores.task.values.group
        frame = pd.DataFrame(values, index=self.index)
        keys = [self.index.get_level_values("edition")] + ([] if group is None else [group.to_numpy()])
        filled = frame.fillna(frame.groupby(keys).transform("mean")).to_numpy(dtype=float)
        return np.where(np.isnan(values).all(axis=1, keepdims=True), np.nan, filled)

    def _rescaled(self, score: Array, spec: Spec) -> Array:
        nothing = pd.Series({"score": np.nan})
        population = self.scores.task.values.population
        known = Yardsticks(nothing.fillna(1), nothing, nothing, nothing, population, self.recipe.scale)
        return normalised(spec, pd.DataFrame({"score": score}, self.index), known)["score"].to_numpy(dtype=float)
