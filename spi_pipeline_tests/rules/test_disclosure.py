"""Subtraction reveals no withheld count, and the check finds any that it could: by hand and for random counts."""

from __future__ import annotations

from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spi_pipeline.rules.disclosure import disclosed, remainder_reveals_parts, small, withheld
from spi_pipeline.rules.releases import Release, disclosed_between
from spi_pipeline.rules.rule import Rule

MINIMUM = 5
WARDS = {"a": "town", "b": "town", "c": "town", "d": "town"}
RULE = Rule(
    "disclosure", "disclosure", "error", "", ("id", "area", "count"),
    {"by": ["id", "start", "end"], "least": {"calls": {"minimum": MINIMUM}}, "wholes": WARDS},
)  # fmt: skip


def hidden(*counts: float | None) -> list[int]:
    """The positions of the withheld counts."""
    gone = withheld([(MINIMUM, counts)], [count is None for count in counts])
    return [at for at, each in enumerate(gone) if each]


@pytest.mark.parametrize(
    ("counts", "gone"),
    [
        ((20, 10, 5, 0), []),
        ((20, 10, 3, 30), [1, 2]),
        ((4, 4, 30), [0, 1]),
        ((1, 2, 30, 7), [0, 1, 3]),
        # Five in three wards, each at least one: none can be four.
        ((1, 1, 3, 30, 7), [0, 1, 2, 4]),
        ((None, 30, 7), [0, 2]),
        ((None, None, 30, 7), [0, 1, 3]),
        ((3, 0, 0, 8), [0, 3]),
        ((3, 0, 0), [0, 1]),
        ((3,), [0]),
        ((4, 4, 4, 4, 4, 4), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_beside_a_small_count_the_smallest_others_go(counts: tuple[float | None, ...], gone: list[int]) -> None:
    assert hidden(*counts) == gone


def test_a_part_goes_with_all_its_counts_when_one_is_small() -> None:
    counted, others = [50, 30, 12, 40], [50, 70, 88, 2]
    assert withheld([(MINIMUM, counted), (MINIMUM, others)], [False] * 4) == [False, False, True, True]


COUNTS = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 400)), min_size=1, max_size=9)


@given(COUNTS, st.integers(2, 12))
def test_no_hidden_count_is_bounded_more_closely_than_that_it_is_small(counts: list[int], minimum: int) -> None:
    """A reader knows the total, the counts shown, and that each hidden count is at least one."""
    gone = withheld([(minimum, counts)], [False] * len(counts))
    shown = [count for count, hid in zip(counts, gone, strict=True) if not hid]
    assert not any(0 < count < minimum for count in shown)
    if not any(gone):
        assert shown == counts
        return
    rest, parts = sum(counts) - sum(shown), sum(gone)
    if not any(shown):  # no shown count above zero is left to hide as well
        return
    assert parts > 1, "so that any of them may be one alone"
    assert rest - (parts - 1) >= minimum - 1, "and any of them the largest that is small"


@given(st.lists(st.integers(0, 6), min_size=2, max_size=5), st.integers(2, 5))
@example([1, 1, 3, 6], 5)
def test_the_same_by_trying_every_table(counts: list[int], minimum: int) -> None:
    gone = withheld([(minimum, counts)], [False] * len(counts))
    rest = sum(count for count, hid in zip(counts, gone, strict=True) if hid)
    if not any(gone) or not any(count for count, hid in zip(counts, gone, strict=True) if not hid):
        return
    tables = [each for each in product(range(1, rest + 1), repeat=sum(gone)) if sum(each) == rest]
    for part in range(sum(gone)):
        assert {each[part] for each in tables} >= set(range(1, minimum)), "each small count could be any"


@given(COUNTS, st.integers(2, 12))
def test_what_is_withheld_is_not_found_and_nothing_goes_without_need(counts: list[int], minimum: int) -> None:
    gone = withheld([(minimum, counts)], [False] * len(counts))
    assert withheld([(minimum, counts)], gone) == gone
    if not any(small(count, minimum) for count in counts):
        assert not any(gone)
    areas = [f"ward {number}" for number in range(len(counts))]
    cells = {area: None if hid else float(count) for area, count, hid in zip(areas, counts, gone, strict=True)}
    total = sum(counts)
    if any(cells.values()) and total >= minimum:
        assert not list(disclosed(cells | {"town": float(total)}, dict.fromkeys(areas, "town"), minimum))


@given(st.lists(st.integers(0, 60), min_size=2, max_size=8), st.integers(2, 12), st.data())
def test_one_that_is_hidden_alone_is_always_found(counts: list[int], minimum: int, data: st.DataObject) -> None:
    alone = data.draw(st.integers(0, len(counts) - 1))
    if not counts[alone]:
        return
    cells = {str(at): None if at == alone else float(count) for at, count in enumerate(counts)}
    found = list(disclosed(cells | {"town": float(sum(counts))}, dict.fromkeys(cells, "town"), minimum))
    assert [(one.areas, one.number) for one in found if one.whole == "town"] == [((str(alone),), counts[alone])]


def found(counts: dict[str, float | None], wholes: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
    return [tuple(one) for one in disclosed(counts, wholes or WARDS, MINIMUM)]


def test_a_ward_is_found_from_its_town() -> None:
    assert found({"town": 100, "a": 40, "b": 30, "c": 27, "d": None}) == [(("d",), 3, "town")]
    assert found({"town": 100, "a": 40, "b": 56}) == [(("c", "d"), 4, "town")], "one without a row is hidden too"
    assert found({"town": 70, "a": 40, "b": 30}) == [], "a town counted without them tells nothing"
    assert found({"town": 100, "a": 40, "b": 50}) == [], "ten in two wards may be any"


def test_a_small_area_is_found_from_its_ward_and_a_ward_from_its_small_areas() -> None:
    wholes = {"a": "town", "b": "town", "a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    assert found({"town": 90, "a": 40, "b": 50, "a1": 36, "b1": 20, "b2": 30}, wholes) == [(("a2",), 4, "a")]
    assert found({"town": 90, "a": None, "b": None, "a1": 2, "a2": 1, "b1": None}, wholes) == [
        (("a1",), 2, ""), (("a2",), 1, ""), (("a",), 3, "its parts"), (("b",), 87, "town"),
    ]  # fmt: skip
    assert found({"town": 90, "a": None, "b": None, "a1": 20, "a2": 66, "b1": None}, wholes) == [(("b",), 4, "town")]
    assert found({"a": 40, "b": 45, "c": 5, "d": 0}) == [], "a town that has no row of its own is no secret"


def test_none_is_shown_and_fractions_of_a_shared_area_are_small() -> None:
    assert found({"a": 0.0, "b": 4.2, "c": 5.0}) == [(("b",), 4.2, "")]
    assert not remainder_reveals_parts(1e-9, 1, MINIMUM)
    assert not remainder_reveals_parts(3, 1, 1), "where any count may be shown nothing is given away"


YEAR = ("2025-01-01", "2025-12-31")


def release(
    counts: dict[str, float | None], period: tuple[str, str] = YEAR, parts: dict[str, dict[str, float]] | None = None
) -> Release:
    rows = [{"id": "calls", "area": area, "count": count, "start": period[0], "end": period[1]}
            for area, count in counts.items()]  # fmt: skip
    wholes = {area: "town" for area in counts if area != "town"}
    return Release(pa.Table.from_pylist([*rows, {**rows[0], "id": "tides", "count": 1.0}]), wholes, parts or {})


def between(old: Release, new: Release) -> list[tuple[str, str]]:
    both = disclosed_between(old, new, RULE)
    assert both == [{**one, "id": "calls"} for one in both], "nothing is said of what may show any count"
    return [(one["area"], one["left of"]) for one in both]


SAFE = {"town": 100.0, "a": 40.0, "b": 45.0, "c": None, "d": None}


def test_two_releases_of_the_same_give_nothing_away() -> None:
    assert between(release(SAFE), release(SAFE)) == []


def test_a_cell_hidden_in_one_and_shown_in_the_other_is_found() -> None:
    """One release hides ``d`` (3) with ``c``, the other hides it with ``a``; taken together, they hide only ``d``."""
    other = {"town": 100.0, "a": None, "b": 45.0, "c": 12.0, "d": None}
    assert list(disclosed(SAFE, WARDS, MINIMUM)) == list(disclosed(other, WARDS, MINIMUM)) == []
    assert between(release(SAFE), release(other)) == [("d", "town")]
    assert between(release(other), release(SAFE)) == [("d", "town")]


def test_a_small_count_that_an_earlier_release_showed_is_found() -> None:
    assert ("d", "") in between(release(SAFE | {"c": 12.0, "d": 3.0}), release(SAFE))


def test_a_total_that_only_one_release_shows_is_found() -> None:
    lone = {"town": None, "a": 40.0, "b": 45.0, "c": 12.0, "d": None}
    assert list(disclosed(lone, WARDS, MINIMUM)) == []
    assert between(release(lone), release(lone | {"town": 100.0, "c": None})) == [("d", "town")]


def test_a_street_that_went_from_one_ward_to_another_is_found() -> None:
    """Ward ``a`` became ``e`` without the small area 3, so the difference reveals the count of that area."""
    old = release({"a": 40.0, "b": 45.0}, parts={"a": {"1": 1, "2": 1, "3": 1}, "b": {"4": 1}})
    new = release({"e": 37.0, "f": 48.0}, parts={"e": {"1": 1, "2": 1}, "f": {"3": 1, "4": 1}})
    assert between(old, new) == [("a", "a without e"), ("f", "f without b")]
    assert between(old, release({"e": 30.0, "f": 55.0}, parts={"e": {"1": 1, "2": 1}, "f": {"3": 1, "4": 1}})) == []


def test_several_wards_in_one_are_taken_away_together() -> None:
    old = release({"a": 40.0}, parts={"a": {"1": 1, "2": 1, "3": 0.5}})
    new = release({"e": 20.0, "f": 18.0, "g": 9.0}, parts={"e": {"1": 1}, "f": {"2": 1}, "g": {"3": 1}})
    assert between(old, new) == [("a", "a without e, f")], "half of the small area 3 is left"


def test_a_ward_that_did_not_change_is_not_taken_for_another() -> None:
    parts = {"a": {"1": 1.0}, "b": {"2": 1.0}}
    assert between(release({"a": 40.0, "b": 45.0}, parts=parts), release({"a": 42.0, "b": 45.0}, parts=parts)) == [], (
        "a revision is no count of anybody"
    )


def test_the_months_by_which_a_period_grew_are_found() -> None:
    short, long = ("2025-01-01", "2025-10-31"), ("2025-01-01", "2025-11-30")
    old, new = release({"a": 40.0, "b": 45.0}, short), release({"a": 43.0, "b": 60.0}, long)
    assert between(old, new) == [("a", "its shorter period")]
    assert between(new, old) == [("a", "its shorter period")]
    assert between(old, release({"a": 43.0, "b": 60.0}, ("2025-02-01", "2025-11-30"))) == [], (
        "neither lies in the other"
    )
