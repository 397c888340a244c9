"""A source of uncertainty: an aspect that the data or the definition of an index leave open, drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spi_pipeline.engine.calculate.changes import Changes

Generators = Sequence[np.random.Generator]
# Drawn parameters by name, one entry per draw.
DrawnParameters = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Drawable:
    """A source of uncertainty that can be varied with the available data.

    Attributes:
        how: phrase for readers that describes how it is varied.
        draw: function that returns the changes of one draw for each generator, and the drawn parameters.
        assumed: phrase for readers with the assumption behind the draws.
        columns: positions of the indicators it affects; None where it does not affect particular indicators.
    """

    how: str
    draw: Callable[[Generators], tuple[Changes, DrawnParameters]]
    assumed: str
    columns: npt.NDArray[np.intp] | None = None


@dataclass(frozen=True)
class Varied:
    """A source of uncertainty, with whether it was varied and how.

    Attributes:
        source: name of the source, of ``uncertainty_settings.SOURCES``.
        varied: whether it was varied.
        how: phrase that describes how it was varied, or why not.
        assumed: the assumption behind the draws; empty where it was not varied.
        columns: positions of the indicators it affects.
    """

    source: str
    varied: bool
    how: str
    assumed: str = ""
    columns: npt.NDArray[np.intp] = field(default_factory=lambda: np.array([], dtype=np.intp))
