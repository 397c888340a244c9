"""How much each child counts in its parent, and how well the children hang together.

Weights and the statistics they are judged by belong here; combining scores with the weights does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError, NegativeLoadingError

# A correlation over one or two rows is undefined or exactly ±1 whatever the data.
MIN_ROWS = 3
# Below three indicators the fit statistics only restate the one correlation there is.
MIN_INDICATORS = 3
# Loadings, eigenvalues and sums this small are rounding noise of a calculation whose exact result is zero.
NOISE = 1e-10


@dataclass(frozen=True)
class PooledCorrelation:
    """What principal component weights are made of.

    Attributes:
        correlation: Pearson correlations, indicator by indicator; NaN where an indicator does not vary or where fewer
            than three rows are complete.
        sd: standard deviations (n-1) of the scores, by indicator, in points.
        n: number of complete rows both were taken over.
    """

    correlation: pd.DataFrame
    sd: pd.Series
    n: int


@dataclass(frozen=True)
class Fit:
    """How well a component's indicators measure one thing; NaN where that cannot be told.

    Attributes:
        n: number of rows the correlations were taken over.
        alpha: Cronbach's standardised alpha; above 0.7 is the usual mark.
        kmo: Kaiser-Meyer-Olkin measure of sampling adequacy, 0 to 1; above 0.5 is the usual mark.
        pc1_share: share of the variance on the first principal component, 0 to 1.
    """

    n: int
    alpha: float
    kmo: float
    pc1_share: float


def equal_weights(ids: Sequence[str]) -> pd.Series:
    """The same weight for every child, summing to 1.

    Raises:
        EngineError: there are no ids, or one occurs twice.
    """
    index = pd.Index(ids)
    if index.empty or not index.is_unique:
        raise EngineError(f"equal weights need one or more different ids, not: {', '.join(map(str, ids)) or 'none'}")
    return pd.Series(1 / len(index), index=index)


def given_weights(ids: Sequence[str], weights: Mapping[str, float]) -> pd.Series:
    """The weights stated, made to sum to 1; a child without one weighs 1 before that.

    Raises:
        EngineError: a weight is negative or not finite, or all are 0.
    """
    stated = pd.Series({name: float(weights.get(name, 1.0)) for name in ids})
    if not np.isfinite(stated).all() or (stated < 0).any() or not stated.sum() > 0:
        raise EngineError(f"weights must be finite, not negative and not all 0, unlike: {stated.to_dict()}")
    return stated / stated.sum()


def pooled_correlation(scores: pd.DataFrame) -> PooledCorrelation:
    """Correlations and standard deviations over all complete rows, editions and areas pooled.

    Pooling before standardising matters: taken year by year, single weights of the global index move by up to 36 %.

    Args:
        scores: scores of the indicators of one component.
    """
    complete = scores.dropna()
    return PooledCorrelation(correlation=complete.corr(min_periods=MIN_ROWS), sd=complete.std(ddof=1), n=len(complete))


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


def require_spread(correlation: pd.DataFrame, sd: pd.Series) -> None:
    """Insist on a correlation with the others and on a spread for every indicator.

    Raises:
        EngineError: naming the indicators without.
    """
    spread = sd.reindex(correlation.columns).astype(float)
    usable = np.isfinite(correlation).any() & np.isfinite(spread) & (spread > 0)
    if not usable.all():
        named = ", ".join(map(str, correlation.columns[~usable]))
        raise EngineError(
            f"weights from correlations need indicators that vary over {MIN_ROWS} or more complete "
            f"rows, which these do not: {named}"
        )


def effective_weights(scores: pd.DataFrame, weights: pd.Series) -> pd.Series:
    """The share of the parent's spread that each child carries: ``w_i * sd_i / sum(w_j * sd_j)``.

    Equal weights do not mean equal influence: a child whose scores hardly differ between areas hardly moves the
    parent, whatever its weight. (Correlations between children are left out of account.)

    Args:
        scores: scores of the children, in points.
        weights: nominal weights of the children.

    Returns:
        Shares summing to 1; NaN for a child with fewer than two scores, and for all where no child varies.
    """
    carried = weights * scores[weights.index].std(ddof=1)
    total = carried.sum()
    return carried / total if total > 0 else carried * np.nan


def component_fit(correlation: pd.DataFrame, n: int) -> Fit:
    """The three fit statistics of a component; NaN with fewer than three indicators, where they say nothing.

    Args:
        correlation: correlation matrix of the component's indicators.
        n: number of rows it was taken over.
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

    Sum of squared correlations over that sum plus the sum of squared partial correlations (off the diagonal), the
    partial correlations taken from the inverse, or the pseudo-inverse where indicators depend on each other exactly.

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
    """Share of the indicators' variance on the first principal component: largest eigenvalue over their number.

    Returns NaN for a matrix with gaps.
    """
    matrix = correlation_array(correlation)
    if not np.isfinite(matrix).all():
        return float("nan")
    return float(np.linalg.eigvalsh(matrix)[-1] / len(matrix))


def correlation_array(correlation: pd.DataFrame) -> np.ndarray:
    """The matrix as an array.

    Raises:
        EngineError: rows and columns do not name the same indicators in the same order.
    """
    if not correlation.index.equals(correlation.columns):
        raise EngineError("a correlation matrix must name the same indicators in the same order on both sides")
    return correlation.to_numpy(dtype=float)
