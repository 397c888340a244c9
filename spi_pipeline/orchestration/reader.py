"""Tables as steps read them: from the store, as frames, each version read once per process."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import Contracts, contract_of
from spi_pipeline.contracts.places import with_known_areas
from spi_pipeline.contracts.versions import read_as, written_under
from spi_pipeline.geography.codes import listed
from spi_pipeline.geography.points import place_points, place_whole
from spi_pipeline.rules.rule import Rule, SmallAreas
from spi_pipeline.snapshot.embedded import ORIGINS, read_embedded, snapshot_as_of, snapshot_tables
from spi_pipeline.storage.store import Store

if TYPE_CHECKING:
    from spi_pipeline.orchestration.live import Live

# What tables of indicators carry along in their metadata: what could not be placed.
UNPLACED = "spi_unplaced"


class Reader:
    """Reads current versions and keeps what was read.

    Attributes:
        store: where versions are.
        contracts: all contracts.
        snapshot: folder of the embedded tables.
        live: what is fetched in this run; None where figures come from the embedded tables alone.
    """

    def __init__(self, store: Store, contracts: Contracts, snapshot: Path, live: Live | None = None) -> None:
        self.store = store
        self.contracts = contracts
        self.snapshot = snapshot
        self.live = live
        self._kept: dict[tuple[str, str, str], Any] = {}
        self._known: dict[SmallAreas, frozenset[str]] = {}

    @property
    def as_of(self) -> dt.date:
        """The day the newest figures were taken; no computation looks at the clock."""
        taken = snapshot_as_of(self.snapshot)
        if self.live is None:
            return taken
        current = (name for name in self.live.fetchers if self.store.current(name))
        fetched = [str(item["fetched_at"])[:10] for name in current for item in self.origins(name) if "url" in item]
        return max([taken, *map(dt.date.fromisoformat, fetched), *([self.live.newest] if self.live.newest else [])])

    @cached_property
    def embedded(self) -> frozenset[str]:
        """Sources with embedded figures."""
        return frozenset(snapshot_tables(self.snapshot))

    def table(self, name: str) -> pa.Table:
        """The current version of a table, as its contract has it.

        Raises:
            SpiError: where there is none, or it was written under another major version of its contract.
        """

        def read() -> pa.Table:
            stored, contract = self._stored(name), contract_of(name, self.contracts)
            return read_as(
                stored, contract, name, written_under(stored.schema.metadata), "run spi refresh to make it anew"
            )

        return self._once("table", name, read)

    def unreadable(self, name: str) -> str:
        """Why there is no current version of a table that could be read, in a sentence; empty where there is one."""
        try:
            self.table(name)
        except SpiError as error:
            return str(error)
        return ""

    def embedded_table(self, source_id: str) -> tuple[pa.Table, list[dict[str, object]]]:
        """The embedded figures of a source as its contract has them, and the files they were read from.

        Raises:
            SpiError: as for ``read_embedded``, and where they were written under another major version.
        """
        found, contract = read_embedded(self.snapshot, source_id), self.contracts.sources[source_id]
        remedy = "write the snapshot anew with spi snapshot build"
        table = read_as(found.table, contract, source_id, found.contract, remedy)
        return table, [item.told() for item in found.inputs]

    def _stored(self, name: str) -> pa.Table:
        """The current version of a table as it was written."""
        return self._once("stored", name, lambda: self.store.read(name))

    def frame(self, name: str) -> pd.DataFrame:
        """The same as a frame; not to be changed."""
        found: pd.DataFrame = self._once("frame", name, lambda: self.table(name).to_pandas())
        return found

    def placed(self, name: str) -> pd.DataFrame:
        """The same; a table of points with the ward each lies in (``ward_code``, null outside and without place)."""
        source = self.contracts.sources.get(name)
        if source is None or "point" not in source.properties.geography.levels:
            return self.frame(name)

        def place() -> pd.DataFrame:
            rows = self.frame(name)
            ward = place_points(rows["longitude"], rows["latitude"], self.wards())
            by_fit = self.contracts.geography.placed_by("best_fit")
            if by_fit and "lsoa_code" in rows:
                weights = self.frame("allocation")
                own = weights["area_code"].isin(self.contracts.geography.wards_of(by_fit))
                ward = np.where(pd.isna(ward), place_whole(rows["lsoa_code"], weights[own]), ward)
            return rows.assign(ward_code=ward)

        found: pd.DataFrame = self._once("placed", name, place)
        return found

    def wards(self) -> pd.DataFrame:
        """Ward boundaries with ``parent_code``, the wards' authority; null where best fit does without.

        Raises:
            SpiError: when a boundary is missing that places incidents: they would be counted nowhere.
        """
        frame: pd.DataFrame = self.frame("wards").rename(columns={"authority_code": "parent_code"})
        by_fit = self.contracts.geography.placed_by("best_fit")
        bare = sorted(frame.loc[frame["geometry"].isna() & ~frame["parent_code"].isin(by_fit), "area_code"])
        if bare:
            raise SpiError(
                f"table wards has no boundary for {listed(bare)}; supply it, or state placed_by: best_fit for their "
                "authority in geography.yaml"
            )
        return frame

    def boundaries(self) -> pd.DataFrame:
        """The same with the authority that table ``area`` gives each ward."""

        def merged() -> pd.DataFrame:
            authority = self.frame("area")[["area_code", "parent_code"]]
            return self.wards().drop(columns="parent_code").merge(authority, on="area_code", validate="1:1")

        found: pd.DataFrame = self._once("boundaries", "wards", merged)
        return found

    def rules(self, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """Rules with the small areas listed that the embedded lookups know."""
        return with_known_areas(rules, self._codes)

    def _codes(self, small_areas: SmallAreas) -> frozenset[str]:
        if small_areas not in self._known:
            self._known[small_areas] = self.contracts.geography.known(small_areas, self._embedded_column)
        return self._known[small_areas]

    def _embedded_column(self, source_id: str, column: str) -> list[str | None]:
        held = self.contracts.geography.holding(source_id)
        table = read_embedded(self.snapshot, source_id).table if held else None
        return table[column].unique().to_pylist() if table is not None and column in table.column_names else []

    def origins(self, name: str) -> list[dict[str, object]]:
        """The files a source table was read from."""
        metadata = self._stored(name).schema.metadata or {}
        found: list[dict[str, object]] = json.loads(metadata.get(ORIGINS.encode(), b"[]"))
        return found

    def unplaced(self, name: str) -> float:
        """What an indicator counted and could not place, over all its periods."""
        metadata = self._stored(name).schema.metadata or {}
        return float(metadata.get(UNPLACED.encode(), b"0"))

    def _once(self, form: str, name: str, read: Any) -> Any:
        version = self.store.current(name)
        if version is None:
            raise SpiError(f"there is no table {name} in the store yet; run spi refresh")
        key = (form, name, version.sha256)
        if key not in self._kept:
            for old in [kept for kept in self._kept if kept[:2] == key[:2]]:
                del self._kept[old]
            self._kept[key] = read()
        return self._kept[key]
