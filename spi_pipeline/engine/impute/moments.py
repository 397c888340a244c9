"""Regressions of one indicator on others, from counts, sums and products kept by pattern of what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spi_pipeline.engine.panel import Array, Flags, Positions

# One predictor is one opinion: on Luton's figures it missed by 14.2 where the mean of the other wards missed by 6.9.
LEAST_PREDICTORS = 2
# Complete rows a regression needs beyond its predictors: the intercept and two degrees of freedom.
SPARE_ROWS = 3
# A standard deviation this small beside that of the whole indicator is rounding, not variation: differences of sums
# keep about half of a float's digits.
NOISE = 1e-7
# Likewise beside the values themselves, where nothing has been subtracted yet.
ROUNDING = 1e-10
# Eigenvalues of a correlation matrix below this are zero: predictors that say the same.
COLLINEAR = 1e-9


class Moments:
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
        self.values, self.used = values, every & among[:, np.newaxis]
        self.standard = np.where(every, (values - self.centre) / self.spread, 0.0)
        self.patterns, group = patterns(present)
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


def patterns(flags: Flags) -> tuple[Flags, Positions]:
    """The different rows, and which of them each row is."""
    packed = np.packbits(flags, axis=1)
    # Rows of bits compared as one string of bytes each: many times faster than comparing them column by column.
    labels = np.ascontiguousarray(packed).view(f"S{max(packed.shape[1], 1)}").ravel()
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    return flags[first], group.ravel()


@dataclass(frozen=True)
class Fit:
    """A regression of one indicator on others, all standardised.

    Attributes:
        moments: of all indicators.
        target: position of the indicator.
        donors: positions of the predictors, strongest first.
        n: rows it was fitted over.
        centre: means of the predictors and of the indicator over these.
        sd: standard deviations of the predictors over these.
        inverse: inverse of the predictors' correlations.
        slopes: of the predictors, divided by their deviations.
    """

    moments: Moments
    target: int
    donors: Positions
    n: int
    centre: Array
    sd: Array
    inverse: Array
    slopes: Array

    def distances(self, rows: Positions) -> Array:
        """How far the predictors of some rows lie from their means, in deviations."""
        chosen = self.moments.standard[np.ix_(rows, self.donors)]
        return np.asarray((chosen - self.centre[:-1]) / self.sd)

    def estimates(self, rows: Positions) -> Array:
        """Estimates for some rows, in the indicator's unit."""
        standard = self.centre[-1] + self.distances(rows) @ self.slopes
        return np.asarray(self.moments.centre[self.target] + self.moments.spread[self.target] * standard)


def regress(moments: Moments, target: int, predictors: Positions) -> Fit | None:
    """The regression on the predictors, which come strongest first; None where fewer than two can be used."""
    donors = predictors[moments.varies[predictors]] if moments.varies[target] else predictors[:0]
    while len(donors) >= LEAST_PREDICTORS:
        n, means, covariance = moments.over(np.append(donors, target))
        varies = np.sqrt(np.maximum(np.diag(covariance), 0.0)) > NOISE
        if n < len(donors) + SPARE_ROWS or not varies[-1]:
            donors = donors[:-1]
        elif not varies.all():
            donors = donors[varies[:-1]]
        else:
            sd = np.sqrt(np.diag(covariance)[:-1])
            # The pseudo-inverse shares the weight among predictors that say the same.
            inverse = np.linalg.pinv(covariance[:-1, :-1] / np.outer(sd, sd), rcond=COLLINEAR, hermitian=True)
            return Fit(moments, target, donors, n, means, sd, inverse, inverse @ (covariance[:-1, -1] / sd))
    return None
