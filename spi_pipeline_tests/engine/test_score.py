"""Whole small indices, recomputed by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine import score
from spi_pipeline.engine.calculate.score import TABLE_COLUMNS, Scores
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.explain import explain_profile
from spi_pipeline.engine.framework.profiles import PROFILES
from spi_pipeline_tests.engine.frameworks import EXAMPLE, NAN, element, indicator, rows, two_components


def scored(framework: dict[str, Any], values: pd.DataFrame | None = None, profile: str | None = None) -> Scores:
    return score(framework, rows(EXAMPLE) if values is None else values, profile)


def column(scores: Scores, name: str) -> list[float]:
    return [float(value) for value in scores.scores[name]]


def test_a_simple_index_by_hand() -> None:
    result = scored(two_components())
    assert column(result, "housing") == pytest.approx([(100 + 100) / 2, (50 + 40) / 2, (0 + 20) / 2])
    assert column(result, "safety") == pytest.approx([90, 50, 0])
    assert column(result, "index") == pytest.approx([95, 47.5, 5])
    table = result.table()
    assert list(table.columns) == TABLE_COLUMNS
    assert len(table) == 3 * 6
    top = table[(table["id"] == "index") & (table["area_code"] == "A00")].iloc[0]
    assert (top["level"], top["rank"], top["coverage"], top["edition"]) == ("index", 1, 1, "")


def test_explicit_keys_override_the_profile() -> None:
    framework = two_components(profile="spi", weights="equal", aggregate={"index": "geometric"}, floor=1)
    assert column(scored(framework), "index") == pytest.approx(
        [math.sqrt(95 * 90 * 100 / 95), math.sqrt(45 * 50), math.sqrt(10)]
    )
    other = scored(framework, profile="eu-spi")
    assert column(other, "index") == pytest.approx(column(scored(framework), "index"))


def test_the_generalised_mean_of_a_profile_on_other_level_names() -> None:
    framework = two_components(profile="eu-spi", levels=["measure", "theme", "whole"])
    assert column(scored(framework), "index") == pytest.approx(
        [(10 / 2 + math.sqrt(90) / 2) ** 2, (math.sqrt(45) / 2 + math.sqrt(50) / 2) ** 2, (math.sqrt(10) / 2) ** 2]
    )


def test_weights_stated_at_the_children_are_used() -> None:
    framework = two_components(profile="equal")
    framework["elements"][2]["weight"] = 3
    assert column(scored(framework), "housing")[1] == pytest.approx((3 * 50 + 40) / 4)
    # Stating equal weights explicitly overrides the weights of the children.
    assert column(scored({**framework, "weights": "equal"}), "housing")[1] == pytest.approx(45)


def test_shares_are_used_as_published() -> None:
    framework = two_components(weights="shares")
    for name, weight in (("housing", 0.6), ("safety", 0.399)):
        next(stated for stated in framework["elements"] if stated["id"] == name)["weight"] = weight
    result = scored(framework)
    assert column(result, "index")[0] == pytest.approx(0.6 * 100 + 0.399 * 90)
    parts = result.aggregations["index"].contributions()
    assert parts.iloc[0].tolist() == pytest.approx([60, 0.399 * 90])


def test_pca_falls_back_to_equal_weights_with_a_note() -> None:
    framework = two_components(profile="spi")
    values = rows({"crowding": [0.0, 15, 30, 10], "heat": [10.0, 20, 50, 15], "crime": [2.0, 10, 20, 3]})
    result = scored(framework, values)
    [note] = result.notes
    assert "housing is weighted equally: the first principal component has non-positive loadings" in note
    weights = result.weights().set_index("id")
    assert weights.loc["heat", ["weight", "method", "n"]].tolist() == [0.5, "equal", 4]


def test_pca_uses_a_stated_reference() -> None:
    spec = {"method": "pca", "correlation": [[1, 0.5], [0.5, 1]], "sd": [10, 20]}
    framework = two_components(weights={"component": spec, "index": "equal"})
    framework["elements"] = framework["elements"][:4]
    values = rows({name: EXAMPLE[name] for name in ("crowding", "heat")})
    weights = scored(framework, values).weights().set_index("id")
    assert weights.loc["crowding", "weight"] == pytest.approx(2 / 3)
    assert weights.loc["crowding", "method"] == "pca_reference"


def values_with_gaps() -> pd.DataFrame:
    return rows({"crowding": [NAN, 15, 30], "heat": [50.0, 20, 10], "crime": [2.0, NAN, 20]})


def test_the_three_rules_for_missing_children() -> None:
    renormalised = scored(two_components(), values_with_gaps())
    assert column(renormalised, "index") == pytest.approx([95, 45, 5])
    assert column(renormalised, "housing")[0] == 100
    assert renormalised.coverage["index"].tolist() == pytest.approx([2 / 3, 2 / 3, 1])
    blank = scored(two_components(missing="blank"), values_with_gaps())
    assert column(blank, "index") == pytest.approx([NAN, NAN, 5], nan_ok=True)
    means = scored(two_components(missing="group_mean"), values_with_gaps())
    assert column(means, "housing")[0] == pytest.approx(((50 + 0) / 2 + 100) / 2)
    # A component without any child stays missing; the index uses the other areas' mean safety instead.
    assert column(means, "safety") == pytest.approx([90, NAN, 0], nan_ok=True)
    assert column(means, "index")[1] == pytest.approx((45 + 45) / 2)


def test_availability_can_be_required_at_one_level() -> None:
    result = scored(two_components(available={"component": 0.6}), values_with_gaps())
    assert column(result, "housing") == pytest.approx([NAN, 45, 10], nan_ok=True)
    assert column(result, "index")[0] == pytest.approx(90)


def test_goalposts_are_transformed_with_the_values() -> None:
    framework = two_components()
    framework["elements"][3] |= {"worst": 1, "best": 100, "transform": "log"}
    framework["elements"][5] |= {"worst": 20, "best": 1, "transform": "reciprocal"}
    result = scored(framework)
    assert column(result, "heat") == pytest.approx([100 * math.log(x) / math.log(100) for x in (50, 20, 10)])
    assert column(result, "crime") == pytest.approx([100 * (1 / x - 1 / 20) / (1 - 1 / 20) for x in (2, 10, 20)])


def test_the_reciprocal_keeps_the_direction_without_goalposts() -> None:
    framework = two_components(normalise="minmax")
    framework["elements"][5]["transform"] = "reciprocal"
    assert column(scored(framework), "crime") == pytest.approx([100, 100 * (1 / 10 - 1 / 20) / (1 / 2 - 1 / 20), 0])


def test_the_panels_extremes_replace_absent_goalposts() -> None:
    framework = two_components(profile="spi")
    for key in ("worst", "best"):
        framework["elements"][3].pop(key)
    assert column(scored(framework), "heat") == pytest.approx([100, 25, 0])


def test_the_deprivation_profile_reverses_the_scores() -> None:
    result = scored(two_components(profile="deprivation", normalise="goalposts", rescale={}))
    assert column(result, "crime") == pytest.approx([10, 50, 100])
    assert result.ranks()["index"].tolist() == [3, 2, 1]


def test_the_lowest_score_can_be_ranked_first_with_average_ties() -> None:
    values = rows({"crowding": [0.0, 15, 15], "heat": [50.0, 20, 20], "crime": [2.0, 10, 10]})
    result = scored(two_components(rank_first="lowest", ties="average"), values)
    assert result.ranks()["index"].tolist() == [3, 1.5, 1.5]


def test_editions_are_ranked_separately_and_imputed_linearly() -> None:
    columns = {"crowding": [0.0, 30, NAN, 15, 10, 0], "heat": [50.0] * 6, "crime": [0.0] * 6}
    result = scored(two_components(impute="linear"), rows(columns, [2020, 2021, 2022]))
    assert result.scores.loc[(2021, "A00"), "crowding"] == pytest.approx(100 - 5 / 30 * 100)
    assert result.ranks()["index"].tolist() == [1, 2, 1, 2, 2, 1]
    assert result.coverage.loc[(2021, "A00"), "housing"] == 0.5
    [cell] = result.indicators.cells.to_dict("records")
    assert (cell["area_code"], cell["method"], cell["donors"]) == ("A00", "linear in time", "2020,2022")


def test_the_base_year_has_a_mean_of_a_hundred() -> None:
    columns = {"crowding": [10.0, 20, 10, 10], "heat": [10.0, 30, 30, 30], "crime": [5.0, 7, 5, 5]}
    framework = two_components(profile="base-year-100")
    values = rows(columns, [2015, 2016]).assign(population=100)
    result = scored(framework, values)
    assert result.scores.loc[2015, "index"].mean() == pytest.approx(100)
    deviation = np.std([10, 20], ddof=1)
    assert result.scores.loc[(2016, "A00"), "crowding"] == pytest.approx(100 + 10 * 5 / deviation)


def test_scores_are_rounded_between_the_levels() -> None:
    framework = two_components(decimals={"indicator": 1, "component": 1}, scale=10, aggregate="inverted_geometric")
    result = scored(framework, rows({"crowding": [14.0], "heat": [33.3], "crime": [7.7]}))
    assert column(result, "crowding") == [5.3]
    assert column(result, "heat") == [6.7]
    inverted = [(10 - value) / 10 * 9 + 1 for value in (5.3, 6.7)]
    assert column(result, "housing") == [pytest.approx(round((10 - math.sqrt(math.prod(inverted))) / 9 * 10, 1))]


def test_a_method_may_be_stated_for_one_element() -> None:
    framework = two_components(profile="equal")
    framework["elements"][1]["aggregate"] = "geometric"
    framework["elements"][3]["normalise"] = {"method": "rank", "ties": "average"}
    result = scored(framework, rows({"crowding": [3.0, 15], "heat": [50.0, 20], "crime": [2.0, 10]}))
    assert column(result, "housing") == pytest.approx([math.sqrt(90 * 2), math.sqrt(50 * 1)])


def test_a_failed_computation_names_the_element() -> None:
    with pytest.raises(EngineError, match=r"element housing: a mean of order 0 needs scores above 0"):
        scored(two_components(aggregate="geometric"))
    with pytest.raises(EngineError, match=r"same value everywhere.*heat"):
        scored(two_components(normalise="minmax"), rows({**EXAMPLE, "heat": [5.0, 5, 5]}))


def test_an_area_without_any_value_has_no_score_and_no_rank() -> None:
    values = rows({name: [*column_values, NAN] for name, column_values in EXAMPLE.items()})
    result = scored(two_components(), values)
    assert math.isnan(column(result, "index")[3])
    assert result.ranks()["index"].isna().tolist() == [False, False, False, True]
    assert result.coverage["index"].iloc[3] == 0


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_computes_and_explains_itself(name: str) -> None:
    values = rows({key: [*column_values, 11.0, 12.5] for key, column_values in EXAMPLE.items()}, [2020])
    result = scored(two_components(profile=name), values)
    assert result.scores["index"].notna().all()
    words = explain_profile(name)
    assert words.startswith(f"Profile {name}\n")
    assert "{" not in words
    assert len(words.splitlines()) >= 7


def test_an_unknown_profile_is_not_explained() -> None:
    with pytest.raises(EngineError, match="no profile 'sip'"):
        explain_profile("sip")


VALUES = st.lists(st.floats(0, 30), min_size=4, max_size=4)


@settings(max_examples=20, deadline=None)
@given(VALUES, VALUES, VALUES, st.sampled_from(["arithmetic", "geometric", "median", "inverted_geometric"]))
def test_scores_are_bounded_parts_add_up_and_order_does_not_matter(
    a: list[float], b: list[float], c: list[float], mean: str
) -> None:
    values = rows({"crowding": a, "heat": b, "crime": c})
    framework = two_components(aggregate=mean, floor=0.5)
    result = scored(framework, values)
    assert result.scores.min().min() >= 0
    assert result.scores.max().max() <= 100
    if mean != "median":
        for parent, formed in result.aggregations.items():
            difference = formed.contributions().sum(axis=1) - result.scores[parent]
            assert difference.abs().max() < 1e-9
    shuffled = scored({**framework, "elements": framework["elements"][::-1]}, values.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled.scores[result.scores.columns], result.scores, check_exact=False)


@settings(max_examples=20, deadline=None)
@given(VALUES, VALUES, VALUES, st.floats(0, 10), st.sampled_from(["crowding", "heat", "crime"]))
def test_a_better_value_never_lowers_a_score_above_it(
    a: list[float], b: list[float], c: list[float], rise: float, name: str
) -> None:
    columns = {"crowding": a, "heat": b, "crime": c}
    better = {**columns, name: [columns[name][0] + (rise if name == "heat" else -rise), *columns[name][1:]]}
    before, after = scored(two_components(), rows(columns)), scored(two_components(), rows(better))
    assert (after.scores.iloc[0] >= before.scores.iloc[0] - 1e-9).all()


@settings(max_examples=20, deadline=None)
@given(VALUES, VALUES, VALUES, st.floats(0.01, 100))
def test_a_change_of_unit_with_its_goalposts_changes_nothing(
    a: list[float], b: list[float], c: list[float], unit: float
) -> None:
    framework = two_components()
    other = two_components()
    other["elements"][3] |= {"worst": 0, "best": 50 * unit}
    one = scored(framework, rows({"crowding": a, "heat": b, "crime": c}))
    two = scored(other, rows({"crowding": a, "heat": [unit * value for value in b], "crime": c}))
    pd.testing.assert_frame_equal(one.scores, two.scores, atol=1e-9)


def test_an_indicator_may_be_a_child_of_the_index() -> None:
    framework = {
        "profile": "spi",
        "elements": [
            element("index"),
            indicator("a", "index", worst=0, best=10),
            indicator("b", "index", worst=0, best=10),
        ],
    }
    result = scored(framework, rows({"a": [1.0, 5, 9], "b": [2.0, 5, 8]}))
    assert set(result.weights()["method"]) == {"pca_panel"}
    assert column(result, "index")[1] == pytest.approx(50)
