"""Small panels for the tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.engine.normalise.reference_statistics import ReferenceStatistics
from spi_pipeline.engine.panel import Rows


def make_panel(columns: dict[str, Sequence[float]], editions: Sequence[int] = (2024,)) -> pd.DataFrame:
    """A panel with one row per area in each edition; all editions have the same areas."""
    length = len(next(iter(columns.values())))
    areas = [f"A{number:02d}" for number in range(length // len(editions))]
    index = pd.MultiIndex.from_product([list(editions), areas], names=["edition", "area_code"])
    return pd.DataFrame({name: np.asarray(values, dtype=float) for name, values in columns.items()}, index=index)


def normalised(
    method: Callable[..., Any], panel: pd.DataFrame, direction: pd.Series, *arguments: Any, scale: float = 100.0,
    target: pd.Series | None = None, population: pd.Series | None = None, **options: Any,
) -> pd.DataFrame:  # fmt: skip
    """Apply a normalisation method, which takes plain arrays, to a panel."""
    ids = list(panel.columns)
    unknown = np.full(len(ids), np.nan)
    known = ReferenceStatistics(
        ids, direction.reindex(ids).to_numpy(dtype=float), unknown, unknown,
        unknown if target is None else target.reindex(ids).to_numpy(dtype=float), scale, Rows(panel.index),
        None if population is None else population.to_numpy(dtype=float),
    )  # fmt: skip
    scores = method(panel.to_numpy(dtype=float)[np.newaxis], known, *arguments, **options)[0]
    return pd.DataFrame(scores, index=panel.index, columns=ids)
