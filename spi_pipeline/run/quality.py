"""The quality of a run in figures: how many rules passed, failed, could not be evaluated and were skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import get_args

from spi_pipeline.rules.rule import Outcome
from spi_pipeline.rules.wording import counted

_OUTCOMES: tuple[str, ...] = get_args(Outcome)


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
