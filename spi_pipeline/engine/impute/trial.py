"""Whether a regression estimates better than a mean: both tried on areas that are known, each left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.impute.moments import Fit
from spi_pipeline.engine.panel import Array, Flags, Positions, blank_but

# Areas tried: enough to know an error to a few per cent.
MOST_TRIED = 500
# A row this near to deciding its own estimate cannot be left out.
DECISIVE = 1e-9


@dataclass(frozen=True)
class Trial:
    """Root mean square by which each way misses known values, in the indicator's unit; NaN where it was not tried."""

    regression: float
    mean: float


class Means:
    """Means of every indicator over the areas of an edition.

    Attributes:
        mean: by row and indicator.
        count: of the areas they are taken over, likewise.
        apart: how far each known value lies from the mean of the other areas.
        area: a number for the area of each row.
    """

    def __init__(self, panel: pd.DataFrame, among: Flags | None) -> None:
        known = blank_but(panel, among)
        grouped = known.groupby(level="edition")
        self.mean = grouped.transform("mean").to_numpy(dtype=float)
        self.count = grouped.transform("count").to_numpy(dtype=float)
        others = np.where(self.count > 1, self.count - 1, np.nan)
        self.apart = (known.to_numpy(dtype=float) - self.mean) * self.count / others
        self.area = pd.factorize(panel.index.get_level_values("area_code"))[0]

    def try_out(self, target: int) -> Trial:
        """How far means miss the known values of an indicator."""
        return Trial(float("nan"), _root_mean_square(self.apart[:, target]))


def trial(fit: Fit, means: Means, limits: tuple[float, float]) -> Trial:
    """Both ways tried on the rows a regression was fitted over, each area left out with all its editions.

    With ``H`` the rows of an area in the regression's hat matrix and ``e`` its residuals, those of the regression
    without the area are ``(I - H)⁻¹ e``.

    Args:
        fit: the regression.
        means: of the same panel.
        limits: lowest and highest value that an estimate can take.
    """
    moments = fit.moments
    rows = np.flatnonzero(moments.used[:, [*fit.donors, fit.target]].all(axis=1))
    areas = np.unique(means.area[rows])
    tried = areas[np.unique(np.linspace(0, len(areas) - 1, min(len(areas), MOST_TRIED)).astype(int))]
    rows = rows[np.isin(means.area[rows], tried)]
    known = moments.values[rows, fit.target]
    estimates = np.clip(known - _left_out(fit, rows, means.area[rows], known), *limits)
    return Trial(_root_mean_square(known - estimates), _root_mean_square(means.apart[rows, fit.target]))


def _left_out(fit: Fit, rows: Positions, area: Positions, known: Array) -> Array:
    """Residuals of the regressions without the area of each row; infinite where there is none without it."""
    distances, residuals = fit.distances(rows), known - fit.estimates(rows)
    found = np.empty(len(rows))
    if len(np.unique(area)) == len(area):
        left = 1 - (1 + ((distances @ fit.inverse) * distances).sum(axis=1)) / fit.n
        return np.where(left > DECISIVE, residuals / np.where(left > DECISIVE, left, 1.0), np.inf)
    for own in np.unique(area):
        chosen = np.flatnonzero(area == own)
        left = np.eye(len(chosen)) - (1 + distances[chosen] @ fit.inverse @ distances[chosen].T) / fit.n
        decided = np.linalg.eigvalsh(left)[0] <= DECISIVE
        found[chosen] = np.inf if decided else np.linalg.solve(left, residuals[chosen])
    return found


def _root_mean_square(apart: Array) -> float:
    present = apart[~np.isnan(apart)]
    return float(np.sqrt((present**2).mean())) if len(present) else float("nan")
