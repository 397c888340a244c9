"""Changes between editions: their parts, ranks, movable weight and verdicts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.scoring.change import change_rows, movable_share, pairs_of, verdicts
from spi_pipeline.scoring.periods import periods_of
from spi_pipeline_tests.scoring.town import NORTH
from spi_pipeline_tests.scoring.whole import EDITIONS, EIGHT_AND_TWO, WARDS, observations, town_trees

NORTHERN = EIGHT_AND_TWO.by_authority[NORTH]
NO_ENDS = pd.DataFrame(columns=["area_code", "id", "change_low", "change_high", "rank_change_low", "rank_change_high"])


def changed(rows: pd.DataFrame, pair: tuple[int, int] = (2022, 2023)) -> pd.DataFrame:
    """Rows of the product for the north under the profile ``equal``, which estimates nothing."""
    tree = town_trees()[0]["equal"]
    scores = tree.score(tree.values(rows, NORTHERN), NORTH)
    periods = periods_of(rows)
    movable = movable_share(scores, periods, *pair)
    return change_rows(scores, scores.scores.loc[pair[1]], movable, NO_ENDS, pair)


def unchanged() -> pd.DataFrame:
    """Every edition with the figures of the first."""
    rows = observations()
    first = rows[rows["edition"] == EDITIONS[0]].drop(columns="edition")
    return rows[["indicator_id", "area_code", "edition"]].merge(first, on=["indicator_id", "area_code"])


def test_pairs_are_each_edition_with_the_next_and_the_first_with_the_last() -> None:
    assert pairs_of([2022]) == []
    assert pairs_of([2022, 2024]) == [(2022, 2024)]
    assert pairs_of([2022, 2023, 2025]) == [(2022, 2023), (2023, 2025), (2022, 2025)]


def test_unchanged_figures_give_no_change() -> None:
    for pair in pairs_of(EDITIONS):
        result = changed(unchanged(), pair)
        assert (result["change"] == 0).all()
        assert (result["rank_change"].dropna() == 0).all()
        assert (result["movable"] == 0).all()
        assert set(result["verdict"]) == {"cannot_tell"}


def test_one_changed_figure_changes_only_its_parents() -> None:
    rows = unchanged()
    place = (rows["indicator_id"] == "a") & (rows["area_code"] == WARDS[2]) & (rows["edition"] == 2023)
    rows.loc[place, ["value", "period_end"]] = [rows.loc[place, "value"].iloc[0] + 12.0, dt.date(2023, 12, 31)]
    result = changed(rows)
    moved = result[result["change"] != 0].set_index("id")
    assert set(moved["area_code"]) == {WARDS[2]}
    assert moved["change"].to_dict() == pytest.approx({"a": 12, "housing": 6, "needs": 3, "town_index": 3})
    assert moved["movable"].to_dict() == pytest.approx({"a": 1, "housing": 0.5, "needs": 0.25, "town_index": 0.25})
    pd.testing.assert_series_equal(result["from_data"], result["change"], check_names=False)


def test_a_gain_in_rank_is_positive() -> None:
    rows = unchanged()
    place = (rows["indicator_id"] == "a") & (rows["area_code"] == WARDS[5]) & (rows["edition"] == 2023)
    rows.loc[place, "value"] = 100.0
    own = changed(rows).set_index(["id", "area_code"])["rank_change"]
    assert own["a", WARDS[5]] == 7, "the ward rises from eighth to first"
    assert [own["a", ward] for ward in WARDS[:5]] == [-1] * 5
    assert pd.isna(own["a", NORTH])


def test_estimated_cells_have_no_movable_weight() -> None:
    tree, rows = town_trees()[0]["spi"], observations()
    scores = tree.score(tree.values(rows, NORTHERN), NORTH)
    share = movable_share(scores, periods_of(rows), 2022, 2023)
    assert share.loc[WARDS[0], ["c", "a", "health", "town_index"]].tolist() == pytest.approx([1, 0, 1 / 3, 1 / 6])
    assert share.loc[WARDS[6], "d"] == 0


def test_changes_from_imputation_are_reported_separately() -> None:
    tree, rows = town_trees()[0]["spi"], observations()
    scores = tree.score(tree.values(rows, NORTHERN), NORTH)
    held = scores.scores.loc[2023] - 0.25
    share = movable_share(scores, periods_of(rows), 2022, 2023)
    result = change_rows(scores, held, share, NO_ENDS, (2022, 2023))
    np.testing.assert_allclose(result["from_data"] + result["from_imputation"], result["change"], atol=1e-9)
    assert result["from_imputation"].to_numpy() == pytest.approx(0.25)


def test_the_verdict_follows_the_interval_if_enough_weight_is_movable() -> None:
    movable = pd.Series([0.5, 1.0, 0.7, 0.49])
    low, high = pd.Series([0.1, -2.0, -0.1, 1.0]), pd.Series([2.0, -0.1, 0.1, 2.0])
    assert verdicts(movable, low, high).tolist() == ["rose", "fell", "not_distinguishable", "cannot_tell"]
