"""Where a figure stands among the wards of England: how a town does, not only which of its wards do worse."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from spi_pipeline.scoring.basis import PRESENT

_QUANTILE = re.compile(r"p\d+")


def england_percentile(observations: pd.DataFrame, catalogue: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """The share of the wards of England that do worse than a value.

    The reference holds every percentile of England's distribution. Between two percentiles the share is interpolated,
    so it is accurate to a percentage point. Wards with the same value do not count as worse.

    Args:
        observations: rows of the product ``indicator_value``.
        catalogue: rows of the product ``indicator``.
        reference: rows of the source ``reference``.

    Returns:
        ``edition, id, area_code, england_percentile`` in percent, for every observed value of an indicator that the
        reference holds; an estimated cell has no row.
    """
    hundredths = reference[reference["statistic"].str.fullmatch(_QUANTILE)]
    better = catalogue.set_index("indicator_id")["direction"]
    known = observations[observations["status"].isin(PRESENT)]
    parts = []
    for name, quantiles in hundredths.groupby("indicator_id")["value"]:
        rows = known[known["indicator_id"] == name]
        sign = 1.0 if better[name] == "higher_is_better" else -1.0
        worst_first = np.sort(sign * quantiles.to_numpy(dtype="float64"))
        share = _share_below(sign * rows["value"].to_numpy(dtype="float64"), worst_first)
        parts.append(rows[["edition", "area_code"]].assign(id=name, england_percentile=share))
    if not parts:
        return pd.DataFrame(columns=["edition", "area_code", "id", "england_percentile"])
    return pd.concat(parts, ignore_index=True)


def _share_below(values: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Percent of a distribution strictly below each value, from its quantiles at even steps, in ascending order."""
    step, last = 100.0 / (len(quantiles) - 1), len(quantiles) - 1
    # Where quantiles are equal, as where many wards stand at 0, values from the first of them on are not below.
    above = np.searchsorted(quantiles, values, side="left")
    upper, lower = quantiles[np.minimum(above, last)], quantiles[np.maximum(above - 1, 0)]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(values == upper, 1.0, (values - lower) / (upper - lower))
    return np.where(above == 0, 0.0, np.where(above > last, 100.0, step * (above - 1 + part)))
