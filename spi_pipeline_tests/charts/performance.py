"""False signals a year, and how many months it takes to find a lasting rise by half."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spi_pipeline.engine.control_chart import MAX_MONTHS, MIN_MONTHS, YEAR, Array, control_charts
from spi_pipeline_tests.charts.histories import Draw
from spi_pipeline_tests.charts.real import Real

RISE = 1.5
WITHIN = (3, 6, 12, 24)
# Wards by size: their position in the ranking from the smallest count (0) to the largest (1).
SIZES = {"small": 0.1, "middling": 0.5, "large": 0.9}


def false_signals(reals: Mapping[str, Real], draw: Draw, limit: float, histories: int, seed: int) -> dict[str, float]:
    """Signals a year from all wards of a town, by measure, when nothing changes.

    Charts begin like the real ones: with a year before the first verdict, and as many months as are available.
    """
    rng, by_measure = np.random.default_rng(seed), {}
    for name, real in reals.items():
        months = real.counts.shape[1]
        raised = 0
        for _ in range(histories):
            signals = control_charts(draw(real, months, rng), real.first).signals(limit)
            before = np.pad(signals, ((0, 0), (1, 0)))[:, :-1]
            raised += np.count_nonzero((signals != 0) & (signals != before))
        by_measure[name] = raised / (histories * (months - MIN_MONTHS) / YEAR)
    return by_measure


def delays(real: Real, draw: Draw, limit: float, histories: int, seed: int) -> dict[str, Array]:
    """Months until the charts find a lasting rise by half in one ward, after three years without a change.

    Returns:
        For a ward of each of ``SIZES``, one figure for each history; infinite if not found within two years.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(real.counts.sum(axis=1))
    wards = {name: order[round(share * (len(order) - 1))] for name, share in SIZES.items()}
    by_ward: dict[str, list[float]] = {name: [] for name in wards}
    for _ in range(histories):
        history = draw(real, MAX_MONTHS + WITHIN[-1], rng)
        for name, ward in wards.items():
            risen = history.copy()
            risen[ward, MAX_MONTHS:] = np.round(RISE * risen[ward, MAX_MONTHS:])
            (months,) = np.nonzero(control_charts(risen, real.first).signals(limit)[ward, MAX_MONTHS:] > 0)
            by_ward[name].append(months[0] + 1 if len(months) else np.inf)
    return {name: np.array(months) for name, months in by_ward.items()}
