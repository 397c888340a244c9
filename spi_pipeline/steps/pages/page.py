"""The page of a step: facts by name, as plain values that are independent of the user interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.steps.pages.markdown import sample

if TYPE_CHECKING:
    from spi_pipeline.steps.step import Step


class Markdown(str):
    """A text in Markdown."""

    __slots__ = ()


class Link(str):
    """An address."""

    __slots__ = ()


Facts = Mapping[str, "str | int | float | Path | None"]


class PageData(Protocol):
    """The data that a page may read: current tables and the publication."""

    def table(self, name: str) -> pa.Table:
        """A current table."""

    def frame(self, name: str) -> pd.DataFrame:
        """A current table as a frame."""

    @property
    def database(self) -> Path:
        """The database that readers open."""

    @property
    def published(self) -> Path:
        """The folder of the current publication."""


def _nothing(*_: Any) -> Facts:
    return {}


def _nothing_else(*_: Any) -> Mapping[tuple[str, str], Facts]:
    return {}


def _sample(step: Step, table: pa.Table, contracts: Contracts) -> str:
    """Sample rows, the first measured column and the key first, since a page has no space for all columns."""
    columns = [
        column for column in contract_of(step.outputs[0], contracts).columns if column.name in table.column_names
    ]
    # Coordinates identify a row, although they have a unit.
    measured = [column.name for column in columns if column.unit not in ("", "degrees") and not column.key]
    keys = [column.name for column in columns if column.key]
    others = [name for name in table.column_names if name not in (*measured, *keys)]
    return sample(table.select([*measured[:1], *keys, *measured[1:], *others]))


@dataclass(frozen=True)
class Page:
    """The page of a kind of step.

    Attributes:
        about: facts that are known before anything is computed.
        shows: facts read from the current tables.
        preview: a preview of the main table.
        adds: facts for the pages of other steps, by their keys, that only this step knows.
    """

    about: Callable[[Step, Contracts], Facts] = _nothing
    shows: Callable[[Step, Contracts, PageData], Facts] = _nothing
    preview: Callable[[Step, pa.Table, Contracts], str] = _sample
    adds: Callable[[Step, Contracts, PageData], Mapping[tuple[str, str], Facts]] = _nothing_else


def source_facts(sources: list[str], contracts: Contracts) -> Facts:
    """The sources, publishers, licences and further restrictions behind a figure, each once."""
    properties = {name: contracts.sources[name].properties for name in sources}
    beyond = sorted({words for source in properties.values() for words in source.restricted})
    return {
        "source": ", ".join(sorted(properties)),
        "publisher": ", ".join(sorted({source.publisher for source in properties.values()})),
        "licence": ", ".join(sorted({source.licence for source in properties.values()})),
        **({"restrictions": "; ".join(beyond)} if beyond else {}),
    }
