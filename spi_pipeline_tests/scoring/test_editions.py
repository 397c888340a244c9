from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.scoring.editions import edition_table, filled_slots, slots
from spi_pipeline.scoring.tables import Areas
from spi_pipeline_tests.scoring.town import AREAS, NAN, NORTH, SOUTH, WARDS, framework, indicator, observed

TODAY = dt.date(2024, 6, 1)
ONE = Areas(pd.Series(NORTH, index=WARDS))
COMPONENT_OF = {"damp": "housing", "crowded": "housing", "ill": "health", "lonely": "health"}


def filled(rows: pd.DataFrame, *chains: list[str]) -> list[tuple[int, str, str, bool]]:
    table = filled_slots(rows, chains, ONE, 0.65)
    assert list(table.columns) == ["authority_code", "edition", "slot", "indicator_id", "fresh"]
    return list(table.drop(columns="authority_code").itertuples(index=False, name=None))


def held(year: int, fresh: int, carried: int, missing: int = 0) -> pd.DataFrame:
    """A year in which the first so many of the four slots are fresh, the next carried, the next missing."""
    kinds = ["fresh"] * fresh + ["carried"] * carried + ["missing"] * missing
    return pd.DataFrame(
        [
            (NORTH, year, name, "" if kind == "missing" else name, kind == "fresh")
            for name, kind in zip(COMPONENT_OF, kinds, strict=True)
        ],
        columns=["authority_code", "edition", "slot", "indicator_id", "fresh"],
    )


def test_a_slot_is_an_indicator_with_its_predecessors_newest_first() -> None:
    chain = [indicator("old"), indicator("new", predecessor="middle"), indicator("middle", predecessor="old")]
    assert slots([chain[0], indicator("single"), *chain[1:]]) == [["single"], ["new", "middle", "old"]]


def test_the_newest_present_fills_the_slot_and_only_that() -> None:
    rows = pd.concat(
        [
            observed({"new": [NAN] * 6, "old": [1] * 6}, 2022),
            observed({"new": [1] * 6, "old": [1] * 6}, 2023),
            observed({"new": [NAN] * 6, "old": [NAN] * 6}, 2024),
        ]
    )
    assert filled(rows, ["new", "old"]) == [
        (2022, "new", "old", True),
        (2023, "new", "new", True),
        (2024, "new", "", False),
    ]


def test_present_means_65_percent_of_the_wards_and_authorities_do_not_count() -> None:
    rows = observed({"three": [1, 1, 1, NAN, 1, 1], "two": [1, 1, NAN, NAN, 1, 1]})
    assert filled(rows, ["three"], ["two"]) == [(2024, "three", "three", True), (2024, "two", "", False)]


def test_carried_values_are_present_but_not_fresh_and_one_ward_of_the_year_makes_fresh() -> None:
    carried = observed({"stale": [1] * 6, "mixed": [1] * 6}, status="carried")
    carried.loc[(carried["indicator_id"] == "mixed") & (carried["area_code"] == WARDS[0]), "status"] = "observed"
    assert filled(carried, ["stale"], ["mixed"]) == [(2024, "stale", "stale", False), (2024, "mixed", "mixed", True)]


def test_an_indicator_without_rows_fills_nothing() -> None:
    assert filled(observed({"there": [1] * 6}), ["there"], ["absent"])[1] == (2024, "absent", "", False)


def test_a_year_is_published_with_enough_slots_and_counts_them() -> None:
    years = pd.concat([held(2022, 1, 1, 2), held(2023, 1, 2, 1), held(2024, 4, 0)])
    table = edition_table(years, COMPONENT_OF, framework(), TODAY)
    counts = ["indicators", "fresh", "carried", "missing"]
    assert table[["edition", "profile", *counts]].to_numpy().tolist() == [
        [2023, "spi", 3, 1, 2, 1], [2023, "equal", 3, 1, 2, 1], [2024, "spi", 4, 4, 0, 0], [2024, "equal", 4, 4, 0, 0],
    ]  # fmt: skip
    assert set(table["as_of"]) == {TODAY}


def test_the_set_is_known_by_its_slots_alone() -> None:
    one, other = (edition_table(held(year, 4, 0), COMPONENT_OF, framework(), TODAY) for year in (2023, 2024))
    without = edition_table(held(2024, 4, 0).iloc[:3], COMPONENT_OF, framework(), TODAY)
    assert set(one["set_id"]) == set(other["set_id"])
    assert set(without["set_id"]).isdisjoint(one["set_id"])


def test_a_year_without_a_component_is_not_published() -> None:
    three = ("housing", "health", "safety")
    years = pd.concat([held(2023, 4, 0), held(2024, 4, 0)])
    safe = pd.DataFrame({"edition": [2023, 2024], "slot": "safe", "indicator_id": ["", "safe"], "fresh": [False, True]})
    safe = safe.assign(authority_code=NORTH)
    table = edition_table(pd.concat([years, safe]), COMPONENT_OF | {"safe": "safety"}, framework(three), TODAY)
    assert set(table["edition"]) == {2024}, "2023 has four of five slots and still lacks a component"


def test_where_no_year_can_be_published_the_best_is_told() -> None:
    years = pd.concat([held(2022, 1, 0, 3), held(2023, 1, 1, 2)])
    with pytest.raises(SpiError) as raised:
        edition_table(years, COMPONENT_OF, framework(), TODAY)
    assert str(raised.value) == (
        "no year can be published: the best, 2023, has 2 of 4 indicators and nothing for health; "
        "65% and every component are needed, see publication in framework.yaml"
    )


def test_where_only_slots_lack_no_component_is_named() -> None:
    year = held(2024, 4, 0)
    year.loc[[1, 2], "indicator_id"] = ""
    with pytest.raises(SpiError, match="the best, 2024, has 2 of 4 indicators; 65% and"):
        edition_table(year, COMPONENT_OF, framework(), TODAY)


def test_of_equally_poor_years_the_newest_is_told() -> None:
    years = pd.concat([held(2022, 1, 0, 3), held(2023, 0, 1, 3)])
    with pytest.raises(SpiError, match="the best, 2023, has 1 of 4 indicators and nothing for health;"):
        edition_table(years, COMPONENT_OF, framework(), TODAY)


def test_each_authority_is_judged_by_its_own_wards() -> None:
    rows = observed({"new": [1, 1, NAN, NAN, 1, NAN], "old": [1, NAN, NAN, 1, 1, 1]})
    table = filled_slots(rows, [["new", "old"]], AREAS, 0.65).set_index("authority_code")
    assert table["indicator_id"].to_dict() == {NORTH: "new", SOUTH: "old"}


def test_a_year_needs_every_authority_and_the_one_that_lacks_most_is_told() -> None:
    both = pd.concat([held(2023, 4, 0), held(2024, 4, 0), held(2024, 0, 4).assign(authority_code=SOUTH)])
    table = edition_table(both, COMPONENT_OF, framework(), TODAY)
    assert table[["edition", "indicators", "fresh", "carried"]].drop_duplicates().to_numpy().tolist() == [
        [2023, 4, 4, 0], [2024, 4, 4, 0],
    ]  # fmt: skip
    poor = pd.concat([held(2024, 4, 0), held(2024, 1, 1, 2).assign(authority_code=SOUTH)])
    with pytest.raises(SpiError, match=f"the best, 2024, has 2 of 4 indicators for {SOUTH} and nothing for health;"):
        edition_table(poor, COMPONENT_OF, framework(), TODAY)
