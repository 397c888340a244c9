"""What a step is: one object with what it reads and writes, the function that computes it and its page."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema, to_arrow
from spi_pipeline.contracts.models.contracts import Contracts, contract_of
from spi_pipeline.contracts.models.tables import Table
from spi_pipeline.rules.evaluation import EMPTY_BECAUSE
from spi_pipeline.steps.inputs import Inputs

# A pair of a table and one of its columns.
Column = tuple[str, str]
# A frame is typed by its contract, a table is typed already, a tuple holds downloads, a function writes the files of
# a publication into an empty folder.
Made = Any
Does = Callable[["Step", Contracts, Inputs], Mapping[str, Made]]


class Page(Protocol):
    """The page of a step; named here by its shape alone, so that its code is not among what a step computes with."""

    @property
    def about(self) -> Callable[..., Mapping[str, Any]]:
        """What is known before anything was ever computed."""

    @property
    def shows(self) -> Callable[..., Mapping[str, Any]]:
        """What is read off the current tables."""

    @property
    def preview(self) -> Callable[..., str]:
        """The first look at the main table."""

    @property
    def adds(self) -> Callable[..., Mapping[tuple[str, str], Mapping[str, Any]]]:
        """What is told on the pages of other steps."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: unique within its kind; also the last part of its asset key.
        kind: the first part of its asset key.
        group: the group it is shown in.
        inputs: everything it is given: tables, downloads, embedded figures and the few facts that ``Inputs`` names.
        optional: those of its inputs that need not be there: what could not be made must not stop what can.
        outputs: what it writes: tables as ``product`` or ``product.part``, ``downloads/<source>`` or ``publication``.
        files: contract files it reads, relative to the contracts folder.
        does: computes the outputs; plain functions only, since the digest of their code tells when the step is stale.
        page: what its page says.
        title: shown to people.
        description: likewise.
        stage: what it is counted under while a run lasts; its group where it has none of its own.
        operation: steps of one operation run together; its label where it runs alone.
        uses: functions that ``does`` is handed rather than names.
        bounds: whether it reads the rules and bounds of its contract files too, which otherwise only judge its tables.
        cadence: how old its outputs may grow before they are due, where it is the age that tells; None elsewhere.
        tool: what its outputs are kept in, as Dagster shows it.
        lineage: for columns whose origin is worth telling, the ``(table, column)`` pairs they are made of.
    """

    name: str
    kind: str
    group: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    files: tuple[str, ...]
    does: Does
    page: Page
    title: str
    description: str
    stage: str = ""
    operation: str = ""
    uses: tuple[Callable[..., Any], ...] = ()
    bounds: bool = False
    optional: tuple[str, ...] = ()
    cadence: dt.timedelta | None = None
    tool: str = "pandas"
    lineage: dict[str, tuple[Column, ...]] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> tuple[str, str]:
        """The asset key."""
        return (self.kind, self.name)

    @property
    def label(self) -> str:
        """The key as people write it, such as ``indicator/turnout``."""
        return "/".join(self.key)


def compute(step: Step, contracts: Contracts, inputs: Inputs) -> dict[str, Made]:
    """Run a step.

    Args:
        step: the step.
        contracts: all contracts.
        inputs: what the step reads.

    Returns:
        One value for each of the step's outputs, frames typed by their contracts; nothing is checked yet.

    Raises:
        SpiError: when the inputs do not allow it.
        EngineError: likewise, from the engine.
    """
    made = step.does(step, contracts, inputs)
    return {
        name: typed(value, contract_of(name, contracts)) if isinstance(value, pd.DataFrame) else value
        for name, value in made.items()
    }


def typed(frame: pd.DataFrame, contract: Table) -> pa.Table:
    """Rows in the order of the key, typed by the contract."""
    key = [name for name in contract.key if name in frame.columns]
    return to_arrow(frame.sort_values(key, ignore_index=True) if key else frame, contract)


def empty(contract: Table, why: str) -> pa.Table:
    """A table that is meant to have no rows, since there is nothing to tell: its rules are told why."""
    return arrow_schema(contract).empty_table().replace_schema_metadata({EMPTY_BECAUSE: why})


def products(*names: str) -> tuple[str, ...]:
    """Contracts of products, with what they are read with: ranges come from units, known areas from the geography."""
    return (*(f"products/{name}.yaml" for name in names), "vocabulary.yaml", "geography.yaml")


def indicator_files(contracts: Contracts) -> list[str]:
    """The files that state indicators, one for each component."""
    return sorted({f"indicators/{component}.yaml" for component in contracts.component_of.values()})


def all_elements(contracts: Contracts) -> list[str]:
    """Components, then dimensions, then the index: each has its part of the product ``element_score``."""
    dimensions = [dimension.id for dimension in contracts.framework.dimensions]
    return [*contracts.framework.components, *dimensions, contracts.framework.id]
