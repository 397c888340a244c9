"""Which wards are withheld: those where too few were counted, and beside one of them the next that would show it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.indicators import Measure
from spi_pipeline.engine.panel import Array, Flags
from spi_pipeline.rules.disclosure import Least, small, withheld


def withheld_wards(
    sums: Array,
    least: Least,
    measure: Measure,
    rows: pd.DataFrame,
    weights: pd.DataFrame | None,
    authorities: Mapping[str, str],
) -> Flags:
    """The wards whose figures are withheld.

    Args:
        sums: numerator and denominator of each ward, one row each; missing where they are not known. The numerator of
            a mean is its value times its denominator.
        least: the smallest counts that may be shown.
        measure: how the value is formed.
        rows: of the source; one without a figure is withheld by the source itself.
        weights: of the small areas that rows are of; None for points.
        authorities: authority of each ward in order, whose total may be known.
    """
    (numerator, denominator), known = sums.T, ~np.isnan(sums).any(axis=1)
    if measure.kind == "mean":
        numerator = numerator / (least.per or np.nan)
    figures = [(least.minimum, numerator), (least.of, denominator)]
    if least.alike:
        figures.append((least.minimum, denominator - numerator))
    towns = np.array(list(authorities.values()))
    gone: Flags = _empty(measure, rows, weights, authorities) & ~known
    for town in set(towns):
        # What is not known and not withheld either is in no total.
        (own,) = np.nonzero((towns == town) & (known | gone))
        counts = [(minimum, [None if np.isnan(one) else float(one) for one in each[own]]) for minimum, each in figures]
        few = any(small(one, minimum) for minimum, each in counts for one in each)
        # Several that the source withholds are safe together: it knows how many they count, and sees to it.
        if few or gone[own].sum() == 1:
            gone[own] = withheld(counts, gone[own].tolist())
    return gone


def _empty(measure: Measure, rows: pd.DataFrame, weights: pd.DataFrame | None, authorities: Mapping[str, str]) -> Flags:
    """The wards of which the source has a row without a figure."""
    if weights is None:
        return np.zeros(len(authorities), dtype=bool)
    columns = [*measure.columns, *([measure.denominator.column] if measure.denominator else [])]
    without = rows[[name for name in columns if name in rows]].isna().any(axis=1)
    parts = weights["small_area_code"].isin(rows.loc[without, "area_code"])
    reached = set(weights.loc[parts, "area_code"])
    return np.array([ward in reached for ward in authorities])
