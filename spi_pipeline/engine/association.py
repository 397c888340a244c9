"""Associations between figures: rank correlations with their intervals, and distances of areas from a fitted line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from spi_pipeline.engine.intervals import Z95
from spi_pipeline.engine.panel import Array

# A line always fits two points; a third gives its spread, and the fourth is the area that is compared with it.
MIN_AREAS = 4


def rank_correlation(one: pd.Series, other: pd.Series, given: pd.Series | None = None) -> float:
    """Spearman's rank correlation, or the partial rank correlation with a third figure held constant.

    ``(r₁₂ − r₁₃ r₂₃) / √((1 − r₁₃²)(1 − r₂₃²))`` of the three rank correlations.

    Source: Spearman (1904), The American Journal of Psychology 15; the partial of ranks as in Kendall and Gibbons
    (1990), Rank Correlation Methods, chapter 8.

    Args:
        one: a figure of each area, none missing.
        other: another, in the same order.
        given: a third, which is held constant.

    Returns:
        −1 to 1; missing where a figure is the same everywhere, or ``given`` determines one of the others.
    """
    columns = [one, other] if given is None else [one, other, given]
    ranks = pd.DataFrame({number: column.to_numpy() for number, column in enumerate(columns)}).rank()
    r = ranks.corr().to_numpy()
    if given is None:
        return float(r[0, 1])
    unexplained = (1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2)
    return float((r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt(unexplained)) if unexplained > 1e-9 else float("nan")


def associations(better: pd.Series, measure: pd.Series, given: pd.Series) -> tuple[float, float]:
    """The rank correlation of a figure with a measure, and their partial rank correlation with ``given`` held constant.

    The partial correlation is missing where the measure is ``given`` itself.
    """
    partial = float("nan") if measure.name == given.name else rank_correlation(better, measure, given)
    return rank_correlation(better, measure), partial


def correlation_interval(r: float, n: int, given: int = 0) -> tuple[float, float]:
    """The 95 % interval of a rank correlation: ``tanh(artanh r ± 1.96 √((1 + r²/2) / (n − 3 − given)))``.

    Source: Bonett and Wright (2000), Psychometrika 65; each figure held constant costs one area, as for Fisher's z.

    Args:
        r: the correlation.
        n: number of areas behind it.
        given: number of figures held constant.

    Returns:
        The lower and upper end; both missing where there are too few areas, or the correlation is missing.
    """
    freedom = n - 3 - given
    if freedom < 1 or np.isnan(r):
        return float("nan"), float("nan")
    if abs(r) >= 1:
        return r, r
    middle, half = np.arctanh(r), Z95 * np.sqrt((1 + r**2 / 2) / freedom)
    return float(np.tanh(middle - half)), float(np.tanh(middle + half))


def beyond_line(x: Array, y: Array) -> pd.DataFrame:
    """How far each area lies from the regression line of the other areas, and how far it might lie by chance.

    The line is fitted by least squares to all the other areas, so that no area pulls it towards itself. The interval is
    the 95 % prediction interval for one more area, ``t · s √(1 + 1/m + (x − x̄)² / Σ(xⱼ − x̄)²)`` with ``m − 2`` degrees
    of freedom over the m others.

    Source: Cook and Weisberg (1982), Residuals and Influence in Regression, section 2.2.

    Args:
        x: the explanatory figure, none missing.
        y: the figure it explains, none missing.

    Returns:
        One row per area: ``expected`` (on the line), ``residual`` (y less expected), ``lower`` and ``upper`` (of the
        residual); all missing where there are fewer than ``FEWEST`` areas, or the others do not differ in x.
    """
    m, rows = len(x) - 1, []
    for place, (own_x, own_y) in enumerate(zip(x, y, strict=True)):
        others_x, others_y = np.delete(x, place), np.delete(y, place)
        spread = float(((others_x - others_x.mean()) ** 2).sum()) if m else 0.0
        if m + 1 < MIN_AREAS or spread < 1e-12:
            rows.append((np.nan,) * 4)
            continue
        slope = float(((others_x - others_x.mean()) * (others_y - others_y.mean())).sum() / spread)
        expected = others_y.mean() + slope * (own_x - others_x.mean())
        residuals = others_y - others_y.mean() - slope * (others_x - others_x.mean())
        s = np.sqrt((residuals**2).sum() / (m - 2))
        half = stats.t.ppf(0.975, m - 2) * s * np.sqrt(1 + 1 / m + (own_x - others_x.mean()) ** 2 / spread)
        residual = own_y - expected
        rows.append((expected, residual, residual - half, residual + half))
    return pd.DataFrame(rows, columns=["expected", "residual", "lower", "upper"])
