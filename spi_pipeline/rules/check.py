"""What a kind of rule makes of one table: the questions to be decided, and how the answers are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from spi_pipeline.rules.judge import Question, Verdict


@dataclass(frozen=True)
class Check:
    """A rule as it applies to one table.

    Attributes:
        questions: what must hold, all of it.
        tell: what was found, from the verdicts in the order of the questions.
        failing_rows: the failing rows, from the verdicts, where they are not rows of the table.
    """

    questions: tuple[Question, ...]
    tell: Callable[[Sequence[Verdict]], str]
    failing_rows: Callable[[Sequence[Verdict]], tuple[dict[str, Any], ...]] | None = None
