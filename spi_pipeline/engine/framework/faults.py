"""Faults of a framework and its values: collected one by one, raised all at once.

Each reader decides what is a fault; errors of a calculation are in ``errors``.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spi_pipeline.engine.errors import EngineError

if TYPE_CHECKING:
    from spi_pipeline.engine.panel import Positions

Place = tuple[str | int, ...]
# Number of faults of one kind that are listed singly: a column of text needs no line for each of a million rows.
MAX_LISTED = 20
# No real unit makes a figure larger. Up to here the fourth power of a figure, which kurtosis takes, and the sum of a
# million of those are finite; beyond 1e77 they overflow.
LARGEST = 1e50
# Similarity from which a word is suggested as the one that was meant.
NEAR = 0.7
# Number of characters of an entry that a message repeats.
MAX_QUOTED = 60


@dataclass(frozen=True)
class Fault:
    """One fault of a framework or of its values.

    Attributes:
        place: where the fault is: ``("framework", key, ...)`` with list positions counted from 0, or
            ``("values", row)`` with data rows counted from 0; programs that read a file turn it into name and line.
        message: a sentence on what is wrong and what to do.
        count: number of faults that it stands for: 900 for one that ends a list with "and 900 more".
    """

    place: Place
    message: str
    count: int = 1

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.place))}: {self.message}"


class FrameworkError(EngineError):
    """All faults of a framework and its values at once; nothing was calculated.

    Attributes:
        faults: the faults, in the order they were found.
    """

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


class Faults:
    """Collects faults.

    Attributes:
        faults: the faults so far, in the order they were found.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def __len__(self) -> int:
        return len(self.faults)

    def add(self, place: Place, message: str) -> None:
        """Add one fault."""
        self.faults.append(Fault(place, message))

    def rows(self, rows: Sequence[int] | Positions, message: str | Callable[[int], str], more: str) -> None:
        """Add faults of rows of the values: the first twenty one by one, then the number of the others.

        Args:
            rows: numbers of the rows, from 0.
            message: the message for every row, or a function from the number of a row to its message.
            more: the end of the sentence for the others, after "and 900 more".
        """
        for row in rows[:MAX_LISTED]:
            self.add(("values", int(row)), message if isinstance(message, str) else message(row))
        beyond = len(rows) - MAX_LISTED
        if beyond > 0:
            self.faults.append(Fault(("values", int(rows[MAX_LISTED])), f"and {beyond:,} more {more}", beyond))

    def number(self, declared: Any, place: Place, what: str) -> float | None:
        """Read a usable number; for anything else return None and add a fault."""
        if isinstance(declared, bool) or not isinstance(declared, int | float):
            self.add(place, f"{what} is {quoted(declared)}, which is not a number: write it in digits, without a unit")
            return None
        if not abs(declared) <= LARGEST:  # also refuses NaN
            self.add(place, f"{what} is {quoted(declared)}: give a finite number, no further from 0 than {LARGEST:g}")
            return None
        return float(declared)

    def raise_any(self) -> None:
        """Raise the faults found so far, if there are any.

        Raises:
            FrameworkError: there are faults; it lists them all.
        """
        if self.faults:
            raise FrameworkError(self.faults)


def quoted(declared: Any) -> str:
    """An entry in quotation marks, cut short where it is long or deeply nested."""
    text = declared if isinstance(declared, str) else reprlib.repr(declared)
    return f"'{text}'" if len(text) <= MAX_QUOTED else f"'{text[:MAX_QUOTED]}...'"


def suggestion(word: Any, known: Iterable[str]) -> str:
    """Suggest replacements for a word: the two known words most similar to it, or all where none is similar."""
    words = list(known)
    near = difflib.get_close_matches(word[:MAX_QUOTED].lower(), words, 2, NEAR) if isinstance(word, str) else []
    return f"use {' or '.join(near) or ', '.join(words)}"
