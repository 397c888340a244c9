"""What became of an output of a step, in a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Rule
from spi_pipeline.storage.tables import Version

State = Literal["written", "unchanged", "kept", "failed", "published", "fetched"]
COMPUTED = Rule("computed", "computed", "error", "the table could be computed from its inputs")


@dataclass(frozen=True)
class Outcome:
    """What became of one output of a step.

    Attributes:
        table: its name.
        state: ``written`` a new version; ``unchanged`` nothing to do; ``kept`` the last good version stays, stale;
            ``failed`` there is no good version; ``published`` readers see it; ``fetched`` downloads came.
        results: what became of each rule.
        version: the current version, if there is one.
        reason: why it was kept or failed; empty otherwise.
        message: the same with what follows from it and what to do, in a sentence.
        requests: how many requests it took.
    """

    table: str
    state: State
    results: tuple[RuleResult, ...] = ()
    version: Version | None = None
    reason: str = ""
    message: str = ""
    requests: int = 0
