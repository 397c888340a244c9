"""What the page of a step says: facts by name, as plain values that know nothing of who shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
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


def _sample(_step: Step, table: pa.Table, _contracts: Contracts) -> str:
    return sample(table)


@dataclass(frozen=True)
class Page:
    """The page of a kind of step.

    Attributes:
        about: what is known before anything was ever computed.
        shows: what is read off the current tables.
        preview: the first look at the main table.
    """

    about: Callable[[Step, Contracts], Facts] = _nothing
    shows: Callable[[Step, Contracts, Look], Facts] = _nothing
    preview: Callable[[Step, pa.Table, Contracts], str] = _sample


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
