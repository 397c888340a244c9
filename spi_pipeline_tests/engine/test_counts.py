"""Small numbers: suppression, shrinkage, and the sampling error that follows from counts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from spi_pipeline.engine import score
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import FrameworkError
from spi_pipeline.engine.intervals import events_interval, shrink_proportions, wilson
from spi_pipeline.engine.uncertainty.sources.measurement import standard_errors
from spi_pipeline_tests.engine.frameworks import element, indicator

CASES = [1, 12, 30, 8, 22, 3]
PEOPLE = [40, 90, 120, 80, 60, 100]


def framework(**keys: Any) -> dict[str, Any]:
    return {"normalise": "z", "elements": [element("index"), indicator("ill", "index", **keys)]}


def values(factor: float = 100, **columns: Any) -> pd.DataFrame:
    table = pd.DataFrame({"area_code": [*"ABCDEF"], "indicator_id": "ill", "numerator": CASES, "denominator": PEOPLE})
    table["value"] = factor * table["numerator"] / table["denominator"]
    return table.assign(**columns)


def scored(table: pd.DataFrame, **keys: Any) -> Scores:
    return score(framework(**keys), table)


def test_values_on_too_few_cases_are_suppressed_and_not_counted_as_observed() -> None:
    result = scored(values(), minimum_count=5)
    suppressed = result.indicators.suppressed
    assert suppressed[["area_code", "value", "count"]].to_numpy().tolist() == [["A", 2.5, 1], ["F", 3.0, 3]]
    assert result.scores["ill"].isna().tolist() == [True, False, False, False, False, True]
    assert result.coverage["index"].tolist() == [0, 1, 1, 1, 1, 0]


def test_proportions_are_shrunk_as_the_sampling_model_says() -> None:
    result = scored(values(), shrink=True)
    by_hand = shrink_proportions(pd.Series(CASES), pd.Series(PEOPLE))
    assert result.indicators.raw["ill"].tolist() == pytest.approx((100 * by_hand.value).tolist())
    record = result.indicators.shrunk.iloc[0]
    assert record["before"] == 2.5 < record["after"]
    # The credible interval replaces the sampling error.
    width = 100 * (by_hand.upper - by_hand.lower) / (2 * 1.959964)
    assert standard_errors(result)["ill"].tolist() == pytest.approx(width.tolist(), rel=1e-6)


def test_areas_without_events_still_have_a_sampling_error() -> None:
    table = values()
    table.loc[0, ["numerator", "value"]] = 0
    errors = standard_errors(scored(table))["ill"]
    interval = 100 * wilson(table["numerator"], table["denominator"])
    assert errors.tolist() == pytest.approx(
        ((interval["upper"] - interval["lower"]) / (2 * 1.959964)).tolist(), rel=1e-6
    )
    assert errors.iloc[0] > 1


@pytest.mark.parametrize("keys", [{"counts": "rate"}, {}])
def test_the_error_of_a_rate_follows_from_its_events(keys: dict[str, Any]) -> None:
    # Without the key, ratios above 1 show that these are not proportions.
    table = values(factor=1000) if keys else values(factor=1000, denominator=[4, 9, 12, 8, 6, 10])
    table["value"] = 1000 * table["numerator"] / table["denominator"]
    interval = 1000 * events_interval(table["numerator"], table["denominator"])
    width = (interval["upper"] - interval["lower"]) / (2 * 1.959964)
    assert standard_errors(scored(table, **keys))["ill"].tolist() == pytest.approx(width.tolist(), rel=1e-6)


def test_a_given_interval_takes_precedence_over_counts() -> None:
    table = values(lower=10.0, upper=10.0 + 2 * 1.959964)
    assert standard_errors(scored(table))["ill"].tolist() == pytest.approx([1.0] * 6, rel=1e-6)


@pytest.mark.parametrize(
    ("keys", "columns", "words"),
    [
        ({"minimum_count": 5}, ["numerator", "denominator"], "no numerator or denominator"),
        ({"shrink": True}, ["denominator"], "needs its numerators and denominators"),
    ],
)
def test_suppression_and_shrinkage_need_counts(keys: dict[str, Any], columns: list[str], words: str) -> None:
    with pytest.raises(EngineError, match=words):
        scored(values().drop(columns=columns), **keys)


def test_counts_inconsistent_with_the_values_are_refused_for_shrinkage_only() -> None:
    table = values().assign(value=[5.0, 1, 7, 3, 90, 2])
    with pytest.raises(EngineError, match="times one number"):
        scored(table, shrink=True)
    assert standard_errors(scored(table))["ill"].notna().all()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"shrink": "yes"}, "shrink is 'yes': write true or false"),
        ({"minimum_count": "five"}, "minimum_count is 'five'"),
        ({"counts": "share"}, "counts is 'share'"),
        ({"treat": "hard"}, "treat has 'hard'"),
        ({"treat": {"skew": "much"}}, "skew of treat is 'much'"),
    ],
)
def test_faulty_options_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(FrameworkError, match=words):
        scored(values(), **keys)
