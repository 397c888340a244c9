"""Small panels for the tests of the engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def make_panel(columns: dict[str, Sequence[float]], editions: Sequence[int] = (2024,)) -> pd.DataFrame:
    """A panel whose rows run through the editions, each with the same areas."""
    length = len(next(iter(columns.values())))
    areas = [f"A{number:02d}" for number in range(length // len(editions))]
    index = pd.MultiIndex.from_product([list(editions), areas], names=["edition", "area_code"])
    return pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in columns.items()}, index=index)
