"""The whole index in one pass and the separate steps of its elements give the same scores to the last bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.scoring.element import component_tables, parent_tables
from spi_pipeline.scoring.tree import index_tree, index_weights
from spi_pipeline_tests.scoring.town import AREAS, NO_REFERENCE, NORTH, catalogue, framework, indicator, observed, trees
from spi_pipeline_tests.scoring.whole import (
    EDITIONS,
    EIGHT_AND_TWO,
    HEALTH,
    HOUSING,
    WARDS,
    observations,
    town_tables,
    town_trees,
)

# Methods of ``spi score``, each of which a council's framework may name.
METHODS = [
    {"aggregate": {"component": "geometric", "dimension": "harmonic", "index": "arithmetic"}, "floor": 1.0},
    {"aggregate": {"method": "generalised", "order": 0.5}},
    {"weights": {"component": "factor", "dimension": "equal", "index": "equal"}, "impute": "mean"},
    {"normalise": "minmax", "missing": "blank", "weights": "equal", "impute": "neighbours"},
    {"normalise": "percentile_rank", "rescale": {"component": "minmax"}, "weights": "equal"},
    {"aggregate": {"component": "median"}, "decimals": 2, "treat": True, "weights": "equal", "impute": "median"},
]


@pytest.mark.parametrize("mean", ["arithmetic", "geometric", "harmonic"])
@pytest.mark.parametrize("profile", ["spi", "equal"])
def test_the_whole_index_equals_the_published_scores_of_its_steps(profile: str, mean: str) -> None:
    tree, published = town_trees(mean)[0][profile], town_tables(mean)["element_score"]
    published = published[published["profile"] == profile]
    for authority, codes in EIGHT_AND_TWO.by_authority.items():
        whole = tree.score(tree.values(observations(), codes), authority).scores
        own = published[published["area_code"].isin(codes)]
        steps = own.pivot(index=["edition", "area_code"], columns="id", values="score")
        assert set(steps.columns) == set(whole.columns)
        np.testing.assert_array_equal(whole.to_numpy(), steps.loc[whole.index, whole.columns].to_numpy())


@pytest.mark.parametrize("methods", METHODS, ids=str)
def test_a_framework_may_name_every_method_of_the_engine(methods: dict[str, object]) -> None:
    frame = town_trees()[1]
    profile = frame.profiles["equal"].model_copy(update={"aggregate": "arithmetic", "impute": "none"} | methods)
    frame = frame.model_copy(update={"profiles": {"own": profile}})
    whole = trees(frame, catalogue(housing=HOUSING, health=HEALTH))
    own = {name: tree.below("health") for name, tree in whole.items()}
    health = component_tables("health", own, observations(), EIGHT_AND_TWO)["element_score"]
    housing = {name: tree.below("housing") for name, tree in whole.items()}
    below = pd.concat([health, component_tables("housing", housing, observations(), EIGHT_AND_TWO)["element_score"]])
    needs = parent_tables("needs", whole, below, EIGHT_AND_TWO)["element_score"]
    codes = EIGHT_AND_TWO.by_authority[NORTH]
    scores = whole["own"].score(whole["own"].values(observations(), codes), NORTH).scores
    published = needs[needs["area_code"].isin(codes)].set_index(["edition", "area_code"])["score"]
    assert published.notna().any()
    np.testing.assert_array_equal(published.loc[scores.index].to_numpy(), scores["needs"].to_numpy())


def test_an_indicator_outside_the_basis_is_not_part_of_the_index() -> None:
    known = catalogue(housing=HOUSING, health=HEALTH)
    known["in_basis"] = known["indicator_id"] != "d"
    tree = index_tree(town_trees()[1], "spi", known, NO_REFERENCE)
    assert tree.leaves == ["a", "b", "c", "e"]
    assert tree.leaves_below("health") == ["c", "e"]


def test_the_other_components_share_the_weight_of_one_without_a_slot() -> None:
    known = catalogue(housing=[indicator("damp")], health=[indicator("ill")], safety=[indicator("crime")])
    frame = framework(("housing", "health", "safety"))
    rows = observed({"damp": [10, 20, 30, 40, 50, 60], "ill": [60, 50, 40, 30, 20, 10], "crime": [1, 2, 3, 4, 5, 6]})
    without = known.assign(in_basis=known["component_id"] != "safety")
    fewer = framework(("housing", "health"))
    for profile in frame.profiles:
        without_safety = index_tree(frame, profile, without, NO_REFERENCE)
        assert without_safety.children("needs") == ["housing", "health"]
        alone = index_tree(fewer, profile, without, NO_REFERENCE)
        own, other = (
            tree.score(tree.values(rows, AREAS.by_authority[NORTH]), NORTH) for tree in (without_safety, alone)
        )
        pd.testing.assert_frame_equal(own.scores, other.scores)


def test_the_figures_of_the_authority_do_not_affect_its_wards() -> None:
    tree, rows = town_trees()[0]["spi"], observations()
    codes = EIGHT_AND_TWO.by_authority[NORTH]
    scores = tree.score(tree.values(rows, codes), NORTH)
    moved = rows.assign(value=rows["value"].where(rows["area_code"] != NORTH, 1.0))
    other = tree.score(tree.values(moved, codes), NORTH)
    wards = [(edition, ward) for edition in EDITIONS for ward in WARDS[:8]]
    pd.testing.assert_frame_equal(scores.scores.loc[wards], other.scores.loc[wards])
    assert scores.ranks().xs(NORTH, level="area_code").isna().all(axis=None)


def test_weights_in_the_index_are_products_along_the_tree() -> None:
    tree = town_trees()[0]["equal"]
    weights = index_weights(tree, tree.values(observations(), EIGHT_AND_TWO.all), EIGHT_AND_TWO)
    assert weights.to_dict() == pytest.approx({"a": 1 / 4, "b": 1 / 4, "c": 1 / 6, "d": 1 / 6, "e": 1 / 6})


def test_an_indicator_may_state_its_own_methods() -> None:
    known = catalogue(housing=HOUSING, health=HEALTH)
    known["methods"] = known["indicator_id"].map({"c": '{"transform": "square_root", "impute": "median"}'})
    tree = index_tree(town_trees()[1], "equal", known, NO_REFERENCE)
    codes = EIGHT_AND_TWO.by_authority[NORTH]
    rows = observations()
    rows = rows[~((rows["indicator_id"] == "c") & (rows["area_code"] == WARDS[1]))]
    scores = tree.score(tree.values(rows, codes), NORTH)
    assert scores.scores.loc[(2022, WARDS[0]), "c"] == pytest.approx(100 * (55 / 100) ** 0.5)
    assert scores.indicators.cells[["area_code", "method"]].drop_duplicates().to_numpy().tolist() == [
        [WARDS[1], "median"],
    ]  # fmt: skip
