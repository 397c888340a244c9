"""The form of a panel that every function relies on.

The checks cover the shape and the numbers as such, not whether values are plausible.
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
        reference: the reference rows, over which extremes, means and ranks are taken; None for all.
    """

    index: pd.Index
    reference: Flags | None = None

    @cached_property
    def editions(self) -> dict[object, Positions]:
        """Positions of the rows of each edition."""
        codes, editions = self.index.codes[0], self.index.levels[0]  # type: ignore[attr-defined]
        return {editions[code]: np.flatnonzero(codes == code) for code in np.unique(codes)}

    @cached_property
    def ranked(self) -> dict[object, Positions]:
        """Positions of the rows that are ranked together, by edition."""
        if self.reference is None:
            return self.editions
        return {edition: rows[self.reference[rows]] for edition, rows in self.editions.items()}

    def reference_values(self, values: Array) -> Array:
        """The values of the reference rows, over which extremes, means and ranks are taken."""
        return values if self.reference is None else values[..., self.reference, :]


def as_slice(rows: Positions) -> Positions | slice:
    """Ascending positions, as a slice where they are consecutive: numpy then copies nothing."""
    return slice(rows[0], rows[-1] + 1) if len(rows) and rows[-1] - rows[0] == len(rows) - 1 else rows


def require_panel(panel: pd.DataFrame) -> None:
    """Insist on one row per ``(edition, area_code)``, one column per indicator and no infinities.

    Raises:
        EngineError: the index has other levels, a row or column occurs twice, or a value is infinite.
    """
    if list(panel.index.names) != INDEX_NAMES:
        raise EngineError(f"a panel is indexed by {INDEX_NAMES}, not by {list(panel.index.names)}")
    for axis, labels in (("row", panel.index), ("column", panel.columns)):
        repeated = labels[labels.duplicated()]
        if len(repeated):
            raise EngineError(f"a panel must have every {axis} once, but this one repeats: {repeated[0]}")
    infinite = np.isinf(panel.to_numpy(dtype=float)).any(axis=0)
    if infinite.any():
        named = ", ".join(map(str, panel.columns[infinite]))
        raise EngineError(f"a panel must not hold infinite values, correct or blank them in: {named}")


def row_in_words(label: object) -> str:
    """The label of a row in words, for messages: an area, and its edition where there are several."""
    if not isinstance(label, tuple):
        return str(label)
    edition, area = label
    return f"area {area} in {edition}" if edition != "" else f"area {area}"


def reference_rows(panel: pd.DataFrame, reference: Flags | None) -> pd.DataFrame:
    """The reference rows of a panel, over which extremes, means and ranks are taken; None stands for all."""
    return panel if reference is None else panel[reference]


def blank_other_rows(panel: pd.DataFrame, reference: Flags | None) -> pd.DataFrame:
    """The panel with all but the reference rows blank, so that sums and means by group use only these rows."""
    return panel if reference is None else panel.where(np.broadcast_to(reference[:, np.newaxis], panel.shape))
