"""The periods of a source, each with the rows that an indicator uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.engine.panel import Array, Flags
from spi_pipeline.indicators.windows import whole_months, windows


@dataclass(frozen=True)
class Period:
    """A period with its rows.

    Attributes:
        start: its first day.
        end: its last day.
        rows: its rows that match the indicator's ``where``.
        covered: for each ward, whether the source covers it throughout the period.
    """

    start: pd.Timestamp
    end: pd.Timestamp
    rows: pd.DataFrame
    covered: Flags


def matching_rows(measured: Measured, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of an indicator's source that match its ``where``.

    Raises:
        SpiError: when no row matches.
    """
    rows = tables[measured.source]
    for column, allowed in measured.measure.where.items():
        rows = rows[rows[column].isin(allowed)]
        if rows.empty:
            listed = ", ".join(allowed)
            raise SpiError(
                f"indicator {measured.id}: no row of source {measured.source} has {column} {listed}; see its where"
            )
    return rows


def periods(
    measured: Measured, source: Source, tables: Mapping[str, pd.DataFrame], authority_of: Mapping[str, str]
) -> list[Period]:
    """The periods of a source; a window that lacks a month for every authority is not a period.

    Args:
        measured: the indicator or measure.
        source: the contract of its source.
        tables: rows by source id.
        authority_of: authority of each ward, in the order of ``covered``.

    Raises:
        SpiError: when no row matches the indicator's ``where``, or no period is whole.
    """
    held = list(_periods(measured, source, matching_rows(measured, tables), tables[source.id], authority_of))
    if not held:
        raise SpiError(f"indicator {measured.id}: source {source.id} holds no whole period; see its window and months")
    return held


def _periods(
    measured: Measured, source: Source, rows: pd.DataFrame, every: pd.DataFrame, authority_of: Mapping[str, str]
) -> Iterator[Period]:
    measure, period = measured.measure, source.properties.period
    everywhere = np.ones(len(authority_of), dtype=bool)
    if measure.months is not None:
        first, last = pd.Period(measure.months.start, "M"), pd.Period(measure.months.end, "M")
        yield Period(first.start_time, last.end_time.normalize(), rows, everywhere)
    elif period.column is None:
        yield Period(pd.Timestamp(str(period.start)), pd.Timestamp(str(period.end)), rows, everywhere)
    elif measure.window is None:
        for year in sorted(every["year"].unique()):
            start, end = pd.Timestamp(int(year), 1, 1), pd.Timestamp(int(year), 12, 31)
            yield Period(start, end, rows[rows["year"] == year], everywhere)
    else:
        whole = whole_months(every, measure.columns, authority_of, source.properties.months.thin)
        for window in windows(whole, measure.window):
            covered = np.array([authority in window.authorities for authority in authority_of.values()])
            part = rows[rows["month"].isin(window.months.astype(str))]
            yield Period(window.months[0].start_time, window.months[-1].end_time.normalize(), part, covered)


def points_by_ward(rows: pd.DataFrame, columns: list[str], authority_of: Mapping[str, str]) -> Array:
    """The counts at points by ward, in the order of ``authority_of``; a ward without a point counts 0."""
    ward = pd.Index(authority_of).get_indexer(pd.Index(rows["ward_code"]))
    inside = ward >= 0
    counted: Array = np.bincount(ward[inside], total(rows, columns)[inside], len(authority_of)).astype(float)
    return counted


def unplaced_points(rows: pd.DataFrame, columns: list[str]) -> float:
    """The count at points without coordinates."""
    return float(total(rows, columns)[~rows["has_place"]].sum())


def total(rows: pd.DataFrame, columns: list[str]) -> Array:
    """The sum of the columns, missing where any of them is missing."""
    added: Array = rows[columns].to_numpy(dtype="float64", na_value=np.nan).sum(axis=1)
    return added
