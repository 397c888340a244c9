"""Intervals have their stated coverage on universes whose true scores are known; ``simulation`` prints more."""

from __future__ import annotations

from spi_pipeline_tests.simulation import coverage


def test_intervals_have_their_coverage_and_lose_it_where_their_assumptions_fail() -> None:
    result = coverage(universes=24, draws=200, seed=1)
    # So few universes give a share to within a point or two; with the hundred of the command, shares lie between 86
    # and 94 %.
    assert 0.86 <= result["component scores"] <= 0.96
    assert 0.86 <= result["changes"] <= 0.96
    assert result["ranks"] >= 0.86
    # Each universe has a single index: 24 of them give its coverage to within about five points.
    assert 0.86 <= result["index scores"] <= 0.99
    worse = coverage(universes=8, draws=200, seed=1, worse=2.0, drift=4.0)
    assert worse["changes"] < 0.7
