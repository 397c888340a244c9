"""Errors of allocation: the error of a value that was allocated from the figures of larger areas."""

from __future__ import annotations

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.uncertainty.errors import UncertainValues, errors_of


def prepare(scores: Scores, settings: UncertaintySettings) -> UncertainValues | str:
    """Draw values with the standard errors of their allocation."""
    allocation_error = scores.inputs.task.values.allocation_error
    errors = None if allocation_error is None else errors_of(scores, allocation_error)
    if errors is None:
        return "no value has an allocation_error"
    return UncertainValues(
        "values drawn with the standard errors of their allocation from larger areas",
        errors, "errors of different indicators and areas do not depend on each other",
    )  # fmt: skip
