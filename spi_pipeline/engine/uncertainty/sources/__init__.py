"""The sources of uncertainty, one file each."""

from __future__ import annotations

from collections.abc import Callable

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.uncertainty.errors import UncertainValues
from spi_pipeline.engine.uncertainty.source import Drawable
from spi_pipeline.engine.uncertainty.sources import (
    aggregation,
    allocation,
    choice,
    goalposts,
    imputation,
    measurement,
    normalisation,
    transform,
    weights,
)

# Functions that prepare each source for some data, or return the reason why it cannot be varied; the keys are those of
# ``framework.uncertainty_settings.SOURCES``.
PREPARE: dict[str, Callable[[Scores, UncertaintySettings], Drawable | UncertainValues | str]] = {
    "measurement": measurement.prepare,
    "allocation": allocation.prepare,
    "imputation": imputation.prepare,
    "goalposts": goalposts.prepare,
    "transform": transform.prepare,
    "normalisation": normalisation.prepare,
    "weights": weights.prepare,
    "aggregation": aggregation.prepare,
    "choice": choice.prepare,
}
