"""Scorecards, which compare each ward with the wards of its authority nearest in income."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from spi_pipeline.contracts.models.indicators import Peers
from spi_pipeline.scoring.analysis.scorecard import SCORECARD_COLUMNS, scorecards
from spi_pipeline_tests.scoring.town import NAN, NORTH
from spi_pipeline_tests.scoring.whole import EIGHT_AND_TWO, WARDS, town_tables

PEERS = Peers(measure="income", count=3, floor=1)
INCOMES = [30, 31, 33, 36, 40, 45, 51, NAN, 29, 50]


def context() -> pd.DataFrame:
    """Incomes of two years, of which the newer counts, and another measure; the authority has rows too."""
    rows = [(measure, ward, dt.date(year, 3, 31), income * factor) for measure, year, factor in
            (("income", 2020, 1), ("income", 2018, -1), ("rent", 2024, -1)) for ward, income in
            zip([*WARDS, NORTH], [*INCOMES, 30.5], strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["measure_id", "area_code", "period_end", "value"])


def card(peers: Peers = PEERS) -> pd.DataFrame:
    return scorecards(town_tables()["element_score"], context(), peers, EIGHT_AND_TWO)


def test_a_ward_is_compared_with_the_nearest_wards_of_its_authority_by_hand() -> None:
    table = card()
    assert list(table.columns) == SCORECARD_COLUMNS
    assert not table.duplicated(["edition", "profile", "area_code", "level", "id"]).any()
    own = table[(table["profile"] == "equal") & (table["edition"] == 2022) & (table["id"] == "c")]
    own = own.round(9).set_index("area_code")
    # Scores of c equal its values; the first ward's nearest wards are the second to fourth: 70, 41 and 62.
    assert own.loc[WARDS[0], "peers"] == ",".join(WARDS[1:4])
    assert own.loc[WARDS[0], ["peer_median", "difference", "verdict"]].tolist() == [62, -7, "neutral"]
    assert own.loc[WARDS[1], ["peer_median", "difference", "verdict"]].tolist() == [55, 15, "strength"]
    assert own.loc[WARDS[5], "verdict"] == "weakness"
    assert set(own["level"]) == {"indicator"}


def test_every_level_edition_and_profile_has_scorecards() -> None:
    table = card()
    assert set(table["level"]) == {"indicator", "component", "dimension", "index"}
    assert len(table.groupby(["edition", "profile"])) == 6


def test_authorities_and_wards_without_a_figure_have_no_card_and_are_no_peers() -> None:
    table = card()
    assert WARDS[7] not in set(table["area_code"])
    assert not table["peers"].str.contains(f"{WARDS[7]}|{NORTH}").any()
    assert set(table["area_code"]) <= set(WARDS)
    assert set(table.loc[table["area_code"] == WARDS[8], "peers"]) == {WARDS[9]}, "there is only one other ward"


def test_the_floor_is_that_of_the_contract() -> None:
    assert set(card(Peers(measure="income", count=3, floor=100))["verdict"]) == {"neutral"}


def test_an_absent_measure_gives_no_cards() -> None:
    table = card(Peers(measure="wealth", count=3, floor=1))
    assert table.empty
    assert list(table.columns) == SCORECARD_COLUMNS


@pytest.mark.parametrize("count", [1, 6])
def test_the_number_of_peers_is_that_of_the_contract(count: int) -> None:
    table = card(Peers(measure="income", count=count, floor=1))
    north = table[table["area_code"].isin(WARDS[:8]) & (table["id"] == "c")]
    assert set(north["peers"].str.split(",").map(len)) == {count}
