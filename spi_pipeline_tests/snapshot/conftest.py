from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.snapshot.publishers import write_folder

REPOSITORY = Path(__file__).resolve().parents[2]

# Sources whose files the small folder holds.
SMALL = (
    "bus_service",
    "census_car_availability",
    "census_overcrowding",
    "local_elections_2023",
    "lsoa_2011_lookup",
    "lsoa_best_fit",
    "msoa_2011_lookup",
    "output_area_lookup",
    "population_2020",
    "postcodes",
    "recorded_flooding",
    "stop_and_search",
    "street_crime",
    "wards",
)


@pytest.fixture(scope="session")
def every_contract() -> Contracts:
    """The repository's contracts."""
    return load_contracts(REPOSITORY / "data_contracts")


@pytest.fixture(scope="session")
def contracts(every_contract: Contracts) -> Contracts:
    """The repository's contracts, with the sources of the small folder alone."""
    return replace(every_contract, sources={name: every_contract.sources[name] for name in SMALL})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder of publishers' files."""
    return write_folder(tmp_path / "files")
