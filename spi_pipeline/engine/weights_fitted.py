"""Weights that are fitted to the scores or drawn at random.

One-factor, correlation-balanced and random weights belong here; equal, given and principal component weights, and the
statistics weights are judged by, are in ``weights``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize

from spi_pipeline.engine.errors import EngineError, NegativeLoadingError
from spi_pipeline.engine.weights import correlation_array, require_spread

Array = npt.NDArray[np.float64]

# Lowest share of an indicator's variance left to itself: where it reaches 0 the factor is that indicator alone.
LEAST_UNIQUENESS = 0.005
ITERATIONS = 20_000
CONVERGED = 1e-12
# Correlations with the parent closer than this are balanced.
BALANCED = 1e-6


def one_factor_weights(correlation: pd.DataFrame, sd: pd.Series) -> pd.Series:
    """Weights from a maximum-likelihood factor model with one common factor, for use on the scores' own scale.

    The model is ``R = l l' + diag(u)``; the factor score weighs standardised indicators by ``l_i / u_i`` (Bartlett's
    and Thomson's are the same up to a constant with one factor), and dividing by the standard deviation carries it over
    to the scores: ``w_i`` in proportion to ``l_i / (u_i sd_i)``. No uniqueness ``u`` is let fall below 0.005.

    Source: Jöreskog (1967), solved by expectation-maximisation (Rubin and Thayer 1982); used by the English Indices of
    Deprivation inside their domains.

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
    if (named <= CONVERGED).any():
        raise NegativeLoadingError(named, named[named <= CONVERGED])
    weights = named / uniqueness / sd.reindex(correlation.columns)
    return weights / weights.sum()


def correlation_balanced_weights(scores: pd.DataFrame, targets: pd.Series | None = None) -> pd.Series:
    """Weights under which every child correlates equally with the parent, or in proportion to given targets.

    The parent is the arithmetic mean under these weights; complete rows only. Weights are above 0 and sum to 1.

    Source: Becker et al. (2017), "Weights and importance in composite indicators"; COINr's ``get_opt_weights``.

    Args:
        scores: scores of the children.
        targets: wanted shares of the correlations, above 0; None wants them all alike.

    Raises:
        EngineError: no positive weights balance the correlations, as where children correlate negatively.
    """
    complete = scores.dropna()
    covariance = complete.cov().to_numpy()
    sd = np.sqrt(np.diag(covariance))
    if len(complete) < 3 or not (sd > 0).all():
        raise EngineError("balancing correlations needs children that vary over three or more complete rows")
    wanted = np.ones(len(sd)) if targets is None else targets.reindex(scores.columns).to_numpy(dtype=float)
    if not (wanted > 0).all():
        raise EngineError("targets of correlation-balanced weights must be above 0 for every child")

    def distance(logs: Array) -> Array:
        carried = covariance @ np.exp(logs - logs.max()) / sd
        return np.asarray(carried / np.abs(carried).sum() - wanted / wanted.sum())

    solution = optimize.least_squares(distance, np.log(wanted / sd), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    weights = np.exp(solution.x - solution.x.max())
    if np.abs(solution.fun).max() > BALANCED:
        raise EngineError(
            "no positive weights make the children correlate with their parent as wanted: some of them correlate "
            "negatively, use equal weights"
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
    values, vectors = np.linalg.eigh(matrix)
    loadings = vectors[:, -1] * np.sqrt(values[-1])
    uniqueness = np.clip(1 - loadings**2, LEAST_UNIQUENESS, None)
    for _ in range(ITERATIONS):
        scaled = loadings / uniqueness
        posterior = 1 / (1 + loadings @ scaled)
        score = posterior * scaled
        covariance = matrix @ score
        updated = covariance / (posterior + score @ covariance)
        left = np.clip(1 - updated * covariance, LEAST_UNIQUENESS, None)
        change = max(np.abs(updated - loadings).max(), np.abs(left - uniqueness).max())
        loadings, uniqueness = updated, left
        if change < CONVERGED:
            break
    return (loadings if loadings.sum() >= 0 else -loadings), uniqueness
