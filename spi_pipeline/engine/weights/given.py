"""Weights that do not look at the scores, and the share of the spread that weights come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError


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
