"""What every function may expect of a panel.

Only the shape and the numbers as such are looked at here; whether values are plausible is not this room's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.errors import EngineError

INDEX_NAMES = ["edition", "area_code"]
Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Rows:
    """The rows of a panel, for arrays whose last axes are rows and columns.

    Attributes:
        index: ``(edition, area_code)``.
        among: rows that extremes, means and ranks are taken over; None for all.
    """

    index: pd.Index
    among: Flags | None = None

    @cached_property
    def editions(self) -> dict[object, Positions]:
        """Positions of the rows of each edition."""
        codes, editions = self.index.codes[0], self.index.levels[0]  # type: ignore[attr-defined]
        return {editions[code]: np.flatnonzero(codes == code) for code in np.unique(codes)}

    @cached_property
    def ranked(self) -> dict[object, Positions]:
        """Positions of the rows that are ranked together, by edition."""
        if self.among is None:
            return self.editions
        return {edition: rows[self.among[rows]] for edition, rows in self.editions.items()}

    def known(self, values: Array) -> Array:
        """The rows that extremes, means and ranks are taken over."""
        return values if self.among is None else values[..., self.among, :]


def require_panel(panel: pd.DataFrame) -> None:
    """Insist on one row per ``(edition, area_code)``, one column per indicator and no infinities.

    Raises:
        EngineError: the index is another one, a row or column repeats, or a value is infinite.
    """
    if list(panel.index.names) != INDEX_NAMES:
        raise EngineError(f"a panel is indexed by {INDEX_NAMES}, not by {list(panel.index.names)}")
    for axis, labels in (("row", panel.index), ("column", panel.columns)):
        repeated = labels[labels.duplicated()]
        if len(repeated):
            raise EngineError(f"a panel has every {axis} once, yet this one repeats: {repeated[0]}")
    infinite = np.isinf(panel.to_numpy(dtype=float)).any(axis=0)
    if infinite.any():
        named = ", ".join(map(str, panel.columns[infinite]))
        raise EngineError(f"a panel holds no infinite values, correct or blank them in: {named}")


def row_in_words(label: object) -> str:
    """The label of a row in words, for messages: an area, and its edition where there are several."""
    if not isinstance(label, tuple):
        return str(label)
    edition, area = label
    return f"area {area} in {edition}" if edition != "" else f"area {area}"


def rows_of(panel: pd.DataFrame, among: Flags | None) -> pd.DataFrame:
    """The rows that extremes, means and ranks are taken over; None stands for all."""
    return panel if among is None else panel[among]


def blank_but(panel: pd.DataFrame, among: Flags | None) -> pd.DataFrame:
    """The panel with the other rows blank, so that sums and means by group run over these alone."""
    return panel if among is None else panel.where(np.broadcast_to(among[:, np.newaxis], panel.shape))
