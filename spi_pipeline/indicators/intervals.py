"""How far a value may lie from the true figure: a 95 % interval for every value, whatever it is computed from.

This module decides which error an indicator has. The engine has the formulas for counts; ``spreading`` estimates the
error of sharing out larger areas.
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
    """The kind of counts behind a value: people with a property among all people, or events.

    A unit with a maximum, such as percent, counts people or homes, each at most once; a unit without one counts events.
    """
    return "proportion" if measured.measure.kind == "share" or unit.maximum is not None else "rate"


def with_intervals(
    values: pd.DataFrame,
    indicator: Indicator,
    unit: Unit,
    dispersion: float = 1.0,
    limits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Values with ``lower``, ``upper`` and ``error_evidence``.

    Args:
        values: as ``ward_values`` returns them.
        indicator: the indicator they belong to.
        unit: its unit.
        dispersion: the variance of its repeated counts as a multiple of a Poisson count's.
        limits: ``lower`` and ``upper``, in the rows of ``values``, where the publisher gives them or they came with the
            values.

    Returns:
        The same rows; where the value is missing, so are both ends and ``error_evidence``.
    """
    if limits is not None:
        ends = limits[values["value"].notna()].reindex(values.index)
    elif indicator.error is None or indicator.error.evidence == "counts":
        ends = _of_counts(values, indicator, unit, dispersion)
    else:
        ends = _of_declared(values["value"], indicator.error, unit)
    evidence = pd.Series(indicator.error_evidence, values.index, dtype=object).where(values["value"].notna(), None)
    return values.assign(lower=ends["lower"], upper=ends["upper"], error_evidence=evidence)


def published_limits(
    measured: Measured, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], wards: Wards
) -> pd.DataFrame | None:
    """The publisher's limits, averaged like the value itself, as if all areas of a ward erred in the same direction.

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
    """A 95 % interval for the people and homes actually in an area, not for the process that produced them.

    A full count of an area has no interval of its own. Where small areas were shared out among wards, 1.96 standard
    errors of the sharing are added in quadrature to the publisher's limits of an estimate, or to the error that the
    contract declares.

    Args:
        values: as ``ward_values`` returns them.
        measured: the measure they belong to.
        unit: its unit; no interval goes beyond the unit's ends.
        limits: as ``published_limits`` returns them.

    Returns:
        ``lower`` and ``upper`` in the rows of ``values``; missing where the value is missing.
    """
    value, shared = values["value"], Z95 * values["allocation_error"]
    if limits is None:
        limits = (
            pd.DataFrame({"lower": value, "upper": value})
            if measured.error is None
            else _of_declared(value, measured.error, unit)
        )
    lowest = -np.inf if unit.minimum is None else unit.minimum
    highest = np.inf if unit.maximum is None else unit.maximum
    lower = (value - np.hypot(value - limits["lower"], shared)).clip(lower=lowest)
    upper = (value + np.hypot(limits["upper"] - value, shared)).clip(upper=highest)
    return pd.DataFrame({"lower": lower.clip(upper=value), "upper": upper.clip(lower=value)})


def _of_counts(values: pd.DataFrame, indicator: Indicator, unit: Unit, dispersion: float) -> pd.DataFrame:
    """Wilson's interval of a proportion; Byar's of a rate, or the exact one below ten events.

    Counts whose variance is φ times that of chance carry as much information as 1/φ of their number, which widens the
    interval √φ times. Counts that were shared out among wards are not whole numbers. The formulas take them as they
    are, as if that many people had been counted in the ward.
    """
    measure, people = indicator.measure, values["denominator"]
    per = {"share": 100.0, "rate": measure.per, "mean": unit.per or 1.0}[measure.kind]
    counted = values["value"] * people / per if measure.kind == "mean" else values["numerator"]
    effective_count, effective_base = counted / dispersion, people / dispersion
    if sampling_model(indicator, unit) == "proportion":
        # A contract check refuses a count above its denominator as implausible, which says more than a failed formula.
        return per * wilson(effective_count.clip(upper=effective_base), effective_base)
    return per * events_interval(effective_count, effective_base)


def _of_declared(value: pd.Series, error: MeasurementError, unit: Unit) -> pd.DataFrame:
    """The value and 1.96 standard errors on either side, as far as the unit goes."""
    half = Z95 * (value.abs() * (error.relative_sd or 0.0) + (error.sd or 0.0))
    lowest = -np.inf if unit.minimum is None else unit.minimum
    highest = np.inf if unit.maximum is None else unit.maximum
    # The contract refuses a value beyond the unit's ends; that must not show instead as an interval without its value.
    lower, upper = (value - half).clip(lower=lowest), (value + half).clip(upper=highest)
    return pd.DataFrame({"lower": lower.clip(upper=value), "upper": upper.clip(lower=value)})
