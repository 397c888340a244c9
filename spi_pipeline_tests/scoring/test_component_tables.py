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


def of(got: Tables, column: str = "score", profile: str = "equal", name: str = "housing", edition: int = 2024) -> dict:
    return picked(got["element_score"], column, profile=profile, id=name, edition=edition)


@cache
def town_scored() -> Tables:
    return scored(observed(TOWN))


def close(expected: Sequence[float]) -> object:
    return pytest.approx(dict(zip(ALL, expected, strict=True)), nan_ok=True)


@pytest.mark.parametrize("profile", ["spi", "equal"])
def test_scores_by_goalposts_and_their_mean_by_hand(profile: str) -> None:
    got = town_scored()
    assert of(got, name="good", profile=profile) == close([20, 40, 60, 80, 40, 80])
    assert of(got, name="bad", profile=profile) == close([0, 50, 80, 100, 40, 100]), "beyond best is 100"
    assert of(got, profile=profile) == close([10, 45, 70, 90, 40, 90])
    assert of(got, "coverage", profile) == close([1] * 6)
    assert set(got["element_score"]["level"]) == {"indicator", "component"}
    assert got["imputation"].empty


def test_the_tables_have_the_columns_of_the_products() -> None:
    got = town_scored()
    assert list(got["element_score"].columns) == SCORE_COLUMNS
    assert list(got["weight"].columns) == WEIGHT_COLUMNS
    assert list(got["contribution"].columns) == CONTRIBUTION_COLUMNS
    assert list(got["imputation"].columns) == IMPUTATION_COLUMNS
    assert not got["element_score"].duplicated(["edition", "profile", "level", "id", "area_code"]).any()


def test_wards_rank_within_their_authority_and_authorities_not_at_all() -> None:
    got = town_scored()
    rank, relative = of(got, "rank"), of(got, "relative_score")
    assert [rank[ward] for ward in (N1, N2, N3)] == [3, 2, 1]
    assert all(pd.isna(rank[area]) for area in (S1, NORTH, SOUTH)), "to be first of one is no rank"
    sd = np.std([10, 45, 70], ddof=1)
    assert [relative[ward] for ward in (N1, N2, N3)] == pytest.approx(
        [50 + 10 * (s - 125 / 3) / sd for s in (10, 45, 70)]
    )
    assert all(np.isnan(relative[area]) for area in (S1, NORTH, SOUTH)), "a single ward compares with nobody"


def test_each_edition_is_ranked_apart() -> None:
    turned = {"good": [60, 40, 20, 80, 40, 80], "bad": [10, 25, 50, -5, 30, -5]}
    got = scored(pd.concat([observed(TOWN, 2023), observed(turned, 2024)]))
    assert [of(got, "rank", edition=2023)[ward] for ward in (N1, N2, N3)] == [3, 2, 1]
    assert [of(got, "rank", edition=2024)[ward] for ward in (N1, N2, N3)] == [1, 2, 3]


def test_every_slot_weighs_the_same_and_the_method_says_so() -> None:
    weights = town_scored()["weight"]
    assert set(weights["weight"]) == {0.5}
    assert set(weights["method"]) == {"equal"}
    assert set(weights["parent_id"]) == {"housing"}
    assert set(weights["level"]) == {"component"}
    assert set(weights["authority_code"]) == {NORTH, SOUTH}


def test_the_reference_weighs_under_the_profile_that_asks_for_it() -> None:
    three = [indicator(name) for name in "abc"]
    matrix = pd.DataFrame([[1, 0.9, 0.5], [0.9, 1, 0.6], [0.5, 0.6, 1]], list("abc"), list("abc"))
    rows = observed({"a": [10, 20, 30, 40, 20, 40], "b": [50] * 6, "c": [90, 80, 70, 60, 80, 60]})
    got = scored(rows, *three, known=reference(matrix))
    north = got["weight"][got["weight"]["authority_code"] == NORTH]
    weights = north.set_index(["profile", "id"])
    assert set(weights.loc["spi", "method"]) == {"pca_reference"}
    assert set(weights.loc["equal", "method"]) == {"equal"}
    assert weights.loc["equal", "weight"].to_list() == pytest.approx([1 / 3] * 3)
    spi = weights.loc["spi"]
    assert set(spi["n"]) == {6784}
    assert spi["alpha"].to_list() == pytest.approx([cronbach_alpha(matrix)] * 3)
    a, b, c = spi["weight"]
    assert of(got, profile="spi")[N1] == pytest.approx(10 * a + 50 * b + 90 * c)


def test_without_a_reference_the_fit_is_that_of_the_wards_of_each_edition() -> None:
    three = [indicator(name) for name in "abc"]
    full = {"a": [10, 20, 30, 50, 20, 50], "b": [10, 25, 30, 40, 20, 40], "c": [20, 10, 30, 40, 20, 40]}
    rows = pd.concat([observed(full, 2023), observed(full, 2024, "carried")])
    weight = scored(rows, *three, areas=ONE)["weight"]
    wards = pd.DataFrame(full).iloc[:4]
    assert set(weight["n"]) == {4}, "the four wards once, though two editions hold the same values"
    assert weight["alpha"].to_list() == pytest.approx([cronbach_alpha(wards.corr())] * 12)
    spread = wards.std() / wards.std().sum()
    assert weight["effective_weight"].to_list() == pytest.approx([*spread] * 4)


GAP = {"x": [10, 20, 30, NAN, 20, 50], "y": [20, 40, 60, 80, 40, 80]}
WHOLE = {"x": [20, 30, 10, 40, 20, 40], "y": [40, 60, 20, 80, 40, 80]}


@cache
def gap() -> Tables:
    rows = pd.concat([observed(WHOLE, 2023), observed(GAP | {"y": [20, 40, 60, 80, NAN, NAN]}, 2024)])
    return scored(rows, indicator("x"), indicator("y"), areas=ONE)


def test_under_spi_a_gap_of_a_ward_is_imputed_and_recorded() -> None:
    got = gap()
    # A single predictor is not enough for a regression, so the mean of the other wards fills the gap.
    [cell] = got["imputation"].to_dict("records")
    assert cell == {
        "edition": 2024, "profile": "spi", "indicator_id": "x", "area_code": S1,
        "value": pytest.approx(20), "method": "mean", "donors": "all (3 areas)",
        "error": pytest.approx(cell["error"]),
    }  # fmt: skip
    assert of(got, profile="spi", name="x")[S1] == pytest.approx(20)
    assert of(got, profile="spi")[S1] == pytest.approx(50)
    assert of(got, "coverage", "spi", "x")[S1] == 0, "imputed is not observed"
    assert of(got, "coverage", "spi")[S1] == 0.5


def test_under_equal_the_gap_stays_with_a_row_that_says_so() -> None:
    got = gap()
    assert np.isnan(of(got, name="x")[S1])
    assert pd.isna(of(got, "rank", name="x")[S1])
    assert of(got, "coverage", name="x")[S1] == 0
    assert of(got)[S1] == 80
    assert of(got, "coverage")[S1] == 0.5


def test_a_score_needs_its_share_of_the_indicators_that_any_area_has() -> None:
    three = [indicator(name) for name in "abc"]
    values = {"a": [10] * 6, "b": [20, 20, 20, NAN, 20, NAN], "c": [30, 30, 30, NAN, 30, NAN]}
    got = scored(observed(values), *three, areas=ONE)
    assert np.isnan(of(got)[S1]), "one of three"
    assert of(got, "coverage")[S1] == pytest.approx(1 / 3)
    two_thirds = scored(observed(values | {"b": [20] * 6}), *three, areas=ONE)
    assert of(two_thirds)[S1] == 15, "two of three"


def test_the_scores_of_an_authority_do_not_depend_on_which_others_are_scored_with_it() -> None:
    three = [indicator(name) for name in "abc"]
    full = {"a": [10, 20, 30, 80, 20, 80], "b": [10, 25, 35, NAN, 20, NAN], "c": [5, 10, 15, 90, 10, 90]}
    gap = {"a": [10, 20, 30, NAN, 20, NAN], "b": [10, 25, NAN, 70, 20, 70], "c": [NAN, NAN, NAN, 40, NAN, 40]}
    rows = pd.concat([observed(full, 2023), observed(gap, 2024)])
    alone = scored(rows, *three, areas=Areas(pd.Series(NORTH, index=[N1, N2, N3])))
    both = scored(rows, *three)
    key = ["edition", "profile", "level", "id", "area_code"]
    expected, got = (found["element_score"].sort_values(key, ignore_index=True) for found in (alone, both))
    shared = got[got["area_code"].isin([N1, N2, N3, NORTH])].merge(expected[key], on=key)
    pd.testing.assert_frame_equal(shared, expected)
    assert of(both)[S1] == 55, "the mean of what South has"


def test_carried_values_count_as_covered() -> None:
    assert of(scored(observed(TOWN, status="carried")), "coverage") == close([1] * 6)


def test_a_suppressed_value_is_not_scored_even_where_one_is_written() -> None:
    rows = observed(TOWN)
    rows.loc[(rows["indicator_id"] == "bad") & (rows["area_code"] == S1), "status"] = "suppressed"
    got = scored(rows)
    assert np.isnan(of(got, name="bad")[S1])
    assert of(got)[S1] == 80
    assert of(got, "coverage")[S1] == 0.5


def test_many_indicators_in_a_small_town_are_ranked_each_for_itself() -> None:
    names = [f"i{number}" for number in range(9)]
    values = {name: [10 * (number + place) % 70 for place in (0, 3, 5, 1, 0, 0)] for number, name in enumerate(names)}
    got = scored(observed(values), *map(indicator, names))
    for name, figures in values.items():
        north = sorted(figures[:3], reverse=True)
        rank = of(got, "rank", name=name)
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
    got = scored(town(drawn), *THREE, mean=mean)
    keys = ["edition", "profile", "area_code"]
    scores = got["element_score"][got["element_score"]["level"] == "component"].set_index(keys)["score"].dropna()
    sums = got["contribution"].groupby(keys)["contribution"].sum()
    assert set(sums.index) == set(scores.index)
    pd.testing.assert_series_equal(sums.sort_index(), scores.sort_index(), check_names=False, rtol=1e-9)
    assert scores.between(0, 100 + 1e-9).all()
    assert set(got["contribution"]["parent_id"]) <= {"housing"}


@quick
@given(cells(st.floats(-20, 120), 3), st.integers(0, 3), st.floats(0, 50))
def test_a_better_value_never_lowers_the_score(drawn: list[list[float]], ward: int, better: float) -> None:
    # The first edition is as drawn; each later one improves one value of one ward.
    tables = [drawn]
    for row, improved in enumerate(THREE):
        changed = [list(line) for line in drawn]
        changed[row][ward] += better if improved.direction == "higher_is_better" else -better
        tables.append(changed)
    got = scored(town([line for table in tables for line in table]), *THREE)
    place = WARDS[ward]
    for profile in ("spi", "equal"):
        before, rank = of(got, profile=profile, edition=2023), of(got, "rank", profile, edition=2023)
        for edition in (2024, 2025, 2026):
            after = of(got, profile=profile, edition=edition)
            assert after[place] >= before[place] - 1e-9
            assert place == S1 or of(got, "rank", profile, edition=edition)[place] <= rank[place]
            assert after == pytest.approx(before | {place: after[place]}), "no other area moves"
