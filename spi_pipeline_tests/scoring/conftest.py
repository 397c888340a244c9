"""The fixtures of the sandbox that the tests of scoring share."""

from __future__ import annotations

from spi_pipeline_tests.integration.fixtures import refreshed

__all__ = ["refreshed"]
