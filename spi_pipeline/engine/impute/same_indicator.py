"""Imputation from the same indicator: from other areas, other years, or the most similar areas.

Regression on the other indicators is in ``regression``, the record that every method returns in ``record``. None of
these methods uses a cell that it has itself imputed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.impute.record import Imputed, filled_cells
from spi_pipeline.engine.panel import Array, Flags, blank_other_rows, require_panel

Objects = npt.NDArray[np.object_]

# Areas are comparable only where they share at least half of the indicators.
SHARED = 0.5


def impute_average(
    panel: pd.DataFrame,
    average: Literal["mean", "median"] = "mean",
    groups: pd.Series | None = None,
    reference: Flags | None = None,
) -> Imputed:
    """Impute the mean or median of the areas of the same edition, or of the same group within the edition.

    Where none of these areas has a value, the cell stays missing.

    Source: OECD/JRC handbook (2008), step 3; COINr's ``i_mean`` and ``i_mean_grp``.

    Args:
        panel: raw values.
        average: mean or median.
        groups: group of each row, indexed as the panel; rows without a group are not imputed. None takes the edition
            as one group.
        reference: the reference rows for the averages; None for all.

    Returns:
        The imputed panel; donors are the group and the number of its areas that have a value.
    """
    require_panel(panel)
    editions = panel.index.get_level_values("edition")
    labels = editions if groups is None else groups.reindex(panel.index)
    keys = [editions] if groups is None else [editions, labels.to_numpy()]
    grouped = blank_other_rows(panel, reference).groupby(keys)
    averages, counts = grouped.transform(average), grouped.transform("count")
    names = np.where(pd.isna(labels), "", labels.astype(str) if groups is not None else "all")
    donors = _joined(names, counts.to_numpy(), panel.isna().to_numpy())
    return _filled(
        panel, averages.to_numpy(dtype=float), f"{average}" + ("" if groups is None else " of group"), donors
    )


def impute_last(panel: pd.DataFrame) -> Imputed:
    """Impute the area's latest earlier value; the donor is the edition of that value."""
    return _along_editions(panel, "last value", _last)


def impute_linear(panel: pd.DataFrame) -> Imputed:
    """Impute by linear interpolation in time between the area's values before and after the gap.

    Beyond the area's first or last value the nearest value is used, so trends are never extrapolated. Editions must be
    numbers. Donors are the editions used.

    Raises:
        EngineError: the editions are not numbers.
    """
    if not pd.api.types.is_numeric_dtype(panel.index.get_level_values("edition").dtype):
        raise EngineError("linear imputation needs editions that are numbers, such as years")
    return _along_editions(panel, "linear in time", _line)


def impute_neighbours(panel: pd.DataFrame, neighbours: int = 5, reference: Flags | None = None) -> Imputed:
    """Impute the mean of the nearest neighbours in the same edition that have a value.

    The distance of two areas is the root mean square of their differences, each in standard deviations of its
    indicator, over the indicators that both areas have; these must be at least half of all. Ties are broken by area
    code. Where there are fewer neighbours than requested, all of them are used.

    Source: Troyanskaya et al. (2001), unweighted.

    Args:
        panel: raw values.
        neighbours: number of neighbours.
        reference: the reference rows, which can be neighbours; None for all.

    Returns:
        The imputed panel; donors are the area codes, nearest first.

    Raises:
        EngineError: the number of neighbours is not positive.
    """
    require_panel(panel)
    if neighbours < 1:
        raise EngineError(f"imputation needs one or more neighbours, not {neighbours}")
    spread = panel.std(ddof=1).where(lambda sd: sd > 0, 1.0)
    standard = ((panel - panel.mean()) / spread).to_numpy(dtype=float)
    values = panel.to_numpy(dtype=float)
    areas = panel.index.get_level_values("area_code").astype(str).to_numpy()
    editions = panel.index.get_level_values("edition")
    estimates, donors = _empty(panel)
    for edition in editions.unique():
        rows = np.flatnonzero(editions == edition)
        rows = rows[np.argsort(areas[rows], kind="stable")]
        for row in rows[np.isnan(values[rows]).any(axis=1)]:
            nearest = rows[_nearest_first(standard, row, rows)]
            nearest = nearest if reference is None else nearest[reference[nearest]]
            for column in np.flatnonzero(np.isnan(values[row])):
                chosen = nearest[~np.isnan(values[nearest, column])][:neighbours]
                if len(chosen):
                    estimates[row, column] = values[chosen, column].mean()
                    donors[row, column] = ",".join(areas[chosen])
    return _filled(panel, estimates, "nearest neighbours", donors)


def _nearest_first(standard: Array, row: int, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Positions among the rows, nearest first; the row itself and rows with too few shared indicators are left out."""
    differences = (standard[rows] - standard[row]) ** 2
    shared = (~np.isnan(differences)).sum(axis=1)
    comparable = np.flatnonzero((shared >= SHARED * standard.shape[1]) & (shared > 0) & (rows != row))
    distance = np.nansum(differences[comparable], axis=1) / shared[comparable]
    order: npt.NDArray[np.intp] = comparable[np.argsort(distance, kind="stable")]
    return order


def _along_editions(
    panel: pd.DataFrame, method: str, rule: Callable[[Array, Objects], tuple[Array, Objects]]
) -> Imputed:
    """Apply a rule to each area's values in the order of the editions."""
    require_panel(panel)
    estimates, donors = _empty(panel)
    values = panel.to_numpy(dtype=float)
    order = np.argsort(panel.index.get_level_values("edition").to_numpy(), kind="stable")
    editions = panel.index.get_level_values("edition").to_numpy().astype(object)
    areas = panel.index.get_level_values("area_code")
    gaps = np.isnan(values)
    for area in areas[gaps.any(axis=1)].unique():
        rows = order[(areas == area)[order]]
        for column in np.flatnonzero(gaps[rows].any(axis=0)):
            estimates[rows, column], donors[rows, column] = rule(values[rows, column], editions[rows])
    return _filled(panel, estimates, method, donors)


def _last(values: Array, editions: Objects) -> tuple[Array, Objects]:
    latest = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    available = latest >= 0
    return np.where(available, values[latest], np.nan), np.where(available, editions[latest].astype(str), "").astype(
        object
    )


def _line(values: Array, editions: Objects) -> tuple[Array, Objects]:
    present = np.flatnonzero(~np.isnan(values))
    if not len(present):
        return values, np.full(len(values), "", dtype=object)
    times = editions.astype(float)
    after = np.searchsorted(present, np.arange(len(values)))
    first = present[np.clip(after - 1, 0, len(present) - 1)]
    last = present[np.clip(after, 0, len(present) - 1)]
    pairs = zip(editions[first], editions[last], strict=True)
    donors = [str(a) if a == b else f"{a},{b}" for a, b in pairs]
    return np.interp(times, times[present], values[present]), np.array(donors, dtype=object)


def _empty(panel: pd.DataFrame) -> tuple[Array, Objects]:
    return np.full(panel.shape, np.nan), np.full(panel.shape, "", dtype=object)


def _joined(names: Objects, counts: npt.NDArray[np.int64], gaps: Flags) -> Objects:
    donors = np.full(counts.shape, "", dtype=object)
    for row, column in zip(*np.nonzero(gaps), strict=True):
        donors[row, column] = f"{names[row]} ({int(np.nan_to_num(counts[row, column]))} areas)"
    return donors


def _filled(panel: pd.DataFrame, estimates: Array, method: str, donors: Objects) -> Imputed:
    observed = panel.notna().to_numpy()
    values = np.where(observed, panel.to_numpy(dtype=float), estimates)
    gaps = np.where(observed, np.nan, estimates)
    filled = pd.DataFrame(values, index=panel.index, columns=panel.columns)
    return Imputed(panel=filled, cells=filled_cells(panel, gaps, method, donors))
