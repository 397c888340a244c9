"""The newest months: the count of each ward and month, its rate over twelve months, and its control chart's signals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.contracts.models.recent import Monthly
from spi_pipeline.engine.control_chart import YEAR, Charts, control_charts, signal_limit
from spi_pipeline.engine.intervals import events_interval
from spi_pipeline.engine.panel import Array
from spi_pipeline.indicators.periods import total
from spi_pipeline.indicators.windows import whole_months

PER = 1000
COLUMNS = ["measure_id", "area_code", "month", "count", "rate_12_months", "lower", "upper", "signal", "signal_since"]


def recent(
    measures: Sequence[Monthly],
    tables: Mapping[str, pd.DataFrame],
    thin: Mapping[str, float],
    authority_of: Mapping[str, str],
    residents: pd.Series,
    false_signals: float,
) -> pd.DataFrame:
    """Compute every measure in every ward and month that its authority's figures hold whole.

    A missing month starts a new chart: neither a rate nor a signal spans it.

    Args:
        measures: the measures to count.
        tables: counts of their sources by ward, by source id, as ``counts_by_place`` returns them.
        thin: by source, the smallest share of the usual count that a whole month holds.
        authority_of: authority of each ward.
        residents: residents by ward.
        false_signals: expected false signals a year, over all charts of an authority.

    Returns:
        The columns of the product ``recent``.
    """
    whole = {
        (name, columns): whole_months(tables[name], list(columns), authority_of, thin[name])
        for name, columns in {(item.source, tuple(item.columns)) for item in measures}
    }
    frames = []
    for authority in sorted(set(authority_of.values())):
        wards = sorted(ward for ward, parent in authority_of.items() if parent == authority)
        known = {item.id: whole[item.source, tuple(item.columns)][authority] for item in measures}
        charted = [item for item in measures if known[item.id]]
        for item in charted:
            limit = signal_limit(len(wards) * len(charted), false_signals)
            for months in _unbroken(known[item.id]):
                counts = _counts(item, tables[item.source], wards, months)
                charts = control_charts(counts, months[0].month)
                frames.append(_rows(item, wards, months, counts, residents.loc[wards].to_numpy(), charts, limit))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)


def _unbroken(months: list[str]) -> Iterator[pd.PeriodIndex]:
    """Each run of consecutive months."""
    index = pd.PeriodIndex(months, freq="M")
    breaks = np.flatnonzero(np.diff(index.asi8) > 1) + 1
    yield from (index[part] for part in np.split(np.arange(len(index)), breaks))


def _counts(measure: Monthly, rows: pd.DataFrame, wards: Sequence[str], months: pd.PeriodIndex) -> Array:
    """Counts, wards × months; a ward without a row counts 0, since the month is whole."""
    for column, allowed in measure.where.items():
        rows = rows[rows[column].isin(allowed)]
    ward = pd.Index(wards).get_indexer(pd.Index(rows["ward_code"]))
    month = months.astype(str).get_indexer(pd.Index(rows["month"]))
    known = (ward >= 0) & (month >= 0)
    at = ward[known] * len(months) + month[known]
    counted = total(rows, measure.columns)[known]
    counts: Array = np.bincount(at, counted, len(wards) * len(months)).reshape(len(wards), len(months)).astype(float)
    return counts


def _rows(
    measure: Monthly,
    wards: Sequence[str],
    months: pd.PeriodIndex,
    counts: Array,
    residents: Array,
    charts: Charts,
    limit: float,
) -> pd.DataFrame:
    year = np.full(counts.shape, np.nan)
    if len(months) >= YEAR:
        year[:, YEAR - 1 :] = np.lib.stride_tricks.sliding_window_view(counts, YEAR, axis=1).sum(axis=2)
    thousands = np.broadcast_to(residents[:, np.newaxis] / PER, counts.shape)
    # Overdispersed counts carry as much information as a smaller number of Poisson counts (quasi-Poisson).
    events, expected = (pd.Series((each / charts.dispersion).ravel()) for each in (year, thousands))
    ends = events_interval(events, expected)
    signs = charts.signals(limit)
    signals = np.array(["none", "rise", "fall"], dtype=object)[signs]
    signals[np.isnan(charts.deviation)] = None
    return pd.DataFrame(
        {
            "measure_id": measure.id,
            "area_code": np.repeat(wards, len(months)),
            "month": np.tile(months.astype(str), len(wards)),
            "count": counts.ravel().astype("int64"),
            "rate_12_months": (year / thousands).ravel(),
            "lower": ends["lower"].to_numpy(),
            "upper": ends["upper"].to_numpy(),
            "signal": signals.ravel(),
            "signal_since": _since(signs, months).ravel(),
        }
    )


def _since(signs: npt.NDArray[np.int8], months: pd.PeriodIndex) -> npt.NDArray[np.object_]:
    """The first month of each unbroken run of the same signal; None without a signal."""
    names = months.astype(str).to_numpy(dtype=object)
    since = np.full(signs.shape, None, dtype=object)
    for at in range(signs.shape[1]):
        continues = (signs[:, at] == signs[:, at - 1]) & (at > 0)
        since[:, at] = np.where(continues, since[:, at - 1], names[at])
        since[signs[:, at] == 0, at] = None
    return since
