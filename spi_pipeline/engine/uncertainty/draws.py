"""Recalculations of an index with its doubtful choices drawn anew, on bare arrays.

The model compiled from a finished calculation, its weights and its aggregation belong here; how indicators are scored
in a draw is in ``draw_indicators``. Every source of doubt draws from a generator of its own, made from the seed, the
source and the number of the draw, so that a draw is the same on whatever machine and in whatever order it is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.aggregate import means
from spi_pipeline.engine.aggregate.parent import ORDERS, UNSCALED, shares_of_present, with_group_means
from spi_pipeline.engine.calculate.score import Scores, rescaled, rounded, rows_to_fit
from spi_pipeline.engine.framework.doubt import Doubt
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.recipe import ParentRecipe
from spi_pipeline.engine.uncertainty.draw_indicators import Generators, IndicatorModel
from spi_pipeline.engine.uncertainty.streams import stream
from spi_pipeline.engine.uncertainty.survey import REFITTED, survey
from spi_pipeline.engine.weights.correlation import MIN_ROWS, NOISE

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

# The least a score counts under a geometric mean that only a draw asks for, as a share of the scale.
LEAST = 0.01
AGGREGATIONS = ("stated", "arithmetic", "geometric")
AVERAGES = ("arithmetic", "geometric", "harmonic", "generalised")


@dataclass(frozen=True)
class Drawn:
    """Some draws.

    Attributes:
        values: for each draw rows by indicators, before any transform.
        scores: draws by aggregated elements, in the order of the structure's ``parents``, by rows.
        parameters: for each draw what was drawn.
    """

    values: list[Array]
    scores: Array
    parameters: list[dict[str, Any]]


@dataclass(frozen=True)
class _Parent:
    """One aggregation: positions of the children among leaves then parents, their ids, and how they are combined.

    ``place`` is where their weights begin among those of all parents.
    ``refitted`` flags the rows principal component weights are fitted over; None where weights are not fitted anew.
    ``standard`` is whether loadings are divided by standard deviations.
    """

    children: npt.NDArray[np.intp]
    ids: list[str]
    weights: Array
    signed: bool
    total: float
    own: ParentRecipe
    rescaled: list[Spec | None]
    place: int
    refitted: npt.NDArray[np.bool_] | None
    standard: bool


class Model:
    """An index compiled for many recalculations.

    Principal component weights are fitted anew in each draw, unless the doubt says otherwise; those fitted in other
    ways, or to a reference, are varied around what they are.

    Attributes:
        varied: what a draw varies, and why the rest is not.
        parents: ids of the aggregated elements, in the order of a draw's columns.
        index: the rows.
        leaves: ids of the indicators.
    """

    def __init__(self, scores: Scores, doubt: Doubt) -> None:
        structure, self.recipe = scores.task.structure, scores.task.recipe
        self.scores, self.spread, self.refit = scores, doubt.weights, doubt.refit
        self.varied = survey(scores, doubt)
        self.leaves, self.parents, self.index = structure.leaves, structure.parents, scores.scores.index
        self._indicators = IndicatorModel(scores, doubt, self.varied)
        position = {name: number for number, name in enumerate([*self.leaves, *self.parents])}
        self.among = scores.task.values.fitted
        self._labels: list[str] = []
        self._tree: list[_Parent] = []
        for name in self.parents:
            self._tree.append(self._compiled(name, structure.children[name], position))
            self._labels += [f"weight {child}" for child in structure.children[name]]

    def places_of_leaves(self, values: Array, columns: Positions) -> Array:
        """Drawn values of some indicators on a scale on which their order is that of their scores."""
        return self._indicators.ordered(values, columns)

    def draw(self, numbers: Sequence[Mapping[str, int]], seed: int) -> Drawn:
        """Recalculations, one for each mapping.

        Args:
            numbers: the number of the draw for every source; a source that is not named stays as stated.
            seed: of the whole simulation.
        """
        generators = [self._generators(named, seed) for named in numbers]
        parameters: list[dict[str, Any]] = [{} for _ in numbers]
        found = [self._indicators.draw(*one) for one in zip(generators, parameters, strict=True)]
        scores = self._aggregate([scores for _, scores in found], generators, parameters)
        return Drawn([values for values, _ in found], scores, parameters)

    def _generators(self, numbers: Mapping[str, int], seed: int) -> Generators:
        return {
            source: stream(seed, source, number) for source, number in numbers.items() if source in self._indicators.on
        }

    def _compiled(self, name: str, ids: list[str], position: Mapping[str, int]) -> _Parent:
        formed, parents = self.scores.formed[name], self.recipe.parents
        spec = parents[name].weights
        again = self.refit and spec.method in REFITTED and "correlation" not in spec.options and len(ids) > 1
        fitted = rows_to_fit(spec, ids, self.scores.indicators.values) if again else None
        return _Parent(
            children=np.array([position[child] for child in ids]),
            ids=ids,
            weights=formed.weighed.weights.to_numpy(dtype=float),
            signed=bool(spec.options.get("allow_negative", False)),
            total=formed.total,
            own=parents[name],
            rescaled=[parents[child].rescale if child in parents else None for child in ids],
            place=len(self._labels),
            refitted=np.ones(len(self.index), dtype=bool) if again and fitted is None else fitted,
            standard=spec.method == "pca",
        )

    def _aggregate(
        self, scores: list[Array], generators: Sequence[Generators], parameters: Sequence[dict[str, Any]]
    ) -> Array:
        """Scores of the aggregated elements: draws by elements by rows."""
        count = len(self.leaves)
        table = np.empty((count + len(self.parents), len(scores), len(self.index)))
        for draw, drawn in enumerate(scores):
            table[:count, draw] = drawn.T
        for leaf, name in enumerate(self.leaves):
            table[leaf] = rounded(table[leaf], self.recipe.leaves[name].decimals)
        chosen = ["stated"] * len(scores)
        for draw, (one, noted) in enumerate(zip(generators, parameters, strict=True)):
            if "left_out" in one:
                choice = int(one["left_out"].integers(-1, count))
                noted["left_out"] = "" if choice < 0 else self.leaves[choice]
                if choice >= 0:
                    table[choice, draw] = np.nan
            if "aggregation" in one:
                chosen[draw] = noted["aggregation"] = AGGREGATIONS[one["aggregation"].integers(3)]
        weights = self._factors(generators)
        for number, parent in enumerate(self._tree):
            values = table[parent.children]
            own = weights[:, parent.place : parent.place + len(parent.ids)]
            self._weigh(parent, values, generators, own)
            for column, spec in enumerate(parent.rescaled):
                if spec is not None:
                    values[column] = [self._rescaled(one, spec) for one in values[column]]
            methods = np.array([self._method(parent, mean) for mean in chosen])
            for method in dict.fromkeys(methods.tolist()):
                draws = np.flatnonzero(methods == method)
                block = values if len(draws) == len(methods) else values[:, draws]
                formed = self._formed(block, own[draws], method, parent)
                table[count + number, draws] = rounded(formed, parent.own.decimals)
        refitted = any(parent.refitted is not None for parent in self._tree)
        for one, noted, used in zip(generators, parameters, weights.tolist(), strict=True):
            if "weights" in one or (refitted and one):
                noted.update(zip(self._labels, used, strict=True))
        return np.moveaxis(table[count:], 0, 1)

    def _factors(self, generators: Sequence[Generators]) -> Array:
        """What every weight is multiplied by, draws by children of all parents one after another."""
        factors = np.ones((len(generators), len(self._labels)))
        for draw, one in enumerate(generators):
            if "weights" in one:
                factors[draw] = one["weights"].uniform(1 - self.spread, 1 + self.spread, len(self._labels))
        return factors

    def _weigh(self, parent: _Parent, values: Array, generators: Sequence[Generators], factors: Array) -> None:
        """Turn the factors of one parent's children into weights, which keep the sum of those they vary."""
        weights = np.tile(parent.weights, (len(factors), 1))
        if parent.refitted is not None:
            for draw, one in enumerate(generators):
                weights[draw] = _refitted(values[:, draw, parent.refitted], parent) if one else weights[draw]
        drawn = weights * factors
        factors[:] = drawn * (weights.sum(axis=1) / drawn.sum(axis=1))[:, np.newaxis]

    def _method(self, parent: _Parent, mean: str) -> str:
        stated = parent.own.mean.method
        return mean if mean != "stated" and stated in AVERAGES and not parent.signed else stated

    def _formed(self, values: Array, weights: Array, method: str, parent: _Parent) -> Array:
        """Scores of one element from its children by draws by rows, in one and the same way: draws by rows."""
        gone = np.asarray(np.isnan(values).all(axis=2))
        if gone.any():
            # A child that a draw leaves out is out for everybody: it carries no weight, and does not count as missing.
            values, weights = np.where(gone[:, :, np.newaxis], 0.0, values), np.where(gone.T, 0.0, weights)
        whole = weights.sum(axis=1) > 0
        if UNSCALED.get(method, method) in AVERAGES and not np.isnan(values).any():
            shares = weights / np.where(whole, weights.sum(axis=1), 1.0)[:, np.newaxis]
            return self._scaled(
                np.where(whole[:, np.newaxis], self._average(values, shares, method, parent), np.nan), parent
            )
        values = np.where(gone[:, :, np.newaxis], np.nan, values)
        rows = np.ascontiguousarray(np.moveaxis(values, 0, -1))
        absent = np.isnan(rows)
        needed = 1.0 if parent.own.missing == "blank" else parent.own.available
        offered = np.maximum((~gone).sum(axis=0), 1)[:, np.newaxis]
        enough = (~absent).sum(axis=2) >= needed * offered - 1e-12
        if parent.own.missing == "group_mean":
            rows = np.array([self._with_means(one) for one in rows])
        rows[~enough] = np.nan  # an area that stays blank is none that others are compared with
        each = np.broadcast_to(weights[:, np.newaxis], rows.shape).reshape(-1, len(parent.ids))
        shares = shares_of_present(rows.reshape(-1, len(parent.ids)), each)
        result = self._mean(rows, shares, weights, method, parent).reshape(rows.shape[:2])
        return np.where(enough, self._scaled(result, parent), np.nan)

    def _average(self, values: Array, shares: Array, method: str, parent: _Parent) -> Array:
        """A power mean where nothing is missing, child after child."""
        order = self._order(method, parent)
        if order != 1:
            values = means.generator(np.maximum(values, self._floor(order, parent)), order)
        total = np.zeros(values.shape[1:])
        for child, share in zip(values, shares.T, strict=True):
            total += means.weighted(child, np.broadcast_to(share[:, np.newaxis], child.shape))
        return means.inverse(total, order)

    def _order(self, method: str, parent: _Parent) -> float:
        return float(ORDERS.get(UNSCALED.get(method, method), parent.own.mean.options.get("order", 1.0)))

    def _floor(self, order: float, parent: _Parent) -> float:
        stated = parent.own.floor
        if order > 0 or (stated is None and parent.own.mean.method == "product"):
            return 0.0
        return LEAST * self.recipe.scale if stated is None else stated

    def _scaled(self, averaged: Array, parent: _Parent) -> Array:
        """Means as sums or products where these were stated, and under the shares that were."""
        method = parent.own.mean.method
        if method == "product":
            return np.asarray(averaged**parent.total)
        return averaged * parent.total if method in ("arithmetic", "sum") else averaged

    def _mean(self, values: Array, shares: Array, weights: Array, method: str, parent: _Parent) -> Array:
        scale, flat = self.recipe.scale, values.reshape(shares.shape)
        if method in ("copeland", "outranking"):
            return np.array([self._compared(*one, method) for one in zip(values, weights, strict=True)])
        method = UNSCALED.get(method, method)
        order, sign = self._order(method, parent), parent.own.mean.options.get("sign", "minus")
        if method == "arithmetic":
            return means.combined("sum", flat, shares, order, scale)
        if method == "inverted_geometric":
            flat = np.clip(flat, 0, scale)
        elif method in AVERAGES:
            flat = np.maximum(flat, self._floor(order, parent))
        return means.combined(method, flat, shares, order, scale, sign)

    def _compared(self, values: Array, weights: Array, method: str) -> Array:
        result = np.full(len(values), np.nan)
        for rows in self._indicators.editions:
            among = None if self.among is None else self.among[rows]
            result[rows] = means.outranking(values[rows], weights, method == "copeland", among)
        return result

    def _with_means(self, values: Array) -> Array:
        group = self.scores.task.values.group
        return with_group_means(pd.DataFrame(values, index=self.index), group, self.among).to_numpy(dtype=float)

    def _rescaled(self, score: Array, spec: Spec) -> Array:
        series = pd.Series(score, index=self.index)
        return rescaled(spec, series, self.recipe.scale, self.scores.task.values).to_numpy(dtype=float)


def _refitted(scores: Array, parent: _Parent) -> Array:
    """Principal component weights from children by rows, complete rows only; equal ones where they make no sense."""
    known = np.asarray(~np.isnan(scores).all(axis=1))
    chosen = scores[known]
    chosen = chosen[:, ~np.isnan(chosen).any(axis=0)] if np.isnan(chosen).any() else chosen
    weights = np.full(len(known), 1 / len(known)) * parent.total
    count, rows = chosen.shape
    if count < 2 or rows < MIN_ROWS:
        return weights
    centred = chosen - chosen.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / (rows - 1)
    sd = np.sqrt(np.diag(covariance))
    if not (sd > NOISE * np.abs(chosen).max()).all():
        return weights
    vector = np.linalg.eigh(covariance / np.outer(sd, sd))[1][:, -1]
    loadings = vector if vector.sum() >= 0 else -vector
    if (loadings <= NOISE).any() and not parent.signed:
        return weights
    fitted = loadings / sd if parent.standard else loadings
    # A child left out by a draw keeps an equal share, which no area's score makes use of.
    weights[known] = fitted / fitted.sum() * known.mean() * parent.total
    return weights
