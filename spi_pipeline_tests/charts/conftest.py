from __future__ import annotations

import pytest

from spi_pipeline_tests.charts.real import Real, limit_of, real_counts
from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed
from spi_pipeline_tests.integration.sandboxes import Sandbox

__all__ = ["no_dagster_home", "refreshed"]


@pytest.fixture(scope="module")
def reals(refreshed: Sandbox) -> dict[str, Real]:
    return real_counts(refreshed)


@pytest.fixture(scope="module")
def limit(refreshed: Sandbox, reals: dict[str, Real]) -> float:
    return limit_of(refreshed, reals)
