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
TENTHS, ENOUGH = 10, 500


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

    Known cells are hidden a tenth at a time and filled like gaps, up to some five hundred of each indicator.

    Args:
        fill: the way.
        panel: the panel with its gaps.
        ids: the indicators to try it on.
        among: rows to try it on; None for all.

    Returns:
        By indicator; NaN where no hidden cell was filled.
    """
    rows = np.arange(len(panel)) if among is None else np.flatnonzero(among)
    tenth = np.full(len(panel), -1)  # what is in no tenth is never hidden
    tenth[rows] = np.random.default_rng(0).permutation(len(rows)) % TENTHS
    times = min(max(TENTHS * ENOUGH // max(len(rows), 1), 1), TENTHS)
    missed: dict[str, list[Array]] = {name: [] for name in ids}
    for number in range(times):
        hidden = panel.copy()
        for column, name in enumerate(ids):
            hidden.loc[(tenth >= 0) & ((tenth + column) % TENTHS == number), name] = np.nan
        filled = fill(hidden).panel
        for name in ids:
            apart = (filled[name] - panel[name])[hidden[name].isna()].to_numpy(dtype=float)
            missed[name].append(apart[~np.isnan(apart)])
    together = {name: np.concatenate(parts) for name, parts in missed.items()}
    return {name: float(np.sqrt((apart**2).mean())) if len(apart) else float("nan") for name, apart in together.items()}
