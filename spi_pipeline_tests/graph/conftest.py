from __future__ import annotations

import dagster as dg
import pytest

from spi_pipeline.contracts.loader import Contracts, load_contracts
from spi_pipeline_tests.graph.snapshot import definitions
from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed
from spi_pipeline_tests.integration.houses import CONTRACTS

__all__ = ["no_dagster_home", "refreshed"]


@pytest.fixture(scope="session")
def defs() -> dg.Definitions:
    return definitions()


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return load_contracts(CONTRACTS)
