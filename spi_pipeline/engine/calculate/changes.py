"""What a draw replaces in the calculation."""

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
    """Some indicators normalised in another way.

    Attributes:
        columns: their positions.
        chosen: by draw ``stated``, or a method.
    """

    columns: Positions
    chosen: Words


@dataclass(frozen=True)
class Scale:
    """The scale that scores stand on as stated, by indicator.

    Attributes:
        centre: their means over the areas compared.
        width: their standard deviations.
        low: lowest score there is, minus infinity where a method sets no end.
        high: highest.
    """

    centre: Array
    width: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Changes:
    """What a batch of draws replaces; what it does not name stays as it is, the very same arrays.

    Attributes:
        values: raw values in place of those computed from, ``[draw, row, indicator]``.
        measure: another measure, and which draws use it.
        normalisation: other ways to normalise.
        scale: what scores of another measure or normalisation are brought to: how far areas stand apart, and in what
            order, is in doubt; the unit of the scores is not.
        shifts: how far goalposts are moved, as ``Yardsticks`` has them.
        weights: by parent, weights in place of those its recipe fits, ``[1, child]``.
        factors: by parent, what weights are multiplied by before they are scaled back to their sum, ``[draw, child]``.
        means: by draw ``stated``, or the mean in place of every power mean.
        terms: by parent, what is added to its score, ``[draw, row]``.
        score_limits: where a score with such a term is held.
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


NOTHING = Changes()


def together(parts: Sequence[Changes]) -> Changes:
    """The changes of several sources as one; each has its own."""
    stated = {
        own.name: value for part in parts for own in fields(part) if (value := getattr(part, own.name)) is not None
    }
    return Changes(**stated)
