"""``spi snapshot build``: import every source from a folder of publishers' files into embedded tables."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.arrow import to_arrow
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import OF_ENGLAND
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.england import England
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.inputs import InputFile
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.snapshot.embedded import EmbeddedTable, read_embedded
from spi_pipeline.snapshot.reference import reference, sources_of

# The tables that are computed from those of several publishers.
REFERENCE = "reference"
_OURS = (REFERENCE, *OF_ENGLAND.values())
READERS = {name: offer.read for name, offer in OFFERS.items() if offer.read}
NATIONAL = frozenset(name for name, offer in OFFERS.items() if offer.national)


def import_tables(root: Path, contracts: Contracts, only: Collection[str] = ()) -> Iterator[EmbeddedTable]:
    """Read every source from a folder, one after the other.

    Args:
        root: the folder, arranged as ``docs/snapshot-folder.md`` describes.
        contracts: define the form of the tables.
        only: the sources to read; if empty, all sources with an importer.

    Yields:
        One table per source, rows ordered by key, so that equal files give equal tables. Sources that geography.yaml
        lists under ``without`` for every authority are left out, and so is the reference, which covers England.

    Raises:
        SpiError: when a file is missing or invalid, or a source has no importer.
    """
    # A source that is only fetched needs no importer; it enters a snapshot when one is frozen from a live store.
    missing = [
        name
        for name, source in sorted(contracts.sources.items())
        if source.properties.mode == "frozen" and name not in READERS and name not in _OURS
    ]
    if missing:
        raise SpiError(f"no importer reads the sources {', '.join(missing)}; add one in spi_pipeline/publishers")
    folder, areas = Folder(root), Areas(root, contracts.geography)
    for source_id, source in sorted(contracts.sources.items()):
        wanted = not only or source_id in only
        if wanted and source_id in READERS and contracts.geography.holding(source_id):
            frame = _held(READERS[source_id](folder, source, areas), source_id, contracts, areas)
            yield _embedded(frame, source, folder.collect())


def import_england(england: England, contracts: Contracts) -> Iterator[EmbeddedTable]:
    """Read every source whose files hold all of England, as ``import_tables`` does; then compute the reference.

    Raises:
        SpiError: when a file is missing or invalid.
    """
    folder, read = Folder(england.folder.root), {}
    for source_id in sorted(NATIONAL & contracts.sources.keys()):
        source = contracts.sources[source_id]
        read[source_id] = _embedded(READERS[source_id](folder, source, england), source, folder.collect())
        yield read[source_id]
    yield _reference(read, contracts)


def standing_tables(
    products: Mapping[str, pd.DataFrame], england: Path, contracts: Contracts
) -> Iterator[EmbeddedTable]:
    """Turn products computed for the wards of England into tables to embed, with the reference's provenance.

    Args:
        products: by source id, the rows of the computed product.
        england: the folder of the tables of England that the products were computed from.
        contracts: define the form of the tables.
    """
    inputs = read_embedded(england, REFERENCE).inputs
    for source_id, frame in products.items():
        # Rows about indicators follow from the reference, which is embedded already.
        rows = frame[frame["level"] != "indicator"] if "level" in frame else frame
        yield _embedded(rows, contracts.sources[source_id], inputs)


def _embedded(frame: pd.DataFrame, source: Source, inputs: tuple[InputFile, ...]) -> EmbeddedTable:
    others = [column.name for column in source.columns if column.type != "binary" and not column.key]
    return EmbeddedTable(source.id, to_arrow(frame.sort_values([*source.key, *others]), source), inputs)


def _reference(read: Mapping[str, EmbeddedTable], contracts: Contracts) -> EmbeddedTable:
    """The reference, with the files behind its tables as provenance."""
    frame = reference({name: one.table.to_pandas() for name, one in read.items()}, contracts)
    # A remark on a file concerns one of the tables read from it; leave it out here.
    used = (item for name in sources_of(frame, contracts) for item in read[name].inputs)
    files = {item.file: replace(item, remark=None) for item in used}
    inputs = sorted(files.values(), key=lambda item: (item.period, item.file))
    return _embedded(frame, contracts.sources[REFERENCE], tuple(inputs))


def _held(frame: pd.DataFrame, source_id: str, contracts: Contracts, areas: Areas) -> pd.DataFrame:
    """Cut a table to the authorities that geography.yaml does not list as without it; it must hold each of them."""
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
