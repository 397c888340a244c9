"""Filling gaps in a panel, with a record of every cell that was filled.

Methods that estimate a missing value belong here; deciding that a value is missing, or must stay so, does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.panel import INDEX_NAMES, require_panel

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]

CELL_COLUMNS = [*INDEX_NAMES, "indicator_id", "value", "method", "donors"]
# Complete rows a regression needs beyond its predictors: the intercept and two degrees of freedom.
SPARE_ROWS = 3
# A standard deviation this small beside the values themselves is rounding, not variation.
NOISE = 1e-10


@dataclass(frozen=True)
class Imputed:
    """A panel with gaps filled.

    Attributes:
        panel: the panel, filled where it could be.
        cells: one row per filled cell, in the panel's order: edition, area_code, indicator_id, value, method, and
            donors, the ids of the indicators it was estimated from, strongest first, separated by commas.
    """

    panel: pd.DataFrame
    cells: pd.DataFrame


def impute_regression(
    panel: pd.DataFrame, eligible: pd.DataFrame | None = None, minimum_share: float = 0.65
) -> Imputed:
    """Fill missing values by least squares on the other indicators of the same component.

    A missing cell is regressed on the indicators its row does have, over all rows of the panel, all editions pooled,
    that are complete in these. While fewer rows than predictors + 3 are complete, the predictor least correlated with
    the indicator is dropped, and so is one that does not vary over these rows. An estimate never leaves the range
    observed of its indicator. Without any predictor left the cell stays missing: a mean would look like knowledge.
    Only observed values serve as predictors, so the order of filling does not matter.

    Source: Social Progress Index methodology (gaps are filled within the component); the 65 % rule of thumb is that of
    the OECD/JRC handbook.

    Args:
        panel: raw values or scores of the indicators of *one* component, indexed by ``(edition, area_code)``.
        eligible: the panel's shape, True where a gap may be filled; None allows all.
        minimum_share: an indicator is filled in an edition only where at least this share of the edition's areas
            has it.

    Raises:
        EngineError: the panel is none: another index, a row or column twice, or an infinite value.
    """
    require_panel(panel)
    observed = panel.notna()
    enough = observed.groupby(level="edition").transform("mean") >= minimum_share
    wanted = ~observed & enough
    if eligible is not None:
        wanted &= eligible.reindex(index=panel.index, columns=panel.columns, fill_value=False).astype(bool)
    values = panel.to_numpy(dtype=float)
    strength = panel.corr(min_periods=SPARE_ROWS).abs().fillna(0.0).to_numpy()

    estimates = np.full(values.shape, np.nan)
    donors = np.full(values.shape, "", dtype=object)
    for target in range(values.shape[1]):
        for rows, present in _by_pattern(observed.to_numpy(), wanted.to_numpy()[:, target]):
            strongest_first = present[np.argsort(-strength[present, target], kind="stable")]
            used, estimated = _regress(values, target, strongest_first, rows)
            estimates[rows, target] = estimated
            donors[rows, target] = ",".join(panel.columns[used])
    filled = pd.DataFrame(np.where(observed, values, estimates), index=panel.index, columns=panel.columns)
    return Imputed(panel=filled, cells=_cells(panel, estimates, donors))


def _by_pattern(observed: Flags, wanted: Flags) -> Iterator[tuple[Positions, Positions]]:
    """The rows wanted and the columns they have, grouped by these: one regression serves a whole group."""
    rows = np.flatnonzero(wanted)
    patterns, group = np.unique(observed[rows], axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        yield rows[group.ravel() == number], np.flatnonzero(pattern)


def _regress(values: Array, target: int, predictors: Positions, rows: Positions) -> tuple[Positions, Array]:
    """Estimate the target for the rows; the predictors come strongest first and those used are returned."""
    donors = predictors
    while len(donors):
        complete = values[~np.isnan(values[:, [target, *donors]]).any(axis=1)]
        if len(complete) < len(donors) + SPARE_ROWS or not _varies(complete[:, target]):
            donors = donors[:-1]
        elif not (varies := _varies(complete[:, donors])).all():
            donors = donors[varies]
        else:
            break
    else:
        return donors, np.full(len(rows), np.nan)
    # Standardised predictors make the least-squares solution independent of units where predictors are collinear.
    centre, spread = complete[:, donors].mean(axis=0), complete[:, donors].std(axis=0)
    known = _with_intercept((complete[:, donors] - centre) / spread)
    coefficients = np.linalg.lstsq(known, complete[:, target], rcond=None)[0]
    estimates = _with_intercept((values[np.ix_(rows, donors)] - centre) / spread) @ coefficients
    return donors, np.clip(estimates, np.nanmin(values[:, target]), np.nanmax(values[:, target]))


def _varies(columns: Array) -> Flags:
    varies: Flags = columns.std(axis=0) > NOISE * np.abs(columns).max(axis=0)
    return varies


def _with_intercept(predictors: Array) -> Array:
    return np.column_stack([np.ones(len(predictors)), predictors])


def _cells(panel: pd.DataFrame, estimates: Array, donors: npt.NDArray[np.object_]) -> pd.DataFrame:
    row, column = np.nonzero(~np.isnan(estimates))
    cells = {
        "edition": panel.index.get_level_values("edition")[row],
        "area_code": panel.index.get_level_values("area_code")[row],
        "indicator_id": panel.columns[column],
        "value": estimates[row, column],
        "method": "regression",
        "donors": donors[row, column],
    }
    return pd.DataFrame(cells, columns=CELL_COLUMNS)
