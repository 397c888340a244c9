"""Small counts: which figures to withhold, and what the figures shown reveal about the others by subtraction.

A withheld count is known to be at least 1, since zeros are shown. So if ``n`` withheld counts add up to ``rest``, each
lies between 1 and ``rest - (n - 1)``. That says no more than "fewer than the minimum", unless there is only one such
count, or ``rest`` is below ``minimum + n - 2``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

# Counts that were allocated to wards are sums of fractions.
ROUNDING = 1e-6
Counts = Mapping[str, float | None]


class MinimumCounts(NamedTuple):
    """The smallest counts that a figure may show.

    Attributes:
        minimum: smallest count; 1 if every count may be shown.
        denominator: smallest denominator.
        per: the value is this factor times count over denominator; None if the value is not made of counts.
        alike: whether count and denominator are of the same kind of thing, so that their difference is a count too.
    """

    minimum: float
    denominator: float = 1.0
    per: float | None = None
    alike: bool = False


class Disclosure(NamedTuple):
    """A count that is given away.

    Attributes:
        areas: the area counted, or all areas that are left of the whole together.
        number: the count.
        whole: the whole from which subtraction leaves the count; empty if the count itself is shown.
    """

    areas: tuple[str, ...]
    number: float
    whole: str = ""


def small(count: float | None, minimum: float) -> bool:
    """Whether a count is too small to be shown: below the minimum, and not zero."""
    return count is not None and minimum > 1 and ROUNDING < count < minimum - ROUNDING


def remainder_reveals_parts(rest: float, parts: int, minimum: float) -> bool:
    """Whether the rest of a total reveals more about the withheld parts than that each is below the minimum.

    Args:
        rest: the total without the parts that are shown.
        parts: the number of withheld parts.
        minimum: the smallest count that may be shown; 1 if every count may.
    """
    if minimum <= 1 or not parts or rest <= ROUNDING:
        return False
    return parts == 1 or rest < minimum + parts - 2 - ROUNDING


def withheld(figures: Sequence[tuple[float, Sequence[float | None]]], hidden: Sequence[bool]) -> list[bool]:
    """Which parts of a total to withhold so that no hidden part can be found by subtraction.

    A part with one small count is withheld with all its counts. Then, as often as needed, the shown part with the
    smallest count is withheld as well. A zero does not protect: a reader who assumes that every hidden part holds at
    least 1 would learn too much. So a part of zero is withheld only if no other part is left, and only one.

    Args:
        figures: for each thing counted, the smallest count that may be shown, and the counts of all parts. A hidden
            count that is not known is None, and is taken to be 1.
        hidden: whether each part is hidden already, for any reason.

    Returns:
        Whether each part is hidden now. If every part but those of zero is hidden, their total still reveals them.
    """
    hidden_now = [
        already or any(small(counts[part], minimum) for minimum, counts in figures)
        for part, already in enumerate(hidden)
    ]
    while (part := _next(figures, hidden_now)) is not None:
        hidden_now[part] = True
    return hidden_now


def _next(figures: Sequence[tuple[float, Sequence[float | None]]], hidden: Sequence[bool]) -> int | None:
    """The next part to withhold; None if no hidden part is given away, or no further part can help."""
    for minimum, counts in figures:
        known = [1.0 if count is None else count for count in counts]
        rest = sum(count for count, is_hidden in zip(known, hidden, strict=True) if is_hidden)
        shown = sorted((count, part) for part, count in enumerate(known) if not hidden[part])
        positive = [part for count, part in shown if count > ROUNDING]
        if remainder_reveals_parts(rest, sum(hidden), minimum) and (positive or (shown and sum(hidden) == 1)):
            return (positive or [part for _, part in shown])[0]
    return None


def disclosed(counts: Counts, wholes: Mapping[str, str], minimum: float) -> Iterator[Disclosure]:
    """The small counts that the counts of one thing give away: first those shown, then those left by subtraction.

    Args:
        counts: the counts of wholes and of their parts, by area; a withheld count is None or has no entry.
        wholes: the whole that each part belongs to, for every part that exists. A whole is ignored if none of its
            parts is shown, or none hidden.
        minimum: the smallest count that may be shown.
    """
    parts: dict[str, list[str]] = {}
    for part, whole in wholes.items():
        parts.setdefault(whole, []).append(part)
    known = {area: count for area, count in counts.items() if count is not None}
    yield from (Disclosure((area,), count) for area, count in known.items() if small(count, minimum))
    # A whole is known as well if all its parts are shown; it may in turn complete a larger whole.
    while added := {one: sum(map(known.__getitem__, own)) for one, own in parts.items()
                    if one not in known and known.keys() >= set(own)}:  # fmt: skip
        yield from (Disclosure((whole,), count, "its parts") for whole, count in added.items() if small(count, minimum))
        known |= added
    for whole, own in parts.items():
        shown, hidden = [part for part in own if part in known], tuple(part for part in own if part not in known)
        if whole in known and shown:
            rest = known[whole] - sum(map(known.__getitem__, shown))
            if remainder_reveals_parts(rest, len(hidden), minimum):
                yield Disclosure(hidden, rest, whole)
