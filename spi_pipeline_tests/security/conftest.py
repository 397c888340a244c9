from __future__ import annotations

from spi_pipeline_tests.integration.fixtures import house, no_dagster_home, refreshed, spi, with_outputs

__all__ = ["house", "no_dagster_home", "refreshed", "spi", "with_outputs"]
