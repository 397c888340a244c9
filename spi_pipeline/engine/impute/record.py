"""The record that every imputation method returns: which cells were imputed, and from which donors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.panel import INDEX_NAMES, Array, Flags

Objects = npt.NDArray[np.object_]

CELL_COLUMNS = [*INDEX_NAMES, "indicator_id", "value", "method", "donors", "error"]
# Number of parts in which known cells are hidden, and number of rows that estimate an error to a few per cent.
PARTS, ENOUGH = 5, 500


@dataclass(frozen=True)
class Imputed:
    """A panel with missing values imputed.

    Attributes:
        panel: the panel, with missing values imputed where possible.
        cells: one row per imputed cell, in the panel's order: edition, area_code, indicator_id, value, method, donors
            and error. ``donors`` lists the sources of the estimate, separated by commas; for a regression they are ids
            of indicators, strongest first. ``error`` is the root mean square error of estimates of known values that
            were left out, in the value's unit; NaN where it cannot be estimated.
    """

    panel: pd.DataFrame
    cells: pd.DataFrame


def filled_cells(
    panel: pd.DataFrame, estimates: Array, method: str | Objects, donors: Objects, error: Array | None = None
) -> pd.DataFrame:
    """The record of the imputed cells.

    Args:
        panel: the panel before imputation.
        estimates: estimates in the panel's shape, NaN where nothing was imputed.
        method: the method, one for all cells or one for each cell.
        donors: sources of each estimate, in the panel's shape.
        error: error of such estimates on known values, in the panel's shape; None where it is not known yet.
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


def cross_validation_errors(
    fill: Callable[[pd.DataFrame], Imputed], panel: pd.DataFrame, ids: Sequence[str], reference: Flags | None
) -> dict[str, float]:
    """The root mean square error of an imputation method on known values, by indicator and in its unit.

    Known cells are hidden a fifth at a time and imputed like missing ones, up to about five hundred per indicator.

    Args:
        fill: the imputation method.
        panel: the panel with its missing values.
        ids: the indicators to test the method on.
        reference: the reference rows to test it on; None for all.

    Returns:
        Errors by indicator; NaN where no hidden cell was imputed.
    """
    rows = np.arange(len(panel)) if reference is None else np.flatnonzero(reference)
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
        differences = np.where(hidden, filled.to_numpy(dtype=float) - values, np.nan)[:, columns]
        squares += np.nansum(differences**2, axis=0)
        counts += (~np.isnan(differences)).sum(axis=0)
    error = np.sqrt(squares / np.where(counts > 0, counts, np.nan))
    return dict(zip(ids, error.tolist(), strict=True))
