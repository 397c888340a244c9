"""How small areas are allocated to wards, depending on the tables available."""

from __future__ import annotations

import pytest

from spi_pipeline.contracts.models.geography import DOES_WITHOUT, PLACING_SOURCES, Authority, Geography, PlacedBy


def town(*stated: PlacedBy | None) -> Geography:
    authorities = [
        Authority(code=f"E0600000{number}", name="Town", police_force="county", placed_by=way)
        for number, way in enumerate(stated)
    ]
    return Geography(vintage="2023-05", authorities=authorities, wards=[])


@pytest.mark.parametrize(
    ("absent", "way"),
    [
        ((), "postcodes"),
        (("bus_service",), "postcodes"),
        (("postcodes",), "output_areas"),
        (DOES_WITHOUT["output_areas"], "output_areas"),
        (("output_area_lookup",), "best_fit"),
        (PLACING_SOURCES, "best_fit"),
    ],
)
def test_the_best_way_left_is_taken(absent: tuple[str, ...], way: str) -> None:
    placed = town(None).placed_without(absent)
    assert [item.placed_by for item in placed.authorities] == [way]
    assert {name for name in PLACING_SOURCES if not placed.holding(name)} == set(
        DOES_WITHOUT[placed.authorities[0].placed_by or "postcodes"]
    )


def test_what_is_stated_stays_and_what_it_needs_cannot_be_done_without() -> None:
    assert town("output_areas").placed_without(()).authorities[0].placed_by == "output_areas"
    assert town(None).dispensable == set(PLACING_SOURCES)
    assert town("output_areas", None).dispensable == set(DOES_WITHOUT["output_areas"])
    assert town("best_fit", "postcodes").dispensable == set()
