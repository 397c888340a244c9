"""Errors of values, drawn once for each observation.

A value that appears in several editions is one observation with one error, since it was measured only once. Each source
of uncertainty provides its own standard errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.panel import Array, Positions
from spi_pipeline.engine.uncertainty.source import Generators
from spi_pipeline.engine.uncertainty.streams import stream

# Where more than this share of the cells have errors, selecting them costs more than drawing for all cells.
DENSE = 0.5


@dataclass(frozen=True)
class UncertainValues:
    """A source of uncertainty of values.

    Attributes:
        how: phrase for readers that describes how values are drawn.
        errors: errors of the values.
        assumed: phrase for readers with the assumption behind the draws.
    """

    how: str
    errors: Errors
    assumed: str

    @property
    def columns(self) -> Positions:
        """Positions of the indicators that have errors."""
        return np.unique(self.errors.cells[self.errors.sd > 0] % self.errors.shape[1])


@dataclass(frozen=True)
class Errors:
    """Normally distributed errors of some cells.

    Attributes:
        shape: number of rows and of indicators of all values.
        cells: positions of the cells with errors, in the flattened values.
        sd: standard errors of these cells.
        observation: number of the observation behind each cell; None where each cell is its own observation.
    """

    shape: tuple[int, int]
    cells: Positions
    sd: Array
    observation: Positions | None

    def add(self, values: Array, generators: Generators) -> None:
        """Add errors to values ``[draw, row, indicator]``, one draw for each generator."""
        count = len(self.cells) if self.observation is None else int(self.observation.max()) + 1
        flat = values.reshape(len(generators), -1)
        cells = slice(None) if np.array_equal(self.cells, np.arange(flat.shape[1])) else self.cells
        for own, generator in zip(flat, generators, strict=True):
            noise = generator.standard_normal(count, dtype=np.float32)  # errors need no more digits
            own[cells] += self.sd * (noise if self.observation is None else noise[self.observation])


def drawn_values(
    scores: Scores, sources: Mapping[str, UncertainValues], numbers: Mapping[str, Sequence[int]], seed: int
) -> Array:
    """Values with the errors of some sources, ``[draw, row, indicator]``, each clipped to the possible values.

    Args:
        scores: the index as computed.
        sources: sources of uncertainty by name.
        numbers: for each source the number of every draw.
        seed: seed of the whole simulation.
    """
    treated = scores.inputs.treated
    values = np.repeat(treated[np.newaxis], len(next(iter(numbers.values()))), axis=0)
    for name, source in sources.items():
        source.errors.add(values, [stream(seed, name, number) for number in numbers[name]])
    # Each indicator's values are contiguous in memory from here on: later steps go through the rows of one indicator.
    contiguous = np.swapaxes(np.ascontiguousarray(np.swapaxes(values, -1, -2)), -1, -2)
    return np.clip(contiguous, *scores.inputs.limits, out=contiguous)


def errors_of(scores: Scores, sd: pd.DataFrame) -> Errors | None:
    """Errors from standard errors in the unit of the raw values; None where no standard error is above 0."""
    known, points = sd.to_numpy(dtype=float, copy=True), scores.indicators.points
    logged = sd.columns.get_indexer(pd.Index(points["indicator_id"][points["treatment"] == "log"].unique()))
    # The slope of the logarithm is one over its argument.
    known[:, logged] /= np.exp(scores.inputs.treated[:, logged])
    known = np.where(np.isfinite(known) & (known > 0) & ~np.isnan(scores.inputs.treated), known, 0.0)
    cells = np.flatnonzero(known)
    reference = scores.inputs.rows.reference
    if reference is not None:  # areas outside are drawn last, so that they do not change the draws of the others
        cells = cells[np.argsort(~reference[cells // known.shape[1]], kind="stable")]
    if not len(cells):
        return None
    if reference is None and len(cells) > DENSE * known.size and scores.inputs.task.values.period is None:
        cells = np.arange(known.size)
    return Errors(known.shape, cells, known.ravel()[cells], _observations(scores, cells))


def _observations(scores: Scores, cells: Positions) -> Positions | None:
    """One number for the cells of an indicator and area with the same period; cells without a period share one."""
    period = scores.inputs.task.values.period
    if period is None:
        return None
    row, column = np.divmod(cells, period.shape[1])
    area = pd.factorize(period.index.get_level_values("area_code"))[0][row]
    label = np.nan_to_num(period.to_numpy(dtype=float)[row, column], nan=-1.0)
    return pd.factorize(pd.MultiIndex.from_arrays([column, area, label]))[0]
