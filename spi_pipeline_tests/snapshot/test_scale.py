"""The ends of a scale are percentiles, moved where a third of a town lies beyond, but never by more than its length."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.snapshot.scale import MIN_WARDS, scale

WARDS = 1000


def country(**towns: list[float]) -> tuple[pd.Series, pd.Series]:
    """Wards with the values 0 to 100 in towns of twenty, and the towns given as arguments."""
    values = [*np.linspace(0, 100, WARDS), *(value for own in towns.values() for value in own)]
    names = [f"town {n % (WARDS // 20)}" for n in range(WARDS)]
    names += [name for name, own in towns.items() for _ in own]
    return pd.Series(values), pd.Series(names)


def test_scattered_extremes_leave_the_percentiles_unchanged() -> None:
    values, authority = country()
    result = scale(values, authority)
    assert (result.low, result.high) == pytest.approx((values.quantile(0.01), values.quantile(0.99)))
    assert 0 < result.beyond_low < 1 / 3
    assert 0 < result.beyond_high < 1 / 3


@pytest.mark.parametrize(("others", "widened"), [(8, True), (9, False)])
def test_a_third_of_one_town_beyond_an_end_moves_that_end_only(others: int, widened: bool) -> None:
    values, authority = country(crowded=[150.0] * 4 + [50.0] * others)
    result = scale(values, authority)
    assert result.beyond_high == pytest.approx(4 / (4 + others))
    assert result.high == (150.0 if widened else pytest.approx(values.quantile(0.99)))
    assert result.low == pytest.approx(values.quantile(0.01))


def test_a_small_authority_moves_nothing() -> None:
    values, authority = country(islands=[150.0] * (MIN_WARDS - 1))
    assert scale(values, authority).high == pytest.approx(values.quantile(0.99))


def test_one_odd_ward_widens_a_range_by_at_most_the_length_of_the_scale() -> None:
    values, authority = country(crowded=[150.0] * 5 + [32_000.0] + [50.0] * 6)
    low, high = values.quantile(0.01), values.quantile(0.99)
    assert scale(values, authority).high == pytest.approx(high + (high - low))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-10_000, 10_000), st.integers(0, 5)), min_size=20, max_size=120),
    st.sampled_from([0.25, 1.0, 64.0]),
    st.integers(-1000, 1000),
)
def test_a_scale_holds_its_percentiles_lies_in_the_range_and_keeps_its_place_in_another_unit(
    wards: list[tuple[int, int]], times: float, plus: int
) -> None:
    values, authority = pd.Series([float(value) for value, _ in wards]), pd.Series([town for _, town in wards])
    result, low, high = scale(values, authority), values.quantile(0.01), values.quantile(0.99)
    near = 1e-6 * max(1.0, values.abs().max())
    assert values.min() - near <= result.low <= low + near
    assert high - near <= result.high <= values.max() + near
    assert result.high - result.low <= 3 * (high - low) + near
    turned = scale(-values, authority)
    assert (turned.low, turned.high) == pytest.approx((-result.high, -result.low), abs=near)
    assert (turned.beyond_low, turned.beyond_high) == (result.beyond_high, result.beyond_low)
    moved = scale(times * values + plus, authority)
    assert (moved.low, moved.high) == pytest.approx(
        (times * result.low + plus, times * result.high + plus), abs=times * near
    )
    assert (moved.beyond_low, moved.beyond_high) == (result.beyond_low, result.beyond_high)
