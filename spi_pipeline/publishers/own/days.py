"""Days and years as people write them in a table."""

import datetime as dt
import re

_DAYS = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: .*)?")
_YEAR = re.compile(r"(19|20)\d\d")


def day_of(text: str) -> dt.date | None:
    """Return the day that a text holds, written as in the United Kingdom or by ISO 8601; None if it is not a day."""
    match = _DAYS.fullmatch(text)
    if not match:
        return None
    year, month, day, day_, month_, year_ = match.groups()
    try:
        return dt.date(int(year or year_), int(month or month_), int(day or day_))
    except ValueError:
        return None


def is_year(text: str) -> bool:
    """Whether a text is a calendar year of this century or the last."""
    return _YEAR.fullmatch(text) is not None
