"""The result of a step's output in a run, and counts of rule results."""

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
class StepResult:
    """The result of one output of a step.

    Attributes:
        table: its name.
        state: ``written``: there is a new version; ``unchanged``: there was nothing to do; ``kept``: the last good
            version stays in use, stale; ``failed``: there is no good version; ``published``: readers see it;
            ``fetched``: there are new downloads.
        results: the result of each rule.
        version: the current version, if there is one.
        reason: why it was kept or failed; empty otherwise.
        message: the reason with its consequence and the remedy, as a sentence.
        requests: the number of requests it took.
    """

    table: str
    state: State
    results: tuple[RuleResult, ...] = ()
    version: Version | None = None
    reason: str = ""
    message: str = ""
    requests: int = 0


def quality(results: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """Count rule results.

    Args:
        results: table, severity and outcome of each.

    Returns:
        ``tables`` and ``rules``; ``passed``, ``failed``, ``errored`` and ``skipped``, which add up to ``rules``; and
        ``warnings``, the number of failed and errored rules of severity warning.
    """
    rows = list(results)
    outcomes = Counter(outcome for _, _, outcome in rows)
    warnings = sum(severity == "warning" and outcome in ("failed", "errored") for _, severity, outcome in rows)
    totals = {"tables": len({table for table, _, _ in rows}), "rules": len(rows)}
    return totals | {outcome: outcomes[outcome] for outcome in _OUTCOMES} | {"warnings": warnings}


def quality_sentence(counts: dict[str, int]) -> str:
    """The counts as a sentence."""
    outcomes = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in _OUTCOMES)
    warnings = f" ({counts['warnings']:,} of these only warn)" if counts["warnings"] else ""
    return f"{counted(counts['tables'], 'table')}, {counted(counts['rules'], 'rule')}: {outcomes}{warnings}."
