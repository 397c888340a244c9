"""The reader of current versions, for steps and pages; each version is read once per process."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.contracts.errors import ContractError, SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.places import with_known_areas
from spi_pipeline.contracts.versions import read_as, written_under
from spi_pipeline.rules.rule import Rule, SmallAreas
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline.steps.inputs import (
    AREAS,
    DOWNLOADS,
    EMBEDDED,
    FACTS,
    NEXT_TO_CONTRACTS,
    PACKAGED,
    PUBLISHERS,
    RECORDS,
    RELEASED,
    SUPPLIED,
    UNAVAILABLE,
    YEAR,
    Inputs,
    Released,
    Stored,
)
from spi_pipeline.steps.step import Step
from spi_pipeline.storage.published.releases import Release
from spi_pipeline.storage.store import Store
from spi_pipeline.storage.tables import ORIGINS, Version

if TYPE_CHECKING:
    from spi_pipeline.steps.sources.publishers import Publishers


class Reader:
    """Reads current versions and caches them.

    Attributes:
        store: the store of the versions.
        contracts: all contracts.
        figures: the embedded tables.
        publishers: the publishers' client; None if nothing is fetched.
    """

    def __init__(
        self, store: Store, contracts: Contracts, figures: Figures, publishers: Publishers | None = None
    ) -> None:
        self.store = store
        self.contracts = contracts
        self.figures = figures
        self.publishers = publishers
        self._cache: dict[Any, Any] = {}
        self._known_codes: dict[SmallAreas, frozenset[str]] = {}

    def inputs(self, step: Step) -> Inputs:
        """Everything that a step reads.

        Raises:
            SpiError: if an input is damaged, could not be fetched the last time, or is missing although it is not
                optional.
        """
        absent = {name for name in step.optional if self.store.current(name) is None}
        values = {name: None if name in absent else self._value(name) for name in step.inputs}
        return Inputs(values, {name: self.digest(name) for name in step.inputs}, self._cache)

    def digest(self, name: str) -> str:
        """The digest of a step's input; ``missing`` if there is none."""
        if name.startswith(EMBEDDED):
            return self.figures.digest(name.removeprefix(EMBEDDED))
        if name.startswith(SUPPLIED):
            return self.store.inbox_digest(name.removeprefix(SUPPLIED))
        if name.startswith((PACKAGED, NEXT_TO_CONTRACTS)):
            return _digest(self._place(name))
        if name.startswith(RECORDS):
            # The digest of the records themselves, since a run that only judged tables again leaves no other trace. The
            # newest suffices: older records never change, and pruning them makes no step stale.
            return hashlib.sha256(self.store.newest_run(name.removeprefix(RECORDS)).encode()).hexdigest()
        if name == RELEASED:
            release = self.store.releases.newest()
            return release.digest if release else ""
        if name in FACTS:
            fact = (
                self._live_publishers.areas_digest if name == AREAS else "" if name == PUBLISHERS else self._fact(name)
            )
            return str(fact)
        version = self.store.current(name)
        return version.sha256 if version else "missing"

    def _value(self, name: str) -> Any:
        if name.startswith(EMBEDDED):
            return self.embedded_table(name.removeprefix(EMBEDDED))
        if name.startswith(SUPPLIED):
            return self.store.inbox().get(name.removeprefix(SUPPLIED), [])
        if name.startswith((PACKAGED, NEXT_TO_CONTRACTS)):
            return self._place(name)
        if name.startswith(RECORDS):
            return self.store.read_runs(name.removeprefix(RECORDS))
        if name.startswith(DOWNLOADS):
            raw = self.store.raw(name.removeprefix(DOWNLOADS))
            if failure := raw.failure():
                raise SpiError(failure.reason)
            downloads = raw.current()
            if downloads is None:
                raise SpiError(f"{name} is not in the store; run spi refresh --live to fetch it")
            for download in downloads.downloads:
                raw.verify(download)
            return downloads
        if name == RELEASED:
            release = self.store.releases.newest()
            return release and released(release)
        if name in FACTS:
            return self._fact(name)
        source = self.contracts.sources.get(name)
        return self.stored(name) if source and source.of_points else self.table(name)

    def _place(self, name: str) -> Path:
        root = Path(__file__).parents[1] if name.startswith(PACKAGED) else self.contracts.root
        return root / name.partition("/")[2]

    def _fact(self, name: str) -> Any:
        if name == UNAVAILABLE:
            return sorted(self.contracts.unavailable)
        if name in (AREAS, PUBLISHERS):
            return self._live_publishers.areas if name == AREAS else self._live_publishers
        return self.as_of.year if name == YEAR else self.as_of

    @property
    def _live_publishers(self) -> Publishers:
        if self.publishers is None:
            raise SpiError("publishers are available only in live mode: run spi refresh --live, or set SPI_MODE=live")
        return self.publishers

    @property
    def as_of(self) -> dt.date:
        """The day on which the newest figures were taken; no computation uses the clock."""
        embedded_day = self.figures.as_of
        downloads = (self.store.raw(name).current() for name in self.contracts.fetched)
        fetched_days = (download.fetched_at[:10] for each in downloads if each for download in each.downloads)
        return max([embedded_day, *map(dt.date.fromisoformat, fetched_days)])

    @property
    def embedded(self) -> frozenset[str]:
        """Sources with embedded figures."""
        return self.figures.names

    def table(self, name: str) -> pa.Table:
        """The current version of a table, in the form that its contract declares.

        Raises:
            SpiError: if there is none, or it was written under another major version of its contract.
        """
        sha256 = self._version(name).sha256
        return Inputs({}, {name: sha256}, self._cache).derived(
            "table", (name,), lambda: self._as_now(name, self.store.read(name))
        )

    def stored(self, name: str) -> Stored:
        """The file of the current version of a table.

        Raises:
            SpiError: as for ``table``.
        """
        file = self._version(name).path
        schema = pq.read_schema(file)
        self._as_now(name, schema.empty_table())
        return Stored(file, schema)

    def _version(self, name: str) -> Version:
        version = self.store.current(name)
        if version is None:
            raise SpiError(f"there is no table {name} in the store yet; run spi refresh")
        return version

    def _as_now(self, name: str, stored: pa.Table) -> pa.Table:
        contract, written = contract_of(name, self.contracts), written_under(stored.schema.metadata)
        return read_as(stored, contract, name, written, "run spi refresh to recompute it")

    def frame(self, name: str) -> pd.DataFrame:
        """The same as a pandas frame, which callers must not change."""
        values, versions = {name: self.table(name)}, {name: self.digest(name)}
        return Inputs(values, versions, self._cache).frame(name)

    def unreadable(self, name: str) -> str:
        """A sentence that says why a table has no readable current version; empty if it has one."""
        try:
            self.table(name)
        except SpiError as error:
            return str(error)
        return ""

    def embedded_table(self, source_id: str) -> pa.Table:
        """The embedded figures of a source in the form that its contract declares, with the files they were read from.

        Raises:
            SpiError: as for ``Figures.read``, and if they were written under another major version of the contract.
        """
        figures, contract = self.figures.read(source_id), self.contracts.sources[source_id]
        remedy = "rebuild the snapshot with spi snapshot build"
        table = read_as(figures.table, contract, source_id, figures.contract, remedy)
        origins = json.dumps([item.record() for item in figures.inputs], sort_keys=True)
        return table.replace_schema_metadata({ORIGINS: origins})

    def rules(self, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """Rules completed with the lists of small areas from the lookups."""
        return with_known_areas(rules, self._codes)

    def _codes(self, small_areas: SmallAreas) -> frozenset[str]:
        if small_areas not in self._known_codes:
            self._known_codes[small_areas] = self.contracts.geography.known(small_areas, self._lookup_column)
        return self._known_codes[small_areas]

    def _lookup_column(self, source_id: str, column: str) -> list[str | None]:
        """A column of a lookup, from its embedded table or, without one, from the store."""
        table = None
        if self.contracts.geography.holding(source_id):
            if source_id in self.embedded:
                table = self.figures.read(source_id).table
            elif self.store.current(source_id) is not None:
                table = self.store.read(source_id)
        return table[column].unique().to_pylist() if table is not None and column in table.column_names else []

    def origins(self, name: str) -> list[dict[str, Any]]:
        """The files that a source table was read from, under any version of its contract."""
        origins: list[dict[str, Any]] = json.loads(self.store.metadata(name).get(ORIGINS, "[]"))
        return origins

    @property
    def database(self) -> Path:
        """The database that readers open."""
        return self.store.database

    @property
    def published(self) -> Path:
        """The folder that readers open."""
        return self.store.published


def released(release: Release) -> Released:
    """A release with the contracts under which it was made, or None in their place if they cannot be read any more."""
    try:
        return Released(release, load_contracts(release.contracts))
    except ContractError:
        return Released(release, None)


def _digest(place: Path) -> str:
    """The digest of a file, or of all files in a folder except code."""
    files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
    digests = [[file.relative_to(place.parent).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()]
               for file in files if file.suffix not in (".py", ".pyc")]  # fmt: skip
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()
