"""The inputs of a step: those that it names and no others, so that its declaration cannot be wrong."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pandas as pd
import pyarrow as pa

from spi_pipeline.storage.downloads import Downloads
from spi_pipeline.storage.places import DOWNLOADS as DOWNLOADS
from spi_pipeline.storage.tables import ORIGINS

if TYPE_CHECKING:
    from spi_pipeline.contracts.models.contracts import Contracts
    from spi_pipeline.publishers.http.exchange import Scope
    from spi_pipeline.storage.published.releases import Release

T = TypeVar("T")

# Inputs other than tables: embedded figures, run records, files supplied by hand, and facts that no stored file holds.
EMBEDDED, RECORDS, SUPPLIED = "embedded/", "records/", "supplied/"
# Inputs that are not code: a folder of templates and styles in the package, a picture next to the contracts.
PACKAGED, NEXT_TO_CONTRACTS = "packaged/", "next_to_contracts/"
AS_OF, YEAR, UNAVAILABLE, AREAS, PUBLISHERS = FACTS = "as_of", "as_of/year", "unavailable", "areas", "publishers"
# The newest signed release, as ``Released``, or None.
RELEASED = "released"


class Released(NamedTuple):
    """A release.

    Attributes:
        release: the release in the store.
        contracts: the contracts it was made under; None if this version of the program cannot read them.
    """

    release: Release
    contracts: Contracts | None


class Stored(NamedTuple):
    """A table that is not read into memory, since it may have millions of rows.

    Attributes:
        file: its Parquet file.
        schema: its schema, with the metadata it was written with.
    """

    file: Path
    schema: pa.Schema


class Inputs:
    """The inputs of one step.

    Args:
        values: by name; tables as Arrow, tables of points as ``Stored``, downloads as ``Downloads``, facts as they are.
        versions: the digest of each.
        kept: values derived from inputs earlier in this process; shared by all steps of a run.
    """

    def __init__(self, values: Mapping[str, Any], versions: Mapping[str, str], kept: dict[Any, Any]) -> None:
        self._values = values
        self._versions = versions
        self._derived = kept

    def __contains__(self, name: str) -> bool:
        """Whether the step reads it."""
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        """An input, unchanged.

        Raises:
            KeyError: for an input that the step does not name.
        """
        return self._values[name]

    def table(self, name: str) -> pa.Table:
        """A table, with the metadata it was written with."""
        value: pa.Table = self[name]
        return value

    def stored(self, name: str) -> Stored:
        """The file of a table of points."""
        value: Stored = self[name]
        return value

    def frame(self, name: str) -> pd.DataFrame:
        """A table as a frame, which must not be changed."""
        value: pd.DataFrame = self.derived("frame", (name,), lambda: self.table(name).to_pandas())
        return value

    def parts(self, product: str) -> pd.DataFrame:
        """All parts of a product that the step reads, in the order of its inputs."""
        names = [name for name in self._values if name.startswith(f"{product}.")]
        return pd.concat([self.frame(name) for name in names], ignore_index=True)

    def downloads(self, source_id: str) -> Downloads:
        """The current downloads of a source, their bytes as received."""
        value: Downloads = self[f"{DOWNLOADS}{source_id}"]
        return value

    def areas(self, downloads: Downloads) -> Scope:
        """The areas that downloads are parsed for."""
        areas: Scope = self[AREAS]
        return replace(areas, since=downloads.since, have=())

    def origins(self, name: str) -> list[dict[str, Any]]:
        """The files that a source table was read from."""
        return origins_of(self[name])

    @property
    def as_of(self) -> dt.date:
        """The day the newest figures were taken; no computation looks at the clock."""
        value: dt.date = self[AS_OF]
        return value

    def derived(self, form: str, names: tuple[str, ...], make: Callable[[], T]) -> T:
        """A value derived from some inputs alone, computed once for all steps that read the same versions of them.

        Args:
            form: a name for the value.
            names: the inputs it is derived from.
            make: computes it.
        """
        key = (form, names, tuple(self._versions[name] for name in names))
        if key not in self._derived:
            for old in [other for other in self._derived if other[:2] == key[:2]]:
                del self._derived[old]
            self._derived[key] = make()
        value: T = self._derived[key]
        return value


def origins_of(table: pa.Table | Stored) -> list[dict[str, Any]]:
    """The files that a source table was read from, according to its metadata."""
    origins: list[dict[str, Any]] = json.loads((table.schema.metadata or {}).get(ORIGINS.encode(), b"[]"))
    return origins
