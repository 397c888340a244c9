"""How the indicators of a component are weighted by what the wards of England say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.weights.fit import MIN_INDICATORS, Fit, component_fit
from spi_pipeline.engine.weights.principal import principal_component_weights

# Below either mark the first component is not what the indicators have in common: Housing (alpha 0.65) would rest to
# 90 % on crowding, counted twice.
MIN_ALPHA = 0.7
MIN_KMO = 0.5


def reference_weights(catalogue: pd.DataFrame, reference: pd.DataFrame) -> tuple[dict[str, Any] | None, Fit | None]:
    """The first principal component of a component's indicators over the wards of England, in the engine's words.

    It is used only where all indicators are national, there are at least three, they measure one thing by the marks of
    the index's methodology, and no loading is negative.

    Args:
        catalogue: rows of the product ``indicator`` of the indicators, in the order of the component.
        reference: rows of the source ``reference``.

    Returns:
        The way to weigh, None where the indicators are weighted equally; and alpha, KMO and the first component's
        share over the wards of England, None where the reference does not hold all of the indicators.
    """
    ids = list(catalogue["indicator_id"])
    rows = reference[reference["indicator_id"].isin(ids)]
    sd = rows[rows["statistic"] == "sd"].set_index("indicator_id")["value"].reindex(ids)
    if sd.isna().any():
        return None, None
    correlation, n = _correlation(rows, ids)
    # Scores run against values where less is better, and so do their correlations.
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
