"""Regressions of one indicator on others, from counts, sums and cross-products by pattern of missing values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spi_pipeline.engine.panel import Array, Flags, Positions

# One predictor is not enough: on Luton's figures it missed by 14.2 where the mean of the other wards missed by 6.9.
LEAST_PREDICTORS = 2
# Complete rows a regression needs beyond its predictors: one for the intercept and two degrees of freedom.
SPARE_ROWS = 3
# A standard deviation this small relative to that of the whole indicator is rounding, not variation: differences of
# sums retain about half of a float's digits.
NOISE = 1e-7
# The same limit relative to the values themselves, before any subtraction.
ROUNDING = 1e-10
# Eigenvalues of a correlation matrix below this count as zero: the predictors are collinear.
COLLINEAR = 1e-9


class Moments:
    """Counts, sums and cross-products of the indicators, by pattern of missing values.

    The rows that are complete in a set of indicators are the rows of certain patterns, so their moments are sums over
    patterns. The rows themselves are read once, however many regressions follow.
    """

    def __init__(self, values: Array, reference: Flags) -> None:
        known, every = values[reference], ~np.isnan(values)
        present = every[reference]
        count = np.maximum(present.sum(axis=0), 1)
        # Standardising by all values present makes the sums small and the solution independent of units.
        self.centre = np.nansum(known, axis=0) / count
        spread = np.sqrt(np.nansum((known - self.centre) ** 2, axis=0) / count)
        largest = np.max(np.abs(np.nan_to_num(known)), axis=0, initial=0.0)
        self.varies = spread > ROUNDING * largest
        self.spread = np.where(self.varies, spread, 1.0)
        self.values, self.used = values, every & reference[:, np.newaxis]
        self.standard = np.where(every, (values - self.centre) / self.spread, 0.0)
        self.patterns, group = patterns(present)
        counts = np.bincount(group, minlength=len(self.patterns))
        parts = np.split(self.standard[reference][np.argsort(group, kind="stable")], np.cumsum(counts)[:-1])
        self.rows = counts
        self.sums = np.array([part.sum(axis=0) for part in parts])
        self.products = np.array([part.T @ part for part in parts])

    def over(self, columns: Positions) -> tuple[int, Array, Array]:
        """Number, means and covariances (n) of the rows that are complete in these columns."""
        chosen = self.patterns[:, columns].all(axis=1)
        n = int(self.rows[chosen].sum())
        means = self.sums[chosen][:, columns].sum(axis=0) / max(n, 1)
        products = self.products[chosen].sum(axis=0)[np.ix_(columns, columns)]
        return n, means, products / max(n, 1) - np.outer(means, means)

    def strengths(self) -> Array:
        """Absolute correlation of every pair of columns over the rows that have both; 0 where these are too few."""
        size = len(self.varies)
        strength = np.zeros((size, size))
        for one, other in zip(*np.triu_indices(size, 1), strict=True):
            n, _, covariance = self.over(np.array([one, other]))
            sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
            if n >= SPARE_ROWS and (sd > NOISE).all():
                strength[one, other] = strength[other, one] = abs(covariance[0, 1]) / sd.prod()
        return strength


def patterns(flags: Flags) -> tuple[Flags, Positions]:
    """The distinct rows, and for each row the position of its distinct row."""
    packed = np.packbits(flags, axis=1)
    # Each row of bits is compared as one string of bytes: many times faster than comparing column by column.
    labels = np.ascontiguousarray(packed).view(f"S{max(packed.shape[1], 1)}").ravel()
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    return flags[first], group.ravel()


@dataclass(frozen=True)
class Fit:
    """A regression of one indicator on others, all standardised.

    Attributes:
        moments: moments of all indicators.
        target: position of the indicator.
        donors: positions of the predictors, strongest first.
        n: number of rows the regression was fitted to.
        centre: means of the predictors and of the indicator over these rows.
        sd: standard deviations of the predictors over these rows.
        inverse: inverse of the predictors' correlation matrix.
        slopes: coefficients of the predictors in units of their standard deviations.
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
        """Distances of the predictors of some rows from their means, in standard deviations."""
        chosen = self.moments.standard[np.ix_(rows, self.donors)]
        return np.asarray((chosen - self.centre[:-1]) / self.sd)

    def estimates(self, rows: Positions) -> Array:
        """Estimates for some rows, in the indicator's unit."""
        standard = self.centre[-1] + self.distances(rows) @ self.slopes
        return np.asarray(self.moments.centre[self.target] + self.moments.spread[self.target] * standard)


def regress(moments: Moments, target: int, predictors: Positions) -> Fit | None:
    """The regression on the predictors, given strongest first; None where fewer than two can be used."""
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
            # The pseudo-inverse shares the weight among collinear predictors.
            inverse = np.linalg.pinv(covariance[:-1, :-1] / np.outer(sd, sd), rcond=COLLINEAR, hermitian=True)
            return Fit(moments, target, donors, n, means, sd, inverse, inverse @ (covariance[:-1, -1] / sd))
    return None
