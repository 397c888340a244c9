"""Errors of imputation: the distance of an imputed value from the value that would have been observed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.panel import INDEX_NAMES
from spi_pipeline.engine.uncertainty.errors import UncertainValues, errors_of


def prepare(scores: Scores, settings: UncertaintySettings) -> UncertainValues | str:
    """Draw imputed values with the error that estimates of left-out known values show."""
    cells, panel = scores.indicators.cells, scores.inputs.task.values.panel
    if cells.empty:
        return "no cell was filled"
    sd = np.full(panel.shape, np.nan)
    row = panel.index.get_indexer(pd.MultiIndex.from_frame(cells[INDEX_NAMES]))
    sd[row, panel.columns.get_indexer(pd.Index(cells["indicator_id"]))] = cells["error"].to_numpy(dtype=float)
    errors = errors_of(scores, pd.DataFrame(sd, index=panel.index, columns=panel.columns))
    if errors is None:
        return "no filled cell has an error: there was no known value to test the estimate on"
    return UncertainValues(
        "filled cells drawn with the error that estimates of known values have", errors,
        "a missing value is as hard to estimate as a known one",
    )  # fmt: skip
