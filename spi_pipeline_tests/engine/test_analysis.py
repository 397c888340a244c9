"""Statistics, correlations, importance, leaving elements out, peers and scorecards of a computed index."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine import read, score
from spi_pipeline.engine.analysis import correlations, importance, leave_one_out, statistics, without
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.peers import nearest_peers, scorecard, whole_values
from spi_pipeline_tests.engine.frameworks import EXAMPLE, rows, two_components
from spi_pipeline_tests.engine.panels import make_panel

NAN = float("nan")


def test_statistics_and_their_flags() -> None:
    panel = make_panel(
        {
            "calm": [1, 2, 3, 4, 5, 6, 7, 8],
            "gaps": [1, 2, 3, NAN, NAN, NAN, 5, 6],
            "same": [1, 1, 1, 1, 1, 2, 3, 4],
            "flat": [7] * 8,
            "spike": [1, 2, 3, 4, 5, 6, 7, 900],
        }
    )
    table = statistics(panel)
    assert table["flags"].to_dict() == {
        "calm": "", "gaps": "fewer than 65% present", "same": "more than 50% alike", "flat": "constant",
        "spike": "outliers",
    }  # fmt: skip
    assert table.loc["calm", ["n", "mean", "median", "min", "max"]].tolist() == [8, 4.5, 4.5, 1, 8]
    assert table.loc["gaps", "present"] == 5 / 8


def test_collinear_and_opposed_siblings_are_flagged() -> None:
    columns = {"a": [1.0, 2, 3, 4], "b": [1.1, 2, 3, 4], "c": [2.0, 1, 2, 0], "d": [1.0, 3, 2, 4]}
    pairs = correlations(pd.DataFrame(columns))
    assert list(zip(pairs["id"], pairs["other"], pairs["flag"], strict=True)) == [
        ("a", "b", "collinear"), ("a", "c", "opposed"), ("a", "d", ""), ("b", "c", "opposed"), ("b", "d", ""),
        ("c", "d", "opposed"),
    ]  # fmt: skip
    assert pairs.loc[2, "correlation"] == pytest.approx(0.8)


def test_importance_of_a_straight_line_is_the_squared_correlation() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    parent = pd.Series(x + rng.normal(size=4000))
    shares = importance(pd.DataFrame({"x": x, "noise": rng.normal(size=4000)}), parent)
    assert shares["x"] == pytest.approx(0.5, abs=0.03)
    assert shares["noise"] < 0.01
    assert importance(pd.DataFrame({"x": x}), pd.Series(x))["x"] == pytest.approx(1)


def test_importance_detects_a_curved_relation_that_correlation_misses() -> None:
    x = np.random.default_rng(1).uniform(-1, 1, 2000)
    parent = pd.Series(x**2)
    assert abs(np.corrcoef(x, parent)[0, 1]) < 0.1
    assert importance(pd.DataFrame({"x": x}), parent)["x"] > 0.9


def test_importance_needs_enough_areas_that_differ() -> None:
    few = importance(pd.DataFrame({"x": [1.0, 2, 3]}), pd.Series([1.0, 2, 3]))
    flat = importance(pd.DataFrame({"x": [1.0] * 20}), pd.Series(range(20)))
    assert few.isna().all()
    assert flat.isna().all()


def test_leaving_one_element_out_by_hand() -> None:
    task = read(two_components(), rows(EXAMPLE))
    table = leave_one_out(task)
    assert set(table.index) == {"housing", "crowding", "heat", "safety", "crime"}
    # Without safety (or crime, its only child) the index equals housing: 100, 45, 10 instead of 95, 47.5, 5.
    for name in ("safety", "crime"):
        assert table.loc[name, ["mean_change", "largest_change"]].tolist() == pytest.approx([12.5 / 3, 5])
    smaller = two_components()
    smaller["elements"] = [stated for stated in smaller["elements"] if stated["id"] != "heat"]
    values = rows({name: EXAMPLE[name] for name in ("crowding", "crime")})
    by_hand = score(smaller, values).scores["index"]
    before = score(two_components(), rows(EXAMPLE)).scores["index"]
    assert table.loc["heat", "mean_change"] == pytest.approx((by_hand - before).abs().mean())
    assert table["largest_rank_change"].tolist() == [0] * 5


def test_the_only_indicator_cannot_be_left_out() -> None:
    framework = two_components()
    framework["elements"] = [framework["elements"][i] for i in (0, 4, 5)]
    task = read(framework, rows({"crime": EXAMPLE["crime"]}))
    assert without(task.structure, "crime") is None
    assert leave_one_out(task).empty


def test_peers_are_the_areas_of_the_same_group_with_the_nearest_standing() -> None:
    standing = pd.Series({"A": 10.0, "B": 11, "C": 9, "D": 20, "E": 10.5, "F": NAN})
    groups = pd.Series({"A": "x", "B": "x", "C": "x", "D": "x", "E": "y", "F": "x"})
    peers = nearest_peers(standing, groups, 2)
    assert peers["A"] == ["B", "C"]
    assert peers["D"] == ["B", "A"]
    assert peers["E"] == []
    assert "F" not in peers
    assert nearest_peers(standing, count=1)["A"] == ["E"]


def test_the_scorecard_by_hand() -> None:
    scores = pd.DataFrame({"x": [50.0, 40, 44, 46, NAN], "y": [50.0, 50.4, 50.2, 50.3, 1]}, index=list("ABCDE"))
    card = scorecard(scores, {"A": ["B", "C", "D", "E"], "B": ["C"], "E": [], "Z": ["A"]})
    own = card[card["area_code"] == "A"].set_index("id")
    # Peers 40, 44, 46: median 44, average absolute deviation 2.
    assert own.loc["x", ["peer_median", "difference", "verdict", "peers"]].tolist() == [44, 6, "strength", "B,C,D"]
    # In y, all peers but one lie within the floor of one point, and that one makes the deviation exceed 12. The median
    # is 50.25.
    assert own.loc["y", "verdict"] == "neutral"
    assert card[card["area_code"] == "B"]["verdict"].tolist() == ["weakness", "neutral"]
    assert set(card["area_code"]) == {"A", "B"}


def test_a_whole_is_the_weighted_mean_of_values() -> None:
    panel = make_panel({"x": [1, 3, 10, NAN], "y": [NAN, NAN, 4, 8]}, editions=(2023, 2024))
    population = pd.Series([1.0, 3, 1, 3], index=panel.index)
    whole = whole_values(panel, population)
    assert whole.loc[(2023, "all")].tolist() == pytest.approx([2.5, NAN], nan_ok=True)
    assert whole.loc[(2024, "all")].tolist() == pytest.approx([10, 7])
    groups = pd.Series(["n", "s"] * 2, index=panel.index)
    assert whole_values(panel, population, groups).loc[(2023, "s"), "x"] == 3
    with pytest.raises(EngineError, match="population above 0"):
        whole_values(panel, population * 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=2, max_size=8), st.integers(1, 6))
def test_every_area_has_the_requested_number_of_peers_or_all_others(values: list[float], count: int) -> None:
    standing = pd.Series(values, index=[f"A{number}" for number in range(len(values))])
    for area, peers in nearest_peers(standing, count=count).items():
        assert len(peers) == len(set(peers)) == min(count, len(values) - 1)
        furthest = max(abs(standing[peer] - standing[area]) for peer in peers)
        others = standing.drop([area, *peers])
        assert (others.empty) or (others - standing[area]).abs().min() >= furthest
