"""Weights from the first principal component, as in the Social Progress Index."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import NegativeLoadingError
from spi_pipeline.engine.panel import Array, Flags
from spi_pipeline.engine.weights.correlation import NOISE, correlation_array, require_spread


def principal_component_weights(correlation: pd.DataFrame, sd: pd.Series, allow_negative: bool = False) -> pd.Series:
    """Weights from the first principal component, for use on the 0-100 scale: ``w_i`` in proportion to ``v_i / sd_i``.

    ``v`` is the first eigenvector of the correlation matrix, with the sign that makes its sum positive. It applies to
    standardised scores; dividing by the standard deviations gives weights for the scores themselves. With all standard
    deviations 1 the loadings become the weights, as in COINr.

    Source: Social Progress Index methodology (the index's "PCA weights").

    Args:
        correlation: correlation matrix of the indicators.
        sd: standard deviations of the 0-100 scores, by indicator.
        allow_negative: accept loadings of 0 and below; the weights still sum to 1.

    Returns:
        Weights by indicator, summing to 1, all positive unless negative ones are allowed.

    Raises:
        NegativeLoadingError: a loading is zero or negative, and ``allow_negative`` is False.
        EngineError: an indicator has no correlations or no spread, as happens where it does not vary.
    """
    require_spread(correlation, sd)
    ids = correlation.columns
    matrix, deviations = correlation_array(correlation), sd.reindex(ids).to_numpy(dtype=float)
    weights, loadings, sensible = leading(matrix[np.newaxis], deviations[np.newaxis], allow_negative)
    if not sensible[0]:
        named = pd.Series(loadings[0], index=ids)
        raise NegativeLoadingError(named, named[named <= NOISE])
    return pd.Series(weights[0], index=ids)


def leading(correlation: Array, sd: Array, allow_negative: bool) -> tuple[Array, Array, Flags]:
    """Weights as in ``principal_component_weights``, for many matrices at once; equal weights where not usable.

    Args:
        correlation: correlation matrices, ``[draw, child, child]``.
        sd: standard deviations, ``[draw, child]``.
        allow_negative: as in ``principal_component_weights``.

    Returns:
        Weights and loadings ``[draw, child]``, and which draws have weights of their own.
    """
    known = np.asarray(np.isfinite(correlation).all(axis=(-2, -1)) & (sd > 0).all(axis=-1))
    count = correlation.shape[-1]
    vector = np.linalg.eigh(np.where(known[:, np.newaxis, np.newaxis], correlation, np.eye(count)))[1][..., -1]
    loadings = np.where(vector.sum(axis=-1, keepdims=True) >= 0, vector, -vector)
    weights = loadings / np.where(known[:, np.newaxis], sd, 1.0)
    whole = weights.sum(axis=-1, keepdims=True)
    sensible: Flags = known & (np.abs(whole) > NOISE * np.abs(weights).sum(axis=-1, keepdims=True))[:, 0]
    if not allow_negative:
        sensible &= (loadings > NOISE).all(axis=-1)
    own = sensible[:, np.newaxis]
    return np.where(own, weights / np.where(own, whole, 1.0), 1 / count), loadings, sensible
