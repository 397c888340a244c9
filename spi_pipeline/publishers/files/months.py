"""Calendar months as ``YYYY-MM``."""

import pandas as pd

MONTH = r"20\d\d-(?:0[1-9]|1[0-2])"
"""A regular expression, without groups, of a month in a text."""


def months_between(first: str, last: str) -> list[str]:
    """Return every month from the first to the last, both included; none if the last is earlier."""
    return [str(month) for month in pd.period_range(first, last, freq="M")]


def month_before(month: str, count: int) -> str:
    """Return the month that is ``count`` months earlier."""
    return str(pd.Period(month, "M") - count)
