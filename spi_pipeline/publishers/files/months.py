"""Calendar months as ``YYYY-MM``."""

import pandas as pd


def months_between(first: str, last: str) -> list[str]:
    """Every month from the first to the last, both included; none where the last is earlier."""
    return [str(month) for month in pd.period_range(first, last, freq="M")]


def month_before(month: str, count: int) -> str:
    """The month that many months earlier."""
    return str(pd.Period(month, "M") - count)
