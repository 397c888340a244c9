"""Errors of measurement: the sampling and model error of values from counts, surveys and models."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.counts import counted_interval
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.intervals import Z95
from spi_pipeline.engine.uncertainty.errors import UncertainValues, errors_of


def prepare(scores: Scores, settings: UncertaintySettings) -> UncertainValues | str:
    """Draw values with their standard errors."""
    errors = errors_of(scores, standard_errors(scores))
    if errors is None:
        return "no value has lower and upper, or a numerator"
    return UncertainValues(
        "values drawn from normal distributions with their standard errors", errors,
        "errors of different indicators and areas do not depend on each other",
    )  # fmt: skip


def standard_errors(scores: Scores) -> pd.DataFrame:
    """Standard errors of the raw values, NaN where the data give none.

    A standard error is the width of the 95 % interval over 2 × 1.96. The interval is the one in the data, or else the
    one that follows from the counts behind a value (Wilson's for proportions, Byar's or the exact Poisson interval for
    rates).
    """
    values = scores.inputs.task.values
    sd = pd.DataFrame(np.nan, index=values.panel.index, columns=values.panel.columns)
    if values.lower is not None and values.upper is not None:
        sd = (values.upper - values.lower) / (2 * Z95)
    if values.numerator is not None:
        columns = {}
        for name in values.panel.columns[values.numerator.notna().any()]:
            interval = counted_interval(values, name, scores.task.recipe.leaves[name].counts)
            columns[name] = (interval["upper"] - interval["lower"]) / (2 * Z95)
        counted = pd.DataFrame(columns, index=sd.index).reindex(columns=sd.columns)
        sd = sd.where(sd.notna(), counted)
    return sd.where(sd > 0)
