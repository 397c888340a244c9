"""The list of fetchers and the contracts say the same."""

from __future__ import annotations

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.publishers.live import FETCHERS
from spi_pipeline_tests.integration.houses import CONTRACTS

# Fetchers whose source a framework may leave out.
OPTIONAL = {"census_age", "census_disability", "census_tenure", "census_unpaid_care"}


def test_a_source_is_live_where_there_is_a_fetcher_and_frozen_where_there_is_none() -> None:
    sources = load_contracts(CONTRACTS).sources
    live = {name for name, source in sources.items() if source.properties.mode == "live"}
    assert live == FETCHERS.keys() & sources.keys()
    assert FETCHERS.keys() - sources.keys() <= OPTIONAL
