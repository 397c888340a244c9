"""How far a value may lie from what it measures: a 95 % interval for every value, whatever it rests on.

Which error an indicator has belongs here; the formulas for counts are the engine's, what sharing out larger areas gets
wrong is in ``spreading``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.indicators import Indicator, Measured, MeasurementError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.engine.intervals import Z95, events_interval, wilson
from spi_pipeline.indicators.values import Wards, ward_values


def sampling_model(measured: Measured, unit: Unit) -> Literal["proportion", "rate"]:
    """What the counts behind a value are: people with a property among all, or events.

    A unit that ends somewhere, such as percent, counts people or homes, each at most once; one without an end counts
    events.
    """
    return "proportion" if measured.measure.kind == "share" or unit.maximum is not None else "rate"


def with_intervals(
    values: pd.DataFrame,
    indicator: Indicator,
    unit: Unit,
    dispersion: float = 1.0,
    limits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Values with ``lower``, ``upper`` and ``error_basis``.

    Args:
        values: as ``ward_values`` returns them.
        indicator: what they are values of.
        unit: its unit.
        dispersion: how many times the variance of a Poisson count its repeated counts show.
        limits: ``lower`` and ``upper``, in the rows of ``values``, where the publisher gives them or they came with the
            values.

    Returns:
        The same rows; both ends and the basis missing where the value is.
    """
    if limits is not None:
        ends = limits[values["value"].notna()].reindex(values.index)
    elif indicator.error is None or indicator.error.basis == "counts":
        ends = _of_counts(values, indicator, unit, dispersion)
    else:
        ends = _of_stated(values["value"], indicator.error, unit)
    basis = pd.Series(indicator.error_basis, values.index, dtype=object).where(values["value"].notna(), None)
    return values.assign(lower=ends["lower"], upper=ends["upper"], error_basis=basis)


def published_limits(
    measured: Measured, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], wards: Wards
) -> pd.DataFrame | None:
    """The publisher's limits, averaged like the value itself: as if all areas of a ward erred to one side.

    Returns:
        ``lower`` and ``upper`` in the rows of ``ward_values``; None where the contract names none.
    """
    error = measured.error
    if error is None or error.lower is None or error.upper is None:
        return None
    ends = {}
    for end, column in (("lower", error.lower), ("upper", error.upper)):
        limit = measured.model_copy(update={"measure": measured.measure.model_copy(update={"columns": [column]})})
        ends[end] = ward_values(limit, sources, tables, wards).values["value"]
    return pd.DataFrame(ends)


def with_allocation(values: pd.DataFrame, measured: Measured, unit: Unit, limits: pd.DataFrame | None) -> pd.DataFrame:
    """A 95 % interval of what is told of the people and homes of an area, not of what made them so.

    A full count of an area has none. Where small areas were shared out among wards, 1.96 standard errors of that are
    added in quadrature to the limits that the publisher gives of an estimate, or to the error that the contract states.

    Args:
        values: as ``ward_values`` returns them.
        measured: what they are values of.
        unit: its unit, beyond whose ends no interval goes.
        limits: as ``published_limits`` returns them.

    Returns:
        ``lower`` and ``upper`` in the rows of ``values``; missing where the value is.
    """
    value, shared = values["value"], Z95 * values["allocation_error"]
    if limits is None:
        limits = (
            pd.DataFrame({"lower": value, "upper": value})
            if measured.error is None
            else _of_stated(value, measured.error, unit)
        )
    lowest = -np.inf if unit.minimum is None else unit.minimum
    highest = np.inf if unit.maximum is None else unit.maximum
    lower = (value - np.hypot(value - limits["lower"], shared)).clip(lower=lowest)
    upper = (value + np.hypot(limits["upper"] - value, shared)).clip(upper=highest)
    return pd.DataFrame({"lower": lower.clip(upper=value), "upper": upper.clip(lower=value)})


def _of_counts(values: pd.DataFrame, indicator: Indicator, unit: Unit, dispersion: float) -> pd.DataFrame:
    """Wilson's interval of a proportion; Byar's of a rate, or below ten events the exact one.

    Counts that scatter φ times as much as chance are worth 1/φ of their number, which widens the interval √φ times.
    Counts that were shared out among wards are no whole numbers. The formulas take them as they are: as if so many
    people had been counted in the ward.
    """
    measure, people = indicator.measure, values["denominator"]
    per = {"share": 100.0, "rate": measure.per, "mean": unit.per or 1.0}[measure.kind]
    counted = values["value"] * people / per if measure.kind == "mean" else values["numerator"]
    worth, among = counted / dispersion, people / dispersion
    if sampling_model(indicator, unit) == "proportion":
        # A count above its denominator is refused as an implausible value, which says more than a failed formula.
        return per * wilson(worth.clip(upper=among), among)
    return per * events_interval(worth, among)


def _of_stated(value: pd.Series, error: MeasurementError, unit: Unit) -> pd.DataFrame:
    """The value and 1.96 standard errors on either side, as far as the unit goes."""
    half = Z95 * (value.abs() * (error.relative_sd or 0.0) + (error.sd or 0.0))
    lowest = -np.inf if unit.minimum is None else unit.minimum
    highest = np.inf if unit.maximum is None else unit.maximum
    # A value beyond the unit's ends is refused by its contract and must not hide as an interval beside it.
    lower, upper = (value - half).clip(lower=lowest), (value + half).clip(upper=highest)
    return pd.DataFrame({"lower": lower.clip(upper=value), "upper": upper.clip(lower=value)})
