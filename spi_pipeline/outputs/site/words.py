"""Plain English: ordinals, ranges, dates and lists in everyday words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from spi_pipeline.rules.wording import listed as listed

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

# How a value came to be in an edition, from the most to the least certain.
STATUSES = {
    "observed": "measured in that year",
    "released": "published in that year, measured before",
    "carried": "an older figure, used again",
    "held": "a later figure, used because there is no older one",
    "imputed": "estimated",
    "suppressed": "withheld, since too few were counted or too little of the area is known",
    "missing": "no figure",
}
# How certain the ranges on pages are; each page with ranges says so once.
RANGES_OF_SCORES = (
    "Likely ranks, and likely ranges of scores and of their changes, hold nine of ten recalculations (90%)."
)
RANGES_OF_VALUES = "Likely ranges of values, such as rates and shares, are wider: 95% intervals."
VERDICTS = {
    "rose": "▲ rose",
    "fell": "▼ fell",
    "not_distinguishable": "● no clear change",
    "cannot_tell": "– cannot be told",
}


def ordinal(number: float) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 1,022nd."""
    whole = int(number)
    ending = "th" if whole % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(whole % 10, "th")
    return f"{whole:,}{ending}"


def likely(low: float, high: float) -> str:
    """A likely rank: ``16th to 20th``, or a single one."""
    return ordinal(low) if int(low) == int(high) else f"{ordinal(low)} to {ordinal(high)}"


def day(when: pd.Timestamp) -> str:
    """``23 November 2026``."""
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def month(text: str) -> str:
    """``April 2024`` for ``2024-04``."""
    return f"{MONTHS[int(text[5:7]) - 1]} {text[:4]}"


def period(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """A period in everyday words: a day, a month, a year, a year such as 2023/24, or one month to another."""
    if start == end:
        return day(start)
    whole = start.day == 1 and (end + pd.Timedelta(days=1)).day == 1
    months = (end.year - start.year) * 12 + end.month - start.month + 1
    if whole and months == 1:
        return f"{MONTHS[start.month - 1]} {start.year}"
    if whole and months == 12 and start.month == 1:
        return str(start.year)
    if whole and months == 12:
        return f"{start.year}/{end.year % 100:02}"
    if whole:
        return f"{MONTHS[start.month - 1]} {start.year} to {MONTHS[end.month - 1]} {end.year}"
    return f"{day(start)} to {day(end)}"


def plain(title: str) -> str:
    """A title without the unit in parentheses at its end."""
    return re.sub(r"\s*\([^()]*\)$", "", title)


def listed_markup(things: Sequence[Markup]) -> Markup:
    """The same as ``listed``, for markup that contains figures."""
    return things[0] if len(things) == 1 else Markup("{} and {}").format(Markup(", ").join(things[:-1]), things[-1])


def number(count: int) -> str:
    """A number in words, if it is small."""
    small = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
             "eleven", "twelve")  # fmt: skip
    return small[count] if count < len(small) else f"{count:,}"
