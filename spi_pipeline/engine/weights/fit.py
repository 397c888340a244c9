"""Internal consistency of an element's children: the statistics that fitted weights are judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.weights.correlation import NOISE, correlation_array

# With fewer than three indicators the fit statistics only restate their one correlation.
MIN_INDICATORS = 3


@dataclass(frozen=True)
class Fit:
    """How well a component's indicators measure a single concept; NaN where that cannot be assessed.

    Attributes:
        n: number of rows behind the correlations.
        alpha: Cronbach's standardised alpha; the usual threshold is 0.7.
        kmo: Kaiser-Meyer-Olkin measure of sampling adequacy, 0 to 1; the usual threshold is 0.5.
        pc1_share: share of the variance on the first principal component, 0 to 1.
    """

    n: int
    alpha: float
    kmo: float
    pc1_share: float


def component_fit(correlation: pd.DataFrame, n: int) -> Fit:
    """The three fit statistics of a component; NaN with fewer than three indicators, where they are uninformative.

    Args:
        correlation: correlation matrix of the component's indicators.
        n: number of rows behind it.
    """
    if len(correlation) < MIN_INDICATORS:
        return Fit(n=n, alpha=np.nan, kmo=np.nan, pc1_share=np.nan)
    return Fit(
        n=n,
        alpha=cronbach_alpha(correlation),
        kmo=kmo(correlation),
        pc1_share=first_component_share(correlation),
    )


def cronbach_alpha(correlation: pd.DataFrame) -> float:
    """Cronbach's standardised alpha, ``k r / (1 + (k - 1) r)`` with ``r`` the mean correlation of ``k`` indicators.

    Source: Cronbach (1951), in its standardised form. Returns NaN for a single indicator, for a matrix with gaps and
    where the denominator vanishes.
    """
    matrix = correlation_array(correlation)
    k = len(matrix)
    r = matrix[~np.eye(k, dtype=bool)].mean() if k > 1 else np.nan
    denominator = 1 + (k - 1) * r
    return float(k * r / denominator) if denominator > NOISE else float("nan")


def kmo(correlation: pd.DataFrame) -> float:
    """Kaiser-Meyer-Olkin measure of sampling adequacy, 0 to 1.

    It is the sum of squared correlations over that sum plus the sum of squared partial correlations (off the diagonal).
    The partial correlations come from the inverse, or from the pseudo-inverse where indicators are linearly dependent.

    Source: Kaiser (1974). Returns NaN for a matrix with gaps and where no indicators correlate at all.
    """
    matrix = correlation_array(correlation)
    if not np.isfinite(matrix).all():
        return float("nan")
    inverse = np.linalg.pinv(matrix, rcond=NOISE, hermitian=True)
    scale = np.sqrt(np.diag(inverse))
    off_diagonal = ~np.eye(len(matrix), dtype=bool)
    correlated = float((matrix[off_diagonal] ** 2).sum())
    partial = float(((inverse / np.outer(scale, scale))[off_diagonal] ** 2).sum())
    total = correlated + partial
    return correlated / total if total > NOISE else float("nan")


def first_component_share(correlation: pd.DataFrame) -> float:
    """Share of the variance on the first principal component: the largest eigenvalue over the number of indicators.

    Returns NaN for a matrix with gaps.
    """
    matrix = correlation_array(correlation)
    if not np.isfinite(matrix).all():
        return float("nan")
    return float(np.linalg.eigvalsh(matrix)[-1] / len(matrix))
