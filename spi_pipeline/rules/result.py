"""What became of a rule, and the sentence about a table that breaks its rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spi_pipeline.rules.rule import Outcome, Rule
from spi_pipeline.rules.wording import counted, listing

_COLUMNS_IN_SUMMARY = 3


@dataclass(frozen=True)
class RuleResult:
    """What became of one rule on one table version.

    Attributes:
        rule: the rule evaluated.
        outcome: passed, failed, errored (could not be evaluated) or skipped (nothing to evaluate): what did not run
            is never passed.
        observed: what was found, in words, such as ``3 of 621 rows outside``.
        expected: what was promised, in words.
        failing_rows: up to ten failing rows as plain values.
        failing: how many rows, or groups or columns where the kind judges those, break the rule.
        number: the figure that decided, where the kind has one, such as the largest value.
        bound: the bound that figure was held to.
    """

    rule: Rule
    outcome: Outcome
    observed: str
    expected: str
    failing_rows: tuple[dict[str, Any], ...] = ()
    failing: int = 0
    number: float | None = None
    bound: float | None = None

    @property
    def blocks(self) -> bool:
        """Whether this result keeps the table from being written."""
        return self.rule.severity == "error" and self.outcome in ("failed", "errored")


def summary(results: Sequence[RuleResult], *, table_name: str) -> str:
    """One sentence on the results that keep a table from being written: each rule, what was found and is allowed."""
    broken = [result for result in results if result.blocks]
    if not broken:
        return f"table {table_name} breaks no rule"
    told = []
    for result in broken:
        columns = f" ({listing(result.rule.columns, _COLUMNS_IN_SUMMARY)})" if result.rule.columns else ""
        told.append(f"{result.rule.id}{columns}: {result.observed}, allowed: {result.expected}")
    return f"table {table_name} breaks {counted(len(broken), 'rule')}: {'; '.join(told)}"
