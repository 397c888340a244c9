"""Freeze a store's source tables into a snapshot that others can run without a network."""

import datetime as dt
import json
from collections.abc import Iterator

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.files.inputs import InputFile
from spi_pipeline.snapshot.corrections import correct
from spi_pipeline.snapshot.embedded import EmbeddedTable
from spi_pipeline.storage.store import Store
from spi_pipeline.storage.tables import ORIGINS


def frozen_on(store: Store) -> dt.date:
    """The day the store's figures were taken: that of its newest edition.

    Raises:
        SpiError: when the store has no editions.
    """
    if store.current("edition") is None:
        raise SpiError(f"the store {store.root} has no editions to freeze; run spi refresh --live first")
    day: dt.date = max(store.read("edition")["as_of"].to_pylist())
    return day


def frozen_tables(store: Store, contracts: Contracts) -> Iterator[EmbeddedTable]:
    """Yield every source table that holds figures, as its publisher supplied them: corrections are reversed.

    Contracts declare the corrections, and a run from the snapshot applies them again.

    Args:
        store: the store.
        contracts: the contracts that its tables were made with.

    Yields:
        One table per source, with the files and addresses it was read from.

    Raises:
        SpiError: when a table is missing, or was made with other corrections than the contracts now declare.
    """
    for source_id, source in sorted(contracts.sources.items()):
        if store.current(source_id) is None:
            if source.properties.mode != "frozen":
                continue  # not yet fetched or supplied by hand
            raise SpiError(f"the store {store.root} has no table {source_id}; run spi refresh --live first")
        table = store.read(source_id)
        inputs = json.loads((table.schema.metadata or {})[ORIGINS.encode()])
        undone = [
            item.model_copy(update={"expected": item.value, "value": item.expected})
            for item in contracts.corrections.get(source_id, ())
        ]
        yield EmbeddedTable(source_id, correct(table, source, undone), tuple(InputFile(**item) for item in inputs))
