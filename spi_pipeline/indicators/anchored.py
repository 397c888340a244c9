"""A published level, moved by counts: one source shows how high a rate stands, another how it has moved.

The deprivation indicators hold crime rates by people at risk, on one scale for all of England, for a past period. The
police publish counts every month, without the number of people at risk. A ward's value is its level times the ratio of
its counts in a window to its counts in a year of the level's own period. ``values`` brings levels and counts to wards.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.contracts.models.levels import declared_level, level_of
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.engine.intervals import MIN_AREAS, events_interval, shrink_rates
from spi_pipeline.engine.panel import Array
from spi_pipeline.indicators.dispersion import Repeats
from spi_pipeline.indicators.periods import Period, matching_rows, periods, points_by_ward, unplaced_points
from spi_pipeline.indicators.values import VALUE_COLUMNS, Wards, WardValues, of_authorities, ward_values
from spi_pipeline.indicators.windows import whole_months

CALENDAR = range(1, 13)


def anchored_values(
    measured: Measured, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], wards: Wards
) -> WardValues:
    """Compute an anchored measure for every ward, authority and window of its source.

    ``value = level × movement``. The movement is the ratio of the ward's counts in the window to its counts in a year
    of the level's period. It is shrunk towards the authority's ratio in proportion to its noise, and rescaled so that
    the authority moves as its counts do.

    Args:
        measured: the measure to compute.
        sources: contracts of its sources.
        tables: their rows, by source id; for points, as ``counts_by_place`` returns them.
        wards: boundaries and weights.

    Returns:
        Values with ``limits`` of the movement, the count of the window as ``numerator`` and the weight of the level as
        ``denominator``; missing where the level, the window or the base is missing. The level is taken as published,
        apart from the error of sharing out its areas. The base is taken as known: it may contain the window, so the
        ratio varies less than the window's own count. An authority's value is the mean of its wards' values.

    Raises:
        SpiError: as for ``ward_values``, and when the source lacks months of the level's period.
    """
    source, columns = sources[measured.source], measured.measure.columns
    standing = ward_values(level_of(measured), sources, tables, wards).values.set_index("area_code")
    base = base_year(measured, matching_rows(measured, tables), tables[source.id], wards, source.properties.months.thin)
    repeats, windows_held = Repeats(), periods(measured, source, tables, wards.authorities)
    for period in windows_held:
        repeats.add(period.rows, columns, wards.authorities)
    frames = [_moved(standing, _counts(period, columns, wards), base, repeats.dispersion, wards).assign(
        period_start=period.start, period_end=period.end) for period in windows_held]  # fmt: skip
    values = pd.concat(frames, ignore_index=True)
    unplaced = sum(unplaced_points(period.rows, columns) for period in windows_held)
    return WardValues(values[VALUE_COLUMNS], unplaced, repeats.dispersion, values[["lower", "upper"]])


def _counts(period: Period, columns: list[str], wards: Wards) -> Array:
    return np.where(period.covered, points_by_ward(period.rows, columns, wards.authorities), np.nan)


def base_year(measured: Measured, rows: pd.DataFrame, every: pd.DataFrame, wards: Wards, thin: float) -> Array:
    """Events of a year of the level's period, by ward: the mean of each calendar month over the years that hold it.

    Months that an authority's figures do not hold whole are left out of the mean. So every calendar month has the same
    weight, whichever months are available. A ward is missing where its authority lacks a calendar month in every year.

    Args:
        measured: the anchored measure.
        rows: the rows of its source that are counted.
        every: all rows of its source.
        wards: boundaries.
        thin: the smallest share of the usual count that a whole month holds.

    Raises:
        SpiError: when no authority holds each calendar month of the period at least once.
    """
    level = declared_level(measured)
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
            f"indicator {measured.id}: source {measured.source} lacks months of its level's period, {level.start} to "
            f"{level.end}, which must hold each calendar month at least once; fetch it since {level.start}"
        )
    return base


def movement(count: pd.Series, base: pd.Series, dispersion: float = 1.0) -> pd.DataFrame:
    """How far the wards of one authority have moved: ratios of counts to base, shrunk towards the authority's ratio.

    The shrinkage is Gamma–Poisson, as in ``shrink_rates``. Where wards differ by no more than chance, each moves as the
    authority does, and its interval is that of the authority's count. With fewer than five wards the noise in their
    differences cannot be estimated, and each ward has its own ratio. Counts whose variance is φ times that of chance
    carry as much information as 1/φ of their number.

    Args:
        count: events of the window, by ward; missing where unknown.
        base: events of a year of the base; a ward without any has no ratio.
        dispersion: the variance of the counts as a multiple of a Poisson count's.

    Returns:
        ``value``, ``lower`` and ``upper`` by ward; 1 means no movement.
    """
    count, base = count / dispersion, base.where((base > 0) & count.notna()) / dispersion
    if base.notna().sum() < MIN_AREAS:
        return events_interval(count, base).assign(value=count / base)
    shrunk = shrink_rates(count, base)
    # A ward is shrunk towards the authority's ratio, which has the error of its own count: the two errors are added.
    authority = _of_all(count.where(base.notna()), base).iloc[0]
    below = np.hypot(shrunk.value - shrunk.lower, authority["value"] - authority["lower"])
    above = np.hypot(shrunk.upper - shrunk.value, authority["upper"] - authority["value"])
    return pd.DataFrame(
        {"value": shrunk.value, "lower": (shrunk.value - below).clip(lower=0), "upper": shrunk.value + above}
    )


def _moved(standing: pd.DataFrame, count: Array, base: Array, dispersion: float, wards: Wards) -> pd.DataFrame:
    """The values of one window: every ward, then every authority."""
    frame = pd.DataFrame({"authority": pd.Series(wards.authorities), "events": count, "expected": base})
    frame = frame.join(
        standing[["value", "allocation_error", "denominator", "covered"]].rename(columns={"value": "level"})
    )
    unknown = frame["level"].isna() | frame["events"].isna() | ~(frame["expected"] > 0)
    frame.loc[unknown, ["events", "expected", "denominator"]] = np.nan
    # Without a window or a base the value is missing; where too little of the level is known it is suppressed.
    frame["covered"] = frame["covered"].where(~unknown | frame["level"].isna(), 0.0)
    of_wards = of_authorities(frame["covered"].to_numpy(), ~unknown.to_numpy(), wards)
    covered_of = dict(zip(sorted(set(wards.authorities.values())), of_wards, strict=True))
    below, above = [], []
    for authority, own in frame.groupby("authority"):
        moved = movement(own["events"], own["expected"], dispersion)
        whole = _of_all(own["events"] / dispersion, own["expected"] / dispersion)
        stood = (own["denominator"] * own["level"]).sum()
        would_move = (own["denominator"] * own["level"] * moved["value"]).sum()
        moved *= whole["value"].iloc[0] * stood / would_move if would_move > 0 else 1.0
        error = own["allocation_error"] * moved["value"]
        moved = moved.mul(own["level"], axis=0).assign(allocation_error=error, numerator=own["events"])
        moved = moved.assign(denominator=own["denominator"], covered=own["covered"])
        below.append(moved.rename_axis("area_code").reset_index())
        weight = own["denominator"].sum(min_count=1)
        error = standing["allocation_error"][authority] * whole["value"]
        whole = (whole * stood / weight).assign(area_code=authority, allocation_error=error, denominator=weight)
        whole = whole.assign(numerator=own["events"].sum(min_count=1))
        if covered_of[str(authority)] < wards.least_covered:
            whole[["value", "lower", "upper", "allocation_error", "numerator", "denominator"]] = np.nan
        above.append(whole.assign(covered=covered_of[str(authority)]))
    return pd.concat([*below, *above], ignore_index=True)


def _of_all(events: pd.Series, expected: pd.Series) -> pd.DataFrame:
    """The ratio of all events to all expected events, with its interval: one row."""
    all_events, all_expected = pd.Series([events.sum()]), pd.Series([expected.sum()])
    ratio = all_events / all_expected.where(all_expected > 0)
    return events_interval(all_events, all_expected).assign(value=ratio)
