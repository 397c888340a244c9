"""False signals and delays on a small seeded sample; ``python -m spi_pipeline_tests.charts`` runs all histories."""

from __future__ import annotations

import numpy as np
import pytest

from spi_pipeline.engine.control_chart import MAX_MONTHS
from spi_pipeline_tests.charts.histories import DRAWS, resampled
from spi_pipeline_tests.charts.performance import delays, false_signals
from spi_pipeline_tests.charts.real import Real
from spi_pipeline_tests.integration.sandboxes import Sandbox

HISTORIES = 12


def test_real_counts_cover_three_years(reals: dict[str, Real], refreshed: Sandbox) -> None:
    assert reals.keys() == {item.id for item in refreshed.contracts.monthly}
    assert {real.counts.shape for real in reals.values()} == {(20, MAX_MONTHS)}


@pytest.mark.parametrize("name", DRAWS)
def test_a_drawn_history_varies_as_much_as_the_real_one(reals: dict[str, Real], name: str) -> None:
    real = reals["violent_crime"]
    drawn = DRAWS[name](real, 1200, np.random.default_rng(1))
    np.testing.assert_allclose(drawn.mean(axis=1), real.counts.mean(axis=1), rtol=0.05)
    ratio = np.var(drawn, axis=1).mean() / np.var(real.counts, axis=1).mean()
    assert ratio == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("name", DRAWS)
def test_at_most_two_signals_a_year_are_false(reals: dict[str, Real], limit: float, name: str) -> None:
    assert sum(false_signals(reals, DRAWS[name], limit, HISTORIES, seed=1).values()) <= 2


def test_a_low_limit_gives_many_false_signals(reals: dict[str, Real]) -> None:
    assert sum(false_signals(reals, DRAWS["real months, resampled"], 1.5, 2, seed=1).values()) > 50


def test_larger_counts_reveal_a_rise_by_half_sooner(reals: dict[str, Real], limit: float) -> None:
    frequent, rare = (
        delays(reals[measure], resampled(1), limit, HISTORIES, seed=1) for measure in ("violent_crime", "burglary")
    )
    assert all(np.median(months) <= 12 for months in frequent.values())
    assert all(np.median(frequent[ward]) < np.median(months) for ward, months in rare.items())
