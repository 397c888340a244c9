"""How far chance alone could move a value of so small a place: 95 % intervals from the counts behind it.

Which sampling model an indicator's counts follow belongs here; the formulas are the engine's.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.engine.intervals import byar, exact_poisson, wilson
from spi_pipeline.indicators.values import VALUE_COLUMNS

# Byar's approximation is meant for so many events and more; below, the exact interval costs nothing.
FEW_EVENTS = 10


def sampling_model(measured: Measured, unit: Unit) -> Literal["proportion", "rate", "movement"] | None:
    """What the counts behind a value are: people with a property among all, events, or nothing published.

    A unit that ends somewhere, such as percent, counts people or homes, each at most once; one without an end counts
    events. The counts of an anchored measure say how a level has moved. A mean has no counts.
    """
    if measured.measure.kind == "mean":
        return None
    if measured.measure.kind == "anchored":
        return "movement"
    return "proportion" if measured.measure.kind == "share" or unit.maximum is not None else "rate"


def with_intervals(values: pd.DataFrame, measured: Measured, unit: Unit) -> pd.DataFrame:
    """Values with ``lower`` and ``upper``: Wilson's interval of a proportion, Byar's or the exact one of a rate.

    Counts that were shared out among wards are no whole numbers. The formulas take them as they are: as if so many
    people had been counted in the ward. What the sharing out itself may have got wrong is not in the interval.

    Args:
        values: as ``ward_values`` returns them.
        measured: what they are values of.
        unit: its unit.

    Returns:
        The same rows; both ends missing where no counts are published, and as they were where the values came with
        them.
    """
    model = sampling_model(measured, unit)
    if model == "movement":
        return values.reindex(columns=[*VALUE_COLUMNS, "lower", "upper"])
    if model is None:
        return values.assign(lower=np.nan, upper=np.nan)
    counted, people = values["numerator"], values["denominator"]
    if model == "proportion":
        # A count above its denominator is refused as an implausible value, which says more than a failed formula.
        ends = wilson(counted.clip(upper=people), people)
    else:
        ends = byar(counted, people).where(counted >= FEW_EVENTS, exact_poisson(counted, people))
    per = 100.0 if measured.measure.kind == "share" else measured.measure.per
    return values.assign(lower=per * ends["lower"], upper=per * ends["upper"])
