"""What became of an output of a step, in a run, and of the rules of many, counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from spi_pipeline.rules.result import RuleResult
from spi_pipeline.rules.rule import Outcome as RuleOutcome
from spi_pipeline.rules.rule import Rule
from spi_pipeline.rules.wording import counted
from spi_pipeline.storage.tables import Version

State = Literal["written", "unchanged", "kept", "failed", "published", "fetched"]
_OUTCOMES: tuple[str, ...] = get_args(RuleOutcome)
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


def quality(results: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """Count what became of rules.

    Args:
        results: table, severity and outcome of each.

    Returns:
        ``tables`` and ``rules``; ``passed``, ``failed``, ``errored`` and ``skipped``, which add up to the rules; and
        ``warnings``, how many of the failed and errored are of severity warning.
    """
    found = list(results)
    outcomes = Counter(outcome for _, _, outcome in found)
    warnings = sum(severity == "warning" and outcome in ("failed", "errored") for _, severity, outcome in found)
    about = {"tables": len({table for table, _, _ in found}), "rules": len(found)}
    return about | {outcome: outcomes[outcome] for outcome in _OUTCOMES} | {"warnings": warnings}


def told(counts: dict[str, int]) -> str:
    """The counts as a sentence."""
    outcomes = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in _OUTCOMES)
    warnings = f" ({counts['warnings']:,} of these only warn)" if counts["warnings"] else ""
    return f"{counted(counts['tables'], 'table')}, {counted(counts['rules'], 'rule')}: {outcomes}{warnings}."
