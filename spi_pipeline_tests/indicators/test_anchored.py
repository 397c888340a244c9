"""Levels moved by counts: how a ward's counts move its value, before and after shrinkage, and how the town's do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.contracts.models.levels import at_its_level, level_of
from spi_pipeline.indicators.anchored import anchored_values, base_year, movement
from spi_pipeline.indicators.values import Wards, WardValues, ward_values
from spi_pipeline_tests.scoring.town import NAN, indicator, source

TOWN = "E06000001"
WARDS = [f"E0500000{n}" for n in range(1, 8)]
SMALL = [f"E0100000{n}" for n in range(1, 8)]
PLACES = Wards(
    boundaries=pd.DataFrame({"area_code": WARDS, "parent_code": TOWN}),
    weights=pd.DataFrame(
        {
            "geography": "lsoa21",
            "small_area_code": SMALL,
            "area_code": WARDS,
            "weight": 1.0,
            "residents": [1000.0, 1500.0, 900.0, 2000.0, 1200.0, 800.0, 1600.0],
            "method": "parts",
        }
    ),
    least_covered=0.65,
)
RATES = [10.0, 20.0, 5.0, 12.0, 30.0, 8.0, 16.0]
SOURCES = {"survey": source(levels=("point",), column="month"), "rates": source("rates")}
# The base is two years, followed by a window of one year.
BASE, WINDOW = ("2022-05", "2024-04"), ("2024-05", "2025-04")


def measured(**changed: Any) -> Indicator:
    level = {"source": "rates", "columns": ["with_injury", "without"], "start": BASE[0], "end": BASE[1]}
    stated = {"kind": "anchored", "columns": ["crimes"], "window": {"months": 12}, "level": level}
    return indicator("violence", **(stated | changed))


def months(first: str, last: str) -> list[str]:
    return [str(month) for month in pd.period_range(first, last, freq="M")]


def crimes(monthly: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """One row for each ward and month; ``monthly`` has each month's crimes by ward."""
    rows = [
        {"month": month, "ward_code": ward, "crimes": count, "has_place": True}
        for month, counts in monthly.items()
        for ward, count in zip(WARDS, counts, strict=True)
        if count
    ]
    return pd.DataFrame(rows)


def computed(points: pd.DataFrame, rates: Sequence[float] = RATES, **changed: Any) -> WardValues:
    level = pd.DataFrame({"area_code": SMALL, "with_injury": rates, "without": [1.0] * len(SMALL)})
    return anchored_values(measured(**changed), SOURCES, {"survey": points, "rates": level}, PLACES)


def steady(base: Sequence[float], window: Sequence[float]) -> pd.DataFrame:
    return crimes(dict.fromkeys(months(*BASE), base) | dict.fromkeys(months(*WINDOW), window))


def newest(got: WardValues) -> pd.DataFrame:
    assert got.limits is not None
    last = got.values["period_end"].max()
    assert last == pd.Timestamp(2025, 4, 30)
    return got.values.join(got.limits)[got.values["period_end"] == last].set_index("area_code")


def test_unchanged_counts_leave_every_ward_at_its_level() -> None:
    monthly = [3, 7, 2, 9, 11, 1, 4]
    got = newest(computed(steady(monthly, monthly)))
    assert got.loc[WARDS, "value"].to_list() == pytest.approx([rate + 1 for rate in RATES])
    residents = PLACES.weights["residents"]
    assert got.loc[TOWN, "value"] == pytest.approx(np.average(RATES, weights=residents) + 1)
    assert got.loc[WARDS, "numerator"].to_list() == [12 * count for count in monthly]
    assert got.loc[TOWN, "numerator"] == 12 * sum(monthly)
    assert got.loc[TOWN, "denominator"] == residents.sum()
    assert ((got["lower"] < got["value"]) & (got["value"] < got["upper"])).all(), (
        "every value has an interval, however alike the wards are"
    )


COUNTS = st.lists(st.integers(0, 400), min_size=7, max_size=7)
BASES = st.lists(st.integers(1, 400), min_size=7, max_size=7)


@settings(deadline=None, max_examples=30)
@given(BASES, COUNTS, st.lists(st.floats(0.5, 200), min_size=7, max_size=7))
def test_the_town_moves_as_its_counts_do(base: list[int], window: list[int], rates: list[float]) -> None:
    """This holds whatever shrinkage does to the wards; the town's value is also the mean of theirs."""
    # A month with less than a third of the counts around it is treated as unpublished.
    assume(3 * sum(window) >= max(sum(base), 1))
    got = newest(computed(steady(base, window), rates))
    level = np.average(rates, weights=PLACES.weights["residents"]) + 1
    assert got.loc[TOWN, "value"] / level == pytest.approx(sum(window) / sum(base), rel=1e-9)
    wards = got.loc[WARDS]
    assert np.average(wards["value"], weights=wards["denominator"]) == pytest.approx(got.loc[TOWN, "value"], rel=1e-9)


@given(BASES, st.integers(0, 6))
def test_before_shrinkage_equal_counts_move_nothing_and_half_the_counts_halve_a_value(
    base: list[int], ward: int
) -> None:
    """With fewer than five wards there is no shrinkage towards the town: each ward keeps its own ratio."""
    four = pd.Series([2.0 * count for count in base[:4]])
    assert movement(four, four)["value"].to_list() == [1.0] * 4
    halved = four.copy()
    halved[ward % 4] /= 2
    got = movement(halved, four)["value"]
    assert got[ward % 4] == 0.5
    assert got.drop(ward % 4).to_list() == [1.0] * 3


@settings(deadline=None, max_examples=30)
@given(BASES, COUNTS)
def test_shrinkage_draws_a_ward_towards_the_town_and_not_past_it(base: list[int], window: list[int]) -> None:
    count, expected = pd.Series(window, dtype=float), pd.Series(base, dtype=float)
    got = movement(count, expected)
    own, low, high = count / expected, (count / expected).min(), (count / expected).max()
    # The search for the prior's mean ends on a flat maximum, with some three digits; rescaling makes up for that.
    assert got["value"].between(low * 0.99 - 1e-9, high * 1.01 + 1e-9).all()
    assert got["value"].max() - got["value"].min() <= own.max() - own.min() + 1e-2 * max(1.0, own.max())
    assert (got["lower"] <= got["value"] + 1e-12).all()
    assert (got["value"] <= got["upper"] + 1e-12).all()
    if count.sum():
        assert (got["upper"] > got["lower"]).all()


def test_larger_counts_are_shrunk_less_and_have_narrower_intervals() -> None:
    expected = pd.Series([50.0, 5000.0, 100, 100, 100, 100])
    count = pd.Series([100.0, 10000.0, 60, 90, 130, 110])
    got = movement(count, expected)
    assert got["value"][0] < got["value"][1] <= 2
    width = got["upper"] - got["lower"]
    assert width[0] > width[1]


def test_no_ward_has_a_narrower_interval_than_its_town() -> None:
    expected = pd.Series([100.0, 120, 80, 90, 110, 100])
    count = pd.Series([98.0, 121, 79, 92, 108, 101])
    got = movement(count, expected)
    town = movement(pd.Series([count.sum()]), pd.Series([expected.sum()])).iloc[0]
    assert (got["upper"] - got["lower"] >= town["upper"] - town["lower"] - 1e-9).all()


def test_every_calendar_month_has_equal_weight_whichever_months_are_held() -> None:
    """A base with January twice and the other months once gives January no more weight."""
    base = dict.fromkeys(months("2022-05", "2023-04"), [10.0] * 7) | {"2024-01": [30.0] * 7}
    points = crimes(base)
    base_counts = base_year(measured(), points, points, PLACES, 1 / 3)
    assert base_counts.tolist() == [11 * 10 + (10 + 30) / 2] * 7


def test_a_month_outside_the_period_of_the_level_is_not_in_the_base() -> None:
    points = steady([4] * 7, [400] * 7)
    assert base_year(measured(), points, points, PLACES, 1 / 3).tolist() == [48.0] * 7


def test_a_base_that_lacks_a_calendar_month_is_refused() -> None:
    held = [month for month in months(*BASE) if not month.endswith("-07")]
    points = crimes(dict.fromkeys([*held, *months(*WINDOW)], [5.0] * 7))
    with pytest.raises(
        SpiError, match=r"violence: source survey lacks months.*2022-05 to 2024-04.*fetch it since 2022"
    ):
        computed(points)


def test_a_ward_without_a_level_or_a_base_is_missing_and_left_out_of_the_town() -> None:
    monthly = [3, 7, 2, 9, 11, 1, 0]
    got = newest(computed(steady(monthly, [2 * count for count in monthly]), [NAN, *RATES[1:]]))
    known = WARDS[1:6]
    assert got.loc[[WARDS[0], WARDS[6]], ["value", "lower", "upper", "numerator", "denominator"]].isna().all(axis=None)
    assert got.loc[known, "value"].to_list() == pytest.approx([2 * (rate + 1) for rate in RATES[1:6]])
    assert got.loc[TOWN, "numerator"] == got.loc[known, "numerator"].sum()


def test_a_town_without_crimes_in_the_window_is_zero_with_a_positive_upper_limit() -> None:
    points = pd.concat([steady([5] * 7, [0] * 7), crimes(dict.fromkeys(months(*WINDOW), [1.0] * 7)).assign(kind="x")])
    got = newest(computed(points.fillna({"kind": "y"}), where={"kind": ["y"]}))
    assert (got["value"] == 0).all()
    assert (got["upper"] > 0).all()


def test_a_level_alone_has_its_own_period_error_and_limits() -> None:
    level = {"source": "rates", "columns": ["with_injury", "without"], "start": BASE[0], "end": BASE[1]}
    anchored = measured(level=level | {"error": {"evidence": "dispersion", "relative_sd": 0.1, "reason": "Years."}})
    alone = at_its_level(anchored, "Missing here: the police say nothing.")
    assert type(alone).model_validate(alone.model_dump()) == alone, "a contract could state the same"
    assert alone.error_evidence == "dispersion"
    assert alone.limits.startswith(anchored.limits)
    assert alone.limits.endswith(
        "It is the level of 2022-05 to 2024-04, which no newer counts move. Missing here: the police say nothing."
    )
    rates = pd.DataFrame({"area_code": SMALL, "with_injury": RATES, "without": 1.0})
    result = ward_values(alone, SOURCES, {"rates": rates}, PLACES).values.set_index("area_code")
    assert result.loc[WARDS, "value"].to_list() == [rate + 1 for rate in RATES]
    assert result["period_start"].unique() == [pd.Timestamp(2022, 5, 1)]
    assert result["period_end"].unique() == [pd.Timestamp(2024, 4, 30)]


def test_the_level_is_a_measure_of_its_own() -> None:
    level = level_of(measured())
    assert (level.id, level.source, level.measure.kind) == ("violence", "rates", "mean")
    assert level.measure.columns == ["with_injury", "without"]
