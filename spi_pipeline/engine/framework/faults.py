"""Faults in how an index is stated: collected one by one, raised all at once.

What the numbers themselves do not allow is in ``errors``; which statements are faulty is decided where they are read.
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
# Faults of one kind listed singly; a whole column of text needs no line for each of a million rows.
LISTED = 20
# No unit makes a figure larger. The fourth power of one, which kurtosis takes, and the sum of a million still are
# numbers, and beyond 1e77 they are none.
LARGEST = 1e50
# How alike a word must be to be taken for the one that was meant.
NEAR = 0.7
# So much of what was written is repeated in a message.
LONGEST = 60


@dataclass(frozen=True)
class Fault:
    """One fault of a framework or of its values.

    Attributes:
        place: where it is: ``("framework", key, ...)`` with list positions counted from 0, or ``("values", row)`` with
            data rows counted from 0; whoever read a file turns this into its name and line.
        message: what was found and what to do.
        count: for how many faults it stands: one that says "and 900 more" for 900.
    """

    place: Place
    message: str
    count: int = 1

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.place))}: {self.message}"


class FrameworkError(EngineError):
    """All faults of a framework and its values at once; nothing was calculated.

    Attributes:
        faults: in the order they were found.
    """

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


class Faults:
    """The faults found so far.

    Attributes:
        found: in the order they were found.
    """

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def __len__(self) -> int:
        return len(self.found)

    def add(self, place: Place, message: str) -> None:
        """Note one more."""
        self.found.append(Fault(place, message))

    def rows(self, rows: Sequence[int] | Positions, message: str | Callable[[int], str], more: str) -> None:
        """Note rows of the values: the first twenty one by one, and how many more there are.

        Args:
            rows: their numbers, from 0.
            message: what is said of each, or of the row of that number.
            more: what is said of those beyond twenty, after "and 900 more".
        """
        for row in rows[:LISTED]:
            self.add(("values", int(row)), message if isinstance(message, str) else message(row))
        beyond = len(rows) - LISTED
        if beyond > 0:
            self.found.append(Fault(("values", int(rows[LISTED])), f"and {beyond:,} more {more}", beyond))

    def number(self, stated: Any, place: Place, what: str) -> float | None:
        """A number that can be computed with, or None and one more fault."""
        if isinstance(stated, bool) or not isinstance(stated, int | float):
            self.add(place, f"{what} is {quoted(stated)}, which is not a number: write it in digits, without a unit")
            return None
        if not abs(stated) <= LARGEST:  # which is true of no NaN
            self.add(place, f"{what} is {quoted(stated)}: give a finite number, no further from 0 than {LARGEST:g}")
            return None
        return float(stated)

    def raise_any(self) -> None:
        """Raise what was found, if anything.

        Raises:
            FrameworkError: with every fault.
        """
        if self.found:
            raise FrameworkError(self.found)


def quoted(stated: Any) -> str:
    """What was written, in quotation marks, cut short where it is long or deep."""
    text = stated if isinstance(stated, str) else reprlib.repr(stated)
    return f"'{text}'" if len(text) <= LONGEST else f"'{text[:LONGEST]}...'"


def use(found: Any, known: Iterable[str]) -> str:
    """What may be written in place of a word: the two that are nearest to it, or all where none is near."""
    words = list(known)
    near = difflib.get_close_matches(found[:LONGEST].lower(), words, 2, NEAR) if isinstance(found, str) else []
    return f"use {' or '.join(near) or ', '.join(words)}"
