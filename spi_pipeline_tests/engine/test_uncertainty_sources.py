"""Sources of uncertainty: errors drawn once per observation, allocation, imputation, and the choice of indicators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from spi_pipeline.engine import score
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.faults import FrameworkError
from spi_pipeline.engine.framework.uncertainty_settings import MEASURED, UncertaintySettings
from spi_pipeline.engine.uncertainty.simulate import Uncertainty, simulate
from spi_pipeline.engine.uncertainty.sources.choice import Spread, moderated
from spi_pipeline.engine.uncertainty.tails import Tails
from spi_pipeline_tests.engine.frameworks import NAN, element, indicator, rows

NINETY = 1.6448536


def index(slots: dict[str, int], **keys: Any) -> dict[str, Any]:
    """An index whose components have the given numbers of indicators, each with goalposts 0 and 100."""
    leaves = [indicator(f"{name}{number}", name, worst=0, best=100) for name, count in slots.items()
              for number in range(count)]  # fmt: skip
    return {**keys, "elements": [element("index"), *(element(name, "index") for name in slots), *leaves]}


def drawn(slots: dict[str, int], areas: int, seed: int = 0, common: float = 8.0, own: float = 6.0) -> pd.DataFrame:
    """Random values whose indicators spread around the level of their component by known amounts."""
    rng = np.random.default_rng(seed)
    columns = {}
    for name, count in slots.items():
        level = 50 + 5 * rng.normal(size=areas)
        for number in range(count):
            columns[f"{name}{number}"] = np.clip(level + common * rng.normal() + own * rng.normal(size=areas), 1, 99)
    return rows({name: list(column) for name, column in columns.items()}, [2024])


def widths(found: Uncertainty, kind: str = "score") -> pd.Series:
    """The mean width of the intervals of each element."""
    table = found.intervals
    return (table[f"{kind}_high"] - table[f"{kind}_low"]).groupby(table["id"]).mean()


def choice(framework: dict[str, Any], values: pd.DataFrame, draws: int = 400) -> Uncertainty:
    return simulate(score(framework, values), draws, settings=UncertaintySettings(sources=("choice",)))


def test_fewer_indicators_make_wider_intervals_and_no_element_is_certain() -> None:
    slots = {"many": 8, "some": 4, "few": 2, "one": 1}
    found = widths(choice(index(slots), drawn(slots, 20)))
    assert found["many"] < found["some"] < found["few"] < found["one"]
    assert found["index"] > 0


def test_the_spread_of_other_indicators_by_hand() -> None:
    """A single component borrows nothing: its spread follows a t distribution with its own degrees of freedom."""
    slots = {"a": 5}
    values = drawn(slots, 40, common=0.0, own=8.0)
    scores = score(index(slots), values)
    block = scores.scores[[f"a{number}" for number in range(5)]].to_numpy()
    left = block - block.mean(axis=0) - block.mean(axis=1, keepdims=True) + block.mean()
    single = (left**2).sum() / (39 * 4)
    shared = max(block.mean(axis=0).var(ddof=1) - single / 40, 0)
    rng = np.random.default_rng(1)
    by_hand = np.sqrt(shared / 5) * rng.standard_t(4, 200_000) + np.sqrt(single / 5) * rng.standard_t(156, 200_000)
    expected = np.subtract(*np.quantile(by_hand, [0.95, 0.05]))
    found = widths(simulate(scores, 4000, settings=UncertaintySettings(sources=("choice",))))
    assert found["a"] == pytest.approx(expected, rel=0.08)


def test_measurement_error_is_not_counted_again_in_the_choice_of_indicators() -> None:
    slots = {"a": 6}
    values = drawn(slots, 200, common=0.0, own=6.0)
    noisy = values.assign(lower=values["value"] - 1.96 * 6, upper=values["value"] + 1.96 * 6)
    both = UncertaintySettings(sources=("measurement", "choice"))
    with_error = widths(simulate(score(index(slots), noisy), 1000, settings=both))["a"]
    without = widths(choice(index(slots), values, 1000))["a"]
    # All differences between the indicators are error: as much as measurement adds, choice loses.
    assert with_error == pytest.approx(without, rel=0.15)


def test_the_table_reports_elements_that_cannot_supply_an_estimate() -> None:
    slots = {"a": 1, "b": 1}
    entry = choice(index(slots), drawn(slots, 12)).sources().set_index("source").loc["choice"]
    assert not entry["varied"]
    assert entry["how"].startswith("no element has two indicators")
    slots = {"a": 3, "b": 1}
    entry = choice(index(slots), drawn(slots, 12)).sources().set_index("source").loc["choice"]
    assert "b, with one indicator, by the estimates of the others" in entry["how"]
    assert "random sample" in entry["assumed"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.5, 50), min_size=2, max_size=12), st.integers(1, 30))
def test_moderated_variances_lie_between_each_variance_and_the_common_one(squares: list[float], degrees: int) -> None:
    found = moderated([*(Spread(square, degrees) for square in squares), Spread(0.0, 0.0)])
    common = found[-1]
    assert common.square > 0
    for square, one in zip(squares, found, strict=False):
        low, high = sorted([square, common.square])
        assert low - 1e-9 <= one.square <= high + 1e-9
        assert one.freedom >= max(degrees, common.freedom)


def test_similar_variances_are_pooled_and_different_ones_are_not() -> None:
    alike = moderated([Spread(4.0, 50.0)] * 6)
    assert all(np.isinf(one.freedom) for one in alike)
    # The mean of the logarithms, corrected for the bias of a logarithm.
    assert alike[0].square == pytest.approx(4 * np.exp(np.log(25) - special.digamma(25)))
    apart = moderated([Spread(4.0**power, 50.0) for power in range(6)])
    assert apart[0].freedom < 60
    assert apart[0].square == pytest.approx(1, rel=0.25)
    rng = np.random.default_rng(2)
    true = 9 * 6 / rng.chisquare(6, 4000)
    prior = moderated([*(Spread(float(v * rng.chisquare(3) / 3), 3.0) for v in true), Spread(0.0, 0.0)])[-1]
    assert prior.freedom == pytest.approx(6, rel=0.25)
    assert prior.square == pytest.approx(9, rel=0.1)


def two_editions(**columns: Any) -> pd.DataFrame:
    slots = {"a": 2, "b": 2}
    first = drawn(slots, 16)
    both = pd.concat([first.assign(edition=2023), first.assign(edition=2024)], ignore_index=True)
    return both.assign(lower=both["value"] - 4, upper=both["value"] + 4, **columns)


def changed(values: pd.DataFrame) -> pd.DataFrame:
    scores = score(index({"a": 2, "b": 2}), values)
    return simulate(scores, 200).changes(2023, 2024).set_index(["id", "area_code"])


def test_values_not_measured_again_have_not_changed() -> None:
    unchanged = changed(two_editions(period="2021"))
    assert (unchanged == 0).all(axis=None)
    remeasured = changed(two_editions(period=two_editions()["edition"].astype(str)))
    assert (remeasured["change_low"] < 0).all()
    assert (remeasured["change_high"] > 0).all()
    undated = changed(two_editions())
    width = (remeasured["change_high"] - remeasured["change_low"]).mean()
    assert (undated["change_high"] - undated["change_low"]).mean() == pytest.approx(width, rel=0.1)


def test_one_figure_measured_again_moves_only_its_own_area_and_parents() -> None:
    values = two_editions(period="2021")
    newer = (values["edition"] == 2024) & (values["indicator_id"] == "a0") & (values["area_code"] == "A03")
    values.loc[newer, "period"] = "2024"
    values.loc[newer, ["value", "lower", "upper"]] -= 20
    found = changed(values)
    moved = found[(found["change_low"] != 0) | (found["change_high"] != 0)]
    assert set(moved.index) == {(name, "A03") for name in ("a0", "a", "index")}
    row = found.loc[("a", "A03")]
    assert row["change_low"] < -10 < row["change_high"]
    # Two errors with a standard error of 4 / 1.96 each, at half the weight.
    width = 2 * NINETY * 2**0.5 * 4 / 1.96 / 2
    assert row["change_high"] - row["change_low"] == pytest.approx(width, rel=0.2)


def test_an_unknown_edition_is_refused() -> None:
    with pytest.raises(Exception, match="there is no edition 2022: use one of 2023, 2024"):
        simulate(score(index({"a": 2, "b": 2}), two_editions()), 20).changes(2022, 2024)


def test_errors_of_allocation_add_to_those_of_measurement() -> None:
    values = drawn({"a": 1, "b": 2}, 60).assign(allocation_error=3.0)
    values = values.assign(lower=values["value"] - 4 * 1.96, upper=values["value"] + 4 * 1.96)
    scores = score(index({"a": 1, "b": 2}), values)
    found = widths(simulate(scores, 2000), "measured")
    assert found["a"] == pytest.approx(2 * NINETY * 5, rel=0.04)
    with pytest.raises(FrameworkError, match="the allocation_error is below 0"):
        score(index({"a": 1, "b": 2}), values.assign(allocation_error=-1.0))


@pytest.mark.parametrize("impute", ["regression", "mean", "neighbours", "group_mean"])
def test_an_imputed_cell_has_the_error_of_estimates_of_known_values(impute: str) -> None:
    values = drawn({"a": 4}, 80).assign(group="all")
    gap = (values["indicator_id"] == "a1") & (values["area_code"] == "A07")
    values.loc[gap, "value"] = NAN
    scores = score(index({"a": 4}, impute=impute), values)
    [cell] = scores.indicators.cells.to_dict("records")
    assert 2 < cell["error"] < 15
    found = simulate(scores, 2000).intervals.set_index(["id", "area_code"])
    width = found["measured_high"] - found["measured_low"]
    assert width[("a1", "A07")] == pytest.approx(2 * NINETY * cell["error"], rel=0.08)
    assert (width.drop([(name, "A07") for name in ("a1", "a", "index")]) == 0).all()


def scores_of(seed: int) -> Scores:
    values = drawn({"a": 3, "b": 1}, 15, seed).assign(allocation_error=0.5)
    return score(index({"a": 3, "b": 1}, profile="spi"), values)


def test_intervals_of_errors_alone_are_narrower_than_those_of_all_sources() -> None:
    found = simulate(scores_of(3), 300)
    measured, whole = widths(found, "measured"), widths(found)
    assert ((measured > 0) & (measured < whole)).all()
    table = found.intervals
    assert (table["score_high"] > table["score_low"]).all()
    assert {one.source for one in found.varied if one.varied} >= {*MEASURED} - {"measurement", "imputation"}


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 300), st.integers(1, 7), st.integers(0, 10_000))
def test_the_tails_give_the_same_quantiles_as_all_draws(draws: int, at_once: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(draws, 5))
    ranks = rng.integers(1, 30, size=(draws, 5)).astype(np.uint8)
    scores, whole = Tails(draws), Tails(draws)
    for start in range(0, draws, at_once):
        scores.add(table[start : start + at_once])
        whole.add(ranks[start : start + at_once])
    np.testing.assert_allclose(scores.scores(), np.quantile(table, [0.05, 0.95], axis=0), rtol=0, atol=1e-12)
    expected = [np.quantile(ranks, end, axis=0, method="inverted_cdf") for end in (0.05, 0.95)]
    np.testing.assert_array_equal(whole.ranks(), expected)


def test_the_interval_of_a_normal_error_has_the_normal_quantiles() -> None:
    """Independent check: the measured interval of one indicator is its value plus or minus 1.645 standard errors."""
    values = drawn({"a": 2}, 10)
    values = values.assign(lower=values["value"] - 1.96, upper=values["value"] + 1.96)
    found = simulate(score(index({"a": 2}), values), 3000).intervals
    own = found[found["id"] == "a0"]
    value = values.loc[values["indicator_id"] == "a0", "value"].to_numpy()
    np.testing.assert_allclose(own["measured_low"], value + stats.norm.ppf(0.05), rtol=0, atol=0.12)
    np.testing.assert_allclose(own["measured_high"], value + stats.norm.ppf(0.95), rtol=0, atol=0.12)
