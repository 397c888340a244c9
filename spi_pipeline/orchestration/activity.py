"""Which sources take part in a run: all of them live, those with embedded figures otherwise."""

from __future__ import annotations

from dataclasses import replace

from spi_pipeline.contracts.loader import Contracts, load_contracts
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import without_figures


def contracts_in_force(settings: Settings) -> Contracts:
    """The contracts, those sources dormant that have no figures in the mode of the settings.

    Raises:
        ContractError: when a contract has a fault.
        SpiError: when there is no snapshot.
    """
    return with_activity(load_contracts(settings.contracts), settings)


def with_activity(contracts: Contracts, settings: Settings) -> Contracts:
    """Contracts already loaded, likewise."""
    live = settings.mode == "live"
    return replace(contracts, dormant=frozenset() if live else without_figures(settings.snapshot, contracts.sources))
