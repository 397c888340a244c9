"""Indicator scores with their doubtful choices drawn anew, on bare arrays.

Sampling error, imputation, transform, normalisation and goalposts of one draw belong here; weights and aggregation are
in ``draws``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.calculate.indicators import yardsticks
from spi_pipeline.engine.calculate.normalising import Yardsticks, goalposts, normalised
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.bounds import number
from spi_pipeline.engine.framework.doubt import Doubt
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.normalise.transform import Transform, estimated, transformed
from spi_pipeline.engine.panel import Flags, blank_but
from spi_pipeline.engine.rank import places
from spi_pipeline.engine.uncertainty.survey import Varied, sampling_sd

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Generators = Mapping[str, np.random.Generator]

NORMALISATIONS = ("stated", "minmax", "percentile_rank")
# Scores without fixed ends: another way to normalise is brought to their mean and spread, or it would be another unit.
OPEN = ("z", "base_year_z", "normal", "rank", "borda", "scaled", "none")


@dataclass(frozen=True)
class _Variant:
    """One choice of transforms, and what goes with it.

    Attributes:
        rooted: columns whose square root is taken.
        transforms: the other transforms, by column; those that do nothing are not in it.
        known: directions, goalposts and targets in transformed units.
        direction: the directions as an array.
        worst: goalposts as arrays, NaN where the draw's extremes stand in.
        best: likewise.
    """

    rooted: Positions
    transforms: dict[int, Transform]
    known: Yardsticks
    direction: Array
    worst: Array
    best: Array


class IndicatorModel:
    """The indicators of an index compiled for many recalculations."""

    def __init__(self, scores: Scores, doubt: Doubt, varied: list[Varied]) -> None:
        task = scores.task
        self.shift, self.scale = doubt.goalposts, task.recipe.scale
        self.on = {entry.source: entry.columns for entry in varied if entry.varied}
        self.leaves, self.index = task.structure.leaves, scores.scores.index
        editions = self.index.get_level_values("edition")
        self.editions = [np.flatnonzero(editions == edition) for edition in editions.unique()]
        treated, observed = scores.indicators.treated, scores.indicators.values.panel
        self.among = task.values.fitted
        self.values = treated.to_numpy(dtype=float)
        self.filled = (treated.notna() & observed.isna()).to_numpy()
        self.median = blank_but(observed, self.among).groupby(level="edition").transform("median").to_numpy(dtype=float)
        self.ranked: dict[str, Array] = {}
        need = -1 if task.recipe.need else 1
        self.sign = np.array([need * task.structure.elements[name].direction for name in self.leaves], dtype=float)
        moved = [self.leaves[column] for column in self.on.get("goalposts", [])]
        self.worst_names, self.best_names = [f"worst {name}" for name in moved], [f"best {name}" for name in moved]
        stated = [
            estimated(self.values[:, column], task.recipe.leaves[name].transform)
            for column, name in enumerate(self.leaves)
        ]
        rooted = self.on.get("transform", np.array([], dtype=np.intp))
        self.stated = self._variant(scores, stated, np.array([], dtype=np.intp))
        self.root = self._variant(scores, stated, rooted)
        self._prepare_noise(scores, stated)
        self.ends = self._ends(scores)
        low, high = np.fmin.reduce(self.values), np.fmax.reduce(self.values)
        self.spread = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
        specs = {str(leaf.normalise): leaf.normalise for leaf in task.recipe.leaves.values()}
        own = [str(task.recipe.leaves[name].normalise) for name in self.leaves]
        self.by_method = [(spec, np.flatnonzero(np.array(own) == name)) for name, spec in specs.items()]
        again = self.on.get("normalisation", np.array([], dtype=np.intp))
        self.open = np.intersect1d(
            again, [column for spec, columns in self.by_method if spec.method in OPEN for column in columns]
        ).astype(np.intp)
        opened = scores.indicators.scores.to_numpy(dtype=float)[:, self.open]
        self.centre, self.width = np.nanmean(opened, axis=0), np.nanstd(opened, axis=0)
        # What stays as stated where a draw normalises the others anew.
        self.left = [(spec, np.setdiff1d(columns, again)) for spec, columns in self.by_method]

    def draw(self, generators: Generators, parameters: dict[str, Any]) -> tuple[Array, Array]:
        """Values and scores of the indicators, rows by columns; what was drawn is noted among the parameters."""
        drawn = values = self._draw_values(generators, parameters)
        variant = self.stated
        if "transform" in generators:
            root = bool(generators["transform"].integers(2))
            parameters["transform"] = "square_root" if root else "stated"
            variant = self.root if root else variant
        if len(variant.rooted) or variant.transforms:
            values = values.copy()
            values[:, variant.rooted] = np.sqrt(values[:, variant.rooted])
            for column, transform in variant.transforms.items():
                values[:, column] = transformed(values[:, column], transform)
        method = "stated"
        if "normalisation" in generators:
            method = NORMALISATIONS[generators["normalisation"].integers(len(NORMALISATIONS))]
            parameters["normalisation"] = method
        again = self.on.get("normalisation", np.array([], dtype=np.intp))
        shifts = self._draw_shifts(generators, parameters)
        scores = np.empty_like(values)
        for spec, columns in self.by_method if method == "stated" else self.left:
            if len(columns):
                scores[:, columns] = self._as_stated(spec, values[:, columns], columns, variant, shifts)
        if method == "minmax":
            scores[:, again] = self.scale * _minmax(values[:, again] * variant.direction[again], self.among)
        elif method == "percentile_rank":
            scores[:, again] = self._percentiles(drawn, again, parameters.get("imputation", "stated"))
        if method != "stated" and len(self.open):
            drawn_anew = scores[:, self.open]
            spread = np.nanstd(drawn_anew, axis=0)
            distance = (drawn_anew - np.nanmean(drawn_anew, axis=0)) / np.where(spread > 0, spread, 1.0)
            scores[:, self.open] = self.centre + self.width * distance
        return drawn, scores

    def ordered(self, values: Array, columns: Positions) -> Array:
        """Values turned so that higher is better and held between the goalposts, on the scale of scores."""
        low, high = self.ends[:, columns]
        ordered: Array = np.clip(values[:, columns], low, high) * (self.scale * self.sign / self.spread)[columns]
        return ordered

    def _draw_shifts(self, generators: Generators, parameters: dict[str, Any]) -> Array:
        """By how much of their distance the worst and the best goalpost of each indicator are shifted."""
        if "goalposts" not in generators:
            return np.zeros((2, len(self.leaves)))
        shifts: Array = generators["goalposts"].uniform(-self.shift, self.shift, (2, len(self.leaves)))
        columns = self.on["goalposts"]
        parameters.update(zip(self.worst_names, shifts[0, columns].tolist(), strict=True))
        parameters.update(zip(self.best_names, shifts[1, columns].tolist(), strict=True))
        return shifts

    def _variant(self, scores: Scores, stated: list[Transform], rooted: Positions) -> _Variant:
        chosen = list(stated)
        for column in rooted:
            chosen[column] = Transform("square_root")
        task = scores.task
        known = yardsticks(task.structure, task.recipe, dict(zip(self.leaves, chosen, strict=True)), task.values)
        active = {c: t for c, t in enumerate(stated) if t.method != "none" and c not in set(rooted.tolist())}
        arrays = (series.to_numpy(dtype=float) for series in (known.direction, known.worst, known.best))
        return _Variant(rooted, active, known, *arrays)

    def _prepare_noise(self, scores: Scores, stated: list[Transform]) -> None:
        columns = self.on.get("sampling", np.array([], dtype=np.intp))
        self.sd = np.nan_to_num(sampling_sd(scores).to_numpy(dtype=float))[:, columns]
        # A drawn value stays where a value can be: not below 0 where none is, within what is stated as
        # at_least and at_most, in range where a transform needs it.
        bounded = np.array([stated[column].method != "none" for column in columns], dtype=bool)
        low, high = np.nanmin(self.values[:, columns], axis=0), np.nanmax(self.values[:, columns], axis=0)
        leaves = [scores.task.recipe.leaves[self.leaves[column]] for column in columns]
        caps = np.array([(number(leaf.at_least), number(leaf.at_most)) for leaf in leaves], dtype=float).reshape(-1, 2)
        self.low = np.fmax(np.where(bounded, low, np.where(low >= 0, 0.0, -np.inf)), caps[:, 0])
        self.high = np.fmin(np.where(bounded, high, np.inf), caps[:, 1])

    def _ends(self, scores: Scores) -> Array:
        """Lowest and highest value that a score tells apart, by indicator."""
        structure, recipe = scores.task.structure, scores.task.recipe
        ends = np.array([[-np.inf], [np.inf]]) * np.ones(len(self.leaves))
        for column, name in enumerate(self.leaves):
            spec, element = recipe.leaves[name].normalise, structure.elements[name]
            worst, best = number(element.worst), number(element.best)
            if spec.method == "goalposts" and spec.options.get("clip", True) and not (worst is None or best is None):
                ends[:, column] = sorted([worst, best])
        return ends

    def _draw_values(self, generators: Generators, parameters: dict[str, Any]) -> Array:
        values = self.values
        if "imputation" in generators:
            median = bool(generators["imputation"].integers(2))
            parameters["imputation"] = "median" if median else "stated"
            if median:
                values = np.where(self.filled & ~np.isnan(self.median), self.median, values)
        if "sampling" in generators:
            columns = self.on["sampling"]
            noise = self.sd * generators["sampling"].standard_normal(self.sd.shape)
            values = values.copy()
            values[:, columns] = np.clip(values[:, columns] + noise, self.low, self.high)
        return values

    def _as_stated(self, spec: Spec, values: Array, columns: Positions, variant: _Variant, shifts: Array) -> Array:
        if spec.method == "minmax":
            low, high = spec.options.get("low", 0.0), spec.options.get("high", self.scale)
            return np.asarray(low + (high - low) * _minmax(values * variant.direction[columns], self.among))
        if spec.method != "goalposts":
            panel = pd.DataFrame(values, self.index, [self.leaves[column] for column in columns])
            return normalised(spec, panel, variant.known).to_numpy(dtype=float)
        worst, best = variant.worst[columns], variant.best[columns]
        if np.isnan(worst).any():
            panel = pd.DataFrame(values, self.index, [self.leaves[column] for column in columns])
            worst, best = (series.to_numpy(dtype=float) for series in goalposts(panel, variant.known))
        distance = best - worst
        worst, best = worst + shifts[0, columns] * distance, best + shifts[1, columns] * distance
        share: Array = (values - worst) / (best - worst)
        low, high = spec.options.get("low", 0.0), spec.options.get("high", self.scale)
        scores: Array = low + (high - low) * (np.clip(share, 0, 1) if spec.options.get("clip", True) else share)
        return scores

    def _percentiles(self, values: Array, columns: Positions, imputation: str) -> Array:
        """Percentile ranks; those of columns without sampling error depend on how gaps were filled alone."""
        if imputation not in self.ranked:
            self.ranked[imputation] = self._percentile_ranks(values, columns)
        result = self.ranked[imputation]
        if "sampling" in self.on:
            noisy = np.isin(columns, self.on["sampling"])
            result = result.copy()
            result[:, noisy] = self._percentile_ranks(values, columns[noisy])
        return result

    def _percentile_ranks(self, values: Array, columns: Positions) -> Array:
        turned = values[:, columns] * self.sign[columns]
        result: Array = np.empty(turned.shape)
        for rows in self.editions:
            block = np.ascontiguousarray(turned[rows].T)
            known = block if self.among is None else np.where(self.among[rows], block, np.nan)
            others = np.maximum((~np.isnan(known)).sum(axis=1, keepdims=True) - 1, 1)
            place = places(known) if self.among is None else _place_among(block, known)
            result[rows] = np.minimum(self.scale * (place - 1) / others, self.scale).T
        return result


def _place_among(block: Array, known: Array) -> Array:
    """Places of all values among the known ones, along the last axis."""
    found = [1.0 + np.searchsorted(np.sort(one[~np.isnan(one)]), row) for one, row in zip(known, block, strict=True)]
    return np.where(np.isnan(block), np.nan, np.array(found))


def _minmax(turned: Array, among: Flags | None) -> Array:
    known = turned if among is None else turned[among]
    low, high = np.fmin.reduce(known, axis=0), np.fmax.reduce(known, axis=0)
    share: Array = (turned - low) / np.where(high > low, high - low, 1.0)
    return share
