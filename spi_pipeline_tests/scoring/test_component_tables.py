"""Scores, ranks, weights, contributions and imputed values of a component, computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.engine.weights.fit import cronbach_alpha
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.element import Tables, component_tables
from spi_pipeline.scoring.tables import CONTRIBUTION_COLUMNS, IMPUTATION_COLUMNS, SCORE_COLUMNS, WEIGHT_COLUMNS
from spi_pipeline_tests.scoring.town import (
    ALL,
    AREAS,
    N1,
    N2,
    N3,
    NAN,
    NO_REFERENCE,
    NORTH,
    S1,
    SOUTH,
    WARDS,
    catalogue,
    framework,
    indicator,
    observed,
    picked,
    reference,
    trees,
)

# For ``good`` higher values are better, from 0 to 100; for ``bad`` lower ones, from 50 to 0.
GOOD, BAD = indicator("good"), indicator("bad", worst=50, best=0)
TOWN = {"good": [20, 40, 60, 80, 40, 80], "bad": [50, 25, 10, -5, 30, -5]}
# All four wards in one authority.
ONE = Areas(pd.Series(NORTH, index=WARDS))
FIGURES = st.one_of(st.none(), st.floats(-20, 120).map(lambda x: round(x, 3)))
# One example holds several editions, since scoring costs the same for all of them.
quick = settings(max_examples=5, deadline=None)


def scored(
    rows: pd.DataFrame,
    *indicators: Indicator,
    mean: str = "arithmetic",
    areas: Areas = AREAS,
    known: pd.DataFrame = NO_REFERENCE,
) -> Tables:
    whole = trees(framework(["housing"], mean), catalogue(housing=indicators or (GOOD, BAD)), known)
    return component_tables("housing", {name: tree.below("housing") for name, tree in whole.items()}, rows, areas)


def by_area(
    result: Tables, column: str = "score", profile: str = "equal", name: str = "housing", edition: int = 2024
) -> dict:
    return picked(result["element_score"], column, profile=profile, id=name, edition=edition)


@cache
def town_scored() -> Tables:
    return scored(observed(TOWN))


def areas_approx(expected: Sequence[float]) -> object:
    return pytest.approx(dict(zip(ALL, expected, strict=True)), nan_ok=True)


@pytest.mark.parametrize("profile", ["spi", "equal"])
def test_scores_by_goalposts_and_their_mean_by_hand(profile: str) -> None:
    result = town_scored()
    assert by_area(result, name="good", profile=profile) == areas_approx([20, 40, 60, 80, 40, 80])
    assert by_area(result, name="bad", profile=profile) == areas_approx([0, 50, 80, 100, 40, 100]), (
        "a value beyond the best goalpost scores 100"
    )
    assert by_area(result, profile=profile) == areas_approx([10, 45, 70, 90, 40, 90])
    assert by_area(result, "coverage", profile) == areas_approx([1] * 6)
    assert set(result["element_score"]["level"]) == {"indicator", "component"}
    assert result["imputation"].empty


def test_the_tables_have_the_columns_of_the_products() -> None:
    result = town_scored()
    assert list(result["element_score"].columns) == SCORE_COLUMNS
    assert list(result["weight"].columns) == WEIGHT_COLUMNS
    assert list(result["contribution"].columns) == CONTRIBUTION_COLUMNS
    assert list(result["imputation"].columns) == IMPUTATION_COLUMNS
    assert not result["element_score"].duplicated(["edition", "profile", "level", "id", "area_code"]).any()


def test_wards_rank_within_their_authority_and_authorities_have_no_rank() -> None:
    result = town_scored()
    rank, relative = by_area(result, "rank"), by_area(result, "relative_score")
    assert [rank[ward] for ward in (N1, N2, N3)] == [3, 2, 1]
    assert all(pd.isna(rank[area]) for area in (S1, NORTH, SOUTH)), "a single ward has no rank"
    sd = np.std([10, 45, 70], ddof=1)
    assert [relative[ward] for ward in (N1, N2, N3)] == pytest.approx(
        [50 + 10 * (s - 125 / 3) / sd for s in (10, 45, 70)]
    )
    assert all(np.isnan(relative[area]) for area in (S1, NORTH, SOUTH)), "a single ward has no relative score"


def test_each_edition_is_ranked_separately() -> None:
    reversed_values = {"good": [60, 40, 20, 80, 40, 80], "bad": [10, 25, 50, -5, 30, -5]}
    result = scored(pd.concat([observed(TOWN, 2023), observed(reversed_values, 2024)]))
    assert [by_area(result, "rank", edition=2023)[ward] for ward in (N1, N2, N3)] == [3, 2, 1]
    assert [by_area(result, "rank", edition=2024)[ward] for ward in (N1, N2, N3)] == [1, 2, 3]


def test_slots_have_equal_weights_and_the_method_is_recorded() -> None:
    weights = town_scored()["weight"]
    assert set(weights["weight"]) == {0.5}
    assert set(weights["method"]) == {"equal"}
    assert set(weights["parent_id"]) == {"housing"}
    assert set(weights["level"]) == {"component"}
    assert set(weights["authority_code"]) == {NORTH, SOUTH}


def test_reference_weights_apply_under_the_profile_that_uses_them() -> None:
    three = [indicator(name) for name in "abc"]
    matrix = pd.DataFrame([[1, 0.9, 0.5], [0.9, 1, 0.6], [0.5, 0.6, 1]], list("abc"), list("abc"))
    rows = observed({"a": [10, 20, 30, 40, 20, 40], "b": [50] * 6, "c": [90, 80, 70, 60, 80, 60]})
    result = scored(rows, *three, known=reference(matrix))
    north = result["weight"][result["weight"]["authority_code"] == NORTH]
    weights = north.set_index(["profile", "id"])
    assert set(weights.loc["spi", "method"]) == {"pca_reference"}
    assert set(weights.loc["equal", "method"]) == {"equal"}
    assert weights.loc["equal", "weight"].to_list() == pytest.approx([1 / 3] * 3)
    spi = weights.loc["spi"]
    assert set(spi["n"]) == {6784}
    assert spi["alpha"].to_list() == pytest.approx([cronbach_alpha(matrix)] * 3)
    a, b, c = spi["weight"]
    assert by_area(result, profile="spi")[N1] == pytest.approx(10 * a + 50 * b + 90 * c)


def test_without_a_reference_the_fit_is_computed_from_the_wards() -> None:
    three = [indicator(name) for name in "abc"]
    full = {"a": [10, 20, 30, 50, 20, 50], "b": [10, 25, 30, 40, 20, 40], "c": [20, 10, 30, 40, 20, 40]}
    rows = pd.concat([observed(full, 2023), observed(full, 2024, "carried")])
    weight = scored(rows, *three, areas=ONE)["weight"]
    wards = pd.DataFrame(full).iloc[:4]
    assert set(weight["n"]) == {4}, "the four wards count once, although two editions hold the same values"
    assert weight["alpha"].to_list() == pytest.approx([cronbach_alpha(wards.corr())] * 12)
    spread = wards.std() / wards.std().sum()
    assert weight["effective_weight"].to_list() == pytest.approx([*spread] * 4)


GAP = {"x": [10, 20, 30, NAN, 20, 50], "y": [20, 40, 60, 80, 40, 80]}
WITHOUT_GAP = {"x": [20, 30, 10, 40, 20, 40], "y": [40, 60, 20, 80, 40, 80]}


@cache
def with_gap() -> Tables:
    rows = pd.concat([observed(WITHOUT_GAP, 2023), observed(GAP | {"y": [20, 40, 60, 80, NAN, NAN]}, 2024)])
    return scored(rows, indicator("x"), indicator("y"), areas=ONE)


def test_profile_spi_imputes_a_gap_and_records_it() -> None:
    result = with_gap()
    # A single predictor is not enough for a regression, so the mean of the other wards fills the gap.
    [cell] = result["imputation"].to_dict("records")
    assert cell == {
        "edition": 2024, "profile": "spi", "indicator_id": "x", "area_code": S1,
        "value": pytest.approx(20), "method": "mean", "donors": "all (3 areas)",
        "error": pytest.approx(cell["error"]),
    }  # fmt: skip
    assert by_area(result, profile="spi", name="x")[S1] == pytest.approx(20)
    assert by_area(result, profile="spi")[S1] == pytest.approx(50)
    assert by_area(result, "coverage", "spi", "x")[S1] == 0, "an imputed value does not count as observed"
    assert by_area(result, "coverage", "spi")[S1] == 0.5


def test_profile_equal_leaves_the_gap_with_a_row() -> None:
    result = with_gap()
    assert np.isnan(by_area(result, name="x")[S1])
    assert pd.isna(by_area(result, "rank", name="x")[S1])
    assert by_area(result, "coverage", name="x")[S1] == 0
    assert by_area(result)[S1] == 80
    assert by_area(result, "coverage")[S1] == 0.5


def test_a_score_needs_the_required_share_of_indicators() -> None:
    three = [indicator(name) for name in "abc"]
    values = {"a": [10] * 6, "b": [20, 20, 20, NAN, 20, NAN], "c": [30, 30, 30, NAN, 30, NAN]}
    result = scored(observed(values), *three, areas=ONE)
    assert np.isnan(by_area(result)[S1]), "one of three indicators is too few"
    assert by_area(result, "coverage")[S1] == pytest.approx(1 / 3)
    two_thirds = scored(observed(values | {"b": [20] * 6}), *three, areas=ONE)
    assert by_area(two_thirds)[S1] == 15, "two of three indicators are enough"


def test_the_scores_of_an_authority_do_not_depend_on_other_authorities() -> None:
    three = [indicator(name) for name in "abc"]
    full = {"a": [10, 20, 30, 80, 20, 80], "b": [10, 25, 35, NAN, 20, NAN], "c": [5, 10, 15, 90, 10, 90]}
    with_gap = {"a": [10, 20, 30, NAN, 20, NAN], "b": [10, 25, NAN, 70, 20, 70], "c": [NAN, NAN, NAN, 40, NAN, 40]}
    rows = pd.concat([observed(full, 2023), observed(with_gap, 2024)])
    alone = scored(rows, *three, areas=Areas(pd.Series(NORTH, index=[N1, N2, N3])))
    both = scored(rows, *three)
    key = ["edition", "profile", "level", "id", "area_code"]
    expected, result = (each["element_score"].sort_values(key, ignore_index=True) for each in (alone, both))
    shared = result[result["area_code"].isin([N1, N2, N3, NORTH])].merge(expected[key], on=key)
    pd.testing.assert_frame_equal(shared, expected)
    assert by_area(both)[S1] == 55, "the mean of the indicators that South has"


def test_carried_values_count_as_covered() -> None:
    assert by_area(scored(observed(TOWN, status="carried")), "coverage") == areas_approx([1] * 6)


def test_a_suppressed_value_is_not_scored_even_if_present() -> None:
    rows = observed(TOWN)
    rows.loc[(rows["indicator_id"] == "bad") & (rows["area_code"] == S1), "status"] = "suppressed"
    result = scored(rows)
    assert np.isnan(by_area(result, name="bad")[S1])
    assert by_area(result)[S1] == 80
    assert by_area(result, "coverage")[S1] == 0.5


def test_each_of_many_indicators_is_ranked_separately() -> None:
    names = [f"i{number}" for number in range(9)]
    values = {name: [10 * (number + place) % 70 for place in (0, 3, 5, 1, 0, 0)] for number, name in enumerate(names)}
    result = scored(observed(values), *map(indicator, names))
    for name, figures in values.items():
        north = sorted(figures[:3], reverse=True)
        rank = by_area(result, "rank", name=name)
        assert [rank[ward] for ward in (N1, N2, N3)] == [north.index(figure) + 1 for figure in figures[:3]]


def town(cells: Sequence[Sequence[float | None]]) -> pd.DataFrame:
    """Editions of the three indicators in ``THREE``, from 2023 on."""
    table = np.array(cells, dtype=float).reshape(-1, 3, 6)
    return pd.concat([observed(dict(zip("abc", part, strict=True)), 2023 + n) for n, part in enumerate(table)])


THREE = [indicator("a"), indicator("b", worst=80, best=5), indicator("c", worst=10, best=90)]


def cells(figures: st.SearchStrategy[float | None], rows: int) -> st.SearchStrategy[list[list[float | None]]]:
    return st.lists(st.lists(figures, min_size=6, max_size=6), min_size=rows, max_size=rows)


@quick
@given(cells(FIGURES, 9), st.sampled_from(["arithmetic", "geometric", "harmonic"]))
def test_contributions_add_up_to_the_score(drawn: list[list[float | None]], mean: str) -> None:
    drawn[:3] = [[50.0] * 6, [40.0] * 6, [30.0] * 6]  # a slot of the basis has values in every authority
    result = scored(town(drawn), *THREE, mean=mean)
    keys = ["edition", "profile", "area_code"]
    scores = result["element_score"][result["element_score"]["level"] == "component"].set_index(keys)["score"].dropna()
    sums = result["contribution"].groupby(keys)["contribution"].sum()
    assert set(sums.index) == set(scores.index)
    pd.testing.assert_series_equal(sums.sort_index(), scores.sort_index(), check_names=False, rtol=1e-9)
    assert scores.between(0, 100 + 1e-9).all()
    assert set(result["contribution"]["parent_id"]) <= {"housing"}


@quick
@given(cells(st.floats(-20, 120), 3), st.integers(0, 3), st.floats(0, 50))
def test_a_better_value_never_lowers_the_score(drawn: list[list[float]], ward: int, better: float) -> None:
    # The first edition is as drawn; each later one improves one value of one ward.
    tables = [drawn]
    for row, improved in enumerate(THREE):
        changed = [list(line) for line in drawn]
        changed[row][ward] += better if improved.direction == "higher_is_better" else -better
        tables.append(changed)
    result = scored(town([line for table in tables for line in table]), *THREE)
    place = WARDS[ward]
    for profile in ("spi", "equal"):
        before, rank = by_area(result, profile=profile, edition=2023), by_area(result, "rank", profile, edition=2023)
        for edition in (2024, 2025, 2026):
            after = by_area(result, profile=profile, edition=edition)
            assert after[place] >= before[place] - 1e-9
            assert place == S1 or by_area(result, "rank", profile, edition=edition)[place] <= rank[place]
            assert after == pytest.approx(before | {place: after[place]}), "no other area changes"
