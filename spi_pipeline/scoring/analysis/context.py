"""Figures of the context in the form that the analyses compare with scores."""

import pandas as pd


def newest(context: pd.DataFrame) -> pd.DataFrame:
    """The newest figure of each measure of the context, areas × measures; NaN where an area has none."""
    known = context.dropna(subset=["value"]).sort_values("period_end")
    return known.groupby(["area_code", "measure_id"])["value"].last().unstack().astype("float64")
