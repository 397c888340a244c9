"""What a source of doubt is: something that the data or the definition of an index leave open, drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spi_pipeline.engine.calculate.changes import Changes

Generators = Sequence[np.random.Generator]
# What was drawn, by name, one entry a draw.
Noted = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Drawable:
    """A source that can be varied in some data.

    Attributes:
        how: how it is varied, for people.
        draw: one draw for each generator, and what was drawn.
        assumed: what is taken for granted in doing so, for people.
        columns: positions of the indicators concerned; None where it concerns no single ones.
    """

    how: str
    draw: Callable[[Generators], tuple[Changes, Noted]]
    assumed: str
    columns: npt.NDArray[np.intp] | None = None


@dataclass(frozen=True)
class Varied:
    """Whether a source was varied.

    Attributes:
        source: of ``doubt.SOURCES``.
        varied: whether it was.
        how: a sentence: how, or why not.
        assumed: what was taken for granted; empty where it was not varied.
        columns: positions of the indicators concerned.
    """

    source: str
    varied: bool
    how: str
    assumed: str = ""
    columns: npt.NDArray[np.intp] = field(default_factory=lambda: np.array([], dtype=np.intp))
