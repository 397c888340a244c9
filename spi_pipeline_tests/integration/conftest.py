from __future__ import annotations

from spi_pipeline_tests.integration.fixtures import (
    live,
    no_dagster_home,
    publishers,
    refreshed,
    sandbox,
    spi,
    with_outputs,
)

__all__ = ["live", "no_dagster_home", "publishers", "refreshed", "sandbox", "spi", "with_outputs"]
