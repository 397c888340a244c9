"""Which months of a monthly source are whole, and which windows of whole months count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.indicators import Indicator, Window
from spi_pipeline.engine.panel import Array

# Below this many incidents a month, chance alone can make a month look published in part.
ENOUGH = 100


@dataclass(frozen=True)
class Months:
    """One window.

    Attributes:
        months: its months, in order.
        authorities: the authorities that hold each of these months whole and whose newest whole month is the last of
            them, or the same month of a later year.
    """

    months: pd.PeriodIndex
    authorities: frozenset[str]


def whole_months(
    rows: pd.DataFrame, columns: list[str], authority_of: Mapping[str, str], thin: float
) -> dict[str, list[str]]:
    """The months that each authority's figures hold whole, ascending: those of ``months_held`` that are not thin.

    Args:
        rows: every row of a monthly source, whatever it counts; for points, as ``counts_by_place`` returns them.
        columns: the columns counted.
        authority_of: authority of each ward.
        thin: the smallest share of the usual count that a whole month holds.

    Returns:
        Months as ``YYYY-MM`` by authority.
    """
    held = months_held(rows, columns, authority_of, thin)
    return {authority: frame.index[~frame["thin"]].tolist() for authority, frame in held.items()}


def months_held(
    rows: pd.DataFrame, columns: list[str], authority_of: Mapping[str, str], thin: float
) -> dict[str, pd.DataFrame]:
    """The count of each authority in each month with an incident, and its usual count.

    Each police force publishes, or fails to publish, for itself. A month without a single incident of any kind in an
    authority is taken as not published by its force, since the data cannot distinguish it from a month without
    incidents. A month that was published in part is thin: its count is below a given share of the median of the months
    up to a year before and after it, where that median is 100 or more.

    Args:
        rows: as for ``whole_months``.
        columns: likewise.
        authority_of: likewise.
        thin: likewise.

    Returns:
        By authority, ``counted``, ``usual`` and ``thin`` by month, as ``YYYY-MM`` ascending.
    """
    counted = rows[columns].sum(axis=1).groupby(rows["month"])
    held = {}
    for authority in sorted(set(authority_of.values())):
        if "ward_code" in rows:
            own = rows[rows["ward_code"].isin([ward for ward, above in authority_of.items() if above == authority])]
            counted = own[columns].sum(axis=1).groupby(own["month"])
        totals = counted.sum()
        usual = _usual(totals)
        frame = pd.DataFrame({"counted": totals, "usual": usual, "thin": (usual >= ENOUGH) & (totals < thin * usual)})
        held[authority] = frame.set_axis(totals.index.map(str))
    return held


def _usual(totals: pd.Series) -> Array:
    """For each month in the index, the median count of the months within a year of it."""
    at = np.array([pd.Period(month, "M").ordinal for month in totals.index], dtype=int)
    near = np.abs(at[:, np.newaxis] - at) <= 12
    usual: Array = np.nanmedian(np.where(near, totals.to_numpy(), np.nan), axis=1)
    return usual


def windows(whole: Mapping[str, list[str]], window: Window) -> Iterator[Months]:
    """The windows in which no month is missing, oldest first.

    Each authority's windows end with its newest whole month and with the same month of earlier years, so that any two
    cover the same seasons.

    Args:
        whole: as ``whole_months`` returns them.
        window: the length of a window.
    """
    for last in sorted(set().union(*whole.values())):
        months = pd.period_range(end=last, periods=window.months, freq="M")
        wanted = {str(month) for month in months}
        ending_so = (name for name, known in whole.items() if known and last[5:] == known[-1][5:])
        if authorities := frozenset(name for name in ending_so if wanted.issubset(whole[name])):
            yield Months(months, authorities)


def window_ends(observations: pd.DataFrame, indicators: Iterable[Indicator]) -> pd.Series:
    """The last day of the newest window that each edition uses, by edition; no row where it uses none.

    Args:
        observations: rows of the product ``indicator_value`` or ``observation``.
        indicators: the indicators to consider; only monthly ones count.
    """
    monthly = [item.id for item in indicators if item.measure.window]
    used = observations[observations["indicator_id"].isin(monthly)].dropna(subset=["period_end"])
    return used.groupby("edition")["period_end"].max()
