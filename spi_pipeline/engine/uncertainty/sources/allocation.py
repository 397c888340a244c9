"""Errors of allocation: what spreading figures from larger areas leaves open about a value."""

from __future__ import annotations

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.doubt import Doubt
from spi_pipeline.engine.uncertainty.errors import Uncertain, errors_of


def prepare(scores: Scores, doubt: Doubt) -> Uncertain | str:
    """Values drawn with the standard errors of spreading them."""
    stated = scores.inputs.task.values.allocation_error
    errors = None if stated is None else errors_of(scores, stated)
    if errors is None:
        return "no value has an allocation_error"
    return Uncertain(
        "values drawn with the standard errors of spreading them from larger areas",
        errors, "errors of different indicators and areas do not depend on each other",
    )  # fmt: skip
