"""Cross-validation of regressions against means: both estimate known areas, each left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.impute.moments import Fit
from spi_pipeline.engine.impute.record import ENOUGH
from spi_pipeline.engine.panel import Array, Flags, Positions, blank_other_rows

# A row or area with leverage this close to 1 cannot be left out: it determines its own estimate.
DECISIVE = 1e-9


@dataclass(frozen=True)
class CrossValidationErrors:
    """Root mean square error of each method on known values, in the indicator's unit; NaN where it was not tried."""

    regression: float
    mean: float


class Means:
    """Means of every indicator over the areas of an edition.

    Attributes:
        mean: means by row and indicator.
        count: number of areas behind each mean, by row and indicator.
        deviation: distance of each known value from the mean of the other areas.
        area: a number for the area of each row.
    """

    def __init__(self, panel: pd.DataFrame, reference: Flags | None) -> None:
        known = blank_other_rows(panel, reference)
        grouped = known.groupby(level="edition")
        self.mean = grouped.transform("mean").to_numpy(dtype=float)
        self.count = grouped.transform("count").to_numpy(dtype=float)
        others = np.where(self.count > 1, self.count - 1, np.nan)
        self.deviation = (known.to_numpy(dtype=float) - self.mean) * self.count / others
        self.area = pd.factorize(panel.index.get_level_values("area_code"))[0]

    def errors(self, target: int) -> CrossValidationErrors:
        """The error of means on the known values of an indicator."""
        return CrossValidationErrors(float("nan"), _root_mean_square(self.deviation[:, target]))


def cross_validate(fit: Fit, means: Means, limits: tuple[float, float]) -> CrossValidationErrors:
    """Errors of both methods on the rows a regression was fitted to, each area left out with all its editions.

    With ``H`` the block of an area in the regression's hat matrix and ``e`` its residuals, the residuals of the
    regression without the area are ``(I - H)⁻¹ e``.

    Args:
        fit: the regression.
        means: means of the same panel.
        limits: lowest and highest value that an estimate can take.
    """
    moments = fit.moments
    rows = np.flatnonzero(moments.used[:, [*fit.donors, fit.target]].all(axis=1))
    areas = np.unique(means.area[rows])
    tried = areas[np.unique(np.linspace(0, len(areas) - 1, min(len(areas), ENOUGH)).astype(int))]
    rows = rows[np.isin(means.area[rows], tried)]
    known = moments.values[rows, fit.target]
    estimates = np.clip(known - _left_out(fit, rows, means.area[rows], known), *limits)
    return CrossValidationErrors(
        _root_mean_square(known - estimates), _root_mean_square(means.deviation[rows, fit.target])
    )


def _left_out(fit: Fit, rows: Positions, area: Positions, known: Array) -> Array:
    """Residuals of the regressions without the area of each row; infinite where no regression exists without it."""
    distances, residuals = fit.distances(rows), known - fit.estimates(rows)
    if len(np.unique(area)) == len(area):
        complement = 1 - (1 + ((distances @ fit.inverse) * distances).sum(axis=1)) / fit.n
        return np.where(complement > DECISIVE, residuals / np.where(complement > DECISIVE, complement, 1.0), np.inf)
    result = np.empty(len(rows))
    for own in np.unique(area):
        chosen = np.flatnonzero(area == own)
        complement = np.eye(len(chosen)) - (1 + distances[chosen] @ fit.inverse @ distances[chosen].T) / fit.n
        singular = np.linalg.eigvalsh(complement)[0] <= DECISIVE
        result[chosen] = np.inf if singular else np.linalg.solve(complement, residuals[chosen])
    return result


def _root_mean_square(errors: Array) -> float:
    present = errors[~np.isnan(errors)]
    return float(np.sqrt((present**2).mean())) if len(present) else float("nan")
