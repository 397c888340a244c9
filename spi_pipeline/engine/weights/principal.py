"""Weights from the first principal component, as the Social Progress Index has them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import NegativeLoadingError
from spi_pipeline.engine.weights.correlation import NOISE, correlation_array, require_spread


def principal_component_weights(correlation: pd.DataFrame, sd: pd.Series, allow_negative: bool = False) -> pd.Series:
    """Weights from the first principal component, for use on the 0-100 scale: ``w_i`` in proportion to ``v_i / sd_i``.

    ``v`` is the first eigenvector of the correlation matrix, signed so that its sum is positive. It applies to
    standardised scores; dividing by the standard deviations carries it over to the scores themselves. With all standard
    deviations 1 the loadings themselves become the weights, as COINr has it.

    Source: Social Progress Index methodology (the index's "PCA weights").

    Args:
        correlation: correlation matrix of the indicators.
        sd: standard deviations of the 0-100 scores, by indicator.
        allow_negative: keep loadings of 0 and below; the weights still sum to 1.

    Returns:
        Weights by indicator, summing to 1, all positive unless negative ones were asked for.

    Raises:
        NegativeLoadingError: a loading is zero or negative, and that was not asked for.
        EngineError: an indicator has no correlations or no spread, as happens where it does not vary.
    """
    require_spread(correlation, sd)
    vector = np.linalg.eigh(correlation_array(correlation))[1][:, -1]
    loadings = pd.Series(vector if vector.sum() >= 0 else -vector, index=correlation.columns)
    offending = loadings[loadings <= NOISE]
    if len(offending) and not allow_negative:
        raise NegativeLoadingError(loadings, offending)
    weights = loadings / sd.reindex(correlation.columns)
    if not abs(weights.sum()) > NOISE * weights.abs().sum():
        raise NegativeLoadingError(loadings, offending)
    return weights / weights.sum()
