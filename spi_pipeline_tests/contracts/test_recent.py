"""The monthly counts of ``recent.yaml``: every name they use must exist."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.contracts.mutation import CONTRACTS, assert_fault, case

FILE = "recent.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "unknown source", FILE,
            "source: street_crime",
            "source: stop_and_serch",
            "measure all_crime: 'stop_and_serch' is not a source; nearest is 'stop_and_search', allowed are "
            "{sources}",
        ),
        case(
            "not monthly", FILE,
            "source: street_crime, columns: [crimes]",
            "source: road_collisions, columns: [collisions]",
            "measure all_crime: source road_collisions is not monthly; take an indicator or a measure of context.yaml "
            "instead",
        ),
        case(
            "what may be missing", FILE,
            "columns: [crimes]",
            "columns: [longitude]",
            "measure all_crime: column longitude of street_crime may be null, and a missing count is not zero; use a "
            "required column",
        ),
        case(
            "unknown column", FILE,
            "columns: [crimes]",
            "columns: [crime]",
            "measure all_crime: 'crime' is not a column of street_crime; nearest is 'crimes', allowed are crime_type, "
            "crimes, latitude, longitude, lsoa_code, month",
        ),
        case(
            "unknown value", FILE,
            "columns: [crimes]",
            "columns: [crimes], where: {crime_type: [Burglery]}",
            "measure all_crime: 'Burglery' is not a value of crime_type in street_crime; nearest is 'Burglary', "
            "allowed are {types}",
        ),
        case(
            "text to count", FILE,
            "columns: [crimes]",
            "columns: [crime_type]",
            "measure all_crime: column crime_type of street_crime holds string, not numbers",
        ),
        case(
            "taken id", FILE,
            "id: all_crime",
            "id: burglary",
            "the id 'burglary' is already used; ids are unique over all indicators and measures",
        ),
        case(
            "no false signals", FILE,
            "false_signals: 2",
            "false_signals: 0",
            "false_signals: 0 is refused, input should be greater than 0",
        ),
    ],
)  # fmt: skip
def test_a_broken_monthly_measure(
    root: Path, contracts: Contracts, file: str, old: str, new: str, message: str, at: str | None
) -> None:
    types = contracts.sources["street_crime"].column("crime_type")
    assert types is not None
    sources = ", ".join(sorted(path.stem for path in (root / "sources").glob("*.yaml")))
    expected = message.format(sources=sources, types=", ".join(sorted(types.values)))
    assert_fault(root, file, old, new, expected, at)


def test_a_monthly_source_without_points_is_refused(root: Path) -> None:
    shutil.copy(CONTRACTS / "sources" / "claimant_count.yaml", root / "sources")
    message = "source claimant_count holds no points; counts of areas are not allocated to wards by month"
    assert_fault(
        root, FILE, "source: street_crime, columns: [crimes]", "source: claimant_count, columns: [claimants]",
        f"measure all_crime: {message}", None,
    )  # fmt: skip


def test_monthly_counts_cover_windowed_indicators_and_listed_measures(contracts: Contracts) -> None:
    windowed = {item.id: item for item in contracts.indicators.values() if item.measure.window}
    counted = {item.id: item for item in contracts.monthly}
    assert counted.keys() == windowed.keys() | {item.id for item in contracts.recent.measures}
    for name, item in windowed.items():
        measure = item.measure
        assert (counted[name].source, counted[name].columns, counted[name].where) == (
            item.source, measure.columns, measure.where,
        )  # fmt: skip
