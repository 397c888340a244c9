"""The parts of the calculation that draws replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from spi_pipeline.engine.calculate.task import Measure
from spi_pipeline.engine.panel import Array, Flags, Positions

Words = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Normalisation:
    """Another normalisation of some indicators.

    Attributes:
        columns: positions of these indicators.
        chosen: the method of each draw; ``as_declared`` for the one in the framework.
    """

    columns: Positions
    chosen: Words


@dataclass(frozen=True)
class Scale:
    """The scale of the scores under the framework's own methods, by indicator.

    Attributes:
        centre: means over the reference areas.
        width: standard deviations over the reference areas.
        low: lowest possible score; minus infinity where a method sets no limit.
        high: highest possible score; infinity where a method sets no limit.
    """

    centre: Array
    width: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Changes:
    """The changes of a batch of draws; None leaves a part as computed, with the very same arrays.

    Attributes:
        values: raw values in place of the computed ones, ``[draw, row, indicator]``.
        measure: another measure, and flags for the draws that use it.
        normalisation: another normalisation of some indicators.
        scale: the scale that scores of another measure or normalisation are brought to. The distances and the order of
            areas are uncertain; the unit of the scores is not.
        shifts: shifts of the goalposts, as in ``ReferenceStatistics``.
        weights: by parent, weights in place of those its recipe fits, ``[1, child]``.
        factors: by parent, factors that multiply the weights before they are rescaled to their sum, ``[draw, child]``.
        means: by draw, the mean in place of every power mean; ``as_declared`` for the one in the framework.
        terms: by parent, terms added to its score, ``[draw, row]``.
        score_limits: limits that a score with such a term is clipped to.
    """

    values: Array | None = None
    measure: tuple[Measure, Flags] | None = None
    normalisation: Normalisation | None = None
    scale: Scale | None = None
    shifts: Array | None = None
    weights: Mapping[str, Array] | None = None
    factors: Mapping[str, Array] | None = None
    means: Words | None = None
    terms: Mapping[str, Array] | None = None
    score_limits: tuple[float, float] | None = None


NO_CHANGES = Changes()


def merged(parts: Sequence[Changes]) -> Changes:
    """The changes of several sources as one; no two sources change the same part."""
    parts_by_name = {
        own.name: value for part in parts for own in fields(part) if (value := getattr(part, own.name)) is not None
    }
    return Changes(**parts_by_name)
