"""The record every way of filling gaps keeps: which cells were filled, and from what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.panel import INDEX_NAMES, Flags

Array = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

CELL_COLUMNS = [*INDEX_NAMES, "indicator_id", "value", "method", "donors", "error"]
# Known cells are hidden in so many parts, and so many rows are enough to know an error to a few per cent.
PARTS, ENOUGH = 5, 500


@dataclass(frozen=True)
class Imputed:
    """A panel with gaps filled.

    Attributes:
        panel: the panel, filled where it could be.
        cells: one row per filled cell, in the panel's order: edition, area_code, indicator_id, value, method, and
            donors, what it was estimated from, separated by commas, for a regression ids of indicators, strongest
            first; and error, how far estimates of known values miss them: the root mean square of leaving these out,
            in the value's unit, NaN where that cannot be tried.
    """

    panel: pd.DataFrame
    cells: pd.DataFrame


def filled_cells(
    panel: pd.DataFrame, estimates: Array, method: str | Objects, donors: Objects, error: Array | None = None
) -> pd.DataFrame:
    """The record of the cells that were filled.

    Args:
        panel: the panel before filling.
        estimates: its shape, NaN where nothing was filled.
        method: how they were estimated, all alike or each by itself.
        donors: its shape, what each was estimated from.
        error: its shape, how far such estimates miss known values; None where that is not known yet.
    """
    row, column = np.nonzero(~np.isnan(estimates))
    cells = {
        "edition": panel.index.get_level_values("edition")[row],
        "area_code": panel.index.get_level_values("area_code")[row],
        "indicator_id": panel.columns[column],
        "value": estimates[row, column],
        "method": method if isinstance(method, str) else method[row, column],
        "donors": donors[row, column],
        "error": np.nan if error is None else error[row, column],
    }
    return pd.DataFrame(cells, columns=CELL_COLUMNS)


def tried(
    fill: Callable[[pd.DataFrame], Imputed], panel: pd.DataFrame, ids: Sequence[str], among: Flags | None
) -> dict[str, float]:
    """How far a way of filling gaps misses known values: root mean square by indicator, in its unit.

    Known cells are hidden a fifth at a time and filled like gaps, up to some five hundred of each indicator.

    Args:
        fill: the way.
        panel: the panel with its gaps.
        ids: the indicators to try it on.
        among: rows to try it on; None for all.

    Returns:
        By indicator; NaN where no hidden cell was filled.
    """
    rows = np.arange(len(panel)) if among is None else np.flatnonzero(among)
    part = np.full(len(panel), -1)
    part[rows] = np.random.default_rng(0).permutation(len(rows)) % PARTS
    times = min(max(PARTS * ENOUGH // max(len(rows), 1), 1), PARTS)
    values, columns = panel.to_numpy(dtype=float), panel.columns.get_indexer(pd.Index(ids))
    squares, counts = np.zeros(len(ids)), np.zeros(len(ids))
    for number in range(times):
        hidden = np.zeros(values.shape, dtype=bool)
        hidden[:, columns] = (part[:, np.newaxis] >= 0) & (
            (part[:, np.newaxis] + np.arange(len(ids))) % PARTS == number
        )
        filled = fill(pd.DataFrame(np.where(hidden, np.nan, values), index=panel.index, columns=panel.columns)).panel
        apart = np.where(hidden, filled.to_numpy(dtype=float) - values, np.nan)[:, columns]
        squares += np.nansum(apart**2, axis=0)
        counts += (~np.isnan(apart)).sum(axis=0)
    error = np.sqrt(squares / np.where(counts > 0, counts, np.nan))
    return dict(zip(ids, error.tolist(), strict=True))
