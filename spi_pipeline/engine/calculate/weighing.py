"""The weights of one parent's children, by the method that its recipe names.

This module chooses the method and falls back to equal weights where fitted weights are not usable; the arithmetic is in
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

# Published shares rounded to three digits sum to 1 within this tolerance; weights further off are proportions.
ROUNDED = 0.02


@dataclass(frozen=True)
class ChildWeights:
    """Weights of one parent's children.

    Attributes:
        weights: weights as used, ``[draw, child]``.
        method: source of the weights: given, equal, pca_panel, pca_reference, factor, correlation_balanced, random.
        signed: whether negative weights are allowed.
        note: the reason why a method other than the one named was used; empty otherwise.
    """

    weights: Array
    method: str
    signed: bool = False
    note: str = ""


def refitted(spec: Spec) -> bool:
    """Whether weights are cheap enough to be refitted in every draw."""
    return spec.method in ("pca", "pca_loadings") and "correlation" not in spec.options


def weigh(
    spec: Spec, parent: str, scores: Array, children: Sequence[Element], fitted: Flags | None = None
) -> ChildWeights:
    """Weights of the children of one parent.

    Where fitted weights are not usable (a negative loading, an indicator that does not vary, too few rows), equal
    weights replace them, and the note gives the reason.

    Args:
        spec: method and options.
        parent: id of the parent.
        scores: scores of its children, ``[draw, row, child]``; several draws are allowed only for methods that
            ``refitted`` accepts.
        children: the children.
        fitted: rows that the weights are fitted to; None for all.
    """
    ids = [child.id for child in children]
    if len(ids) == 1 or spec.method == "equal":
        return ChildWeights(_row(equal_weights(ids)), "equal")
    if spec.method in ("given", "shares", "random"):
        return _declared(spec, parent, children)
    signed = bool(spec.options.get("allow_negative", False))
    known = scores
    if fitted is not None:  # selected along each child's scores, which are contiguous in memory
        known = np.swapaxes(np.swapaxes(scores, -1, -2).take(np.flatnonzero(fitted), axis=-1), -1, -2)
    method = {"pca": "pca_panel", "pca_loadings": "pca_panel"}.get(spec.method, spec.method)
    if refitted(spec):
        correlation, sd, _ = pooled(known)
        sd = np.ones_like(sd) if spec.method == "pca_loadings" else sd
        weights, _, sensible = leading(correlation, sd, signed)
        if sensible[0] or len(known) > 1:
            return ChildWeights(weights, method, signed)
    try:
        weights_fitted = _fitted(spec, pd.DataFrame(known[0], columns=ids), signed)
    except EngineError as error:
        return ChildWeights(_row(equal_weights(ids)), "equal", note=f"{parent} is weighted equally: {error}")
    return ChildWeights(_row(weights_fitted), "pca_reference" if "correlation" in spec.options else method, signed)


def _declared(spec: Spec, parent: str, children: Sequence[Element]) -> ChildWeights:
    """Weights that do not depend on the scores."""
    ids = [child.id for child in children]
    declared = {child.id: child.weight for child in children if child.weight is not None}
    weights = given_weights(ids, declared)
    if spec.method == "random":
        generator = np.random.default_rng([int(spec.options.get("seed", 0)), zlib.crc32(parent.encode())])
        return ChildWeights(_row(random_weights(weights, float(spec.options.get("spread", 0.25)), generator)), "random")
    total = sum(declared.get(name, 1.0) for name in ids)
    keep = spec.method == "shares" and abs(total - 1) <= ROUNDED
    return ChildWeights(_row(weights * (total if keep else 1.0)), "given" if declared else "equal")


def _row(weights: pd.Series) -> Array:
    return weights.to_numpy(dtype=float)[np.newaxis]


def unscaled(spec: Spec, children: Sequence[Element]) -> float:
    """The sum of the weights in a sum or product: declared weights count in full, else 1 per child; fitted sum to 1."""
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
