"""The weights of one parent's children, by the method its recipe names, and the fit they are judged by.

Choosing, and falling back to equal weights where a fitted weight makes no sense, belongs here; the arithmetic is in
``weights``.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.structure import Element
from spi_pipeline.engine.panel import Flags, rows_of
from spi_pipeline.engine.weights.correlation import PooledCorrelation, pooled_correlation
from spi_pipeline.engine.weights.fit import Fit, component_fit
from spi_pipeline.engine.weights.fitted import correlation_balanced_weights, one_factor_weights, random_weights
from spi_pipeline.engine.weights.given import equal_weights, given_weights
from spi_pipeline.engine.weights.principal import principal_component_weights

# Published shares rounded to three digits sum to 1 within this; weights further off are meant as proportions.
ROUNDED = 0.02


@dataclass(frozen=True)
class Weighed:
    """Weights of one parent's children.

    Attributes:
        weights: by child, as used.
        basis: where they come from: given, equal, pca_panel, pca_reference, factor, correlation_balanced, random.
        fit: how well the children hang together.
        signed: whether negative weights are meant.
        note: why another method than the one named was used; empty where it was not.
    """

    weights: pd.Series
    basis: str
    fit: Fit
    signed: bool = False
    note: str = ""


def weigh(
    spec: Spec, parent: str, scores: pd.DataFrame, children: Sequence[Element], fitted: Flags | None = None
) -> Weighed:
    """Weights of the children of one parent.

    Fitted weights that cannot be had (a negative loading, an indicator that does not vary, too few rows) are replaced
    by equal ones, and the note says why.

    Args:
        spec: method and options.
        parent: id of the parent.
        scores: scores of its children, all editions pooled.
        children: the children.
        fitted: rows the weights are fitted over; None for all.
    """
    ids = list(scores.columns)
    known = rows_of(scores, fitted)
    pooled = pooled_correlation(known)
    fit = component_fit(pooled.correlation, pooled.n)
    if len(ids) == 1 or spec.method == "equal":
        return Weighed(equal_weights(ids), "equal", fit)
    if spec.method in ("given", "shares"):
        stated = {child.id: child.weight for child in children if child.weight is not None}
        total = sum(stated.get(name, 1.0) for name in ids)
        keep = spec.method == "shares" and abs(total - 1) <= ROUNDED
        weights = given_weights(ids, stated) * (total if keep else 1.0)
        return Weighed(weights, "given" if stated else "equal", fit)
    if spec.method == "random":
        stated = {child.id: child.weight for child in children if child.weight is not None}
        generator = np.random.default_rng([int(spec.options.get("seed", 0)), zlib.crc32(parent.encode())])
        weights = random_weights(given_weights(ids, stated), float(spec.options.get("spread", 0.25)), generator)
        return Weighed(weights, "random", fit)
    signed = bool(spec.options.get("allow_negative", False))
    try:
        weights = _fitted(spec, known, pooled, signed)
    except EngineError as error:
        return Weighed(equal_weights(ids), "equal", fit, note=f"{parent} is weighted equally: {error}")
    basis = {"pca": "pca_panel", "pca_loadings": "pca_panel"}.get(spec.method, spec.method)
    return Weighed(weights, "pca_reference" if "correlation" in spec.options else basis, fit, signed)


def unscaled(spec: Spec, children: Sequence[Element]) -> float:
    """What the weights of a sum or product sum to: as stated, 1 a child where none is; fitted ones sum to 1."""
    if spec.method == "equal":
        return float(len(children))
    if spec.method in ("given", "shares", "random"):
        return float(sum(1.0 if child.weight is None else child.weight for child in children))
    return 1.0


def _fitted(spec: Spec, scores: pd.DataFrame, pooled: PooledCorrelation, signed: bool) -> pd.Series:
    if spec.method == "correlation_balanced":
        return correlation_balanced_weights(scores)
    if spec.method == "factor":
        return one_factor_weights(pooled.correlation, pooled.sd)
    ids = scores.columns
    correlation, sd = pooled.correlation, pooled.sd
    if "correlation" in spec.options:
        correlation = pd.DataFrame(spec.options["correlation"], index=ids, columns=ids, dtype=float)
        sd = pd.Series(spec.options["sd"], index=ids, dtype=float) if "sd" in spec.options else sd
    if spec.method == "pca_loadings":
        sd = pd.Series(1.0, index=ids)
    return principal_component_weights(correlation, sd, allow_negative=signed)
