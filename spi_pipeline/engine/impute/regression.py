"""Filling gaps by regression on the other indicators.

Methods that look at one indicator alone, or at similar areas, are in ``same_indicator``. Deciding that a value is
missing, or must stay so, belongs elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.engine.impute.record import Imputed, filled_cells
from spi_pipeline.engine.panel import require_panel, rows_of

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


# Complete rows a regression needs beyond its predictors: the intercept and two degrees of freedom.
SPARE_ROWS = 3
# A standard deviation this small beside that of the whole indicator is rounding, not variation: differences of sums
# keep about half of a float's digits.
NOISE = 1e-7
# Likewise beside the values themselves, where nothing has been subtracted yet.
ROUNDING = 1e-10
# Eigenvalues of a correlation matrix below this are zero: predictors that say the same.
COLLINEAR = 1e-9


def impute_regression(
    panel: pd.DataFrame,
    eligible: pd.DataFrame | None = None,
    minimum_share: float = 0.65,
    among: Flags | None = None,
) -> Imputed:
    """Fill missing values by least squares on the other indicators of the same component.

    A missing cell is regressed on the indicators its row does have, over all rows of the panel, all editions pooled,
    that are complete in these. While fewer rows than predictors + 3 are complete, the predictor least correlated with
    the indicator is dropped, and so is one that does not vary over these rows. An estimate never leaves the range
    observed of its indicator. Without any predictor left the cell stays missing: a mean would look like knowledge.
    Only observed values serve as predictors, so the order of filling does not matter.

    Source: Social Progress Index methodology (gaps are filled within the component); the 65 % rule of thumb is that of
    the OECD/JRC handbook.

    Args:
        panel: raw values or scores of the indicators of *one* component, indexed by ``(edition, area_code)``.
        eligible: the panel's shape, True where a gap may be filled; None allows all.
        minimum_share: an indicator is filled in an edition only where at least this share of the edition's areas
            has it.
        among: rows the regressions are fitted over and areas are counted among; None for all.

    Raises:
        EngineError: the panel is none: another index, a row or column twice, or an infinite value.
    """
    require_panel(panel)
    observed = panel.notna()
    editions = panel.index.get_level_values("edition")
    share = rows_of(observed, among).groupby(level="edition").mean()
    wanted = ~observed & (share.reindex(editions) >= minimum_share).set_axis(panel.index)
    if eligible is not None:
        wanted &= eligible.reindex(index=panel.index, columns=panel.columns, fill_value=False).astype(bool)
    values = panel.to_numpy(dtype=float)
    moments = _Moments(values, np.ones(len(values), dtype=bool) if among is None else among)
    strength = moments.strengths()
    known, names = values if among is None else values[among], [str(name) for name in panel.columns]
    low, high = np.fmin.reduce(known, axis=0), np.fmax.reduce(known, axis=0)
    estimates = np.full(values.shape, np.nan)
    donors = np.full(values.shape, "", dtype=object)
    for target in range(values.shape[1]):
        for rows, present in _by_pattern(observed.to_numpy(), wanted.to_numpy()[:, target]):
            strongest_first = present[np.argsort(-strength[present, target], kind="stable")]
            used, estimated = _regress(moments, target, strongest_first, rows)
            estimates[rows, target] = np.clip(estimated, low[target], high[target])
            donors[rows, target] = ",".join([names[place] for place in used])
    filled = pd.DataFrame(np.where(observed, values, estimates), index=panel.index, columns=panel.columns)
    return Imputed(panel=filled, cells=filled_cells(panel, estimates, "regression", donors))


class _Moments:
    """Counts, sums and products of the indicators, kept by pattern of what is missing.

    The rows complete in any set of indicators are those of some patterns, so that their moments are sums over patterns:
    the rows themselves are gone through once, however many regressions follow.
    """

    def __init__(self, values: Array, among: Flags) -> None:
        known, every = values[among], ~np.isnan(values)
        present = every[among]
        count = np.maximum(present.sum(axis=0), 1)
        # Standardising by all values present keeps the sums small and the solution independent of units.
        self.centre = np.nansum(known, axis=0) / count
        spread = np.sqrt(np.nansum((known - self.centre) ** 2, axis=0) / count)
        largest = np.max(np.abs(np.nan_to_num(known)), axis=0, initial=0.0)
        self.varies = spread > ROUNDING * largest
        self.spread = np.where(self.varies, spread, 1.0)
        self.standard = np.where(every, (values - self.centre) / self.spread, 0.0)
        self.patterns, group = _patterns(present)
        counts = np.bincount(group, minlength=len(self.patterns))
        parts = np.split(self.standard[among][np.argsort(group, kind="stable")], np.cumsum(counts)[:-1])
        self.rows = counts
        self.sums = np.array([part.sum(axis=0) for part in parts])
        self.products = np.array([part.T @ part for part in parts])

    def over(self, columns: Positions) -> tuple[int, Array, Array]:
        """Number, means and covariances (n) of the rows complete in these columns."""
        chosen = self.patterns[:, columns].all(axis=1)
        n = int(self.rows[chosen].sum())
        means = self.sums[chosen][:, columns].sum(axis=0) / max(n, 1)
        products = self.products[chosen].sum(axis=0)[np.ix_(columns, columns)]
        return n, means, products / max(n, 1) - np.outer(means, means)

    def strengths(self) -> Array:
        """Size of the correlation of every two columns over the rows that have both; 0 where these are too few."""
        size = len(self.varies)
        strength = np.zeros((size, size))
        for one, other in zip(*np.triu_indices(size, 1), strict=True):
            n, _, covariance = self.over(np.array([one, other]))
            sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
            if n >= SPARE_ROWS and (sd > NOISE).all():
                strength[one, other] = strength[other, one] = abs(covariance[0, 1]) / sd.prod()
        return strength


def _patterns(flags: Flags) -> tuple[Flags, Positions]:
    """The different rows, and which of them each row is."""
    packed = np.packbits(flags, axis=1)
    # Rows of bits compared as one string of bytes each: many times faster than comparing them column by column.
    labels = np.ascontiguousarray(packed).view(f"S{max(packed.shape[1], 1)}").ravel()
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    return flags[first], group.ravel()


def _by_pattern(observed: Flags, wanted: Flags) -> Iterator[tuple[Positions, Positions]]:
    """The rows wanted and the columns they have, grouped by these: one regression serves a whole group."""
    rows = np.flatnonzero(wanted)
    if len(rows):
        patterns, group = _patterns(observed[rows])
        for number, pattern in enumerate(patterns):
            yield rows[group == number], np.flatnonzero(pattern)


def _regress(moments: _Moments, target: int, predictors: Positions, rows: Positions) -> tuple[Positions, Array]:
    """Estimate the target for the rows; the predictors come strongest first and those used are returned."""
    donors = predictors[moments.varies[predictors]] if moments.varies[target] else predictors[:0]
    while len(donors):
        n, means, covariance = moments.over(np.append(donors, target))
        varies = np.sqrt(np.maximum(np.diag(covariance), 0.0)) > NOISE
        if n < len(donors) + SPARE_ROWS or not varies[-1]:
            donors = donors[:-1]
        elif not varies.all():
            donors = donors[varies[:-1]]
        else:
            break
    else:
        return donors, np.full(len(rows), np.nan)
    sd = np.sqrt(np.diag(covariance)[:-1])
    correlations = covariance[:-1, :-1] / np.outer(sd, sd)
    # The pseudo-inverse shares the weight among predictors that say the same.
    slopes = np.linalg.pinv(correlations, rcond=COLLINEAR, hermitian=True) @ (covariance[:-1, -1] / sd)
    estimates = means[-1] + ((moments.standard[np.ix_(rows, donors)] - means[:-1]) / sd) @ slopes
    return donors, moments.centre[target] + moments.spread[target] * estimates
