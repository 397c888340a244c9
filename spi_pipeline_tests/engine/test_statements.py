"""Options of a framework beyond profile and goalposts: caps, percentiles, divisors, rules by level, rescaling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.engine import explain, read, score
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import FrameworkError
from spi_pipeline.engine.uncertainty.simulate import simulate
from spi_pipeline_tests.engine.frameworks import EXAMPLE, NAN, element, indicator, rows, two_components


def one_level(*leaves: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**keys, "elements": [element("index"), *leaves]}


def scored(framework: dict[str, Any], **columns: list[float]) -> Scores:
    return score(framework, rows(columns))


def faults(framework: dict[str, Any], values: pd.DataFrame | None = None) -> str:
    with pytest.raises(FrameworkError) as raised:
        read(framework, rows(EXAMPLE) if values is None else values)
    return str(raised.value)


TENS = [float(value) for value in range(0, 101, 10)]


def test_goalposts_may_be_percentiles_of_the_observed_values() -> None:
    result = scored(one_level(indicator("a", "index", worst="p5", best="p95")), a=[*TENS, NAN])
    # The 5th percentile of 0, 10 … 100 is 5 and the 95th is 95.
    expected = [100 * min(max((value - 5) / 90, 0), 1) for value in TENS]
    assert result.scores["a"].tolist()[:-1] == pytest.approx(expected)
    assert result.task.structure.elements["a"].worst == pytest.approx(5)
    assert result.task.structure.elements["a"].best == pytest.approx(np.quantile(TENS, 0.95))


def test_percentile_goalposts_are_taken_from_raw_values_and_then_transformed() -> None:
    leaf = indicator("a", "index", worst="p25", best=100, transform="log")
    result = scored(one_level(leaf), a=[1.0, 2, 4, 100])
    low = np.quantile([1, 2, 4, 100], 0.25)
    assert result.scores["a"].tolist()[2] == pytest.approx(100 * math.log(4 / low) / math.log(100 / low))


def test_a_shift_lets_a_logarithm_accept_zeros() -> None:
    leaf = indicator("a", "index", worst=0, best=9, transform={"method": "log", "shift": 1})
    result = scored(one_level(leaf), a=[0.0, 2, 9])
    assert result.scores["a"].tolist() == pytest.approx([0, 100 * math.log(3) / math.log(10), 100])
    with pytest.raises(EngineError, match="transform 'log' needs values above 0"):
        scored(one_level(indicator("a", "index", worst=0, best=9, transform="log")), a=[0.0, 2, 9])
    leaf["transform"] = {"method": "box_cox", "shift": 1, "lambda": 0}
    assert scored(one_level(leaf), a=[0.0, 2, 9]).scores["a"].tolist() == pytest.approx(result.scores["a"].tolist())
    assert "become ln (x +1)" in explain(one_level(leaf | {"transform": {"method": "log", "shift": 1}}))


def test_goalposts_must_agree_with_the_direction() -> None:
    falling = {"direction": "lower_is_better"}
    result = scored(one_level(indicator("a", "index", worst="p100", best="p0", **falling)), a=[0.0, 5, 10])
    assert result.scores["a"].tolist() == [100, 50, 0]
    assert "contradict its direction" in faults(
        one_level(indicator("a", "index", worst="p0", best="p100", **falling)), rows({"a": [1.0, 2]})
    )
    assert "both p5" in faults(one_level(indicator("a", "index", worst="p5", best="p5")), rows({"a": [1.0, 2]}))
    assert "from p0 to p100" in faults(one_level(indicator("a", "index", worst=0, best="p101")), rows({"a": [1.0, 2]}))
    with pytest.raises(EngineError, match=r"goalposts of a work out at worst 50 \(50\) and best 2 \(p100\)"):
        scored(one_level(indicator("a", "index", worst=50, best="p100")), a=[1.0, 2])


def test_caps_limit_raw_values_and_are_recorded() -> None:
    leaf = indicator("a", "index", at_least="p10", at_most=80)
    result = scored(one_level(leaf, normalise="minmax"), a=TENS)
    assert result.indicators.treated["a"].tolist() == [10, *TENS[1:9], 80, 80]
    assert result.scores["a"].tolist() == pytest.approx(
        [0, *(100 * (value - 10) / 70 for value in TENS[1:9]), 100, 100]
    )
    points = result.indicators.points
    assert points[["before", "after", "treatment"]].to_numpy().tolist() == [
        [0, 10, "at_least"], [90, 80, "at_most"], [100, 80, "at_most"],
    ]  # fmt: skip
    assert "at_least of a (9) is above at_most (3)" in faults(
        one_level(indicator("a", "index", worst=0, best=1, at_least=9, at_most=3)), rows({"a": [1.0]})
    )
    with pytest.raises(EngineError, match="at_least of a comes to 100, above at_most, 3"):
        scored(one_level(indicator("a", "index", worst=0, best=1, at_least="p100", at_most=3)), a=TENS)


def test_caps_apply_to_all_indicators_and_in_every_draw() -> None:
    table = rows({"a": [*TENS], "b": [*TENS[::-1]]}).assign(lower=lambda rows: rows["value"] - 30)
    table = table.assign(upper=table["value"] + 30)
    framework = one_level(
        indicator("a", "index"), indicator("b", "index"), normalise={"method": "goalposts", "without": "extremes"},
        at_least=20, at_most=70, doubt={"sources": ["measurement"]},
    )  # fmt: skip
    result = score(framework, table)
    assert result.indicators.treated.to_numpy().min() == 20
    intervals = simulate(result, 50).intervals
    index = intervals[intervals["id"] == "index"]
    assert index["score_low"].min() >= 0
    assert index["score_high"].max() <= 100


def test_values_are_divided_by_a_stated_divisor() -> None:
    framework = one_level(indicator("flights", "index", divide_by="people", worst=0, best=2))
    table = rows({"flights": [10.0, 30, NAN], "people": [10.0, 20, 0]}).assign(lower=5.0, upper=20.0)
    result = score(framework, table)
    assert result.task.values.panel["flights"].tolist()[:2] == [1, 1.5]
    assert result.task.values.lower is not None
    assert result.task.values.lower["flights"].tolist()[:2] == [0.5, 0.25]
    assert result.scores["index"].tolist()[:2] == [50, 75]
    assert list(result.task.values.panel.columns) == ["flights"]


def test_a_divisor_may_be_an_indicator_too_and_must_be_above_zero() -> None:
    framework = one_level(
        indicator("a", "index", divide_by="b", worst=0, best=1), indicator("b", "index", divide_by="a", worst=0, best=4)
    )
    result = scored(framework, a=[1.0, 2], b=[2.0, 8])
    assert result.task.values.panel.to_numpy().tolist() == [[0.5, 2], [0.25, 4]]
    table = rows({"a": [1.0, 2], "b": [0.0, 8]})
    assert "values.2: a is divided by b, which is not above 0 here" in faults(framework, table)
    framework["elements"][1]["divide_by"] = "people"
    message = faults(framework, table)
    assert "elements.1.divide_by: a is divided by people, which has no data" in message


def test_missing_and_floor_may_be_stated_by_level_and_element() -> None:
    framework = two_components(
        missing={"component": "blank", "index": "renormalise"}, aggregate={"index": "geometric"}, floor={"index": 10}
    )
    columns = {**EXAMPLE, "heat": [50.0, 20, NAN]}
    result = scored(framework, **columns)
    assert result.scores["housing"].isna().tolist() == [False, False, True]
    assert result.scores["index"].tolist() == pytest.approx([(100 * 90) ** 0.5, (45 * 50) ** 0.5, 10])
    framework["elements"][1]["missing"] = "renormalise"
    assert scored(framework, **columns).scores["housing"].tolist() == [100, 45, 0]


@pytest.mark.parametrize(
    ("mean", "expected"),
    [
        ("sum", [190 + 5, 105]), ("product", [100.0**2 * 90 * 5, 50**2 * 40 * 5]), ("minimum", [5, 5]),
        ("maximum", [100, 50]), ("arithmetic", [(200 + 90 + 5) / 4, 36.25]),
    ],
)  # fmt: skip
def test_sums_products_and_extremes_by_hand(mean: str, expected: list[float]) -> None:
    leaves = [
        indicator(name, "index", worst=0, best=100, weight=weight)
        for name, weight in zip("abc", (2, 1, 1), strict=True)
    ]
    framework = one_level(*leaves, aggregate=mean, floor=0)
    result = scored(framework, a=[100.0, 50], b=[90.0, 40], c=[5.0, 5])
    if mean == "sum":
        expected = [2 * 100 + 90 + 5, 2 * 50 + 40 + 5]
    assert result.scores["index"].tolist() == pytest.approx(expected)
    parts = result.aggregations["index"].contributions()
    if mean in ("minimum", "maximum"):
        assert parts.isna().all(axis=None)
    else:
        assert parts.sum(axis=1).tolist() == pytest.approx(expected)
    draws = simulate(result, 20, settings=None).parameters
    assert len(draws) == 20


def test_a_child_without_weight_is_neither_best_nor_worst() -> None:
    leaves = [indicator("a", "index", worst=0, best=100), indicator("b", "index", worst=0, best=100, weight=0)]
    assert scored(one_level(*leaves, aggregate="minimum"), a=[50.0], b=[3.0]).scores["index"].tolist() == [50]


@pytest.mark.parametrize("mean", ["geometric", "harmonic", "product"])
def test_a_floor_of_zero_permits_zero_scores(mean: str) -> None:
    leaves = [indicator(name, "index", worst=0, best=100) for name in "ab"]
    result = scored(one_level(*leaves, aggregate=mean, floor=0), a=[0.0, 40], b=[60.0, 40])
    assert result.scores["index"].tolist() == pytest.approx([0, 1600 if mean == "product" else 40])
    parts = result.aggregations["index"].contributions()
    assert parts.sum(axis=1).tolist() == pytest.approx(result.scores["index"].tolist())
    if mean != "product":  # a product is defined at 0
        with pytest.raises(EngineError, match="needs scores above 0, or a floor"):
            scored(one_level(*leaves, aggregate=mean), a=[0.0, 40], b=[60.0, 40])


def test_the_mazziotta_pareto_mean_adjusts_for_unevenness() -> None:
    leaves = [indicator(name, "index", worst=0, best=100) for name in "ab"]
    for sign, expected in (("minus", 50 - 100 / 50), ("plus", 50 + 100 / 50)):
        framework = one_level(*leaves, aggregate={"method": "mazziotta_pareto", "sign": sign})
        assert scored(framework, a=[40.0], b=[60.0]).scores["index"].tolist() == [expected]


def test_goalpost_scores_may_have_their_own_scale() -> None:
    goalposts = {"method": "goalposts", "low": 1, "high": 7}
    result = scored(one_level(indicator("a", "index", worst=0, best=10, normalise=goalposts)), a=[0.0, 5, 12])
    assert result.scores["a"].tolist() == [1, 4, 7]


def test_the_deviation_may_divide_by_n() -> None:
    result = scored(one_level(indicator("a", "index"), normalise={"method": "z", "ddof": 0}), a=[1.0, 3])
    assert result.scores["a"].tolist() == [-1, 1]


def test_normal_scores_by_hand() -> None:
    framework = one_level(indicator("a", "index"), normalise={"method": "normal", "mean": 50, "sd": 10})
    # Ranks 1, 2.5 and 2.5 of three values, divided by 4: the quantiles 0.25 and 0.625.
    result = scored(framework, a=[1.0, 3, 3])
    assert result.scores["a"].tolist() == pytest.approx([50 - 6.744897502, 53.18639364, 53.18639364])


def test_scores_are_rescaled_between_their_own_goalposts() -> None:
    framework = {
        "elements": [
            element("index"), element("raw", "index", rescale={"method": "goalposts", "worst": 20, "best": 70}),
            indicator("a", "raw", worst=0, best=100),
        ],
    }  # fmt: skip
    result = scored(framework, a=[10.0, 45, 70])
    assert result.scores["raw"].tolist() == [10, 45, 70]
    assert result.scores["index"].tolist() == [0, 50, 100]
    framework["elements"][1]["rescale"] = "goalposts"
    assert "rescale goalposts needs worst and best" in faults(framework, rows({"a": [1.0]}))
    framework["elements"][0]["rescale"] = "minmax"
    assert "index enters no parent" in faults(framework, rows({"a": [1.0]}))


def test_random_weights_are_drawn_once() -> None:
    leaves = [indicator(name, "index", worst=0, best=100, weight=2) for name in "abc"]
    framework = one_level(*leaves, weights={"method": "random", "spread": 0.2, "seed": 4})
    columns = {"a": [10.0, 90], "b": [20.0, 10], "c": [50.0, 0]}
    weights = scored(framework, **columns).weights()
    assert set(weights["method"]) == {"random"}
    assert weights["weight"].sum() == pytest.approx(1)
    assert (weights["weight"] - 1 / 3).abs().between(1e-6, 0.2).all()
    assert scored(framework, **columns).weights()["weight"].tolist() == weights["weight"].tolist()


def test_an_area_without_any_value_is_not_imputed() -> None:
    for method in ("mean", "median"):
        result = scored(two_components(impute=method), **{key: [*column, NAN] for key, column in EXAMPLE.items()})
        assert math.isnan(result.scores["index"].iloc[3])
        assert result.indicators.cells.empty
    columns = {**EXAMPLE, "heat": [50.0, NAN, 10]}
    assert scored(two_components(impute="mean"), **columns).indicators.cells["value"].tolist() == [30]


def test_the_base_year_may_be_a_number_or_text() -> None:
    table = rows({"a": [1.0, 3, 5, 9]}, [2020, 2021])
    for base in (2020, "2020"):
        framework = one_level(indicator("a", "index"), normalise={"method": "base_year_z", "base": base})
        assert score(framework, table).scores["a"].tolist()[:2] == pytest.approx([100 - 10 / 2**0.5, 100 + 10 / 2**0.5])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"normalise": {"low": 3}}, "'normalise' names no method"),
        ({"levels": "index"}, "levels is 'index': list their names"),
        (
            {"impute": {"method": "neighbours", "neighbours": 2.5}},
            "neighbours of impute neighbours is 2.5: give a whole",
        ),
        ({"impute": {"method": "regression", "minimum_share": 65}}, "is 65: it is a share from 0 to 1"),
        ({"normalise": {"method": "z", "ddof": 2}}, "is 2: write 0 or 1"),
        ({"aggregate": {"method": "mazziotta_pareto", "sign": "up"}}, "sign of aggregate mazziotta_pareto is 'up'"),
        ({"at_least": "low"}, "at_least is 'low', which is not a number"),
        ({"scale": 0}, "scale is 0: give a number above 0"),
        ({"weights": {"dimension": "pca"}}, "weights is given for 'dimension', which is none of the levels"),
        ({"rescale": {"index": "minmax"}}, "index enters no parent"),
        (
            {"levels": ["indicator", "pillar", "group", "index"], "weights": {"pillar": "pca"}},
            "'pillar', which is none",
        ),
    ],
)
def test_contradictory_options_are_refused(keys: dict[str, Any], words: str) -> None:
    assert words in faults(two_components(**keys))


def test_options_without_effect_are_refused() -> None:
    framework = two_components()
    framework["elements"][1] |= {"direction": "higher_is_better", "worst": 0}
    framework["elements"][2] |= {"aggregate": "median"}
    message = faults(framework)
    assert "elements.1.direction: housing is a parent, which cannot have direction, worst" in message
    assert "elements.2.aggregate: crowding is an indicator, which cannot have aggregate" in message


def test_a_broken_tree_does_not_hide_faulty_methods() -> None:
    framework = two_components(normalise="minmx", available=3)
    framework["elements"][1]["parent"] = "nowhere"
    framework["elements"][3] |= {"transform": "root", "impute": "guess", "at_most": "much"}
    message = faults(framework)
    for words in (
        "'minmx' is not a method",
        "available is 3",
        "'root' is not a method",
        "'guess' is not a",
        "at_most is 'much'",
    ):
        assert words in message


def test_a_blank_key_has_no_effect() -> None:
    framework = two_components(weights=None, outside=None, impute=None, missing=None)
    plain = scored(two_components(), **EXAMPLE).scores
    pd.testing.assert_frame_equal(scored(framework, **EXAMPLE).scores, plain)


def test_a_level_without_elements_is_refused_as_a_key() -> None:
    elements = [
        {"id": "r"}, {"id": "h", "parent": "r"}, {"id": "n", "parent": "h", "level": "category"},
        indicator("a", "n"), indicator("b", "n"),
    ]  # fmt: skip
    levels = ["indicator", "component", "category", "dimension", "index"]
    message = faults({"levels": levels, "elements": elements, "aggregate": {"component": "minimum"}})
    assert "aggregate is given for 'component', which is none of the levels category, dimension, index" in message


def test_the_explanation_says_whether_a_score_is_clipped() -> None:
    elements = [{"id": "r"}, {"id": "c", "parent": "r"}, indicator("a", "c"), indicator("b", "c")]
    rescale = {"method": "goalposts", "worst": 1, "best": 0}
    framework: dict[str, Any] = {"normalise": "none", "elements": elements, "rescale": {"component": rescale}}
    assert "enters its parent as s = 100 × clip(" in explain(framework)
    framework["rescale"] = {"component": rescale | {"clip": False}}
    assert "enters its parent as s = 100 × (x − worst) / (best − worst), worst 1" in explain(framework)


def test_every_stated_option_is_explained() -> None:
    framework = one_level(
        indicator("a", "index", worst="p5", best=90, at_most="p99", divide_by="people",
                  transform={"method": "logit", "upper": 100}),
        indicator("b", "index", normalise={"method": "goalposts", "without": "extremes", "low": 1, "high": 7},
                  shrink=True, counts="rate", minimum_count=5, treat={"points": 3}, decimals=1),
        indicator("c", "index", normalise={"method": "percentile_rank", "ties": "average"}, direction="lower_is_better",
                  impute={"method": "neighbours", "neighbours": 3}),
        aggregate={"method": "mazziotta_pareto", "sign": "plus"}, weights={"method": "random", "spread": 0.1},
        missing="group_mean", available=0.65, decimals={"index": 2}, outside=["WLD"], wholes="group", ties="average",
    )  # fmt: skip
    message = explain(framework)
    for words in (
        "Goalposts, worst to best: a p5 to 90.", "become ln(x / (100 − x))", "Values above p99 are set to p99.",
        "values are divided: a by people", "s = 1 + (7 − 1) × clip", "the panel's extremes are used",
        "fewer than 5 cases", "(empirical Bayes), with the counts of a rate", "up to 3 values are winsorised",
        "rounded to 1 places, halves up", "ties share the mean place", "The sign of x is reversed",
        "the 3 most similar areas", "M + S² / M", "from up to 10% below to above (seed 0)",
        "it takes the mean of its group", "less than 65% of its children", "rounded to 2 places",
        "not ranked and not used for weights or extremes: WLD", "A whole of the areas of each group",
        "ties share the mean of their places",
    ):  # fmt: skip
        assert words in message, words
