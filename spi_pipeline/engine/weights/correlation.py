"""Correlations of an element's children, from which fitted weights and fit statistics are computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.panel import Array

# A correlation over one or two rows is undefined or exactly ±1, whatever the data.
MIN_ROWS = 3
# Loadings, eigenvalues and sums this small are rounding errors of a calculation whose exact result is zero.
NOISE = 1e-10


@dataclass(frozen=True)
class PooledCorrelation:
    """Correlations and standard deviations, from which principal component weights are computed.

    Attributes:
        correlation: Pearson correlations, indicator by indicator; NaN where an indicator does not vary or where fewer
            than three rows are complete.
        sd: standard deviations (n-1) of the scores, by indicator, in points; NaN where an indicator does not vary.
        n: number of complete rows behind both.
    """

    correlation: pd.DataFrame
    sd: pd.Series
    n: int


def pooled_correlation(scores: pd.DataFrame) -> PooledCorrelation:
    """Correlations and standard deviations over all complete rows, editions and areas pooled.

    Pooling before standardising matters: computed year by year, single weights of the global index move by up to 36 %.

    Args:
        scores: scores of the indicators of one component.
    """
    correlation, sd, n = pooled(scores.to_numpy(dtype=float)[np.newaxis])
    ids = scores.columns
    return PooledCorrelation(pd.DataFrame(correlation[0], index=ids, columns=ids), pd.Series(sd[0], index=ids), n)


def pooled(scores: Array) -> tuple[Array, Array, int]:
    """Correlations ``[draw, child, child]`` and standard deviations ``[draw, child]`` over the complete rows.

    Both are NaN where a child does not vary or fewer than three rows are complete. The third result is the number of
    rows that are complete in all draws.
    """
    gaps = np.isnan(scores)
    chosen = scores[:, ~gaps.any(axis=(0, -1))] if gaps.any() else scores
    count = chosen.shape[1]
    if count < MIN_ROWS:
        missing = np.full((len(scores), scores.shape[-1]), np.nan)
        return missing[..., np.newaxis] * missing[:, np.newaxis], missing, count
    columns = np.ascontiguousarray(np.swapaxes(chosen, -1, -2))
    centred = columns - columns.mean(axis=-1, keepdims=True)
    covariance = centred @ np.swapaxes(centred, -1, -2) / (count - 1)
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    sd = np.where(sd > NOISE * np.abs(columns).max(axis=-1), sd, np.nan)
    correlation = np.clip(covariance / (sd[..., np.newaxis] * sd[:, np.newaxis]), -1, 1)
    diagonal = np.arange(sd.shape[-1])
    correlation[:, diagonal, diagonal] = np.where(np.isnan(sd), np.nan, 1.0)
    return correlation, sd, count


def require_spread(correlation: pd.DataFrame, sd: pd.Series) -> None:
    """Insist on a correlation with other indicators and on a spread for every indicator.

    Raises:
        EngineError: the indicators that it names have no correlations or no spread.
    """
    spread = sd.reindex(correlation.columns).astype(float)
    usable = np.isfinite(correlation).any() & np.isfinite(spread) & (spread > 0)
    if not usable.all():
        named = ", ".join(map(str, correlation.columns[~usable]))
        raise EngineError(
            f"weights from correlations need indicators that vary over {MIN_ROWS} or more complete "
            f"rows, which these do not: {named}"
        )


def correlation_array(correlation: pd.DataFrame) -> np.ndarray:
    """The matrix as an array.

    Raises:
        EngineError: rows and columns do not name the same indicators in the same order.
    """
    if not correlation.index.equals(correlation.columns):
        raise EngineError("a correlation matrix must name the same indicators in the same order on both sides")
    return correlation.to_numpy(dtype=float)
