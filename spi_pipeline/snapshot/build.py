"""``spi snapshot build``: every source through its one importer, from a folder of publishers' files to our tables."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.arrow import to_arrow
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.snapshot.embedded import EmbeddedTable
from spi_pipeline.snapshot.reference import reference

# The one table that is no publisher's, but made of the tables of several.
REFERENCE = "reference"


def import_tables(root: Path, contracts: Contracts) -> Iterator[EmbeddedTable]:
    """Read every source from a folder, one after the other.

    Args:
        root: the folder, laid out as ``docs/snapshot-folder.md`` says.
        contracts: what the tables must look like.

    Yields:
        One table a source, rows ordered by key: the same files give the same table. Sources that geography.yaml says
        every authority is without are left out.

    Raises:
        SpiError: when a file is missing or not what it should be, or a source has no importer.
    """
    readers = {name: offer.read for name, offer in OFFERS.items() if offer.read}
    # What is only ever fetched needs no importer; it is in no snapshot until one is frozen from a live store.
    missing = [
        name
        for name, source in sorted(contracts.sources.items())
        if source.properties.mode == "frozen" and name not in readers and name != REFERENCE
    ]
    if missing:
        raise SpiError(f"no importer reads the sources {', '.join(missing)}; offer one in spi_pipeline/publishers")
    folder, areas = Folder(root), Areas(root, contracts.geography)
    for source_id, source in sorted(contracts.sources.items()):
        if not contracts.geography.holding(source_id):
            continue
        if source_id == REFERENCE:
            frame = reference(folder, contracts)
        elif source_id in readers:
            frame = _held(readers[source_id](folder, source, areas), source_id, contracts, areas)
        else:
            continue
        others = [column.name for column in source.columns if column.type != "binary" and not column.key]
        frame = frame.sort_values([*source.key, *others], ignore_index=True)
        yield EmbeddedTable(source_id, to_arrow(frame, source), folder.collect())


def _held(frame: pd.DataFrame, source_id: str, contracts: Contracts, areas: Areas) -> pd.DataFrame:
    """A table cut to the authorities that geography.yaml does not call without it: each of them must be in it."""
    if "area_code" not in frame:
        return frame
    held = contracts.geography.holding(source_id)
    authority = frame["area_code"].map(areas.authority_of)
    bare = [item.name for item in contracts.geography.authorities if item.code in held - set(authority)]
    if bare:
        raise SpiError(
            f"source {source_id}: the files hold no figures for {', '.join(bare)}; supply them, or list {source_id} "
            "under without in geography.yaml with the reason"
        )
    return frame[authority.isna() | authority.isin(held)]
