"""What the page of a step says: facts by name, as plain values that know nothing of who shows them."""

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


class Look(Protocol):
    """What a page may look at: current tables, and what the store says of them."""

    def table(self, name: str) -> pa.Table:
        """A current table."""

    def frame(self, name: str) -> pd.DataFrame:
        """The same as a frame."""

    @property
    def database(self) -> Path:
        """The database that readers open."""

    @property
    def published(self) -> Path:
        """The folder that readers look into."""


def _nothing(*_: Any) -> Facts:
    return {}


def _nothing_else(*_: Any) -> Mapping[tuple[str, str], Facts]:
    return {}


def _sample(step: Step, table: pa.Table, contracts: Contracts) -> str:
    """Rows with what was measured first, then what tells them apart: a page has no room for all columns."""
    columns = [
        column for column in contract_of(step.outputs[0], contracts).columns if column.name in table.column_names
    ]
    # Where something was is what tells it apart, though it has a unit.
    measured = [column.name for column in columns if column.unit not in ("", "degrees") and not column.key]
    keys = [column.name for column in columns if column.key]
    others = [name for name in table.column_names if name not in (*measured, *keys)]
    return sample(table.select([*measured[:1], *keys, *measured[1:], *others]))


@dataclass(frozen=True)
class Page:
    """The page of a kind of step.

    Attributes:
        about: what is known before anything was ever computed.
        shows: what is read off the current tables.
        preview: the first look at the main table.
        adds: what is told on the pages of other steps, by their keys: what only this one knows of them.
    """

    about: Callable[[Step, Contracts], Facts] = _nothing
    shows: Callable[[Step, Contracts, Look], Facts] = _nothing
    preview: Callable[[Step, pa.Table, Contracts], str] = _sample
    adds: Callable[[Step, Contracts, Look], Mapping[tuple[str, str], Facts]] = _nothing_else


def rests_on(sources: list[str], contracts: Contracts) -> Facts:
    """Sources, publishers, licences and what goes beyond them behind a figure, each once."""
    properties = {name: contracts.sources[name].properties for name in sources}
    beyond = sorted({words for said in properties.values() for words in said.restricted})
    return {
        "source": ", ".join(sorted(properties)),
        "publisher": ", ".join(sorted({said.publisher for said in properties.values()})),
        "licence": ", ".join(sorted({said.licence for said in properties.values()})),
        **({"restrictions": "; ".join(beyond)} if beyond else {}),
    }
