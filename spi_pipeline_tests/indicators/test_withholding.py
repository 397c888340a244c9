"""Wards with too small a count have no value, and the values of other wards do not reveal it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.indicators.intervals import with_intervals
from spi_pipeline.indicators.observations import observations
from spi_pipeline.indicators.values import Wards, WardValues, ward_values
from spi_pipeline.rules.disclosure import MinimumCounts, disclosed
from spi_pipeline_tests.indicators.test_values import CENSUS, SMALL
from spi_pipeline_tests.indicators.test_values import TOWN as SMALL_AREAS
from spi_pipeline_tests.scoring.town import indicator, source

TOWN = "E06000001"
WARDS = [f"E0500000{number}" for number in range(1, 6)]
PLACES = Wards(pd.DataFrame({"area_code": WARDS, "parent_code": TOWN}), pd.DataFrame(), 0.5)
SHARE = {"kind": "share", "columns": ["yes"], "denominator": {"column": "asked"}}
OF_ALL = MinimumCounts(5, 5, 100.0, alike=True)


def computed(rows: pd.DataFrame, least: MinimumCounts | None, **measure: Any) -> WardValues:
    on_wards = {"survey": source(levels=["ward"])}
    return ward_values(indicator("figure", **(measure or SHARE)), on_wards, {"survey": rows}, PLACES, least)


def shares(yes: Sequence[float | None], asked: Sequence[float | None]) -> pd.DataFrame:
    return pd.DataFrame({"area_code": WARDS[: len(yes)], "yes": yes, "asked": asked}).astype(
        {"yes": float, "asked": float}
    )


def column(got: WardValues, name: str) -> list[float | None]:
    return [None if each != each else each for each in got.values.set_index("area_code")[name]]


def statuses(got: WardValues) -> list[str]:
    of = indicator("figure", **SHARE)
    rows = with_intervals(got.values, of, Unit(title="%", minimum=0, maximum=100))
    rated = observations(rows, of, source(levels=["ward"]), [], [2021], relative=False)
    return list(rated.set_index("area_code")["status"].reindex([*WARDS, TOWN]))


def test_too_small_a_count_is_suppressed_with_the_next_and_the_town_excludes_both() -> None:
    got = computed(shares([3, 9, 20, 30, 0], [100] * 5), OF_ALL)
    assert column(got, "numerator") == [None, None, 20, 30, 0, 50]
    for name in ("value", "denominator", "allocation_error"):
        assert [each is None for each in column(got, name)] == [True, True, False, False, False, False], name
    assert column(got, "covered") == [1, 1, 1, 1, 1, 0.6], "a withheld value is known"
    assert statuses(got) == ["suppressed", "suppressed", *["observed"] * 4]


def test_without_a_minimum_nothing_is_withheld() -> None:
    assert column(computed(shares([3, 9, 20, 30, 0], [100] * 5), None), "numerator") == [3, 9, 20, 30, 0, 62]


def test_the_minimum_also_applies_to_the_remainder_and_the_whole() -> None:
    assert column(computed(shares([97, 50, 60, 70, 80], [100] * 5), OF_ALL), "numerator")[0] is None
    assert column(computed(shares([0, 50, 60, 70, 80], [4, 100, 100, 100, 100]), OF_ALL), "numerator")[0] is None
    public = MinimumCounts(5, 1, 100.0, alike=False)
    assert column(computed(shares([97, 50, 60, 70, 80], [100] * 5), public), "numerator")[0] == 97


def test_a_rate_with_its_denominator_counts_as_a_count() -> None:
    mean = {"kind": "mean", "columns": ["yes"], "denominator": {"column": "asked"}}
    rows = shares([2.0, 50.0, 60.0, 70.0, 80.0], [100] * 5)
    assert column(computed(rows, OF_ALL, **mean), "value")[:3] == [None, None, 60]
    assert column(computed(rows, MinimumCounts(1, 5), **mean), "value")[:3] == [2, 50, 60], (
        "it does not come from counts"
    )


def test_a_row_without_a_figure_is_withheld_and_a_ward_without_a_row_is_missing() -> None:
    got = computed(shares([None, 9, 20, 30], [100] * 4), OF_ALL)
    assert column(got, "numerator")[:5] == [None, None, 20, 30, None]
    assert statuses(got)[:5] == ["suppressed", "suppressed", "observed", "observed", "missing"]
    several = computed(shares([None, None, 20, 30], [100] * 4), OF_ALL)
    assert column(several, "numerator")[:5] == [None, None, 20, 30, None], "the source withholds two itself"


def test_parts_of_small_areas_are_added_up_before_they_are_checked() -> None:
    rows = pd.DataFrame({"area_code": SMALL, "yes": [2.0, 4, 8, 3, 50], "asked": [60.0, 100, 40, 30, 90]})
    got = ward_values(
        indicator("figure", **SHARE), {"survey": source(), "census": source("census")},
        {"survey": rows, "census": CENSUS}, SMALL_AREAS, OF_ALL,
    )  # fmt: skip
    # 2 + 0.75 × 4 = 5 and 0.25 × 4 + 0.5 × 8 = 5 in the north, 3 and 50 in the south.
    assert column(got, "numerator") == [5, 5, None, None, 10, None]


COUNTS = st.lists(st.integers(0, 40), min_size=5, max_size=5)


@settings(deadline=None, max_examples=50)
@given(COUNTS, st.integers(2, 9))
def test_shown_counts_reveal_nothing_even_if_the_town_total_is_known(counts: list[int], minimum: int) -> None:
    got = computed(shares(counts, [1000] * 5), MinimumCounts(minimum, minimum, 100.0, alike=True))
    shown = dict(zip(WARDS, column(got, "numerator")[:5], strict=True))
    assert all(count is None or count == 0 or count >= minimum for count in shown.values())
    if any(shown.values()):  # without shown counts there is nothing to infer from
        assert not list(disclosed(shown | {TOWN: float(sum(counts))}, dict.fromkeys(WARDS, TOWN), minimum))
