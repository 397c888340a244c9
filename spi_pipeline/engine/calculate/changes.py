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
        open: positions of those whose scores have no fixed ends: another way to normalise is brought to the mean and
            spread of the one stated, or it would be another unit.
        centre: means of these, by position in ``open``.
        width: their standard deviations.
    """

    columns: Positions
    chosen: Words
    open: Positions
    centre: Array
    width: Array


@dataclass(frozen=True)
class Changes:
    """What a batch of draws replaces; what it does not name stays as it is, the very same arrays.

    Attributes:
        values: raw values in place of those computed from, ``[draw, row, indicator]``.
        measure: another measure, and which draws use it.
        normalisation: other ways to normalise.
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
