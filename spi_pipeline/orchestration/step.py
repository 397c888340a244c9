"""What a step of the plan is: plain data, with what every maker of steps needs; which steps there are is the plan's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from spi_pipeline.contracts.models.contracts import Contracts, contract_of

Kind = Literal[
    "source", "allocation", "area", "economy", "catalogue", "indicator", "edition", "component", "dimension", "index",
    "change", "rank_interval", "sensitivity", "scorecard", "sanity", "database",
]  # fmt: skip
Column = tuple[str, str]


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: unique within its kind; also the last part of its asset key.
        kind: what it does.
        group: the group it is shown in.
        inputs: tables it reads.
        outputs: tables it writes, each ``product`` or ``product.part``; the database step writes none.
        files: contract files it reads, relative to the contracts folder.
        rooms: packages whose source it calls.
        title: shown to people.
        description: likewise.
        lineage: for columns whose origin is worth telling, the ``(table, column)`` pairs they are made of.
    """

    name: str
    kind: Kind
    group: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    files: tuple[str, ...]
    rooms: tuple[str, ...]
    title: str
    description: str
    lineage: dict[str, tuple[Column, ...]] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> tuple[str, str]:
        """The asset key."""
        return (self.kind, self.name)

    @property
    def label(self) -> str:
        """The key as people write it, such as ``indicator/turnout``."""
        return "/".join(self.key)


def products(*names: str) -> tuple[str, ...]:
    """Contracts of products, with what they are read with: ranges come from units, known areas from the geography."""
    return (*(f"products/{name}.yaml" for name in names), "vocabulary.yaml", "geography.yaml")


def all_elements(contracts: Contracts) -> list[str]:
    """Components, then dimensions, then the index: each has its part of the product ``score``."""
    dimensions = [dimension.id for dimension in contracts.framework.dimensions]
    return [*contracts.framework.components, *dimensions, contracts.framework.id]


def owner_of(step: Step, contracts: Contracts) -> str:
    """Who answers for the contract of what a step writes; the database is the publication's."""
    if not step.outputs:
        return contracts.framework.publication.owner
    return f"team:{contract_of(step.outputs[0], contracts).owner}"
