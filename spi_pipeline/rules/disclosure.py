"""Small counts: which figures to withhold, and what those that are shown give away of the others by subtraction.

A count that is withheld is known to be at least one, since none is shown. So ``n`` counts that come to ``rest``
together tell of each that it lies between 1 and ``rest - (n - 1)``. That is no more than "fewer than the minimum" says
already, unless there is one of them alone, or ``rest`` is below ``minimum + n - 2``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

# Counts that were shared out among wards are sums of fractions.
ROUNDING = 1e-6
Counts = Mapping[str, float | None]


class Least(NamedTuple):
    """The smallest counts that a figure may show.

    Attributes:
        minimum: of what is counted; 1 where any may be shown.
        of: of what it is divided by.
        per: so many times a count over its denominator is the value; None where the value comes of no counts.
        alike: whether both count the same kind of thing, so that those not counted are a count too.
    """

    minimum: float
    of: float = 1.0
    per: float | None = None
    alike: bool = False


class Given(NamedTuple):
    """A count that is given away.

    Attributes:
        areas: what it is a count of: one area, or those together that are left of the whole.
        number: how many.
        whole: what it is left of; empty where it stands there itself.
    """

    areas: tuple[str, ...]
    number: float
    whole: str = ""


def small(count: float | None, minimum: float) -> bool:
    """Whether a count is too small to be shown: below the minimum, and not none."""
    return count is not None and minimum > 1 and ROUNDING < count < minimum - ROUNDING


def gives_away(rest: float, parts: int, minimum: float) -> bool:
    """Whether what is left of a total tells more of the parts withheld than that each is below the minimum.

    Args:
        rest: the total without the parts that are shown.
        parts: how many are withheld.
        minimum: the smallest count that may be shown; 1 where any may.
    """
    if minimum <= 1 or not parts or rest <= ROUNDING:
        return False
    return parts == 1 or rest < minimum + parts - 2 - ROUNDING


def withheld(figures: Sequence[tuple[float, Sequence[float | None]]], hidden: Sequence[bool]) -> list[bool]:
    """Which parts of a total to withhold so that none of those hidden can be found by subtraction.

    A part is withheld with all its counts where one of them is small. Beside what is hidden the part with the smallest
    count that is shown goes too, as often as needed. None is no shield: whoever takes each part hidden for some would
    be told of it too closely, so one of none goes where no other is left, and once.

    Args:
        figures: of each thing that is counted the smallest count that may be shown, and the counts of all parts; None
            where a count is hidden and not known, which is then taken to be one.
        hidden: the parts that are hidden already, for whatever reason.

    Returns:
        Whether each part is hidden then. Where all parts but those of none are, it is their total that tells of them.
    """
    gone = [
        already or any(small(counts[part], minimum) for minimum, counts in figures)
        for part, already in enumerate(hidden)
    ]
    while (part := _next(figures, gone)) is not None:
        gone[part] = True
    return gone


def _next(figures: Sequence[tuple[float, Sequence[float | None]]], gone: Sequence[bool]) -> int | None:
    """The part to withhold beside those that are; None where none are given away, or no part can help."""
    for minimum, counts in figures:
        known = [1.0 if count is None else count for count in counts]
        rest = sum(count for count, hid in zip(known, gone, strict=True) if hid)
        shown = sorted((count, part) for part, count in enumerate(known) if not gone[part])
        some = [part for count, part in shown if count > ROUNDING]
        if gives_away(rest, sum(gone), minimum) and (some or (shown and sum(gone) == 1)):
            return (some or [part for _, part in shown])[0]
    return None


def disclosed(counts: Counts, wholes: Mapping[str, str], minimum: float) -> Iterator[Given]:
    """What the counts of one thing give away: those too small themselves, then what is left by subtraction.

    Args:
        counts: by area, of wholes and of their parts; None, or no entry, where one is withheld.
        wholes: the whole that each part belongs to, for every part there is. A whole of which no part is shown, or of
            which nothing is hidden, is looked past.
        minimum: the smallest count that may be shown.
    """
    parts: dict[str, list[str]] = {}
    for part, whole in wholes.items():
        parts.setdefault(whole, []).append(part)
    known = {area: count for area, count in counts.items() if count is not None}
    yield from (Given((area,), count) for area, count in known.items() if small(count, minimum))
    # Wholes whose parts are all shown are known as well, and so may be what they are part of.
    while added := {one: sum(map(known.__getitem__, own)) for one, own in parts.items()
                    if one not in known and known.keys() >= set(own)}:  # fmt: skip
        yield from (Given((whole,), count, "its parts") for whole, count in added.items() if small(count, minimum))
        known |= added
    for whole, own in parts.items():
        shown, hidden = [part for part in own if part in known], tuple(part for part in own if part not in known)
        if whole in known and shown:
            rest = known[whole] - sum(map(known.__getitem__, shown))
            if gives_away(rest, len(hidden), minimum):
                yield Given(hidden, rest, whole)
