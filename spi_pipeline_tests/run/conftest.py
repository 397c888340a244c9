"""Fixtures: a refreshed store to read from, and another to break."""

from spi_pipeline_tests.integration.fixtures import house, no_dagster_home, refreshed, with_outputs
from spi_pipeline_tests.run.edits import source

__all__ = ["house", "no_dagster_home", "refreshed", "source", "with_outputs"]
