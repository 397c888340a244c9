"""Equal and given weights, which do not depend on the scores, and effective weights, which do."""

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
    """Declared weights, scaled to sum to 1; before scaling, a child without a weight counts as 1.

    Raises:
        EngineError: a weight is negative or not finite, or all are 0.
    """
    declared = pd.Series({name: float(weights.get(name, 1.0)) for name in ids})
    if not np.isfinite(declared).all() or (declared < 0).any() or not declared.sum() > 0:
        raise EngineError(f"weights must be finite, not negative and not all 0, but they are {declared.to_dict()}")
    return declared / declared.sum()


def effective_weights(scores: pd.DataFrame, weights: pd.Series) -> pd.Series:
    """The effective weight of each child, its share of the parent's spread: ``w_i * sd_i / sum(w_j * sd_j)``.

    Equal weights do not mean equal influence: a child whose scores hardly differ between areas hardly moves the
    parent, whatever its weight. Correlations between children are ignored.

    Args:
        scores: scores of the children, in points.
        weights: nominal weights of the children.

    Returns:
        Shares summing to 1; NaN for a child with fewer than two scores, and for all where no child varies.
    """
    products = weights * scores[weights.index].std(ddof=1)
    total = products.sum()
    return products / total if total > 0 else products * np.nan
