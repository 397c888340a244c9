from __future__ import annotations

import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline_tests.graph.snapshot import SETTINGS
from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed, with_outputs

__all__ = ["no_dagster_home", "refreshed", "with_outputs"]


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    return contracts_in_force(SETTINGS)


@pytest.fixture(scope="session")
def live() -> Contracts:
    """The contracts in live mode, which fetches from publishers."""
    return contracts_in_force(SETTINGS.model_copy(update={"mode": "live"}))
