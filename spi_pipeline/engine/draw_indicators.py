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

from spi_pipeline.engine.doubt import Doubt, Varied, sampling_sd
from spi_pipeline.engine.indicators import yardsticks
from spi_pipeline.engine.methods import Spec
from spi_pipeline.engine.normalising import Yardsticks, goalposts, normalised
from spi_pipeline.engine.rank import places
from spi_pipeline.engine.score import Scores
from spi_pipeline.engine.transform import Transform, estimated, transformed

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Generators = Mapping[str, np.random.Generator]

NORMALISATIONS = ("stated", "minmax", "percentile_rank")


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
        treated, observed = scores.indicators.treated, task.values.panel
        self.values = treated.to_numpy(dtype=float)
        self.filled = (treated.notna() & observed.isna()).to_numpy()
        self.median = observed.groupby(level="edition").transform("median").to_numpy(dtype=float)
        stated = [
            estimated(self.values[:, column], task.recipe.leaves[name].transform)
            for column, name in enumerate(self.leaves)
        ]
        rooted = self.on.get("transform", np.array([], dtype=np.intp))
        self.stated = self._variant(scores, stated, np.array([], dtype=np.intp))
        self.root = self._variant(scores, stated, rooted)
        self._prepare_noise(scores, stated)
        specs = {str(leaf.normalise): leaf.normalise for leaf in task.recipe.leaves.values()}
        own = [str(task.recipe.leaves[name].normalise) for name in self.leaves]
        self.by_method = [(spec, np.flatnonzero(np.array(own) == name)) for name, spec in specs.items()]

    def draw(self, generators: Generators, parameters: dict[str, Any]) -> Array:
        """Scores of the indicators, rows by columns, and what was drawn noted among the parameters."""
        values = self._draw_values(generators, parameters)
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
        again = self.on["normalisation"] if method != "stated" else np.array([], dtype=np.intp)
        shifts = np.zeros((2, values.shape[1]))
        if "goalposts" in generators:
            shifts = generators["goalposts"].uniform(-self.shift, self.shift, shifts.shape)
            for column in self.on["goalposts"]:
                parameters[f"worst {self.leaves[column]}"] = shifts[0, column]
                parameters[f"best {self.leaves[column]}"] = shifts[1, column]
        scores = np.empty_like(values)
        for spec, columns in self.by_method:
            left = columns if not len(again) else np.setdiff1d(columns, again)
            if len(left):
                scores[:, left] = self._as_stated(spec, values[:, left], left, variant, shifts)
        if len(again):
            turned = values[:, again] * variant.direction[again]
            scores[:, again] = self.scale * (_minmax(turned) if method == "minmax" else self._percentiles(turned))
        return scores

    def _variant(self, scores: Scores, stated: list[Transform], rooted: Positions) -> _Variant:
        chosen = list(stated)
        for column in rooted:
            chosen[column] = Transform("square_root")
        task = scores.task
        known = yardsticks(
            task.structure, task.recipe, dict(zip(self.leaves, chosen, strict=True)), task.values.population
        )
        active = {c: t for c, t in enumerate(stated) if t.method != "none" and c not in set(rooted.tolist())}
        arrays = (series.to_numpy(dtype=float) for series in (known.direction, known.worst, known.best))
        return _Variant(rooted, active, known, *arrays)

    def _prepare_noise(self, scores: Scores, stated: list[Transform]) -> None:
        columns = self.on.get("sampling", np.array([], dtype=np.intp))
        self.sd = np.nan_to_num(sampling_sd(scores).to_numpy(dtype=float))[:, columns]
        # A drawn value stays where a value can be: not below 0 where none is, in range where a transform needs it.
        bounded = np.array([stated[column].method != "none" for column in columns], dtype=bool)
        low, high = np.nanmin(self.values[:, columns], axis=0), np.nanmax(self.values[:, columns], axis=0)
        self.low = np.where(bounded, low, np.where(low >= 0, 0.0, -np.inf))
        self.high = np.where(bounded, high, np.inf)

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
            return np.asarray(low + (high - low) * _minmax(values * variant.direction[columns]))
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
        scores: Array = self.scale * (np.clip(share, 0, 1) if spec.options.get("clip", True) else share)
        return scores

    def _percentiles(self, turned: Array) -> Array:
        result = np.empty_like(turned)
        for rows in self.editions:
            block = np.ascontiguousarray(turned[rows].T)
            others = np.maximum((~np.isnan(block)).sum(axis=1, keepdims=True) - 1, 1)
            result[rows] = ((places(block) - 1) / others).T
        return result


def _minmax(turned: Array) -> Array:
    low, high = np.fmin.reduce(turned, axis=0), np.fmax.reduce(turned, axis=0)
    share: Array = (turned - low) / np.where(high > low, high - low, 1.0)
    return share
