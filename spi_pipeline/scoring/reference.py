"""Weights of the indicators of a component, from their correlations over the wards of England."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.weights.fit import MIN_INDICATORS, Fit, component_fit
from spi_pipeline.engine.weights.principal import principal_component_weights

# Below either threshold the first component does not represent what the indicators have in common: Housing (alpha 0.65)
# would draw 90 % of its weight from crowding, counted twice.
MIN_ALPHA = 0.7
MIN_KMO = 0.5


def reference_weights(catalogue: pd.DataFrame, reference: pd.DataFrame) -> tuple[dict[str, Any] | None, Fit | None]:
    """The first principal component of a component's indicators over the wards of England, as an engine specification.

    It is used only where all indicators are national, there are at least three, they measure one thing by the
    thresholds of the index's methodology (``MIN_ALPHA``, ``MIN_KMO``), and no loading is negative.

    Args:
        catalogue: rows of the product ``indicator`` for the component's indicators, in the component's order.
        reference: rows of the source ``reference``.

    Returns:
        The engine's specification of the weights, None where the indicators are weighted equally; and alpha, KMO and
        the first component's share over the wards of England, None where the reference lacks any of the indicators.
    """
    ids = list(catalogue["indicator_id"])
    rows = reference[reference["indicator_id"].isin(ids)]
    sd = rows[rows["statistic"] == "sd"].set_index("indicator_id")["value"].reindex(ids)
    if sd.isna().any():
        return None, None
    correlation, n = _correlation(rows, ids)
    # Where less is better, scores fall as values rise, so correlations change sign.
    sign = pd.Series([1.0 if way == "higher_is_better" else -1.0 for way in catalogue["direction"]], index=ids)
    correlation = correlation.mul(sign, axis=0).mul(sign, axis=1)
    fit = component_fit(correlation, n)
    if len(ids) < MIN_INDICATORS or fit.alpha < MIN_ALPHA or fit.kmo < MIN_KMO:
        return None, fit
    spread = (catalogue["best"] - catalogue["worst"]).abs().to_numpy()
    sd = 100 * sd / spread
    try:
        principal_component_weights(correlation, sd)
    except EngineError:
        return None, fit
    return {"method": "pca", "correlation": correlation.to_numpy().tolist(), "sd": sd.tolist()}, fit


def _correlation(rows: pd.DataFrame, ids: Sequence[str]) -> tuple[pd.DataFrame, int]:
    pairs = rows[rows["statistic"] == "correlation"]
    order = pd.Index(ids)
    matrix = pairs.pivot(index="indicator_id", columns="other_id", values="value").reindex(index=order, columns=order)
    for name in ids:
        matrix.loc[name, name] = 1.0
    return matrix, int(pairs["n"].min()) if len(pairs) else 0
