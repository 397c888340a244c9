"""One-factor, correlation-balanced and random weights: weights that are fitted to the scores or drawn at random.

Equal and given weights are in ``given``, weights from the first principal component in ``principal``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize

from spi_pipeline.engine.errors import EngineError, NegativeLoadingError
from spi_pipeline.engine.panel import Array
from spi_pipeline.engine.weights.correlation import correlation_array, require_spread

# Lowest uniqueness of an indicator: at 0 the factor would be that indicator alone.
LEAST_UNIQUENESS = 0.005
# Loadings and eigenvalues this small count as zero.
NOISE = 1e-8
# Greatest distance between the root of the slope and the minimum from the search at which both count as the same point.
NEAR = 1e-4
# A correlation matrix with a smaller eigenvalue has collinear children.
SINGULAR = 1e-10


def one_factor_weights(correlation: pd.DataFrame, sd: pd.Series) -> pd.Series:
    """Weights from a maximum-likelihood factor model with one common factor, for use on the scores' own scale.

    The model is ``R = l l' + diag(u)``. The factor score weights standardised indicators by ``l_i / u_i`` (with one
    factor, Bartlett's and Thomson's scores are the same up to a constant). Dividing by the standard deviations gives
    weights for the scores themselves: ``w_i`` in proportion to ``l_i / (u_i sd_i)``. No uniqueness ``u`` falls below
    0.005.

    Source: Jöreskog (1967), minimised over the uniquenesses alone as in R's ``factanal``; the English Indices of
    Deprivation use it within their domains.

    Args:
        correlation: correlation matrix of three or more indicators.
        sd: standard deviations of the scores.

    Raises:
        NegativeLoadingError: a loading is zero or negative.
        EngineError: there are fewer than three indicators, or one has no correlations.
    """
    require_spread(correlation, sd)
    matrix = correlation_array(correlation)
    if len(matrix) < 3:
        raise EngineError("a one-factor model needs three or more indicators: use equal weights for this component")
    loadings, uniqueness = _factor(matrix)
    named = pd.Series(loadings, index=correlation.columns)
    if (named <= NOISE).any():
        raise NegativeLoadingError(named, named[named <= NOISE])
    weights = named / uniqueness / sd.reindex(correlation.columns)
    return weights / weights.sum()


def correlation_balanced_weights(scores: pd.DataFrame, targets: pd.Series | None = None) -> pd.Series:
    """Weights under which every child correlates equally with the parent, or in proportion to given targets.

    The parent is the arithmetic mean under these weights; only complete rows are used. A child's correlation with it is
    ``(C w)_i / (sd_i sd)``, with ``C`` the covariances, so the weights solve ``C w`` in proportion to ``t sd``. This
    linear system has a unique solution. Where the solution has a weight of 0 or below, no positive weights exist.

    Source: Becker et al. (2017), "Weights and importance in composite indicators", who search numerically for these
    weights, as COINr's ``get_opt_weights`` does.

    Args:
        scores: scores of the children.
        targets: relative targets of the correlations, above 0; None for equal targets.

    Returns:
        Weights above 0 that sum to 1.

    Raises:
        EngineError: no positive weights balance the correlations, or children repeat each other.
    """
    complete = scores.dropna()
    sd = complete.std(ddof=1).to_numpy(dtype=float)
    # The standard deviation of identical values, such as 0.1, may come out slightly above 0.
    if len(complete) < 3 or not (complete.max() > complete.min()).all():
        raise EngineError("balancing correlations needs children that vary over three or more complete rows")
    relative = np.ones(len(sd)) if targets is None else targets.reindex(scores.columns).to_numpy(dtype=float)
    if not (relative > 0).all():
        raise EngineError("targets of correlation-balanced weights must be above 0 for every child")
    correlation = complete.corr().to_numpy(dtype=float)
    if not np.linalg.eigvalsh(correlation)[0] > SINGULAR:
        raise EngineError("balancing correlations needs children that do not repeat each other: use equal weights")
    weights = np.linalg.solve(correlation, relative) / sd
    if not (weights > 0).all():
        named = ", ".join(map(str, scores.columns[~(weights > 0)]))
        raise EngineError(
            f"no positive weights give the children the required correlations with their parent, since {named} would "
            "need a weight of 0 or below: use equal weights"
        )
    return pd.Series(weights / weights.sum(), index=scores.columns)


def random_weights(weights: pd.Series, spread: float, generator: np.random.Generator) -> pd.Series:
    """Weights drawn around nominal weights: each times a uniform number from ``1 - spread`` to ``1 + spread``.

    They are rescaled to the sum of the nominal weights.

    Args:
        weights: nominal weights.
        spread: largest relative change, from 0 to 1.
        generator: generator of random numbers.

    Raises:
        EngineError: the spread lies outside 0 to 1.
    """
    if not 0 <= spread <= 1:
        raise EngineError(f"the spread of random weights must lie from 0 to 1, not at {spread:g}")
    drawn = weights * generator.uniform(1 - spread, 1 + spread, len(weights))
    return drawn * (weights.sum() / drawn.sum())


def _factor(matrix: Array) -> tuple[Array, Array]:
    """Loadings, with the sign that makes their sum positive, and uniquenesses."""

    def loss(uniqueness: Array) -> tuple[float, Array]:
        values, loadings = _loadings(uniqueness)
        return float((values - np.log(values)).sum()), _excess(uniqueness, loadings) / uniqueness**2

    def _excess(uniqueness: Array, loadings: Array) -> Array:
        """The difference between the variances that the model implies and those of the matrix."""
        return loadings**2 + uniqueness - np.diag(matrix)

    def _loadings(uniqueness: Array) -> tuple[Array, Array]:
        """Eigenvalues of the scaled matrix except the largest, and the loadings of the largest."""
        root = np.sqrt(uniqueness)
        values, vectors = np.linalg.eigh(matrix / np.outer(root, root))
        loadings: Array = root * vectors[:, -1] * np.sqrt(max(values[-1] - 1, 0.0))
        return np.maximum(values[:-1], NOISE), loadings

    start = np.clip(0.5 / np.diag(np.linalg.pinv(matrix, hermitian=True)), LEAST_UNIQUENESS, 1.0)
    solution = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(LEAST_UNIQUENESS, 1.0)] * len(matrix),
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10_000},
    )  # fmt: skip
    uniqueness = solution.x
    # A minimum is flat: inside the bounds, the root of the slope is known to more digits.
    # The search for it may step below the bound, where there is no square root; a root found there is not accepted.
    exact = optimize.root(
        lambda one: _excess(one, _loadings(np.maximum(one, LEAST_UNIQUENESS))[1]), uniqueness, tol=1e-15
    ).x
    if np.abs(exact - uniqueness).max() < NEAR and (exact > LEAST_UNIQUENESS).all() and (exact < 1).all():
        uniqueness = exact
    loadings = _loadings(uniqueness)[1]
    return (loadings if loadings.sum() >= 0 else -loadings), uniqueness
