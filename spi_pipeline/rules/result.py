"""The result of a rule, and the sentence about a table that breaks its rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spi_pipeline.rules.rule import Outcome, Rule
from spi_pipeline.rules.wording import counted, listing

_COLUMNS_IN_SUMMARY = 3


@dataclass(frozen=True)
class RuleResult:
    """The result of one rule on one version of a table.

    Attributes:
        rule: the rule evaluated.
        outcome: passed, failed, errored (could not be evaluated) or skipped (nothing to evaluate); a rule that did not
            run has never passed.
        observed: the finding in words, such as ``3 of 621 rows outside``.
        expected: the promise in words.
        failing_rows: up to ten failing rows as plain values.
        failing: how many rows break the rule; for kinds that judge groups or columns, how many of those.
        number: the figure that decided, if the kind has one, such as the largest value.
        bound: the bound with which that figure was compared.
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
    """One sentence on the results that keep a table from being written: each rule, the finding, and what is allowed."""
    broken = [result for result in results if result.blocks]
    if not broken:
        return f"table {table_name} breaks no rule"
    details = []
    for number, result in enumerate(broken, 1):
        mark = f"({number}) " if len(broken) > 1 else ""
        columns = f" ({listing(result.rule.columns, _COLUMNS_IN_SUMMARY)})" if result.rule.columns else ""
        details.append(f"{mark}{result.rule.id}{columns}: {result.observed}, allowed: {result.expected}")
    return f"table {table_name} breaks {counted(len(broken), 'rule')}: {'; '.join(details)}"
