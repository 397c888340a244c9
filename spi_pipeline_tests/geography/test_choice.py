"""How small areas are allocated to wards, depending on the tables available."""

from __future__ import annotations

import pytest

from spi_pipeline.contracts.models.geography import DOES_WITHOUT, PLACING_SOURCES, Authority, Geography, PlacedBy


def town(*stated_methods: PlacedBy | None) -> Geography:
    authorities = [
        Authority(code=f"E0600000{number}", name="Town", police_force="county", placed_by=method)
        for number, method in enumerate(stated_methods)
    ]
    return Geography(vintage="2023-05", authorities=authorities, wards=[])


@pytest.mark.parametrize(
    ("absent", "method"),
    [
        ((), "postcodes"),
        (("bus_service",), "postcodes"),
        (("postcodes",), "output_areas"),
        (DOES_WITHOUT["output_areas"], "output_areas"),
        (("output_area_lookup",), "best_fit"),
        (PLACING_SOURCES, "best_fit"),
    ],
)
def test_the_best_available_method_is_used(absent: tuple[str, ...], method: str) -> None:
    placed = town(None).placed_without(absent)
    assert [item.placed_by for item in placed.authorities] == [method]
    assert {name for name in PLACING_SOURCES if not placed.holding(name)} == set(
        DOES_WITHOUT[placed.authorities[0].placed_by or "postcodes"]
    )


def test_a_stated_method_is_kept_and_its_sources_are_required() -> None:
    assert town("output_areas").placed_without(()).authorities[0].placed_by == "output_areas"
    assert town(None).dispensable == set(PLACING_SOURCES)
    assert town("output_areas", None).dispensable == set(DOES_WITHOUT["output_areas"])
    assert town("best_fit", "postcodes").dispensable == set()
