from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.scoring.above import score_parent
from spi_pipeline.scoring.change import CHANGE_COLUMNS, changes
from spi_pipeline.scoring.component import score_component
from spi_pipeline_tests.scoring.town import (
    ALL,
    AREAS,
    N1,
    N2,
    N3,
    NAN,
    NO_YARDSTICK,
    framework,
    goalposts,
    indicator,
)

# Two components: one of two slots, the first with a predecessor, and one of a single slot.
NEW, OLD, STEADY, OTHER = indicator("new", predecessor="old"), indicator("old"), indicator("steady"), indicator("other")
COMPONENTS = {"housing": [NEW, OLD, STEADY], "health": [OTHER]}
LEVELS = {"housing": 2, "health": 1}


def rows(name: str, edition: int, year: int, values: Sequence[float]) -> pd.DataFrame:
    """Observations of one indicator in one edition, of a period that ends with the year stated."""
    status = ["missing" if np.isnan(value) else "observed" if year == edition else "carried" for value in values]
    return pd.DataFrame(
        {
            "indicator_id": name, "area_code": ALL, "edition": edition, "value": values, "status": status,
            "period_end": pd.Timestamp(year, 12, 31).date(),
        }
    )  # fmt: skip


def split(observations: pd.DataFrame, relative: Sequence[str] = (), mean: str = "arithmetic") -> pd.DataFrame:
    """The change table of the invented town, through the scoring of every level."""
    frame, editions = framework(mean=mean), sorted(set(observations["edition"]))
    scored = []
    for component, indicators in COMPONENTS.items():
        own: list[Indicator] = indicators
        table = observations[observations["indicator_id"].isin([item.id for item in own])]
        scored.append(
            score_component(component, own, table, editions, goalposts(*own), NO_YARDSTICK, frame, AREAS)
        )  # fmt: skip
    below = pd.concat([part.score for part in scored])
    scored.append(score_parent("needs", "dimension", below[below["level"] == "component"], LEVELS, frame, AREAS))
    scored.append(score_parent("town_index", "index", scored[-1].score, {"needs": 3}, frame, AREAS))
    scores, weights = (pd.concat([getattr(part, name) for part in scored]) for name in ("score", "weight"))
    return changes(scores, weights, observations, relative, frame)


def part(table: pd.DataFrame, name: str, area: str = N1, profile: str = "equal") -> list[float]:
    """Change, and the three parts of it, of one element and area."""
    found = table[(table["id"] == name) & (table["area_code"] == area) & (table["profile"] == profile)]
    assert len(found) == 1
    return [float(value) for value in found[CHANGE_COLUMNS[-4:]].iloc[0]]


FLAT = [50.0] * 6
BEFORE = pd.concat([rows("steady", 2023, 2021, FLAT), rows("other", 2023, 2023, FLAT)])


def test_a_newer_period_is_data_an_old_one_carried_is_none() -> None:
    before = pd.concat([BEFORE, rows("old", 2023, 2023, FLAT)])
    after = [
        rows("old", 2024, 2024, [70.0] * 6),
        rows("steady", 2024, 2021, FLAT),
        rows("other", 2024, 2024, [40.0] * 6),
    ]
    table = split(pd.concat([before, *after]))
    assert part(table, "old") == [20, 20, 0, 0]
    assert part(table, "steady") == [0, 0, 0, 0]
    assert part(table, "housing") == [10, 10, 0, 0], "half of twenty"
    assert part(table, "health") == [-10, -10, 0, 0]
    assert part(table, "town_index") == [0, 0, 0, 0]
    assert list(table.columns) == CHANGE_COLUMNS


def test_what_entered_expired_or_was_replaced_is_the_set() -> None:
    before = pd.concat([BEFORE, rows("old", 2023, 2023, FLAT)])
    kept = [rows("steady", 2024, 2021, FLAT), rows("other", 2024, 2024, [60.0] * 6)]
    replaced = split(pd.concat([before, *kept, rows("new", 2024, 2024, [90.0] * 6)]))
    assert part(replaced, "housing") == [20, 0, 0, 20]
    assert part(replaced, "needs") == [15, 5, 0, 10], "five from the other component's newer figure"
    assert set(replaced["id"]).isdisjoint({"old", "new"}), "neither has a score in both editions"
    expired = split(pd.concat([before, *kept]))
    assert part(expired, "housing") == [0, 0, 0, 0], "expired at the mean of its siblings"
    entered = split(pd.concat([BEFORE, *kept, rows("old", 2024, 2024, [90.0] * 6)]))
    assert part(entered, "housing") == [20, 0, 0, 20]


def test_a_newer_release_of_a_relative_measure_is_another_set() -> None:
    before = pd.concat([BEFORE, rows("old", 2023, 2023, FLAT)])
    after = [rows("old", 2024, 2024, [70.0] * 6), rows("steady", 2024, 2021, FLAT), rows("other", 2024, 2024, FLAT)]
    table = split(pd.concat([before, *after]), relative=["old"])
    assert part(table, "old") == [20, 0, 0, 20]
    assert part(table, "housing") == [10, 0, 0, 10]


def test_a_gap_estimated_anew_is_carried_and_a_gap_filled_is_the_set() -> None:
    # steady lacks N3 in both editions, and one predictor makes no regression: the mean of the others stays.
    steady = [10.0, 20, NAN, 30, 20, 30]
    old, moved = [20.0, 40, 80, 60, 40, 60], [22.0, 44, 40, 66, 44, 66]
    before = pd.concat(
        [rows("old", 2023, 2023, old), rows("steady", 2023, 2021, steady), rows("other", 2023, 2023, FLAT)]
    )
    still = [rows("old", 2024, 2024, moved), rows("steady", 2024, 2021, steady), rows("other", 2024, 2024, FLAT)]
    table = split(pd.concat([before, *still]))
    change, data, carried, entered = part(table, "steady", N3, "spi")
    assert carried == change == 0
    assert (data, entered) == (0, 0)
    whole = part(table, "housing", N3, "spi")
    assert whole == pytest.approx([(change - 40) / 2, -20, change / 2, 0])
    filled = [still[0], rows("steady", 2024, 2024, [10, 20, 35, 30, 20, 30.0]), still[2]]
    told = part(split(pd.concat([before, *filled])), "steady", N3, "spi")
    assert told[1:3] == [0, 0]
    assert told[3] == told[0]
    assert part(split(pd.concat([before, *filled])), "steady", N2, "spi") == [0, 0, 0, 0], "newer, and the same"


def test_one_edition_has_no_change() -> None:
    assert split(pd.concat([BEFORE, rows("old", 2023, 2023, FLAT)])).empty


VALUES = st.lists(st.one_of(st.just(NAN), st.floats(1, 99)), min_size=6, max_size=6)
YEARS = range(2022, 2026)


@settings(max_examples=2, deadline=None)
@given(st.lists(VALUES, min_size=12, max_size=12), st.lists(st.booleans(), min_size=4, max_size=4), st.booleans())
@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_the_three_parts_add_up_to_what_the_scores_say(
    mean: str, drawn: list[list[float]], fresh: list[bool], relative: bool
) -> None:
    # Every year new figures of the later definition and of the one that always is there; of the earlier and the steady
    # one in some years, in the others those of 2021.
    found = [rows("other", year, year, [20.0, 30, 40, 50, 30, 50]) for year in YEARS]
    for place, year in enumerate(YEARS):
        old, new, steady = drawn[3 * place : 3 * place + 3]
        period = year if fresh[place] else 2021
        found += [rows("new", year, year, new), rows("old", year, 2021, drawn[0])]
        found.append(rows("steady", year, period, steady if fresh[place] else old))
    observations = pd.concat(found)
    table = split(observations, ["steady"] if relative else [], mean)
    parts = table[["from_data", "from_carried", "from_set"]]
    np.testing.assert_allclose(parts.sum(axis=1), table["change"], atol=1e-12)
    assert not table.duplicated(CHANGE_COLUMNS[:6]).any()
    assert parts.notna().all(axis=None)
    single = table["level"] == "indicator"
    assert ((parts[single] != 0).sum(axis=1) <= 1).all(), "one figure moves for one reason"
    assert set(zip(table["edition_from"], table["edition_to"], strict=True)) == {(y, y + 1) for y in YEARS[:-1]}
