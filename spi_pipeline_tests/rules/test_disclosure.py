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
    flags = withheld([(MINIMUM, counts)], [count is None for count in counts])
    return [at for at, each in enumerate(flags) if each]


@pytest.mark.parametrize(
    ("counts", "positions"),
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
def test_the_smallest_other_counts_are_withheld_with_a_small_count(
    counts: tuple[float | None, ...], positions: list[int]
) -> None:
    assert hidden(*counts) == positions


def test_all_counts_of_a_part_are_withheld_when_one_is_small() -> None:
    counted, others = [50, 30, 12, 40], [50, 70, 88, 2]
    assert withheld([(MINIMUM, counted), (MINIMUM, others)], [False] * 4) == [False, False, True, True]


COUNTS = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 400)), min_size=1, max_size=9)


@given(COUNTS, st.integers(2, 12))
def test_every_small_value_remains_possible_for_a_hidden_count(counts: list[int], minimum: int) -> None:
    """A reader knows the total, the counts shown, and that each hidden count is at least one."""
    are_withheld = withheld([(minimum, counts)], [False] * len(counts))
    shown = [count for count, is_hidden in zip(counts, are_withheld, strict=True) if not is_hidden]
    assert not any(0 < count < minimum for count in shown)
    if not any(are_withheld):
        assert shown == counts
        return
    rest, parts = sum(counts) - sum(shown), sum(are_withheld)
    if not any(shown):  # no shown count above zero is left to hide as well
        return
    assert parts > 1, "so that any of them may be one"
    assert rest - (parts - 1) >= minimum - 1, "and any of them may be the largest small count"


@given(st.lists(st.integers(0, 6), min_size=2, max_size=5), st.integers(2, 5))
@example([1, 1, 3, 6], 5)
def test_every_small_value_remains_possible_by_trying_every_table(counts: list[int], minimum: int) -> None:
    are_withheld = withheld([(minimum, counts)], [False] * len(counts))
    rest = sum(count for count, is_hidden in zip(counts, are_withheld, strict=True) if is_hidden)
    if not any(are_withheld) or not any(
        count for count, is_hidden in zip(counts, are_withheld, strict=True) if not is_hidden
    ):
        return
    tables = [each for each in product(range(1, rest + 1), repeat=sum(are_withheld)) if sum(each) == rest]
    for part in range(sum(are_withheld)):
        assert {each[part] for each in tables} >= set(range(1, minimum)), "each small count could be any"


@given(COUNTS, st.integers(2, 12))
def test_withheld_counts_are_not_disclosed_and_none_is_withheld_needlessly(counts: list[int], minimum: int) -> None:
    are_withheld = withheld([(minimum, counts)], [False] * len(counts))
    assert withheld([(minimum, counts)], are_withheld) == are_withheld
    if not any(small(count, minimum) for count in counts):
        assert not any(are_withheld)
    areas = [f"ward {number}" for number in range(len(counts))]
    cells = {
        area: None if is_hidden else float(count)
        for area, count, is_hidden in zip(areas, counts, are_withheld, strict=True)
    }
    total = sum(counts)
    if any(cells.values()) and total >= minimum:
        assert not list(disclosed(cells | {"town": float(total)}, dict.fromkeys(areas, "town"), minimum))


@given(st.lists(st.integers(0, 60), min_size=2, max_size=8), st.integers(2, 12), st.data())
def test_a_count_hidden_alone_is_always_disclosed(counts: list[int], minimum: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(counts) - 1))
    if not counts[position]:
        return
    cells = {str(at): None if at == position else float(count) for at, count in enumerate(counts)}
    disclosures = list(disclosed(cells | {"town": float(sum(counts))}, dict.fromkeys(cells, "town"), minimum))
    assert [(one.areas, one.number) for one in disclosures if one.whole == "town"] == [
        ((str(position),), counts[position])
    ]


def disclosures(counts: dict[str, float | None], wholes: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
    return [tuple(one) for one in disclosed(counts, wholes or WARDS, MINIMUM)]


def test_the_town_discloses_a_ward() -> None:
    assert disclosures({"town": 100, "a": 40, "b": 30, "c": 27, "d": None}) == [(("d",), 3, "town")]
    assert disclosures({"town": 100, "a": 40, "b": 56}) == [(("c", "d"), 4, "town")], (
        "a ward without a row is hidden too"
    )
    assert disclosures({"town": 70, "a": 40, "b": 30}) == [], "a town counted without them discloses nothing"
    assert disclosures({"town": 100, "a": 40, "b": 50}) == [], "ten in two wards may be any"


def test_wards_and_small_areas_disclose_each_other() -> None:
    wholes = {"a": "town", "b": "town", "a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    assert disclosures({"town": 90, "a": 40, "b": 50, "a1": 36, "b1": 20, "b2": 30}, wholes) == [(("a2",), 4, "a")]
    assert disclosures({"town": 90, "a": None, "b": None, "a1": 2, "a2": 1, "b1": None}, wholes) == [
        (("a1",), 2, ""), (("a2",), 1, ""), (("a",), 3, "its parts"), (("b",), 87, "town"),
    ]  # fmt: skip
    assert disclosures({"town": 90, "a": None, "b": None, "a1": 20, "a2": 66, "b1": None}, wholes) == [
        (("b",), 4, "town")
    ]
    assert disclosures({"a": 40, "b": 45, "c": 5, "d": 0}) == [], (
        "the total of a town without its own row is not protected"
    )


def test_zero_is_shown_and_fractions_below_the_minimum_are_small() -> None:
    assert disclosures({"a": 0.0, "b": 4.2, "c": 5.0}) == [(("b",), 4.2, "")]
    assert not remainder_reveals_parts(1e-9, 1, MINIMUM)
    assert not remainder_reveals_parts(3, 1, 1), "nothing is disclosed if every count may be shown"


YEAR = ("2025-01-01", "2025-12-31")


def release(
    counts: dict[str, float | None], period: tuple[str, str] = YEAR, parts: dict[str, dict[str, float]] | None = None
) -> Release:
    rows = [{"id": "calls", "area": area, "count": count, "start": period[0], "end": period[1]}
            for area, count in counts.items()]  # fmt: skip
    wholes = {area: "town" for area in counts if area != "town"}
    return Release(pa.Table.from_pylist([*rows, {**rows[0], "id": "tides", "count": 1.0}]), wholes, parts or {})


def disclosures_between(old: Release, new: Release) -> list[tuple[str, str]]:
    found = disclosed_between(old, new, RULE)
    assert found == [{**entry, "id": "calls"} for entry in found], "measures that may show every count are not reported"
    return [(entry["area"], entry["left of"]) for entry in found]


SAFE = {"town": 100.0, "a": 40.0, "b": 45.0, "c": None, "d": None}


def test_two_equal_releases_disclose_nothing() -> None:
    assert disclosures_between(release(SAFE), release(SAFE)) == []


def test_a_cell_hidden_in_one_release_and_shown_in_the_other_is_disclosed() -> None:
    """One release hides ``d`` (3) with ``c``, the other hides it with ``a``; taken together, they hide only ``d``."""
    other = {"town": 100.0, "a": None, "b": 45.0, "c": 12.0, "d": None}
    assert list(disclosed(SAFE, WARDS, MINIMUM)) == list(disclosed(other, WARDS, MINIMUM)) == []
    assert disclosures_between(release(SAFE), release(other)) == [("d", "town")]
    assert disclosures_between(release(other), release(SAFE)) == [("d", "town")]


def test_a_small_count_shown_by_an_earlier_release_is_disclosed() -> None:
    assert ("d", "") in disclosures_between(release(SAFE | {"c": 12.0, "d": 3.0}), release(SAFE))


def test_a_total_shown_by_only_one_release_discloses_a_count() -> None:
    lone = {"town": None, "a": 40.0, "b": 45.0, "c": 12.0, "d": None}
    assert list(disclosed(lone, WARDS, MINIMUM)) == []
    assert disclosures_between(release(lone), release(lone | {"town": 100.0, "c": None})) == [("d", "town")]


def test_a_street_moved_from_one_ward_to_another_is_disclosed() -> None:
    """Ward ``a`` became ``e`` without the small area 3, so the difference reveals the count of that area."""
    old = release({"a": 40.0, "b": 45.0}, parts={"a": {"1": 1, "2": 1, "3": 1}, "b": {"4": 1}})
    new = release({"e": 37.0, "f": 48.0}, parts={"e": {"1": 1, "2": 1}, "f": {"3": 1, "4": 1}})
    assert disclosures_between(old, new) == [("a", "a without e"), ("f", "f without b")]
    assert (
        disclosures_between(old, release({"e": 30.0, "f": 55.0}, parts={"e": {"1": 1, "2": 1}, "f": {"3": 1, "4": 1}}))
        == []
    )


def test_several_wards_within_one_are_subtracted_together() -> None:
    old = release({"a": 40.0}, parts={"a": {"1": 1, "2": 1, "3": 0.5}})
    new = release({"e": 20.0, "f": 18.0, "g": 9.0}, parts={"e": {"1": 1}, "f": {"2": 1}, "g": {"3": 1}})
    assert disclosures_between(old, new) == [("a", "a without e, f")], "half of the small area 3 is left"


def test_a_revised_figure_of_an_unchanged_ward_discloses_nothing() -> None:
    parts = {"a": {"1": 1.0}, "b": {"2": 1.0}}
    assert (
        disclosures_between(release({"a": 40.0, "b": 45.0}, parts=parts), release({"a": 42.0, "b": 45.0}, parts=parts))
        == []
    ), "a revision counts nobody"


def test_the_months_added_to_a_period_are_disclosed() -> None:
    short, long = ("2025-01-01", "2025-10-31"), ("2025-01-01", "2025-11-30")
    old, new = release({"a": 40.0, "b": 45.0}, short), release({"a": 43.0, "b": 60.0}, long)
    assert disclosures_between(old, new) == [("a", "its shorter period")]
    assert disclosures_between(new, old) == [("a", "its shorter period")]
    assert disclosures_between(old, release({"a": 43.0, "b": 60.0}, ("2025-02-01", "2025-11-30"))) == [], (
        "neither period contains the other"
    )
