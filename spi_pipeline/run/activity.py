"""The sources that take part in a run: those with embedded figures, a council's own, and in live mode those fetched."""

from dataclasses import replace

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.settings import Settings
from spi_pipeline.storage.store import Store


def contracts_in_force(settings: Settings) -> Contracts:
    """The contracts, with sources that have no figures in the mode of the settings marked as unavailable.

    Raises:
        ContractError: if a contract has a fault.
        SpiError: if there is no snapshot.
    """
    return with_activity(load_contracts(settings.root), settings)


def with_activity(contracts: Contracts, settings: Settings) -> Contracts:
    """The same for contracts already loaded.

    An anchored indicator uses its level alone if that has figures and the source that moves it has none in this mode.
    """
    contracts = replace(contracts, outputs=settings.outputs)
    # A frozen source without figures is a fault, reported when it is read, unless the geography can do without it.
    dispensable = contracts.geography.dispensable
    others = {
        name for name, source in contracts.sources.items()
        if source.properties.mode != "frozen" or name in dispensable
    }  # fmt: skip
    absent = frozenset(others - settings.figures(contracts.geography).names)
    fetched = _fetched(contracts, settings)
    contracts = _with_placing_methods(contracts, absent - fetched)
    fetched = frozenset(filter(contracts.geography.holding, fetched))
    # A source that every authority lacks is not a gap in the snapshot: its table is empty, and geography.yaml says why.
    without = frozenset(filter(contracts.geography.holding, absent))
    own = [source.id for source in contracts.sources.values() if source.properties.own]
    if own:
        store = Store(settings.store)
        in_inbox = store.inbox()
        # If its file is gone from the inbox, its last good table stays in use, and its step reports that.
        manual_uploads = frozenset(
            name for name in own if name in in_inbox or (name in without and store.current(name))
        )
        contracts, without = replace(contracts, manual_uploads=manual_uploads), without - manual_uploads
    return replace(contracts, unavailable=without - fetched, fetched=fetched).at_their_levels()


def _fetched(contracts: Contracts, settings: Settings) -> frozenset[str]:
    """The sources that are fetched."""
    if settings.mode != "live":
        return frozenset()
    # Modules that fetch are imported only if something is fetched.
    from spi_pipeline.steps.sources.publishers import readable

    return readable(Store(settings.store), contracts)


def _with_placing_methods(contracts: Contracts, absent: frozenset[str]) -> Contracts:
    """Contracts in which an authority that declares no placing method has the best one that needs no absent source."""
    geography = contracts.geography.placed_without(absent)
    held = {name: source if geography.holding(name) else source.without_rows
            for name, source in contracts.sources.items()}  # fmt: skip
    return replace(contracts, geography=geography, sources=held)
