"""The fixtures of the sandbox that the tests of outputs share."""

from __future__ import annotations

from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed, spi, with_outputs

__all__ = ["no_dagster_home", "refreshed", "spi", "with_outputs"]
