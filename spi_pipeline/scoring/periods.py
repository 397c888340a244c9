"""The period behind each observation, and which observations have different periods in two editions."""

from __future__ import annotations

import pandas as pd


def periods_of(observations: pd.DataFrame) -> pd.DataFrame:
    """The end of the period behind each value, by edition and area, with a column per indicator; NaT without a value.

    Args:
        observations: rows of the product ``indicator_value``.
    """
    ends = observations.assign(day=pd.to_datetime(observations["period_end"]))
    return ends.pivot(index=["edition", "area_code"], columns="indicator_id", values="day")


def period_changed(periods: pd.DataFrame, before: int, after: int) -> pd.DataFrame:
    """1 where an observation has another period in the later edition, else 0, by area, with a column per indicator.

    Args:
        periods: as ``periods_of`` returns them; NaT where a value is estimated.
        before: the earlier edition.
        after: the later one.
    """
    old, new = of_edition(periods, before), of_edition(periods, after)
    return ((old != new) & old.notna() & new.notna()).astype(float)


def of_edition(table: pd.DataFrame, edition: int) -> pd.DataFrame:
    """Select the rows of one edition from a table by edition and area; the result is by area."""
    return table[table.index.get_level_values("edition") == edition].droplevel("edition")
