"""The embedded tables for the configured wards: their own, or else those of England cut to their area.

A cut keeps the rows of the authorities' wards and small areas, as the lookups of England assign them, and the full
provenance of the table of England.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.snapshot.embedded import (
    MANIFEST,
    EmbeddedTable,
    damaged,
    embedded_digest,
    embedded_file,
    encoded,
    file_name,
    manifest,
    read_embedded,
    snapshot_as_of,
    snapshot_digests,
)

# The lookups of England that assign small areas to authorities.
BEST_FIT, LSOA_2011, MSOA_2011 = "lsoa_best_fit", "lsoa_2011_lookup", "msoa_2011_lookup"
# A table is cut by the first of these columns that it has; without any of them it is about England and stays whole.
AREAS = ("area_code", "lsoa_2021_code", "msoa_2021_code", "lsoa_2011_code")


class Figures:
    """The embedded tables of a geography, by source id.

    Args:
        own: the folder of the wards' own tables; None where they have none.
        england: the folder of the tables of England; None where the wards' own tables stand alone, as in a release.
        geography: the wards and authorities.

    Raises:
        SpiError: when a required folder is missing, or its manifest is damaged.
    """

    def __init__(self, own: Path | None, england: Path | None, geography: Geography) -> None:
        self.own = own
        self.england = england
        self.geography = geography
        self._own = snapshot_digests(own) if own else {}
        self._england = snapshot_digests(england) if england else {}
        self._read: dict[str, EmbeddedTable] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """The ids of the sources that have figures for these wards."""
        cut = {name for name in self._england.keys() - self._own.keys() if self.read(name).table.num_rows}
        return frozenset(self._own.keys() | cut)

    @property
    def as_of(self) -> dt.date:
        """The day the newest figures were taken."""
        taken = [(self.own, self._own.keys()), (self.england, self.names - self._own.keys())]
        return max(snapshot_as_of(folder) for folder, names in taken if folder and names)

    def digest(self, name: str) -> str:
        """A digest of a table; ``missing`` where there is no table."""
        if self.own and name in self._own:
            return embedded_digest(self.own, name)
        if name not in self._england:
            return "missing"
        made_of = [self._england[each] for each in (name, BEST_FIT, LSOA_2011, MSOA_2011)]
        return hashlib.sha256(json.dumps([made_of, self.geography.authority_codes]).encode()).hexdigest()

    def read(self, name: str) -> EmbeddedTable:
        """Read a table, with the list of the files it was read from.

        Raises:
            SpiError: when there is no table, or the sha256 of its file differs from the manifest's.
        """
        if self.own and name in self._own:
            return read_embedded(self.own, name)
        if self.england is None or name not in self._england:
            raise SpiError(
                f"source {name} has no figures supplied with the program, neither for this council"
                f"{f' (in {self.own})' if self.own else ''} nor for England: add them with spi snapshot build --from "
                "FOLDER, or list the source under `without` in geography.yaml with the reason"
            )
        if name not in self._read:
            national = read_embedded(self.england, name)
            self._read[name] = EmbeddedTable(name, self._cut(national.table), national.inputs, national.contract)
        return self._read[name]

    def files(self, sources: Mapping[str, Source]) -> dict[str, bytes]:
        """All tables as the files of a snapshot that stands alone, by file name."""
        data = {
            name: embedded_file(self.own, name).read_bytes()
            if self.own and name in self._own
            else encoded(self.read(name), sources[name])
            for name in sorted(self.names)
        }
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in data.items()}
        return {
            MANIFEST: manifest(self.as_of, digests),
            **{file_name(name, digests[name]): content for name, content in data.items()},
        }

    def damage(self) -> list[str]:
        """A sentence for each damaged part."""
        return [fault for folder in (self.own, self.england) if folder for fault in damaged(folder)]

    def _cut(self, table: pa.Table) -> pa.Table:
        column = next((name for name in AREAS if name in table.column_names), None)
        whole = column is None or self.geography.national
        return table if whole else table.filter(pc.is_in(table[column], self._areas))

    @cached_property
    def _areas(self) -> pa.Array:
        """The codes of the authorities, their wards and small areas."""
        fit = _where(self._lookup(BEST_FIT), "authority_code", pa.array(self.geography.authority_codes))
        older = _where(self._lookup(LSOA_2011), "lsoa_2021_code", fit["area_code"])
        larger = _where(self._lookup(MSOA_2011), "msoa_2021_code", fit["msoa_code"])
        codes = {*self.geography.authority_codes, *self.geography.ward_codes}
        for column in (fit["area_code"], fit["msoa_code"], older["lsoa_2011_code"], larger["msoa_2011_code"]):
            codes |= set(column.to_pylist())
        return pa.array(sorted(codes - {None}))

    def _lookup(self, name: str) -> pa.Table:
        assert self.england
        return read_embedded(self.england, name).table


def _where(table: pa.Table, column: str, among: pa.Array | pa.ChunkedArray) -> pa.Table:
    values = among.combine_chunks() if isinstance(among, pa.ChunkedArray) else among
    return table.filter(pc.is_in(table[column], values))
