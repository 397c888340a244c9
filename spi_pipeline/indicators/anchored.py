"""A published level, moved by counts: how high a rate stands is one source's to say, how it has moved is another's.

The deprivation indicators hold crime rates by people at risk, on one scale for all of England, for a past period; the
police publish counts every month, without saying who is at risk. A ward's value is its level times the ratio of its
counts in a window to those of a year of the level's own period. How levels and counts reach wards is the business of
``values``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.contracts.models.levels import level_of, stated_level
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.engine.intervals import MIN_AREAS, events_interval, shrink_rates
from spi_pipeline.engine.panel import Array
from spi_pipeline.indicators.dispersion import Repeats
from spi_pipeline.indicators.periods import Period, periods, points_by_ward, rows_asked, unplaced_points
from spi_pipeline.indicators.values import VALUE_COLUMNS, Wards, WardValues, of_authorities, ward_values
from spi_pipeline.indicators.windows import whole_months

CALENDAR = range(1, 13)


def anchored_values(
    measured: Measured, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], wards: Wards
) -> WardValues:
    """An anchored measure for every ward, authority and window of its source.

    ``value = level × movement``, the movement being the ward's ratio of counts to a year of the level's period, drawn
    to its authority's by as much as it is noise, and rescaled so that the authority moves as its counts do.

    Args:
        measured: what to compute.
        sources: contracts of its sources.
        tables: their rows, by source id; of points as ``added_up`` returns them.
        wards: boundaries and weights.

    Returns:
        Values with ``limits`` of the movement, the count of the window as ``numerator`` and the weight of the level as
        ``denominator``; missing where the level, the window or the base is. The level is taken as published, except for
        what sharing out its areas gets wrong, and the base as known: windows are part of it, so that their ratio varies
        less than their own count. An authority's value is the mean of its wards'.

    Raises:
        SpiError: as ``ward_values``, and when no month of the level's period is held.
    """
    source, columns = sources[measured.source], measured.measure.columns
    standing = ward_values(level_of(measured), sources, tables, wards).values.set_index("area_code")
    base = base_year(measured, rows_asked(measured, tables), tables[source.id], wards, source.properties.months.thin)
    repeats, found = Repeats(), periods(measured, source, tables, wards.authorities)
    for period in found:
        repeats.add(period.rows, columns, wards.authorities)
    frames = [_moved(standing, _counts(period, columns, wards), base, repeats.dispersion, wards).assign(
        period_start=period.start, period_end=period.end) for period in found]  # fmt: skip
    values = pd.concat(frames, ignore_index=True)
    unplaced = sum(unplaced_points(period.rows, columns) for period in found)
    return WardValues(values[VALUE_COLUMNS], unplaced, repeats.dispersion, values[["lower", "upper"]])


def _counts(period: Period, columns: list[str], wards: Wards) -> Array:
    return np.where(period.covered, points_by_ward(period.rows, columns, wards.authorities), np.nan)


def base_year(measured: Measured, rows: pd.DataFrame, every: pd.DataFrame, wards: Wards, thin: float) -> Array:
    """Events of a year of the level's period, by ward: the mean of each calendar month over the years that hold it.

    Months that an authority's figures do not hold whole are left out of the mean; so every calendar month weighs
    alike, whichever are held. A ward is missing where its authority lacks one of the twelve in every year.

    Args:
        measured: the anchored measure.
        rows: the rows of its source that are counted.
        every: all rows of its source.
        wards: boundaries.
        thin: the share of what is usual that a whole month holds at least.

    Raises:
        SpiError: when no authority holds each calendar month of the period once.
    """
    level = stated_level(measured)
    months = [str(month) for month in pd.period_range(level.start, level.end, freq="M")]
    codes, known = list(wards.authorities), whole_months(every, measured.measure.columns, wards.authorities, thin)
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


def movement(count: pd.Series, base: pd.Series, dispersion: float = 1.0) -> pd.DataFrame:
    """How far the wards of one authority have moved: ratios of counts to base, drawn to the authority's.

    Gamma–Poisson shrinkage as in ``shrink_rates``. Where wards differ by no more than chance, each moves as the
    authority, and its interval is that of the authority's count. Below five wards nothing says how much of their
    differences is noise, and each keeps its own ratio. Counts that scatter φ times as much as chance are worth 1/φ of
    their number.

    Args:
        count: events of the window, by ward; missing where not known.
        base: events of a year of the base; a ward without any has no ratio.
        dispersion: how many times the variance of a Poisson count the counts show.

    Returns:
        ``value``, ``lower`` and ``upper`` by ward, 1 being no movement.
    """
    count, base = count / dispersion, base.where((base > 0) & count.notna()) / dispersion
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


def _moved(standing: pd.DataFrame, count: Array, base: Array, dispersion: float, wards: Wards) -> pd.DataFrame:
    """One window: every ward, then every authority."""
    frame = pd.DataFrame({"authority": pd.Series(wards.authorities), "events": count, "expected": base})
    frame = frame.join(
        standing[["value", "allocation_error", "denominator", "covered"]].rename(columns={"value": "level"})
    )
    unknown = frame["level"].isna() | frame["events"].isna() | ~(frame["expected"] > 0)
    frame.loc[unknown, ["events", "expected", "denominator"]] = np.nan
    # A window or a base that is not there is missing; a level of which too little is known is suppressed.
    frame["covered"] = frame["covered"].where(~unknown | frame["level"].isna(), 0.0)
    of_wards = of_authorities(frame["covered"].to_numpy(), ~unknown.to_numpy(), wards)
    covered_of = dict(zip(sorted(set(wards.authorities.values())), of_wards, strict=True))
    below, above = [], []
    for authority, own in frame.groupby("authority"):
        moved = movement(own["events"], own["expected"], dispersion)
        town = _of_all(own["events"] / dispersion, own["expected"] / dispersion)
        stood = (own["denominator"] * own["level"]).sum()
        would_move = (own["denominator"] * own["level"] * moved["value"]).sum()
        moved *= town["value"].iloc[0] * stood / would_move if would_move > 0 else 1.0
        error = own["allocation_error"] * moved["value"]
        moved = moved.mul(own["level"], axis=0).assign(allocation_error=error, numerator=own["events"])
        moved = moved.assign(denominator=own["denominator"], covered=own["covered"])
        below.append(moved.rename_axis("area_code").reset_index())
        weight = own["denominator"].sum(min_count=1)
        error = standing["allocation_error"][authority] * town["value"]
        town = (town * stood / weight).assign(area_code=authority, allocation_error=error, denominator=weight)
        town = town.assign(numerator=own["events"].sum(min_count=1))
        if covered_of[str(authority)] < wards.least_covered:
            town[["value", "lower", "upper", "allocation_error", "numerator", "denominator"]] = np.nan
        above.append(town.assign(covered=covered_of[str(authority)]))
    return pd.concat([*below, *above], ignore_index=True)


def _of_all(events: pd.Series, expected: pd.Series) -> pd.DataFrame:
    """The ratio of all events to all that were expected, with its interval: one row."""
    all_events, all_expected = pd.Series([events.sum()]), pd.Series([expected.sum()])
    ratio = all_events / all_expected.where(all_expected > 0)
    return events_interval(all_events, all_expected).assign(value=ratio)
