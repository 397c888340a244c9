"""The record every way of filling gaps keeps: which cells were filled, and from what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.panel import INDEX_NAMES

Array = npt.NDArray[np.float64]

CELL_COLUMNS = [*INDEX_NAMES, "indicator_id", "value", "method", "donors"]


@dataclass(frozen=True)
class Imputed:
    """A panel with gaps filled.

    Attributes:
        panel: the panel, filled where it could be.
        cells: one row per filled cell, in the panel's order: edition, area_code, indicator_id, value, method, and
            donors, what it was estimated from, separated by commas. For a regression these are ids of indicators,
            strongest first.
    """

    panel: pd.DataFrame
    cells: pd.DataFrame


def filled_cells(panel: pd.DataFrame, estimates: Array, method: str, donors: npt.NDArray[np.object_]) -> pd.DataFrame:
    """The record of the cells that were filled.

    Args:
        panel: the panel before filling.
        estimates: its shape, NaN where nothing was filled.
        method: how they were estimated.
        donors: its shape, what each was estimated from.
    """
    row, column = np.nonzero(~np.isnan(estimates))
    cells = {
        "edition": panel.index.get_level_values("edition")[row],
        "area_code": panel.index.get_level_values("area_code")[row],
        "indicator_id": panel.columns[column],
        "value": estimates[row, column],
        "method": method,
        "donors": donors[row, column],
    }
    return pd.DataFrame(cells, columns=CELL_COLUMNS)
