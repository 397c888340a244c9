"""Treatment of outliers in two stages, with a record of every treated point.

Skew and kurtosis decide whether an indicator has outliers. Transforms that a framework declares for an indicator are in
``transform``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.panel import INDEX_NAMES, Array, Flags, require_panel

Labels = npt.NDArray[np.object_]

POINT_COLUMNS = [*INDEX_NAMES, "indicator_id", "before", "after", "treatment"]
# Kurtosis is not defined for fewer than four values.
MIN_VALUES = 4
# Share of the range added before the logarithm, so that it is defined for the lowest value.
LOG_SHIFT = 0.01


@dataclass(frozen=True)
class Limits:
    """The limits beyond which an indicator has outliers, and the number of points that may be winsorised.

    Attributes:
        skew: largest absolute skew that passes.
        kurtosis: largest excess kurtosis that passes; an indicator fails only where it exceeds both limits.
        points: largest number of points winsorised in one indicator.
        log: whether the logarithm of the untreated values replaces an indicator that still fails.
    """

    skew: float = 2.0
    kurtosis: float = 3.5
    points: int = 5
    log: bool = True


@dataclass(frozen=True)
class Treated:
    """A panel with outliers treated.

    Attributes:
        panel: the treated values.
        points: one row per treated point: edition, area_code, indicator_id, before, after, and treatment
            (``winsorised high``, ``winsorised low``, ``log``).
        summary: by indicator, skew and kurtosis before and after, number of treated points and the treatment
            (``none``, ``winsorised``, ``log``, or ``winsorised, still beyond the limits``).
    """

    panel: pd.DataFrame
    points: pd.DataFrame
    summary: pd.DataFrame


def treat_outliers(panel: pd.DataFrame, limits: Limits | None = None, reference: Flags | None = None) -> Treated:
    """Winsorise outliers; where that does not suffice, take the logarithm of the indicator.

    While both skew and kurtosis exceed their limits, the outermost value on the side of the skew (and all values tied
    with it) is replaced by the next one, up to the number of points allowed. If the indicator still exceeds both
    limits, its *untreated* values are replaced by ``log(x - min + 0.01 (max - min))``. This preserves their order but
    not their unit, so such an indicator needs goalposts taken from the treated panel. All editions are pooled.

    Source: COINr's ``Treat`` (winsorise, then log_CT), after the practice of the JRC; skew and kurtosis are the
    sample-corrected ones (Joanes and Gill 1998, type 2).

    Args:
        panel: raw values, one column per indicator.
        limits: the limits; None takes skew 2, kurtosis 3.5 and five points.
        reference: the reference rows, which decide the treatment; the others are clipped to the treated range of these.
            None for all.
    """
    require_panel(panel)
    limits = limits or Limits()
    columns, points, summary = {}, [], {}
    for name in panel.columns:
        before = panel[name].to_numpy(dtype=float)
        after, labels, treatment = _treat_among(before, limits, reference)
        columns[name] = after
        moved = np.flatnonzero(labels != "")
        if len(moved):
            points.append(_points(panel.index[moved], name, before[moved], after[moved], labels[moved]))
        skews, kurtoses = zip(*(_shape(values) for values in (before, after)), strict=True)
        summary[name] = (skews[0], kurtoses[0], skews[1], kurtoses[1], len(moved), treatment)
    names = ["skew", "kurtosis", "skew_after", "kurtosis_after", "points", "treatment"]
    return Treated(
        panel=pd.DataFrame(columns, index=panel.index, columns=panel.columns),
        points=pd.concat(points, ignore_index=True) if points else pd.DataFrame(columns=POINT_COLUMNS),
        summary=pd.DataFrame.from_dict(summary, orient="index", columns=names),
    )


Treatment = Literal["none", "winsorised", "log", "winsorised, still beyond the limits"]


def _treat(values: Array, limits: Limits) -> tuple[Array, Labels, Treatment]:
    untouched = np.full(len(values), "", dtype=object)
    if _passes(values, limits):
        return values, untouched, "none"
    winsorised, labels = _winsorise(values, limits)
    if _passes(winsorised, limits):
        return winsorised, labels, "winsorised"
    if not limits.log:
        return winsorised, labels, "winsorised, still beyond the limits"
    low, high = np.nanmin(values), np.nanmax(values)
    logged: Array = np.log(values - low + LOG_SHIFT * (high - low))
    return logged, np.where(np.isnan(values), "", "log").astype(object), "log"


def _treat_among(values: Array, limits: Limits, reference: Flags | None) -> tuple[Array, Labels, Treatment]:
    if reference is None or reference.all():
        return _treat(values, limits)
    after, labels = values.copy(), np.full(len(values), "", dtype=object)
    after[reference], labels[reference], treatment = _treat(values[reference], limits)
    if treatment != "none":
        low, high = np.nanmin(values[reference]), np.nanmax(values[reference])
        clipped = np.clip(values[~reference], low, high)
        if treatment == "log":
            after[~reference] = np.log(clipped - low + LOG_SHIFT * (high - low))
        else:
            after[~reference] = np.clip(clipped, np.nanmin(after[reference]), np.nanmax(after[reference]))
        labels[~reference] = np.where(np.abs(after[~reference] - values[~reference]) > 0, treatment, "")
    return after, labels, treatment


def _winsorise(values: Array, limits: Limits) -> tuple[Array, Labels]:
    moved = values.copy()
    labels = np.full(len(values), "", dtype=object)
    count = 0
    while count < limits.points and not _passes(moved, limits):
        high = _shape(moved)[0] >= 0
        extreme = np.nanmax(moved) if high else np.nanmin(moved)
        outermost = moved == extreme
        inside = moved[~outermost]
        moved[outermost] = np.nanmax(inside) if high else np.nanmin(inside)
        labels[outermost] = "winsorised high" if high else "winsorised low"
        count = int((labels != "").sum())
    return moved, labels


def _passes(values: Array, limits: Limits) -> bool:
    skew, kurtosis = _shape(values)
    return not (abs(skew) > limits.skew and kurtosis > limits.kurtosis)


def _shape(values: Array) -> tuple[float, float]:
    """Skew and excess kurtosis, corrected for the sample size; NaN with fewer than four values."""
    series = pd.Series(values).dropna()
    if len(series) < MIN_VALUES:
        return float("nan"), float("nan")
    return cast(float, series.skew()), cast(float, series.kurt())


def _points(index: pd.Index, name: str, before: Array, after: Array, labels: Labels) -> pd.DataFrame:
    points = index.to_frame(index=False)
    return points.assign(indicator_id=name, before=before, after=after, treatment=labels)[POINT_COLUMNS]
