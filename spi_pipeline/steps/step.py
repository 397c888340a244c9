"""The definition of a step: its inputs and outputs, the function that computes it, and its page."""

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
# A frame is typed by its contract; a table is typed already; a tuple holds downloads; a function writes the files of a
# publication into an empty folder.
StepOutput = Any
StepFunction = Callable[["Step", Contracts, Inputs], Mapping[str, StepOutput]]


class Page(Protocol):
    """The page of a step; declared here by its shape, so that its code is not part of the digest of the step."""

    @property
    def about(self) -> Callable[..., Mapping[str, Any]]:
        """Facts that are known before anything is computed."""

    @property
    def shows(self) -> Callable[..., Mapping[str, Any]]:
        """Facts read from the current tables."""

    @property
    def preview(self) -> Callable[..., str]:
        """A preview of the main table."""

    @property
    def adds(self) -> Callable[..., Mapping[tuple[str, str], Mapping[str, Any]]]:
        """Facts for the pages of other steps."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: unique within its kind; also the last part of its asset key.
        kind: the first part of its asset key.
        group: the group it is shown in.
        inputs: everything it reads: tables, downloads, embedded figures and the few facts that ``Inputs`` names.
        optional: inputs that may be absent, so that one failed output does not stop the others.
        outputs: tables as ``product`` or ``product.part``, ``downloads/<source>`` or ``publication``.
        files: contract files it reads, relative to the contracts folder.
        does: computes the outputs; plain functions only, since the digest of their code shows when the step is stale.
        page: the content of its page.
        title: shown to people.
        description: shown to people.
        stage: the heading that progress counts it under; empty for its group.
        operation: steps of one operation run together; empty for a step that runs alone.
        uses: functions that ``does`` receives instead of naming them.
        bounds: whether it also reads the rules and bounds of its contract files, which otherwise only check its tables.
        cadence: the age at which its outputs are due again; None if their age does not matter.
        tool: the format or tool of its outputs, as Dagster shows it.
        lineage: for columns whose origin matters to readers, the ``(table, column)`` pairs they are computed from.
    """

    name: str
    kind: str
    group: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    files: tuple[str, ...]
    does: StepFunction
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
        """The key in the form that people write, such as ``indicator/turnout``."""
        return "/".join(self.key)


def compute(step: Step, contracts: Contracts, inputs: Inputs) -> dict[str, StepOutput]:
    """Run a step.

    Args:
        step: the step.
        contracts: all contracts.
        inputs: the inputs of the step.

    Returns:
        One value for each of the step's outputs, frames typed by their contracts; nothing is checked yet.

    Raises:
        SpiError: when it cannot be computed from the inputs.
        EngineError: when the engine cannot compute it from the inputs.
    """
    made = step.does(step, contracts, inputs)
    return {
        name: typed(value, contract_of(name, contracts)) if isinstance(value, pd.DataFrame) else value
        for name, value in made.items()
    }


def typed(frame: pd.DataFrame, contract: Table) -> pa.Table:
    """The rows in the order of the key, typed by the contract."""
    key = [name for name in contract.key if name in frame.columns]
    return to_arrow(frame.sort_values(key, ignore_index=True) if key else frame, contract)


def empty(contract: Table, why: str) -> pa.Table:
    """A table that has no rows by design; the reason is in its metadata for its rules."""
    return arrow_schema(contract).empty_table().replace_schema_metadata({EMPTY_BECAUSE: why})


def products(*names: str) -> tuple[str, ...]:
    """The contract files of products and those they depend on: units give ranges, the geography gives known areas."""
    return (*(f"products/{name}.yaml" for name in names), "vocabulary.yaml", "geography.yaml")


def indicator_files(contracts: Contracts) -> list[str]:
    """The contract files of indicators, one for each component."""
    return sorted({f"indicators/{component}.yaml" for component in contracts.component_of.values()})


def all_elements(contracts: Contracts) -> list[str]:
    """The components, the dimensions and the index; each has a part of the product ``element_score``."""
    dimensions = [dimension.id for dimension in contracts.framework.dimensions]
    return [*contracts.framework.components, *dimensions, contracts.framework.id]
