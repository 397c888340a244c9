"""Faults in how an index is stated: collected one by one, raised all at once.

What the numbers themselves do not allow is in ``errors``; which statements are faulty is decided where they are read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from spi_pipeline.engine.errors import EngineError

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """One fault of a framework or of its values.

    Attributes:
        place: where it is: ``("framework", key, ...)`` with list positions counted from 0, or ``("values", row)`` with
            data rows counted from 0; whoever read a file turns this into its name and line.
        message: what was found and what to do.
    """

    place: Place
    message: str

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

    def number(self, stated: Any, place: Place, what: str) -> float | None:
        """A finite number, or None and one more fault."""
        if isinstance(stated, bool) or not isinstance(stated, int | float):
            self.add(place, f"{what} is '{stated}', which is not a number: write it in digits, without a unit")
            return None
        if not math.isfinite(stated):
            self.add(place, f"{what} is {stated}: give a finite number")
            return None
        return float(stated)

    def raise_any(self) -> None:
        """Raise what was found, if anything.

        Raises:
            FrameworkError: with every fault.
        """
        if self.found:
            raise FrameworkError(self.found)
