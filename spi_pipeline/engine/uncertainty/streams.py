"""Random streams: one for each source of uncertainty and draw, the same on every machine and in any order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence

from spi_pipeline.engine.framework.uncertainty_settings import SOURCES


def stream(seed: int, source: str, number: int) -> np.random.Generator:
    """The stream of a source in a draw: numpy's default generator, spawned from the seed by source and number."""
    known = _Known(_state(seed, SOURCES.index(source), number))
    return np.random.Generator(np.random.PCG64(known))  # type: ignore[arg-type] # numpy's stubs know its own class alone


@lru_cache(maxsize=1 << 15)
def _state(seed: int, place: int, number: int) -> npt.NDArray[np.uint64]:
    """The mixed state of a seed; cached, since mixing takes most of the time and editions and profiles share states."""
    mixed = np.random.SeedSequence(seed, spawn_key=(place, number)).generate_state(4, np.uint64)
    return mixed.astype(np.uint64, copy=False)


class _Known(ISeedSequence):
    """A seed sequence with a state that has already been mixed."""

    def __init__(self, state: npt.NDArray[np.uint64]) -> None:
        self._state = state

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> npt.NDArray[Any]:
        """The state that ``PCG64`` requests."""
        assert (n_words, np.dtype(dtype)) == (4, np.dtype(np.uint64))
        return self._state
