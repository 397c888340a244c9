"""What steps are given, and what pages look at: current versions, each read once per process."""

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
    ASKING,
    BESIDE,
    DORMANT,
    DOWNLOADS,
    EMBEDDED,
    FACTS,
    LAID_IN,
    PACKAGED,
    RECORDS,
    RELEASED,
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
    """Reads current versions and keeps what was read.

    Attributes:
        store: where versions are.
        contracts: all contracts.
        figures: the embedded tables.
        publishers: how publishers are asked; None where nothing is fetched.
    """

    def __init__(
        self, store: Store, contracts: Contracts, figures: Figures, publishers: Publishers | None = None
    ) -> None:
        self.store = store
        self.contracts = contracts
        self.figures = figures
        self.publishers = publishers
        self._kept: dict[Any, Any] = {}
        self._known: dict[SmallAreas, frozenset[str]] = {}

    def inputs(self, step: Step) -> Inputs:
        """Everything a step reads.

        Raises:
            SpiError: where an input is missing, damaged, or could not be fetched when it was last asked for; what is
                optional may be missing.
        """
        absent = {name for name in step.optional if self.store.current(name) is None}
        values = {name: None if name in absent else self._value(name) for name in step.inputs}
        return Inputs(values, {name: self.digest(name) for name in step.inputs}, self._kept)

    def digest(self, name: str) -> str:
        """The digest of an input of a step; ``missing`` where there is none."""
        if name.startswith(EMBEDDED):
            return self.figures.digest(name.removeprefix(EMBEDDED))
        if name.startswith(LAID_IN):
            return self.store.inbox_digest(name.removeprefix(LAID_IN))
        if name.startswith((PACKAGED, BESIDE)):
            return _digest(self._place(name))
        if name.startswith(RECORDS):
            # Of the records themselves: a run that only judged tables again leaves no other trace. Of the newest:
            # older ones never change, and that they are pruned is no news.
            return hashlib.sha256(self.store.newest_run(name.removeprefix(RECORDS)).encode()).hexdigest()
        if name == RELEASED:
            release = self.store.releases.newest()
            return release.digest if release else ""
        if name in FACTS:
            fact = self._asking.areas_digest if name == AREAS else "" if name == ASKING else self._fact(name)
            return str(fact)
        version = self.store.current(name)
        return version.sha256 if version else "missing"

    def _value(self, name: str) -> Any:
        if name.startswith(EMBEDDED):
            return self.embedded_table(name.removeprefix(EMBEDDED))
        if name.startswith(LAID_IN):
            return self.store.inbox().get(name.removeprefix(LAID_IN), [])
        if name.startswith((PACKAGED, BESIDE)):
            return self._place(name)
        if name.startswith(RECORDS):
            return self.store.read_runs(name.removeprefix(RECORDS))
        if name.startswith(DOWNLOADS):
            raw = self.store.raw(name.removeprefix(DOWNLOADS))
            if failure := raw.failure():
                raise SpiError(failure.reason)
            found = raw.current()
            if found is None:
                raise SpiError(f"{name} are not in the store; run spi refresh --live")
            for one in found.downloads:
                raw.verify(one)
            return found
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
        if name == DORMANT:
            return sorted(self.contracts.dormant)
        if name in (AREAS, ASKING):
            return self._asking.areas if name == AREAS else self._asking
        return self.as_of.year if name == YEAR else self.as_of

    @property
    def _asking(self) -> Publishers:
        if self.publishers is None:
            raise SpiError("publishers are asked in live mode alone: run spi refresh --live, or set SPI_MODE=live")
        return self.publishers

    @property
    def as_of(self) -> dt.date:
        """The day the newest figures were taken; no computation looks at the clock."""
        taken = self.figures.as_of
        held = (self.store.raw(name).current() for name in self.contracts.fetched)
        first_came = (one.fetched_at[:10] for each in held if each for one in each.downloads)
        return max([taken, *map(dt.date.fromisoformat, first_came)])

    @property
    def embedded(self) -> frozenset[str]:
        """Sources with embedded figures."""
        return self.figures.names

    def table(self, name: str) -> pa.Table:
        """The current version of a table, as its contract has it.

        Raises:
            SpiError: where there is none, or it was written under another major version of its contract.
        """
        sha256 = self._version(name).sha256
        return Inputs({}, {name: sha256}, self._kept).derived(
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
        return read_as(stored, contract, name, written, "run spi refresh to make it anew")

    def frame(self, name: str) -> pd.DataFrame:
        """The same as a frame; not to be changed."""
        values, versions = {name: self.table(name)}, {name: self.digest(name)}
        return Inputs(values, versions, self._kept).frame(name)

    def unreadable(self, name: str) -> str:
        """Why there is no current version of a table that could be read, in a sentence; empty where there is one."""
        try:
            self.table(name)
        except SpiError as error:
            return str(error)
        return ""

    def embedded_table(self, source_id: str) -> pa.Table:
        """The embedded figures of a source as its contract has them, with the files they were read from.

        Raises:
            SpiError: as for ``Figures.read``, and where they were written under another major version.
        """
        found, contract = self.figures.read(source_id), self.contracts.sources[source_id]
        remedy = "write the snapshot anew with spi snapshot build"
        table = read_as(found.table, contract, source_id, found.contract, remedy)
        origins = json.dumps([item.told() for item in found.inputs], sort_keys=True)
        return table.replace_schema_metadata({ORIGINS: origins})

    def rules(self, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """Rules with the small areas listed that the embedded lookups know."""
        return with_known_areas(rules, self._codes)

    def _codes(self, small_areas: SmallAreas) -> frozenset[str]:
        if small_areas not in self._known:
            self._known[small_areas] = self.contracts.geography.known(small_areas, self._lookup_column)
        return self._known[small_areas]

    def _lookup_column(self, source_id: str, column: str) -> list[str | None]:
        """A column of a lookup: the embedded one, or the store's where none is embedded."""
        table = None
        if self.contracts.geography.holding(source_id):
            if source_id in self.embedded:
                table = self.figures.read(source_id).table
            elif self.store.current(source_id) is not None:
                table = self.store.read(source_id)
        return table[column].unique().to_pylist() if table is not None and column in table.column_names else []

    def origins(self, name: str) -> list[dict[str, Any]]:
        """The files a source table was read from, whatever version of its contract it was written under."""
        found: list[dict[str, Any]] = json.loads(self.store.metadata(name).get(ORIGINS, "[]"))
        return found

    @property
    def database(self) -> Path:
        """The database that readers open."""
        return self.store.database

    @property
    def published(self) -> Path:
        """The folder that readers look into."""
        return self.store.published


def released(release: Release) -> Released:
    """A release with the contracts that it was made under, where they can still be read."""
    try:
        return Released(release, load_contracts(release.contracts))
    except ContractError:
        return Released(release, None)


def _digest(place: Path) -> str:
    """The digest of a file, or of every file in a folder that is no code."""
    files = [place] if place.is_file() else sorted(file for file in place.rglob("*") if file.is_file())
    told = [[file.relative_to(place.parent).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()]
            for file in files if file.suffix not in (".py", ".pyc")]  # fmt: skip
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
