"""Weights that are fitted to the scores or drawn at random.

One-factor, correlation-balanced and random weights belong here; equal and given weights are in ``given``, those from
the first principal component in ``principal``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize

from spi_pipeline.engine.errors import EngineError, NegativeLoadingError
from spi_pipeline.engine.weights.correlation import correlation_array, require_spread

Array = npt.NDArray[np.float64]

# Lowest share of an indicator's variance left to itself: where it reaches 0 the factor is that indicator alone.
LEAST_UNIQUENESS = 0.005
# Loadings and eigenvalues this small are zero.
NOISE = 1e-8
# So far the place where the slope is 0 may lie from the minimum found, and be the same.
NEAR = 1e-4
# A correlation matrix with a smaller eigenvalue has children that say the same.
SINGULAR = 1e-10


def one_factor_weights(correlation: pd.DataFrame, sd: pd.Series) -> pd.Series:
    """Weights from a maximum-likelihood factor model with one common factor, for use on the scores' own scale.

    The model is ``R = l l' + diag(u)``; the factor score weighs standardised indicators by ``l_i / u_i`` (Bartlett's
    and Thomson's are the same up to a constant with one factor), and dividing by the standard deviation carries it over
    to the scores: ``w_i`` in proportion to ``l_i / (u_i sd_i)``. No uniqueness ``u`` is let fall below 0.005.

    Source: Jöreskog (1967), minimised over the uniquenesses alone as R's ``factanal`` does; used by the English Indices
    of Deprivation inside their domains.

    Args:
        correlation: correlation matrix of three or more indicators.
        sd: standard deviations of the scores.

    Raises:
        NegativeLoadingError: a loading is zero or negative.
        EngineError: fewer than three indicators, or one without correlations.
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

    The parent is the arithmetic mean under these weights; complete rows only. A child's correlation with it is
    ``(C w)_i / (sd_i sd)``, with ``C`` the covariances, so that the weights solve ``C w`` in proportion to ``t sd``:
    one linear system, whose solution is the only one. Where it holds a weight of 0 or below, no positive weights serve.

    Source: Becker et al. (2017), "Weights and importance in composite indicators", who search for what COINr's
    ``get_opt_weights`` searches for too.

    Args:
        scores: scores of the children.
        targets: wanted shares of the correlations, above 0; None wants them all alike.

    Returns:
        Weights above 0 that sum to 1.

    Raises:
        EngineError: no positive weights balance the correlations, or children repeat each other.
    """
    complete = scores.dropna()
    sd = complete.std(ddof=1).to_numpy(dtype=float)
    if len(complete) < 3 or not (sd > 0).all():
        raise EngineError("balancing correlations needs children that vary over three or more complete rows")
    wanted = np.ones(len(sd)) if targets is None else targets.reindex(scores.columns).to_numpy(dtype=float)
    if not (wanted > 0).all():
        raise EngineError("targets of correlation-balanced weights must be above 0 for every child")
    correlation = complete.corr().to_numpy(dtype=float)
    if not np.linalg.eigvalsh(correlation)[0] > SINGULAR:
        raise EngineError("balancing correlations needs children of which none repeats the others: use equal weights")
    weights = np.linalg.solve(correlation, wanted) / sd
    if not (weights > 0).all():
        named = ", ".join(map(str, scores.columns[~(weights > 0)]))
        raise EngineError(
            f"no positive weights make the children correlate with their parent as wanted: {named} would need one of 0 "
            "or below, use equal weights"
        )
    return pd.Series(weights / weights.sum(), index=scores.columns)


def random_weights(weights: pd.Series, spread: float, generator: np.random.Generator) -> pd.Series:
    """Weights drawn around nominal ones: each times a uniform number from ``1 - spread`` to ``1 + spread``.

    They are scaled back to the sum of the nominal ones.

    Args:
        weights: nominal weights.
        spread: from 0 to 1.
        generator: of random numbers.

    Raises:
        EngineError: the spread lies outside 0 to 1.
    """
    if not 0 <= spread <= 1:
        raise EngineError(f"the spread of random weights lies from 0 to 1, not at {spread:g}")
    drawn = weights * generator.uniform(1 - spread, 1 + spread, len(weights))
    return drawn * (weights.sum() / drawn.sum())


def _factor(matrix: Array) -> tuple[Array, Array]:
    """Loadings, signed so that they sum above 0, and uniquenesses."""

    def loss(uniqueness: Array) -> tuple[float, Array]:
        values, loadings = _given(uniqueness)
        return float((values - np.log(values)).sum()), _left(uniqueness, loadings) / uniqueness**2

    def _left(uniqueness: Array, loadings: Array) -> Array:
        """What loadings and uniquenesses add to the variances."""
        return loadings**2 + uniqueness - np.diag(matrix)

    def _given(uniqueness: Array) -> tuple[Array, Array]:
        """Eigenvalues of the scaled matrix but for the largest, and the loadings that belong to that one."""
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
    # A minimum is flat: where no bound holds it, the place where the slope is 0 is known to more digits.
    # The search may step below the bound, where there is no square root; a place found there is not accepted.
    exact = optimize.root(lambda one: _left(one, _given(np.maximum(one, LEAST_UNIQUENESS))[1]), uniqueness, tol=1e-15).x
    if np.abs(exact - uniqueness).max() < NEAR and (exact > LEAST_UNIQUENESS).all() and (exact < 1).all():
        uniqueness = exact
    loadings = _given(uniqueness)[1]
    return (loadings if loadings.sum() >= 0 else -loadings), uniqueness
