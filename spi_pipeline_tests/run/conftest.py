"""Fixtures: a refreshed store to read from, and another to break."""

from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed, sandbox, with_outputs
from spi_pipeline_tests.run.edits import source

__all__ = ["no_dagster_home", "refreshed", "sandbox", "source", "with_outputs"]
