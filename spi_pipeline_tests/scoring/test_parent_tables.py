"""Scores, ranks, weights and contributions of dimensions and the index, computed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.scoring.element import Tables, parent_tables
from spi_pipeline.scoring.tables import CONTRIBUTION_COLUMNS, SCORE_COLUMNS, WEIGHT_COLUMNS
from spi_pipeline_tests.scoring.town import (
    ALL,
    AREAS,
    N1,
    NAN,
    NORTH,
    S1,
    SOUTH,
    WARDS,
    catalogue,
    framework,
    indicator,
    picked,
    trees,
)

# Three slots of housing and one of health.
KNOWN = catalogue(housing=[indicator(name) for name in "abc"], health=[indicator("d")])
SLOTS = ("housing", "health")
SCORES = {"housing": [20, 40, 60, 80, 40, 80], "health": [40, 80, 30, 100, 60, 100]}


def children(scores: Mapping[str, Sequence[float]], coverage: Mapping[str, float], edition: int = 2024) -> pd.DataFrame:
    """Rows of the product ``score`` for components, the same under both profiles."""
    return pd.DataFrame(
        [
            (edition, profile, "component", name, area, score, coverage[name])
            for profile in ("spi", "equal")
            for name, figures in scores.items()
            for area, score in zip(ALL, figures, strict=True)
        ],
        columns=["edition", "profile", "level", "id", "area_code", "score", "coverage"],
    )


FULL = {"housing": 1.0, "health": 1.0}


def needs(rows: pd.DataFrame, mean: str = "arithmetic", parent: str = "needs") -> Tables:
    return parent_tables(parent, trees(framework(mean=mean), KNOWN), rows, AREAS)


def by_area(result: Tables, column: str = "score", edition: int = 2024) -> dict:
    return picked(result["element_score"], column, profile="spi", edition=edition)


@pytest.mark.parametrize(
    ("mean", "by_hand"),
    [
        ("arithmetic", lambda a, b: (a + b) / 2),
        ("geometric", lambda a, b: (a * b) ** 0.5),
        ("harmonic", lambda a, b: 2 / (1 / a + 1 / b)),
    ],
)
def test_the_mean_of_the_children_by_hand(mean: str, by_hand: object) -> None:
    result = needs(children(SCORES, FULL), mean)
    expected = [by_hand(a, b) for a, b in zip(*SCORES.values(), strict=True)]
    assert by_area(result) == pytest.approx(dict(zip(ALL, expected, strict=True)))
    assert set(result["element_score"]["level"]) == {"dimension"}
    assert set(result["element_score"]["id"]) == {"needs"}


def test_the_tables_have_the_columns_of_the_products() -> None:
    result = needs(children(SCORES, FULL))
    assert list(result["element_score"].columns) == SCORE_COLUMNS
    assert list(result["weight"].columns) == WEIGHT_COLUMNS
    assert list(result["contribution"].columns) == CONTRIBUTION_COLUMNS


def test_ranks_are_within_the_authority_and_ties_share_the_better_rank() -> None:
    rank = by_area(needs(children(SCORES | {"housing": [20, 30, 80, 80, 40, 80]}, FULL)), "rank")
    # Scores are 30, 55 and 55 in the north; the south has only one ward.
    assert [rank[ward] for ward in WARDS[:3]] == [3, 1, 1]
    assert all(pd.isna(rank[area]) for area in (*WARDS[3:], NORTH, SOUTH))
    relative = by_area(needs(children(SCORES, FULL)), "relative_score")
    # Scores are 30, 60 and 45: mean 45, standard deviation 15.
    assert [relative[ward] for ward in WARDS[:3]] == pytest.approx([40, 60, 50])
    assert np.isnan(relative[NORTH])


def test_coverage_weights_children_by_their_slots() -> None:
    result = needs(children(SCORES, {"housing": 2 / 3, "health": 1.0}))
    assert by_area(result, "coverage") == pytest.approx(dict.fromkeys(ALL, 3 / 4)), "2 + 1 of 3 + 1 slots"


def test_an_area_with_too_few_children_has_a_row_without_a_score() -> None:
    blank = {name: [*figures[:3], NAN, *figures[4:]] for name, figures in SCORES.items()}
    result = needs(children(blank, FULL))
    assert np.isnan(by_area(result)[S1])
    assert pd.isna(by_area(result, "rank")[S1])
    assert S1 not in set(result["contribution"]["area_code"])


def test_children_have_equal_weights_and_effective_weights_follow_their_spread() -> None:
    weight = needs(children(SCORES, FULL))["weight"]
    weight = weight[(weight["profile"] == "spi") & (weight["authority_code"] == NORTH)].set_index("id")
    assert weight["weight"].to_dict() == {"housing": 0.5, "health": 0.5}
    sd = {name: np.std(SCORES[name][:3], ddof=1) for name in SCORES}
    assert weight["effective_weight"].to_dict() == pytest.approx({k: sd[k] / sum(sd.values()) for k in sd})
    assert set(weight["n"]) == {3}, "only wards are counted"
    assert set(weight["method"]) == {"equal"}


@pytest.mark.parametrize(
    ("mean", "inner"), [("arithmetic", lambda s: s), ("geometric", math.log), ("harmonic", lambda s: 1 / s)]
)
def test_each_child_contributes_its_share_of_the_mean(mean: str, inner: Callable[[float], float]) -> None:
    result = needs(children(SCORES, FULL), mean)
    table = result["contribution"][
        (result["contribution"]["profile"] == "spi") & (result["contribution"]["area_code"] == N1)
    ]
    housing, health = SCORES["housing"][0], SCORES["health"][0]
    whole = by_area(result)[N1]
    by_hand = {"housing": whole * inner(housing) / (inner(housing) + inner(health))}
    by_hand["health"] = whole - by_hand["housing"]
    assert dict(zip(table["id"], table["contribution"], strict=True)) == pytest.approx(by_hand)


def test_editions_are_ranked_separately() -> None:
    reversed_scores = {name: figures[::-1] for name, figures in SCORES.items()}
    result = needs(pd.concat([children(SCORES, FULL, 2023), children(reversed_scores, FULL, 2024)]))
    assert by_area(result, edition=2023) == dict(zip(ALL, [30, 60, 45, 90, 50, 90], strict=True))
    assert by_area(result, edition=2024) == dict(zip(ALL, [90, 50, 90, 45, 60, 30], strict=True))
    assert [by_area(result, "rank", 2024)[ward] for ward in WARDS[:3]] == [1, 3, 1]


def test_the_index_is_scored_from_its_dimensions() -> None:
    below = needs(children(SCORES, FULL))["element_score"]
    result = needs(below, parent="town_index")
    assert set(result["element_score"]["level"]) == {"index"}
    assert by_area(result) == by_area({"element_score": below})


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.lists(st.one_of(st.just(NAN), st.floats(0, 100)), min_size=6, max_size=6), min_size=2, max_size=2),
    st.sampled_from(["arithmetic", "geometric", "harmonic"]),
)
def test_contributions_add_up_and_the_score_lies_between_the_children(drawn: list[list[float]], mean: str) -> None:
    for figures in drawn:
        figures[0], figures[3] = 50.0, 60.0  # a slot of the basis has values in every authority
    result = needs(children(dict(zip(SLOTS, drawn, strict=True)), FULL), mean)
    table = result["contribution"][result["contribution"]["profile"] == "spi"]
    sums = table.groupby("area_code")["contribution"].sum().to_dict()
    scores = {area: score for area, score in by_area(result).items() if not np.isnan(score)}
    assert sums == pytest.approx(scores, abs=1e-9)
    floor = 0.0 if mean == "arithmetic" else 1.0
    for area, pair in zip(ALL, zip(*drawn, strict=True), strict=True):
        known = [max(score, floor) for score in pair if not np.isnan(score)]
        assert (area in scores) == bool(known)
        if known:
            assert min(known) - 1e-9 <= scores[area] <= max(known) + 1e-9
