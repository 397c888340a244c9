"""Which sources take part in a run: those with embedded figures, and a council's own; live, also those fetched."""

from dataclasses import replace

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.settings import Settings
from spi_pipeline.storage.store import Store


def contracts_in_force(settings: Settings) -> Contracts:
    """The contracts, those sources dormant that have no figures in the mode of the settings.

    Raises:
        ContractError: when a contract has a fault.
        SpiError: when there is no snapshot.
    """
    return with_activity(load_contracts(settings.root), settings)


def with_activity(contracts: Contracts, settings: Settings) -> Contracts:
    """Contracts already loaded, likewise; what nothing moves as things are run now stands at its level."""
    contracts = replace(contracts, outputs=settings.outputs)
    # A frozen source without figures is a fault, which is told when it is read, unless it can be done without.
    dispensable = contracts.geography.dispensable
    others = {
        name for name, source in contracts.sources.items()
        if source.properties.mode != "frozen" or name in dispensable
    }  # fmt: skip
    absent = frozenset(others - settings.figures(contracts.geography).names)
    fetched = _fetched(contracts, settings)
    contracts = _placed(contracts, absent - fetched)
    fetched = frozenset(filter(contracts.geography.holding, fetched))
    # What every authority is without is no gap of the snapshot: its table is empty, and geography.yaml says why.
    without = frozenset(filter(contracts.geography.holding, absent))
    own = [source.id for source in contracts.sources.values() if source.properties.own]
    if own:
        store = Store(settings.store)
        in_inbox = store.inbox()
        # Its last good table stays in use when its file is gone, which its step then says.
        laid_in = frozenset(name for name in own if name in in_inbox or (name in without and store.current(name)))
        contracts, without = replace(contracts, laid_in=laid_in), without - laid_in
    return replace(contracts, dormant=without - fetched, fetched=fetched).at_their_levels()


def _fetched(contracts: Contracts, settings: Settings) -> frozenset[str]:
    """The sources that are fetched."""
    if settings.mode != "live":
        return frozenset()
    # Where nothing is fetched nothing that fetches is imported.
    from spi_pipeline.steps.sources.publishers import readable

    return readable(Store(settings.store), contracts)


def _placed(contracts: Contracts, absent: frozenset[str]) -> Contracts:
    """Contracts whose authorities are placed in the best way that does without what is absent, where none is stated."""
    geography = contracts.geography.placed_without(absent)
    held = {name: source if geography.holding(name) else source.without_rows
            for name, source in contracts.sources.items()}  # fmt: skip
    return replace(contracts, geography=geography, sources=held)
