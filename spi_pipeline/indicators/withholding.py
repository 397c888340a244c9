"""Which wards are withheld: those with too small a count, and a further ward that would otherwise reveal it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.indicators import Measure
from spi_pipeline.engine.panel import Array, Flags
from spi_pipeline.rules.disclosure import MinimumCounts, small, withheld


def withheld_wards(
    sums: Array,
    least: MinimumCounts,
    measure: Measure,
    rows: pd.DataFrame,
    weights: pd.DataFrame | None,
    authorities: Mapping[str, str],
) -> Flags:
    """Find the wards whose figures are withheld.

    Args:
        sums: numerator and denominator of each ward, one row each; missing where unknown. The numerator of a mean is
            its value times its denominator.
        least: the smallest counts that may be shown.
        measure: defines how the value is formed.
        rows: rows of the source; the source itself withholds a row without a figure.
        weights: weights of the rows' small areas; None for points.
        authorities: authority of each ward, in order; an authority's total may be known.
    """
    (numerator, denominator), known = sums.T, ~np.isnan(sums).any(axis=1)
    if measure.kind == "mean":
        numerator = numerator / (least.per or np.nan)
    figures = [(least.minimum, numerator), (least.denominator, denominator)]
    if least.alike:
        figures.append((least.minimum, denominator - numerator))
    parents = np.array(list(authorities.values()))
    hidden: Flags = _empty(measure, rows, weights, authorities) & ~known
    for parent in set(parents):
        # A ward that is neither known nor withheld is in no total.
        (own,) = np.nonzero((parents == parent) & (known | hidden))
        counts = [(minimum, [None if np.isnan(one) else float(one) for one in each[own]]) for minimum, each in figures]
        few = any(small(one, minimum) for minimum, each in counts for one in each)
        # Several wards withheld by the source are safe together: the source knows their counts and protects them.
        if few or hidden[own].sum() == 1:
            hidden[own] = withheld(counts, hidden[own].tolist())
    return hidden


def _empty(measure: Measure, rows: pd.DataFrame, weights: pd.DataFrame | None, authorities: Mapping[str, str]) -> Flags:
    """The wards for which the source has a row without a figure."""
    if weights is None:
        return np.zeros(len(authorities), dtype=bool)
    columns = [*measure.columns, *([measure.denominator.column] if measure.denominator else [])]
    without = rows[[name for name in columns if name in rows]].isna().any(axis=1)
    parts = weights["small_area_code"].isin(rows.loc[without, "area_code"])
    reached = set(weights.loc[parts, "area_code"])
    return np.array([ward in reached for ward in authorities])
