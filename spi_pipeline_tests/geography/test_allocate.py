"""Counts and means of small areas become figures of wards that conserve totals and state their coverage."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.allocate import allocate_counts, allocate_means

# a lies in V; b is 3/4 in V and 1/4 in W; c is half in W and half in no ward; d lies in W.
WEIGHTS = pd.DataFrame(
    [
        ("a", "V", 1.0, 100.0),
        ("b", "V", 0.75, 200.0),
        ("b", "W", 0.25, 200.0),
        ("c", "W", 0.5, 40.0),
        ("c", "outside", 0.5, 40.0),
        ("d", "W", 1.0, 30.0),
    ],
    columns=["small_area_code", "area_code", "weight", "residents"],
)
NAN = float("nan")


def frame(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"area_code": list("abcd"), **columns})


def test_counts_by_hand() -> None:
    result = allocate_counts(frame(thefts=[10, 8, 6, 1], residents=[1, 0, 0, 0]), WEIGHTS)
    assert result.wards["thefts"].to_dict() == {"V": 16, "W": 6}
    assert result.wards["residents"].to_dict() == {"V": 1, "W": 0}, "a value column may be called residents"
    assert result.unplaced.to_dict() == {"thefts": 3, "residents": 0}
    assert (result.covered == 1).all(axis=None)


def test_a_missing_count_is_not_zero() -> None:
    result = allocate_counts(frame(n=[NAN, NAN, 6, 1]), WEIGHTS)
    assert math.isnan(result.wards.loc["V", "n"])
    assert result.wards.loc["W", "n"] == 4
    assert result.covered["n"].to_dict() == pytest.approx({"V": 0, "W": 50 / 100}), "20 + 30 of 50 + 20 + 30 residents"
    assert result.unplaced["n"] == 3


def test_an_absent_small_area_is_missing_too() -> None:
    result = allocate_counts(frame(n=[10, 8, 6, 1]).iloc[1:], WEIGHTS)
    assert result.wards["n"].to_dict() == {"V": 6, "W": 6}
    assert result.covered["n"].to_dict() == pytest.approx({"V": 150 / 250, "W": 1})


def test_means_with_published_denominators_by_hand() -> None:
    result = allocate_means(frame(value=[1, 3, 5, 7], denominator=[10, 20, 4, 0]), WEIGHTS)
    # V: (1×10 + 3×15) / 25; W: (3×5 + 5×2 + 7×0) / 7
    assert result.wards["value"].to_dict() == pytest.approx({"V": 55 / 25, "W": 25 / 7})
    assert result.wards["denominator"].to_dict() == {"V": 25, "W": 7}
    assert result.unplaced.to_dict() == {"value": 5, "denominator": 2}
    assert result.covered["value"].to_dict() == {"V": 1, "W": 1}


def test_means_by_residents_by_hand() -> None:
    result = allocate_means(frame(value=[1, 3, 5, 7]), WEIGHTS)
    assert result.wards["value"].to_dict() == pytest.approx({"V": (100 + 450) / 250, "W": (150 + 100 + 210) / 100})
    assert result.unplaced.to_dict() == {"value": 5, "denominator": 20}


def test_a_missing_mean_is_left_out_and_lowers_coverage() -> None:
    result = allocate_means(frame(value=[NAN, 3, 5, 7], denominator=[10, 20, 4, 2]), WEIGHTS)
    assert result.wards.loc["V"].to_dict() == {"value": 3, "denominator": 15}
    assert result.covered.loc["V", "value"] == pytest.approx(15 / 25)
    assert result.covered.loc["W", "value"] == 1


def test_missing_denominators_are_estimated_from_residents_for_coverage() -> None:
    # b and c have denominators of 24 for 240 residents, so the 100 residents of a count as 10 and the 30 of d as 3.
    result = allocate_means(frame(value=[1, 3, 5, 7], denominator=[NAN, 20, 4, NAN]).iloc[:3], WEIGHTS)
    assert result.wards.loc["V"].to_dict() == {"value": 3, "denominator": 15}
    assert result.covered["value"].to_dict() == pytest.approx({"V": 15 / 25, "W": 7 / 10})


def test_an_undefined_rate_of_nobody_leaves_coverage_complete() -> None:
    result = allocate_means(frame(value=[1, 3, 5, NAN], denominator=[10, 20, 4, 0]), WEIGHTS)
    assert result.covered["value"].to_dict() == {"V": 1, "W": 1}


def test_wards_without_known_values_are_missing_and_uncovered() -> None:
    result = allocate_means(frame(value=[NAN] * 4), WEIGHTS)
    assert result.wards["value"].isna().all()
    assert result.covered["value"].dropna().eq(0).all()
    assert math.isnan(result.unplaced["value"])


@pytest.mark.parametrize(
    ("counts", "weights", "message"),
    [
        pytest.param(
            pd.DataFrame({"area_code": ["a", "E01099999", None], "n": [1, 2, 3]}),
            WEIGHTS,
            r"no weights for small areas of the figures, \(empty\), E01099999: ",
            id="unknown",
        ),
        pytest.param(pd.DataFrame({"area_code": ["a", "a"], "n": [1, 2]}), WEIGHTS, "one row for a: ", id="repeated"),
        pytest.param(
            pd.DataFrame({"area_code": ["a"], "n": ["6,998"]}), WEIGHTS, "columns n are not numbers", id="text"
        ),
        pytest.param(frame(n=[1, 2, math.inf, 4]), WEIGHTS, "columns n hold infinite", id="infinite"),
        pytest.param(frame(n=[1, 2, 3, 4]), pd.concat([WEIGHTS, WEIGHTS]), "several geographies", id="geographies"),
        pytest.param(frame(n=[1, 2, 3, 4]), WEIGHTS.assign(weight=0.9), "does not conserve the total of n", id="lossy"),
    ],
)
def test_invalid_counts_are_refused(counts: pd.DataFrame, weights: pd.DataFrame, message: str) -> None:
    with pytest.raises(SpiError, match=message):
        allocate_counts(counts, weights)


def test_twelve_unknown_codes_are_named_up_to_ten() -> None:
    counts = pd.DataFrame({"area_code": [f"x{n:02}" for n in range(12)], "n": 1})
    with pytest.raises(SpiError, match="x09 and 2 more"):
        allocate_counts(counts, WEIGHTS)


def test_negative_denominators_are_refused() -> None:
    with pytest.raises(SpiError, match="denominators of b are negative"):
        allocate_means(frame(value=[1, 3, 5, 7], denominator=[10, -20, 4, 2]), WEIGHTS)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pd.DataFrame, int]:
    """Weights of up to eight small areas in up to four wards and outside them."""
    areas = draw(st.integers(1, 8))
    names = ["V1", "V2", "V3", "V4", "outside"]
    rows = []
    for area in range(areas):
        parts = draw(st.lists(st.integers(0, 20), min_size=5, max_size=5).filter(any))
        residents = draw(st.integers(0, 500))
        rows += [
            (f"a{area}", name, part / sum(parts), float(residents))
            for name, part in zip(names, parts, strict=True)
            if part
        ]
    return pd.DataFrame(rows, columns=list(WEIGHTS.columns)), areas


maybe = st.none() | st.floats(-1e6, 1e6, allow_subnormal=False)


@settings(deadline=None, max_examples=60)
@given(worlds(), st.data())
def test_counts_conserve_totals(world: tuple[pd.DataFrame, int], data: st.DataObject) -> None:
    weights, areas = world
    values = np.array(data.draw(st.lists(maybe, min_size=areas, max_size=areas)), dtype=float)
    result = allocate_counts(pd.DataFrame({"area_code": [f"a{n}" for n in range(areas)], "n": values}), weights)
    total = result.wards["n"].sum() + result.unplaced.get("n", 0.0)
    assert total == pytest.approx(np.nansum(values), abs=1e-6, rel=0)
    assert result.covered["n"].dropna().between(0, 1 + 1e-12).all()
    for ward in result.wards.index:
        rows = weights[weights["area_code"] == ward]
        known = ~np.isnan(values[rows["small_area_code"].str[1:].astype(int)])
        assert result.wards.loc[ward].isna().all() == (not known.any())


@settings(deadline=None, max_examples=60)
@given(worlds(), st.data())
def test_means_conserve_the_weighted_mean_and_stay_between_the_extremes(
    world: tuple[pd.DataFrame, int], data: st.DataObject
) -> None:
    weights, areas = world
    score = st.none() | st.floats(-1e3, 1e3, allow_subnormal=False)
    values = np.array(data.draw(st.lists(score, min_size=areas, max_size=areas)), dtype=float)
    sizes = np.array(data.draw(st.lists(st.integers(0, 900), min_size=areas, max_size=areas)), dtype=float)
    means = pd.DataFrame({"area_code": [f"a{n}" for n in range(areas)], "value": values, "denominator": sizes})
    result = allocate_means(means, weights)

    def total(value: pd.Series | float, size: pd.Series | float) -> float:
        return float(np.nansum(np.asarray(value) * np.asarray(size)))

    placed = total(result.wards["value"], result.wards["denominator"])
    outside = total(result.unplaced["value"], result.unplaced["denominator"])
    assert placed + outside == pytest.approx(total(values, sizes), abs=1e-5)
    known = result.wards["value"].dropna()
    assert known.between(np.nanmin(values) - 1e-9, np.nanmax(values) + 1e-9).all() if len(known) else True
    assert result.covered["value"].dropna().between(0, 1 + 1e-12).all()
