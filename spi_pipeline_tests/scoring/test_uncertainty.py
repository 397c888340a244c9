"""Intervals of scores, ranks and changes, and their drivers, on an invented index with few draws."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.contracts.models.framework import Uncertainty
from spi_pipeline.engine.framework.uncertainty_settings import MEASURED, SOURCES
from spi_pipeline.scoring.change import CHANGE_COLUMNS
from spi_pipeline.scoring.uncertainty import (
    DOUBT_COLUMNS,
    INTERVAL_COLUMNS,
    SENSITIVITY_COLUMNS,
    drivers,
    uncertainty,
)
from spi_pipeline_tests.scoring.town import NORTH, SOUTH
from spi_pipeline_tests.scoring.whole import EDITIONS, EIGHT_AND_TWO, WARDS, observations, town_tables, town_trees

KEY = ["edition", "profile", "level", "id", "area_code"]


def settings_with(**stated: Any) -> Uncertainty:
    return town_trees()[1].uncertainty.model_copy(update=stated)


def simulated(rows: pd.DataFrame | None = None, **stated: Any) -> dict[str, pd.DataFrame]:
    figures = observations() if rows is None else rows
    return uncertainty(town_trees()[0], figures, EIGHT_AND_TWO, settings_with(**stated))


@cache
def default_tables() -> dict[str, pd.DataFrame]:
    return simulated()


def test_every_score_and_rank_has_an_interval() -> None:
    intervals = default_tables()["rank_interval"]
    assert list(intervals.columns) == INTERVAL_COLUMNS
    score = town_tables()["element_score"]
    scored = score[score["score"].notna()]
    assert not intervals.duplicated(KEY).any()
    assert len(scored.merge(intervals, on=KEY)) == len(scored) == len(intervals)
    assert (intervals["measured_low"] <= intervals["measured_high"]).all()
    wards = intervals[intervals["area_code"].isin(WARDS)]
    assert intervals.loc[~intervals["area_code"].isin(WARDS), "rank_low"].isna().all()
    most = wards["area_code"].map(EIGHT_AND_TWO.authority_of.map({NORTH: 8, SOUTH: 2}))
    assert (wards["rank_low"] >= 1).all()
    assert (wards["rank_low"] <= wards["rank_high"]).all()
    assert (wards["rank_high"] <= most).all()


def test_the_full_interval_is_wider_than_that_of_measured_errors() -> None:
    intervals = default_tables()["rank_interval"]
    above = intervals[intervals["level"] != "indicator"]
    full, measured = above["score_high"] - above["score_low"], above["measured_high"] - above["measured_low"]
    assert (full > 0).all()
    assert (full > measured).mean() > 0.95


def test_without_variation_every_interval_equals_the_published_score() -> None:
    """No housing indicator has an error, and this profile estimates no values."""
    intervals = simulated(sources=["measurement", "imputation"])["rank_interval"]
    own = intervals[(intervals["profile"] == "equal") & (intervals["id"] == "housing")]
    joined = own.merge(town_tables()["element_score"], on=KEY)
    assert len(joined) == 12 * len(EDITIONS)
    for end in ("score_low", "score_high", "measured_low", "measured_high"):
        np.testing.assert_array_equal(joined[end], joined["score"])
    ranked = joined.dropna(subset=["rank"])
    assert (ranked["rank_low"] == ranked["rank"]).all()
    assert (ranked["rank_high"] == ranked["rank"]).all()


def test_one_of_two_wards_is_among_the_lowest() -> None:
    intervals = default_tables()["rank_interval"]
    south = intervals[(intervals["level"] == "index") & intervals["area_code"].isin(WARDS[8:])]
    assert (south.groupby(["edition", "profile"])["among_lowest"].sum() == 1).all()


def test_every_source_is_listed_with_how_it_varies_or_why_not() -> None:
    doubt = default_tables()["doubt"]
    assert list(doubt.columns) == DOUBT_COLUMNS
    groups = doubt.groupby(["authority_code", "profile"])
    assert len(groups) == 2 * 2
    assert all(set(own["source"]) == set(SOURCES) for _, own in groups)
    assert set(doubt["draws"]) == {40}
    assert set(doubt["seed"]) == {1}
    by_source = doubt.set_index(["authority_code", "profile", "source"])
    assert by_source.loc[(NORTH, "spi", "imputation"), "how"].endswith("(2 of 5 indicators)")
    assert not by_source.loc[(NORTH, "equal", "imputation"), "varied"]
    assert by_source.loc[(SOUTH, "spi", "measurement"), "how"].endswith("(2 of 5 indicators)")


def test_results_depend_on_the_seed() -> None:
    repeated = simulated()
    for name, table in default_tables().items():
        pd.testing.assert_frame_equal(table, repeated[name])
    assert not simulated(seed=2)["rank_interval"].equals(default_tables()["rank_interval"])


def test_every_change_has_an_interval_and_unchanged_elements_a_tiny_one() -> None:
    change = default_tables()["change"]
    assert list(change.columns) == CHANGE_COLUMNS
    assert set(zip(change["edition_from"], change["edition_to"], strict=True)) == {
        (2022, 2023), (2023, 2024), (2022, 2024),
    }  # fmt: skip
    assert not change.duplicated(["edition_from", "edition_to", "profile", "id", "area_code"]).any()
    assert (change["change_low"] <= change["change_high"]).all()
    assert (
        (change["change_low"] <= change["change"] + 1e-4) & (change["change"] <= change["change_high"] + 1e-4)
    ).mean() > 0.9
    stationary = change[(change["profile"] == "equal") & change["id"].isin(["a", "b", "d", "e", "housing"])]
    # All editions share one observation of e and its error, so the error causes no change.
    assert stationary[["change", "change_low", "change_high"]].abs().max(axis=None) < 1e-4
    moved = change[(change["profile"] == "equal") & (change["id"] == "c")]
    assert (moved["change_high"] - moved["change_low"] > 1).all()
    assert change.loc[change["rank_change_low"] > change["rank_change_high"]].empty


def test_the_parts_of_a_change_add_up_and_only_estimates_change_by_imputation() -> None:
    change = default_tables()["change"]
    np.testing.assert_allclose(change["from_data"] + change["from_imputation"], change["change"], atol=1e-9)
    assert (change.loc[change["profile"] == "equal", "from_imputation"] == 0).all()
    spi = change[(change["profile"] == "spi") & (change["from_imputation"] != 0)]
    assert set(spi["area_code"]) <= {WARDS[4], WARDS[6]}


def test_shares_are_for_the_newest_edition_and_blank_for_sources_not_varied() -> None:
    rows = observations()
    shares = drivers(town_trees()[0], rows[rows["edition"] == 2024], EIGHT_AND_TWO, settings_with())
    assert list(shares.columns) == SENSITIVITY_COLUMNS
    assert set(shares["edition"]) == {2024}
    assert len(shares) == 2 * 2 * len(SOURCES)
    blank = shares[shares["total"].isna()]
    north = blank[(blank["authority_code"] == NORTH) & (blank["profile"] == "equal")]
    assert set(north["source"]) == {"imputation", "allocation"}
    known = shares.dropna()
    assert (known["total"] >= 0).all()
    assert (known["total_low"] <= known["total"] + 1e-12).all()
    assert (known["total"] <= known["total_high"] + 1e-12).all()
    assert set(shares["draws"]) == {20}


def test_one_source_alone_has_the_whole_share() -> None:
    rows = observations()
    options = settings_with(sources=["weights"], weights=1.0, shares=100)
    shares = drivers(town_trees()[0], rows[rows["edition"] == 2024], EIGHT_AND_TWO, options)
    own = shares[(shares["authority_code"] == NORTH) & shares["total"].notna()]
    assert set(own["source"]) == {"weights"}
    assert set(MEASURED).isdisjoint(own["source"])
    assert own["total"].tolist() == pytest.approx([1, 1], abs=0.35)
