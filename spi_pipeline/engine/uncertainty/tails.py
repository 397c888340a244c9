"""The ends of intervals over many draws, of which only the tails are stored.

The ends of a 90 % interval are among the lowest and the highest twentieth of the draws. A tenth of the draws is
therefore enough to compute the ends exactly, and the draws between them need no memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spi_pipeline.engine.panel import Array

Draws = npt.NDArray[np.generic]

# Share of the draws beyond either end of a 90 % interval.
TAIL_SHARE = 0.05
# Number of cells sorted at a time, to stay in the processor's cache; a power of two would use only few of its lines.
CHUNK = 1000


class Tails:
    """The lowest and the highest of the draws of many cells."""

    def __init__(self, draws: int) -> None:
        self._draws = draws
        self._size = int(TAIL_SHARE * (draws - 1)) + 2
        self._waiting: list[Draws] = []
        self._tails: Draws | None = None  # cells by the lowest and then the highest, in order

    def add(self, block: Draws) -> None:
        """Add a batch of draws, draws by cells; a cell is missing in all draws or in none."""
        self._waiting.append(block)
        if sum(map(len, self._waiting)) >= 2 * self._size:
            self._sort()

    def scores(self) -> tuple[Array, Array]:
        """The ends by cell, interpolated linearly between two draws."""
        tails = self._sorted()
        below, part = divmod(TAIL_SHARE * (self._draws - 1), 1)
        one = int(below)
        ends = [tails[:, place].astype(float) for place in (one, one + 1, -1 - one, -2 - one)]
        return ends[0] + (ends[1] - ends[0]) * part, ends[2] + (ends[3] - ends[2]) * part

    def ranks(self) -> tuple[Array, Array]:
        """The ends by cell, at ranks that were drawn, without interpolation."""
        tails = self._sorted()
        first = max(int(np.ceil(TAIL_SHARE * self._draws)), 1) - 1
        last = self._draws - max(int(np.ceil((1 - TAIL_SHARE) * self._draws)), 1)
        return tails[:, first].astype(float), tails[:, -1 - last].astype(float)

    def _sorted(self) -> Draws:
        if self._waiting:
            self._sort()
        assert self._tails is not None
        return self._tails

    def _sort(self) -> None:
        waiting, before, size = self._waiting, self._tails, self._size
        cells, kind = waiting[0].shape[1], waiting[0].dtype
        width = sum(map(len, waiting)) + (0 if before is None else before.shape[1])
        if before is not None and before.shape[1] == 2 * size:
            sorted_tails = before  # a chunk of it is read before it is written
        else:
            sorted_tails = np.empty((cells, min(width, 2 * size)), kind)
        for start in range(0, cells, CHUNK):
            part = slice(start, start + CHUNK)
            ordered = np.concatenate([block[:, part] for block in waiting]).T
            ordered = np.concatenate([ordered] if before is None else [before[part], ordered], axis=1)
            ordered.sort(axis=1)
            if width > 2 * size:
                sorted_tails[part, :size], sorted_tails[part, size:] = ordered[:, :size], ordered[:, -size:]
            else:
                sorted_tails[part] = ordered
        self._waiting, self._tails = [], sorted_tails
