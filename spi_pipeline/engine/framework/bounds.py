"""Goalposts and caps as declared: numbers, or percentiles of the observed values.

``calculate.goalposts`` resolves percentiles to numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from spi_pipeline.engine.framework.faults import Faults, Place, quoted

PERCENTILE = re.compile(r"p(\d+(\.\d+)?)")


@dataclass(frozen=True)
class Percentile:
    """A percentile of the observed values: 0 is the lowest value, 100 the highest."""

    at: float

    def __str__(self) -> str:
        return f"p{self.at:g}"


Bound = float | Percentile


def read_bound(declared: Any, place: Place, what: str, faults: Faults) -> Bound | None:
    """Read a number, or a percentile written as ``p5``; for anything else return None and add a fault."""
    written = PERCENTILE.fullmatch(declared) if isinstance(declared, str) else None
    if (
        written is None
        and isinstance(declared, str)
        and re.search(r"\d", declared)
        and re.search(r"p|th|%", declared, re.I)
    ):
        faults.add(place, f"{what} is {quoted(declared)}: write a number in digits, or a percentile as p5 or p97.5")
        return None
    if written is None:
        return faults.number(declared, place, what)
    at = float(written[1])
    if at > 100:
        faults.add(place, f"{what} is {quoted(declared)}: percentiles run from p0 to p100")
        return None
    return Percentile(at)


def shown(bound: Bound | None) -> str:
    """A bound as written in a framework."""
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def number(bound: Bound | None) -> float | None:
    """A bound whose percentile has been resolved to a number."""
    assert not isinstance(bound, Percentile)
    return bound
