"""What a step is given: the inputs it names and no others, so that what it says of itself cannot be wrong."""

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

# What a step may read beside tables: figures in the package, downloads, and facts that no file of the store holds.
EMBEDDED, RECORDS, LAID_IN = "embedded/", "records/", "laid_in/"
# What no code holds but a step follows from: a folder of templates and styles in the package, a picture beside the
# contracts.
PACKAGED, BESIDE = "packaged/", "beside_contracts/"
AS_OF, YEAR, DORMANT, AREAS, ASKING = FACTS = "as_of", "as_of/year", "dormant", "areas", "asking"
# The release that was signed last, as ``Released``, or None.
RELEASED = "released"


class Released(NamedTuple):
    """A release.

    Attributes:
        release: as it lies in the store.
        contracts: those that it was made under; None where this version of the program cannot read them.
    """

    release: Release
    contracts: Contracts | None


class Stored(NamedTuple):
    """A table that is not read whole, since it may have millions of rows.

    Attributes:
        file: its Parquet file.
        schema: of the file, with the metadata it was written with.
    """

    file: Path
    schema: pa.Schema


class Inputs:
    """The inputs of one step.

    Args:
        values: by name; tables as Arrow, those of points as ``Stored``, downloads as ``Downloads``, facts as they are.
        versions: the digest of each.
        kept: what was derived from inputs before in this process; shared by all steps of a run.
    """

    def __init__(self, values: Mapping[str, Any], versions: Mapping[str, str], kept: dict[Any, Any]) -> None:
        self._values = values
        self._versions = versions
        self._kept = kept

    def __contains__(self, name: str) -> bool:
        """Whether the step reads it."""
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        """An input as it is.

        Raises:
            KeyError: for one that the step does not name.
        """
        return self._values[name]

    def table(self, name: str) -> pa.Table:
        """A table, with the metadata it was written with."""
        found: pa.Table = self[name]
        return found

    def stored(self, name: str) -> Stored:
        """The file of a table of points."""
        found: Stored = self[name]
        return found

    def frame(self, name: str) -> pd.DataFrame:
        """A table as a frame, which is not to be changed."""
        found: pd.DataFrame = self.derived("frame", (name,), lambda: self.table(name).to_pandas())
        return found

    def parts(self, product: str) -> pd.DataFrame:
        """All parts of a product that the step reads, in the order it names them."""
        names = [name for name in self._values if name.startswith(f"{product}.")]
        return pd.concat([self.frame(name) for name in names], ignore_index=True)

    def downloads(self, source_id: str) -> Downloads:
        """The downloads that make up a source now, their bytes as they came."""
        found: Downloads = self[f"{DOWNLOADS}{source_id}"]
        return found

    def areas(self, downloads: Downloads) -> Scope:
        """The areas that downloads are read for."""
        areas: Scope = self[AREAS]
        return replace(areas, since=downloads.since, have=())

    def origins(self, name: str) -> list[dict[str, Any]]:
        """The files that a source table was read from."""
        return origins_of(self[name])

    @property
    def as_of(self) -> dt.date:
        """The day the newest figures were taken; no computation looks at the clock."""
        found: dt.date = self[AS_OF]
        return found

    def derived(self, form: str, names: tuple[str, ...], make: Callable[[], T]) -> T:
        """What follows from some inputs alone, made once for all steps that read the same versions of them.

        Args:
            form: names what is made.
            names: the inputs it follows from.
            make: makes it.
        """
        key = (form, names, tuple(self._versions[name] for name in names))
        if key not in self._kept:
            for old in [kept for kept in self._kept if kept[:2] == key[:2]]:
                del self._kept[old]
            self._kept[key] = make()
        found: T = self._kept[key]
        return found


def origins_of(table: pa.Table | Stored) -> list[dict[str, Any]]:
    """The files that a source table was read from, as its metadata have them."""
    found: list[dict[str, Any]] = json.loads((table.schema.metadata or {}).get(ORIGINS.encode(), b"[]"))
    return found
