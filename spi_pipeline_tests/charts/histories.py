"""Histories without a change: each ward's mean with the town's seasonal pattern, and noise like that of real counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spi_pipeline.engine.control_chart import YEAR, Array
from spi_pipeline_tests.charts.real import Real

# Draws counts of wards × months, given the real measure, the number of months, and random numbers.
Draw = Callable[[Real, int, np.random.Generator], Array]


def _usual(real: Real, months: int) -> Array:
    return real.usual[:, np.arange(months) % YEAR]


def _noise(real: Real) -> Array:
    """How far each month lay from the usual count, in square roots of it; corrected for having estimated the means."""
    months = real.counts.shape[1]
    return (real.counts - real.usual) / np.sqrt(real.usual) * np.sqrt(months / (months - 1))


def gamma_poisson(real: Real, months: int, rng: np.random.Generator) -> Array:
    """Counts from a gamma-Poisson distribution with each ward's own ratio of variance to mean."""
    usual, over = _usual(real, months), np.maximum((_noise(real) ** 2).mean(axis=1, keepdims=True) - 1, 0.01)
    return rng.poisson(rng.gamma(usual / over, over)).astype(float)


def resampled(block: int) -> Draw:
    """Real noise, drawn with replacement in blocks of months, with the same months for all wards of a town."""

    def draw(real: Real, months: int, rng: np.random.Generator) -> Array:
        noise, usual = _noise(real), _usual(real, months)
        starts = rng.integers(0, noise.shape[1] - block + 1, -(-months // block))
        at = (starts[:, np.newaxis] + np.arange(block)).ravel()[:months]
        return np.maximum(0.0, np.round(usual + noise[:, at] * np.sqrt(usual)))

    return draw


DRAWS: dict[str, Draw] = {
    "gamma-Poisson, each ward's dispersion": gamma_poisson,
    "real months, resampled": resampled(1),
    "real quarters, resampled": resampled(3),
}
