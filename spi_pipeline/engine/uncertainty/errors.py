"""Errors of values, drawn once for each observation.

A value that stands in several editions is one observation with one error: what has not been measured again has not
changed. Where a standard error comes from is each source's own business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.bounds import number
from spi_pipeline.engine.panel import Array, Positions
from spi_pipeline.engine.uncertainty.source import Generators, Noted


@dataclass(frozen=True)
class Errors:
    """Normal errors of some cells.

    Attributes:
        shape: rows and indicators of all values.
        cells: positions of those that have errors, counted through the rows.
        sd: their standard errors.
        observation: the number of the observation behind each; None where each is its own.
        limits: lowest and highest value of every indicator.
    """

    shape: tuple[int, int]
    cells: Positions
    sd: Array
    observation: Positions | None
    limits: tuple[Array, Array]

    @property
    def columns(self) -> Positions:
        """Positions of the indicators that have errors."""
        return np.unique(self.cells % self.shape[1])

    def draw(self, generators: Generators) -> tuple[Changes, Noted]:
        """Errors for each generator."""
        count = len(self.cells) if self.observation is None else int(self.observation.max()) + 1
        errors = np.zeros((len(generators), self.shape[0] * self.shape[1]))
        whole = np.array_equal(self.cells, np.arange(errors.shape[1]))
        for own, generator in zip(errors, generators, strict=True):
            noise = generator.standard_normal(count)
            noise = noise if self.observation is None else noise[self.observation]
            own[slice(None) if whole else self.cells] = self.sd * noise
        return Changes(errors=errors.reshape(-1, *self.shape), value_limits=self.limits), {}


def errors_of(scores: Scores, sd: pd.DataFrame) -> Errors | None:
    """Errors with given standard errors in the unit of the raw values; None where no value has one above 0."""
    known, points = sd.to_numpy(dtype=float, copy=True), scores.indicators.points
    logged = sd.columns.get_indexer(pd.Index(points["indicator_id"][points["treatment"] == "log"].unique()))
    # The logarithm's slope is one over what it was taken of.
    known[:, logged] /= np.exp(scores.inputs.treated[:, logged])
    known = np.where(np.isfinite(known) & (known > 0) & ~np.isnan(scores.inputs.treated), known, 0.0)
    cells = np.flatnonzero(known)
    among = scores.inputs.rows.among
    if among is not None:  # areas outside are drawn last, so that they change nothing for the others
        cells = cells[np.argsort(~among[cells // known.shape[1]], kind="stable")]
    if not len(cells):
        return None
    return Errors(known.shape, cells, known.ravel()[cells], _observations(scores, cells), _limits(scores))


def _observations(scores: Scores, cells: Positions) -> Positions | None:
    """One number for the cells of an indicator and area with the same period; no period at all is one of its own."""
    period = scores.inputs.task.values.period
    if period is None:
        return None
    row, column = np.divmod(cells, period.shape[1])
    area = pd.factorize(period.index.get_level_values("area_code"))[0][row]
    label = np.nan_to_num(period.to_numpy(dtype=float)[row, column], nan=-1.0)
    return pd.factorize(pd.MultiIndex.from_arrays([column, area, label]))[0]


def _limits(scores: Scores) -> tuple[Array, Array]:
    """Where a value can be.

    Not below 0 where none is, within what is stated as at_least and at_most, and within the range of the values where
    a transform needs it.
    """
    task, values = scores.inputs.task, scores.inputs.treated
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    bounded = np.array([one.method != "none" for one in scores.inputs.measure.transforms], dtype=bool)
    caps = [(number(leaf.at_least), number(leaf.at_most)) for leaf in task.recipe.leaves.values()]
    least, most = np.array(caps, dtype=float).reshape(-1, 2).T
    low = np.where(bounded, low, np.where(low >= 0, 0.0, -np.inf))
    return np.fmax(low, least), np.fmin(np.where(bounded, high, np.inf), most)
