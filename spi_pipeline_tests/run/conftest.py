"""A refreshed store to read from, and one to break."""

from spi_pipeline_tests.integration.fixtures import house, no_dagster_home, refreshed, with_outputs

__all__ = ["house", "no_dagster_home", "refreshed", "with_outputs"]
