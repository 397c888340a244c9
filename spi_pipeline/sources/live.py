"""The one list of sources that are fetched from their publishers."""

from __future__ import annotations

from spi_pipeline.sources.exchange import Fetcher

FETCHERS: dict[str, Fetcher] = {}
