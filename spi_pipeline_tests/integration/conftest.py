from __future__ import annotations

from spi_pipeline_tests.integration.fixtures import (
    house,
    live,
    no_dagster_home,
    publishers,
    refreshed,
    spi,
    with_outputs,
)

__all__ = ["house", "live", "no_dagster_home", "publishers", "refreshed", "spi", "with_outputs"]
