"""Goalposts and caps as they are stated: numbers, or percentiles of the values observed.

What a percentile comes to is in ``calculate.goalposts``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from spi_pipeline.engine.framework.faults import Faults, Place, quoted

WRITTEN = re.compile(r"p(\d+(\.\d+)?)")


@dataclass(frozen=True)
class Percentile:
    """A share of the values, in percent: 0 is the lowest of them, 100 the highest."""

    at: float

    def __str__(self) -> str:
        return f"p{self.at:g}"


Bound = float | Percentile


def read_bound(stated: Any, place: Place, what: str, faults: Faults) -> Bound | None:
    """A number, or a percentile written as ``p5``; None and one more fault where it is neither."""
    written = WRITTEN.fullmatch(stated) if isinstance(stated, str) else None
    if written is None and isinstance(stated, str) and re.search(r"\d", stated) and re.search(r"p|th|%", stated, re.I):
        faults.add(place, f"{what} is {quoted(stated)}: write a number in digits, or a percentile as p5 or p97.5")
        return None
    if written is None:
        return faults.number(stated, place, what)
    at = float(written[1])
    if at > 100:
        faults.add(place, f"{what} is {quoted(stated)}: percentiles run from p0 to p100")
        return None
    return Percentile(at)


def shown(bound: Bound | None) -> str:
    """A bound as people write it."""
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def number(bound: Bound | None) -> float | None:
    """A bound that has been settled."""
    assert not isinstance(bound, Percentile)
    return bound
