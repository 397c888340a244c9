"""Days and years as people write them in a table."""

import datetime as dt
import re

_DAYS = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: .*)?")
_YEAR = re.compile(r"(19|20)\d\d")


def day_of(text: str) -> dt.date | None:
    """The day that a text says, written as in the United Kingdom or by ISO 8601; None where it is none."""
    found = _DAYS.fullmatch(text)
    if not found:
        return None
    year, month, day, day_, month_, year_ = found.groups()
    try:
        return dt.date(int(year or year_), int(month or month_), int(day or day_))
    except ValueError:
        return None


def is_year(text: str) -> bool:
    """Whether a text says a calendar year of this century or the last."""
    return _YEAR.fullmatch(text) is not None
