"""The weights of one parent's children, by the method its recipe names.

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
from spi_pipeline.engine.panel import Array, Flags
from spi_pipeline.engine.weights.correlation import pooled, pooled_correlation
from spi_pipeline.engine.weights.fitted import correlation_balanced_weights, one_factor_weights, random_weights
from spi_pipeline.engine.weights.given import equal_weights, given_weights
from spi_pipeline.engine.weights.principal import leading, principal_component_weights

# Published shares rounded to three digits sum to 1 within this; weights further off are meant as proportions.
ROUNDED = 0.02


@dataclass(frozen=True)
class Weighed:
    """Weights of one parent's children.

    Attributes:
        weights: as used, ``[draw, child]``.
        basis: where they come from: given, equal, pca_panel, pca_reference, factor, correlation_balanced, random.
        signed: whether negative weights are meant.
        note: why another method than the one named was used; empty where it was not.
    """

    weights: Array
    basis: str
    signed: bool = False
    note: str = ""


def refitted(spec: Spec) -> bool:
    """Whether weights are cheap enough to be fitted anew in every draw."""
    return spec.method in ("pca", "pca_loadings") and "correlation" not in spec.options


def weigh(spec: Spec, parent: str, scores: Array, children: Sequence[Element], fitted: Flags | None = None) -> Weighed:
    """Weights of the children of one parent.

    Fitted weights that cannot be had (a negative loading, an indicator that does not vary, too few rows) are replaced
    by equal ones, and the note says why.

    Args:
        spec: method and options.
        parent: id of the parent.
        scores: scores of its children, ``[draw, row, child]``; only weights of which ``refitted`` is true may have
            several draws.
        children: the children.
        fitted: rows the weights are fitted over; None for all.
    """
    ids = [child.id for child in children]
    if len(ids) == 1 or spec.method == "equal":
        return Weighed(_row(equal_weights(ids)), "equal")
    if spec.method in ("given", "shares", "random"):
        return _stated(spec, parent, children)
    signed = bool(spec.options.get("allow_negative", False))
    known = scores if fitted is None else scores[:, fitted]
    basis = {"pca": "pca_panel", "pca_loadings": "pca_panel"}.get(spec.method, spec.method)
    if refitted(spec):
        correlation, sd, _ = pooled(known)
        sd = np.ones_like(sd) if spec.method == "pca_loadings" else sd
        weights, _, sensible = leading(correlation, sd, signed)
        if sensible[0] or len(known) > 1:
            return Weighed(weights, basis, signed)
    try:
        found = _fitted(spec, pd.DataFrame(known[0], columns=ids), signed)
    except EngineError as error:
        return Weighed(_row(equal_weights(ids)), "equal", note=f"{parent} is weighted equally: {error}")
    return Weighed(_row(found), "pca_reference" if "correlation" in spec.options else basis, signed)


def _stated(spec: Spec, parent: str, children: Sequence[Element]) -> Weighed:
    """Weights that do not look at the scores."""
    ids = [child.id for child in children]
    stated = {child.id: child.weight for child in children if child.weight is not None}
    weights = given_weights(ids, stated)
    if spec.method == "random":
        generator = np.random.default_rng([int(spec.options.get("seed", 0)), zlib.crc32(parent.encode())])
        return Weighed(_row(random_weights(weights, float(spec.options.get("spread", 0.25)), generator)), "random")
    total = sum(stated.get(name, 1.0) for name in ids)
    keep = spec.method == "shares" and abs(total - 1) <= ROUNDED
    return Weighed(_row(weights * (total if keep else 1.0)), "given" if stated else "equal")


def _row(weights: pd.Series) -> Array:
    return weights.to_numpy(dtype=float)[np.newaxis]


def unscaled(spec: Spec, children: Sequence[Element]) -> float:
    """What the weights of a sum or product sum to: as stated, 1 a child where none is; fitted ones sum to 1."""
    if spec.method == "equal":
        return float(len(children))
    if spec.method in ("given", "shares", "random"):
        return float(sum(1.0 if child.weight is None else child.weight for child in children))
    return 1.0


def _fitted(spec: Spec, scores: pd.DataFrame, signed: bool) -> pd.Series:
    if spec.method == "correlation_balanced":
        return correlation_balanced_weights(scores)
    together = pooled_correlation(scores)
    correlation, sd = together.correlation, together.sd
    if spec.method == "factor":
        return one_factor_weights(correlation, sd)
    ids = scores.columns
    if "correlation" in spec.options:
        correlation = pd.DataFrame(spec.options["correlation"], index=ids, columns=ids, dtype=float)
        sd = pd.Series(spec.options["sd"], index=ids, dtype=float) if "sd" in spec.options else sd
    if spec.method == "pca_loadings":
        sd = pd.Series(1.0, index=ids)
    return principal_component_weights(correlation, sd, allow_negative=signed)
