"""Intervals hold what they say on universes whose true scores are known; ``simulation`` prints more of them."""

from __future__ import annotations

from spi_pipeline_tests.simulation import coverage


def test_intervals_cover_what_they_should_and_lose_it_where_their_assumptions_fail() -> None:
    found = coverage(universes=24, draws=200, seed=1)
    # So few universes tell a share to a point or two; the hundred of the command lie between 86 and 94 %.
    assert 0.86 <= found["component scores"] <= 0.96
    assert 0.86 <= found["changes"] <= 0.96
    assert found["ranks"] >= 0.86
    # The index has one level in each universe: 24 of them tell its coverage to some five points.
    assert 0.86 <= found["index scores"] <= 0.99
    worse = coverage(universes=8, draws=200, seed=1, worse=2.0, drift=4.0)
    assert worse["changes"] < 0.7
