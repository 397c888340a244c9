"""Calendar months as ``YYYY-MM``."""

import pandas as pd

MONTH = r"20\d\d-(?:0[1-9]|1[0-2])"
"""A month as it stands in a text, as a regular expression without groups."""


def months_between(first: str, last: str) -> list[str]:
    """Every month from the first to the last, both included; none where the last is earlier."""
    return [str(month) for month in pd.period_range(first, last, freq="M")]


def month_before(month: str, count: int) -> str:
    """The month that many months earlier."""
    return str(pd.Period(month, "M") - count)
