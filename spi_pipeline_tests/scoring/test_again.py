"""The engine's task and the pipeline's steps are two ways to the same scores."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.scoring.again import scored_again
from spi_pipeline_tests.scoring.whole import EDITIONS, EIGHT_AND_TWO, WARDS, town_index

NORTHERN, SOUTHERN = WARDS[:8], WARDS[8:]


def published(name: str, edition: int, wards: list[str], mean: str = "arithmetic") -> pd.DataFrame:
    score = town_index(mean)[0].score
    own = score[(score["profile"] == name) & (score["edition"] == edition) & score["area_code"].isin(wards)]
    return own.pivot(index=["edition", "area_code"], columns="id", values="score")


@pytest.mark.parametrize("mean", ["arithmetic", "geometric", "harmonic"])
@pytest.mark.parametrize("profile", ["spi", "equal"])
@pytest.mark.parametrize("edition", [2023, 2024])
@pytest.mark.parametrize("wards", [NORTHERN, SOUTHERN], ids=["north", "south"])
def test_the_engine_arrives_at_the_scores_of_the_pipeline(
    profile: str, edition: int, wards: list[str], mean: str
) -> None:
    tables, frame = town_index(mean)
    again = scored_again(tables, profile, frame.profiles[profile], edition, wards)
    expected = published(profile, edition, wards, mean)
    assert set(again.scores.columns) == set(expected.columns[expected.notna().any()])
    pd.testing.assert_frame_equal(
        again.scores, expected[again.scores.columns], check_names=False, rtol=0, atol=1e-9, check_exact=False
    )


def test_what_the_edition_does_not_hold_is_no_part_of_it() -> None:
    tables, frame = town_index()
    for edition, names in EDITIONS.items():
        again = scored_again(tables, "equal", frame.profiles["equal"], edition, NORTHERN)
        assert set(again.task.structure.leaves) == set(names)


def test_cells_the_pipeline_filled_are_marked_and_have_no_interval() -> None:
    tables, frame = town_index()
    again = scored_again(tables, "spi", frame.profiles["spi"], 2023, NORTHERN)
    cells = again.indicators.cells[["indicator_id", "area_code"]].to_numpy().tolist()
    assert cells == [["b", WARDS[4]], ["d", WARDS[6]]]
    observed = again.inputs.task.values
    assert observed.panel.isna().sum().to_dict() == {name: int(name in "bd") for name in observed.panel}
    assert again.indicators.raw.notna().all(axis=None)
    assert observed.lower is not None
    assert observed.lower.notna().all().to_dict() == {name: name == "c" for name in observed.panel}
    assert scored_again(tables, "equal", frame.profiles["equal"], 2023, NORTHERN).indicators.cells.empty


def test_authorities_are_no_rows_of_it() -> None:
    tables, frame = town_index()
    again = scored_again(tables, "spi", frame.profiles["spi"], 2024, NORTHERN)
    assert list(again.scores.index) == [(2024, ward) for ward in NORTHERN]
    assert set(EIGHT_AND_TWO.authority_of).isdisjoint(again.scores.index.get_level_values("area_code"))
