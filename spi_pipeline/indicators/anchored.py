"""A published level, moved by counts: how high a rate stands is one source's to say, how it has moved is another's.

The deprivation indicators hold crime rates by people at risk, on one scale for all of England, for a past period; the
police publish counts every month, without saying who is at risk. A ward's value is its level times the ratio of its
counts in a window to those of a year of the level's own period. How levels and counts reach wards is the business of
``values``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.indicators import Level, Measure, Measured
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.engine.intervals import MIN_AREAS, events_interval, shrink_rates
from spi_pipeline.indicators.values import (
    VALUE_COLUMNS,
    Wards,
    WardValues,
    held_months,
    periods,
    rows_asked,
    ward_counts,
    ward_values,
)

Array = npt.NDArray[np.float64]

ANCHORED_COLUMNS = [*VALUE_COLUMNS, "lower", "upper"]
CALENDAR = range(1, 13)


def level_of(measured: Measured) -> Measured:
    """What an anchored measure stands at, as a measure of its own: the mean of the level's columns, added up."""
    level = _level(measured)
    return measured.model_copy(update={"source": level.source, "measure": Measure(kind="mean", columns=level.columns)})


def anchored_values(
    measured: Measured, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], wards: Wards
) -> WardValues:
    """An anchored measure for every ward, authority and window of its source.

    ``value = level × movement``, the movement being the ward's ratio of counts to a year of the level's period, drawn
    to its authority's by as much as it is noise, and rescaled so that the authority moves as its counts do.

    Args:
        measured: what to compute.
        sources: contracts of its sources.
        tables: their rows, by source id; those of points with ``ward_code``.
        wards: boundaries and weights.

    Returns:
        Values with ``lower`` and ``upper`` (95 %, of the movement; the level is taken as published), the count of the
        window as ``numerator`` and the weight of the level as ``denominator``; missing where the level, the window or
        the base is. An authority's value is the mean of its wards'.

    Raises:
        SpiError: as ``ward_values``, and when no month of the level's period is held.
    """
    source, measure = sources[measured.source], measured.measure
    every, rows = tables[source.id], rows_asked(measured, tables)
    standing = ward_values(level_of(measured), sources, tables, wards).values.set_index("area_code")
    standing = standing.loc[list(wards.authorities), ["value", "denominator"]]
    base = base_year(measured, rows, every, wards)
    frames, unplaced = [], 0.0
    for period in periods(source, measure, rows, every, wards):
        count, outside = ward_counts(measure, source, period, wards)
        unplaced += outside
        moved = _moved(standing, count, base, wards)
        frames.append(moved.assign(period_start=period.start, period_end=period.end))
    if not frames:
        raise SpiError(f"indicator {measured.id}: source {source.id} holds no whole period; see its window and months")
    return WardValues(pd.concat(frames, ignore_index=True)[ANCHORED_COLUMNS], unplaced)


def base_year(measured: Measured, rows: pd.DataFrame, every: pd.DataFrame, wards: Wards) -> Array:
    """Events of a year of the level's period, by ward: the mean of each calendar month over the years that hold it.

    Months that an authority's force did not publish are left out of the mean; so every calendar month weighs alike,
    whichever are held. A ward is missing where its authority lacks one of the twelve in every year.

    Args:
        measured: the anchored measure.
        rows: the rows of its source that are counted.
        every: all rows of its source.
        wards: boundaries.

    Raises:
        SpiError: when no authority holds each calendar month of the period once.
    """
    level = _level(measured)
    months = [str(month) for month in pd.period_range(level.start, level.end, freq="M")]
    codes, known = list(wards.authorities), held_months(every, wards)
    held = np.array([[month in known[authority] for month in months] for authority in wards.authorities.values()])
    events = rows[measured.measure.columns].sum(axis=1, skipna=False)
    sums = events.groupby([rows["ward_code"], rows["month"]]).sum().unstack()
    by_month = sums.reindex(index=codes, columns=months).fillna(0.0).where(held)
    calendar = pd.Index([int(month[5:]) for month in months])
    base = by_month.T.groupby(calendar).mean().reindex(CALENDAR).sum(skipna=False).to_numpy(dtype="float64")
    if np.isnan(base).all():
        raise SpiError(
            f"indicator {measured.id}: source {measured.source} lacks months of the period its level is of, "
            f"{level.start} to {level.end}, where each calendar month is needed once; fetch it since {level.start}"
        )
    return base


def movement(count: pd.Series, base: pd.Series) -> pd.DataFrame:
    """How far the wards of one authority have moved: ratios of counts to base, drawn to the authority's.

    Gamma–Poisson shrinkage as in ``shrink_rates``. Where wards differ by no more than chance, each moves as the
    authority, and its interval is that of the authority's count. Below five wards nothing says how much of their
    differences is noise, and each keeps its own ratio.

    Args:
        count: events of the window, by ward; missing where not known.
        base: events of a year of the base; a ward without any has no ratio.

    Returns:
        ``value``, ``lower`` and ``upper`` by ward, 1 being no movement.
    """
    base = base.where((base > 0) & count.notna())
    if base.notna().sum() < MIN_AREAS:
        return events_interval(count, base).assign(value=count / base)
    shrunk = shrink_rates(count, base)
    # What a ward is drawn to is the authority's own ratio, and no surer than its count: the two errors are added.
    town = _of_all(count.where(base.notna()), base).iloc[0]
    below = np.hypot(shrunk.value - shrunk.lower, town["value"] - town["lower"])
    above = np.hypot(shrunk.upper - shrunk.value, town["upper"] - town["value"])
    return pd.DataFrame(
        {"value": shrunk.value, "lower": (shrunk.value - below).clip(lower=0), "upper": shrunk.value + above}
    )


def _moved(standing: pd.DataFrame, count: Array, base: Array, wards: Wards) -> pd.DataFrame:
    """One window: every ward, then every authority."""
    parents = pd.Series(wards.authorities)
    frames, above = [], []
    for authority, own in parents.groupby(parents):
        inside = parents.index.get_indexer(own.index)
        level, weight = standing["value"].iloc[inside], standing["denominator"].iloc[inside]
        events, expected = pd.Series(count[inside], own.index), pd.Series(base[inside], own.index)
        known = level.notna() & events.notna() & (expected > 0)
        events, expected, weight = events.where(known), expected.where(known), weight.where(known)
        moved, town = movement(events, expected), _of_all(events, expected)
        stood = (weight * level).sum()
        would_move = (weight * level * moved["value"]).sum()
        rescaled = moved * (town["value"].iloc[0] * stood / would_move if would_move > 0 else 1.0)
        frame = rescaled.mul(level, axis=0).assign(numerator=events, denominator=weight)
        frames.append(frame.rename_axis("area_code").reset_index())
        whole = town * (stood / weight.sum() if known.any() else np.nan)
        sums = {"numerator": events.sum(min_count=1), "denominator": weight.sum(min_count=1)}
        above.append(whole.assign(area_code=authority, **sums))
    return pd.concat([*frames, *above], ignore_index=True)


def _of_all(events: pd.Series, expected: pd.Series) -> pd.DataFrame:
    """The ratio of all events to all that were expected, with its interval: one row."""
    all_events, all_expected = pd.Series([events.sum()]), pd.Series([expected.sum()])
    ratio = all_events / all_expected.where(all_expected > 0)
    return events_interval(all_events, all_expected).assign(value=ratio)


def _level(measured: Measured) -> Level:
    assert measured.measure.level is not None  # the measure's own validation sees to it
    return measured.measure.level
