"""A rule as data: a kind, the columns it looks at, parameters, a severity and a sentence. Nothing here evaluates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]
Outcome = Literal["passed", "failed", "errored", "skipped"]
# Sets of areas that a rule may name; lookups list the small areas.
SmallAreas = Literal["oa21", "lsoa21", "msoa21", "lsoa11", "msoa11"]
Places = Literal[SmallAreas, "ward", "authority"]


@dataclass(frozen=True)
class Rule:
    """One quality assertion about one table.

    Attributes:
        id: unique within the table; the name people see, such as ``between_residents``.
        kind: the name of a kind, whose page describes its columns and parameters.
        severity: ``error`` keeps the table from being written, ``warning`` is only reported.
        description: the promise in one sentence.
        columns: the columns judged, in order; empty for ``row_count``.
        params: the parameters of the kind; ``by``, if present, names the columns that form groups.
    """

    id: str
    kind: str
    severity: Severity
    description: str
    columns: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def by(self) -> Sequence[str]:
        """The columns that form groups; empty if the rule is about the whole table."""
        return self.params.get("by") or ()

    @property
    def all_columns(self) -> tuple[str, ...]:
        """The columns of the rule and of its groups, each once."""
        return tuple(dict.fromkeys((*self.columns, *self.by)))
