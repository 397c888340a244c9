"""Errors of values, drawn once for each observation.

A value that stands in several editions is one observation with one error: what has not been measured again has not
changed. Where a standard error comes from is each source's own business.
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

# Where so many of the cells have errors, picking them out costs more than drawing for all.
DENSE = 0.5


@dataclass(frozen=True)
class Uncertain:
    """A source that makes values uncertain.

    Attributes:
        how: how they are drawn, for people.
        errors: their errors.
        assumed: what is taken for granted in doing so, for people.
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
    """Normal errors of some cells.

    Attributes:
        shape: rows and indicators of all values.
        cells: positions of those that have errors, counted through the rows.
        sd: their standard errors.
        observation: the number of the observation behind each; None where each is its own.
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
            noise = generator.standard_normal(count, dtype=np.float32)  # an error needs no more digits
            own[cells] += self.sd * (noise if self.observation is None else noise[self.observation])


def drawn_values(
    scores: Scores, sources: Mapping[str, Uncertain], numbers: Mapping[str, Sequence[int]], seed: int
) -> Array:
    """Values with the errors of some sources, ``[draw, row, indicator]``, each held to where a value can be.

    Args:
        scores: the index as computed.
        sources: by name.
        numbers: for each of them the number of every draw.
        seed: of the whole simulation.
    """
    treated = scores.inputs.treated
    values = np.repeat(treated[np.newaxis], len(next(iter(numbers.values()))), axis=0)
    for name, source in sources.items():
        source.errors.add(values, [stream(seed, name, number) for number in numbers[name]])
    return np.clip(values, *scores.inputs.limits, out=values)


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
    if among is None and len(cells) > DENSE * known.size and scores.inputs.task.values.period is None:
        cells = np.arange(known.size)
    return Errors(known.shape, cells, known.ravel()[cells], _observations(scores, cells))


def _observations(scores: Scores, cells: Positions) -> Positions | None:
    """One number for the cells of an indicator and area with the same period; no period at all is one of its own."""
    period = scores.inputs.task.values.period
    if period is None:
        return None
    row, column = np.divmod(cells, period.shape[1])
    area = pd.factorize(period.index.get_level_values("area_code"))[0][row]
    label = np.nan_to_num(period.to_numpy(dtype=float)[row, column], nan=-1.0)
    return pd.factorize(pd.MultiIndex.from_arrays([column, area, label]))[0]
