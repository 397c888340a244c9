"""Intervals of ranks and what drives them, on an invented index whose draws are few."""

from __future__ import annotations

from functools import cache
from typing import Any

import pandas as pd
import pytest
from spi_pipeline.scoring.doubt import (
    DOUBT_COLUMNS,
    INTERVAL_COLUMNS,
    SENSITIVITY_COLUMNS,
    drivers,
    rank_intervals,
)

from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.engine.framework.doubt import SOURCES
from spi_pipeline_tests.scoring.town import NORTH, SOUTH
from spi_pipeline_tests.scoring.whole import EIGHT_AND_TWO, WARDS, town_index

EVERYTHING = set(SOURCES)


def framed(**uncertainty: Any) -> Framework:
    frame = town_index()[1]
    return frame.model_copy(update={"uncertainty": frame.uncertainty.model_copy(update=uncertainty)})


@cache
def found() -> tuple[pd.DataFrame, pd.DataFrame]:
    tables, frame = town_index()
    return rank_intervals(tables, frame, EIGHT_AND_TWO)


def test_every_rank_of_a_ward_has_an_interval_within_its_authority() -> None:
    intervals, _ = found()
    assert list(intervals.columns) == INTERVAL_COLUMNS
    score = town_index()[0].score
    ranked = score[score["rank"].notna()]
    key = ["edition", "profile", "level", "id", "area_code"]
    assert not intervals.duplicated(key).any()
    assert len(ranked.merge(intervals, on=key)) == len(ranked) == len(intervals)
    most = intervals["area_code"].map(EIGHT_AND_TWO.authority_of.map({NORTH: 8, SOUTH: 2}))
    assert (intervals["rank_low"] >= 1).all()
    assert (intervals["rank_low"] <= intervals["rank_high"]).all()
    assert (intervals["rank_high"] <= most).all()


def test_the_worst_of_two_is_among_the_lowest_and_the_other_is_not() -> None:
    intervals, _ = found()
    south = intervals[(intervals["level"] == "index") & intervals["area_code"].isin(WARDS[8:])]
    assert (south.groupby(["edition", "profile"])["among_lowest"].sum() == 1).all()


def test_every_source_is_named_with_how_or_why_not() -> None:
    _, doubt = found()
    assert list(doubt.columns) == DOUBT_COLUMNS
    groups = doubt.groupby(["authority_code", "edition", "profile"])
    assert len(groups) == 2 * 2 * 2
    assert all(set(own["source"]) == EVERYTHING for _, own in groups)
    assert set(doubt["draws"]) == {40}
    assert set(doubt["seed"]) == {1}
    told = doubt.set_index(["authority_code", "edition", "profile", "source"])
    assert told.loc[(NORTH, 2023, "spi", "imputation"), "how"].startswith("no filled cell has an error")
    assert not told.loc[(NORTH, 2023, "equal", "imputation"), "varied"]
    assert told.loc[(NORTH, 2023, "equal", "imputation"), "how"] == "no cell was filled"
    assert told.loc[(SOUTH, 2024, "spi", "measurement"), "how"].endswith("(1 of 4 indicators)")


def test_the_same_seed_gives_the_same_and_another_another() -> None:
    tables, frame = town_index()
    again = rank_intervals(tables, frame, EIGHT_AND_TWO)
    for one, other in zip(found(), again, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert not rank_intervals(tables, framed(seed=2), EIGHT_AND_TWO)[0].equals(found()[0])


def test_with_nothing_but_an_error_nobody_has_every_rank_is_certain() -> None:
    """Of the housing indicators none has an interval: with sampling error alone their ranks do not move."""
    tables, _ = town_index()
    intervals, doubt = rank_intervals(tables, framed(sources=["measurement"]), EIGHT_AND_TWO)
    moved = set(intervals.loc[intervals["rank_low"] < intervals["rank_high"], "id"])
    assert "c" in moved
    assert moved.isdisjoint({"old", "new", "b", "d", "e", "housing"})
    assert set(doubt.loc[~doubt["varied"], "how"]) == {"switched off"}


def test_shares_are_those_of_the_newest_edition_and_blank_where_nothing_was_varied() -> None:
    tables, frame = town_index()
    shares = drivers(tables, frame, EIGHT_AND_TWO)
    assert list(shares.columns) == SENSITIVITY_COLUMNS
    assert set(shares["edition"]) == {2024}
    assert len(shares) == 2 * 2 * len(EVERYTHING)
    blank = shares[shares["total"].isna()]
    north = blank[(blank["authority_code"] == NORTH) & (blank["profile"] == "equal")]
    assert set(north["source"]) == {"allocation", "imputation"}
    known = shares.dropna()
    assert (known["total"] >= 0).all()
    assert (known["total_low"] <= known["total"] + 1e-12).all()
    assert (known["total"] <= known["total_high"] + 1e-12).all()
    assert set(shares["draws"]) == {20}


def test_one_source_alone_makes_all_of_the_doubt() -> None:
    tables, _ = town_index()
    shares = drivers(tables, framed(sources=["weights"], weights=1.0, shares=100), EIGHT_AND_TWO)
    own = shares[(shares["authority_code"] == NORTH) & shares["total"].notna()]
    assert set(own["source"]) == {"weights"}
    assert own["total"].tolist() == pytest.approx([1, 1], abs=0.35)
