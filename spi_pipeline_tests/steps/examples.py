"""Step inputs made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from spi_pipeline.steps.inputs import Inputs


def given(values: Mapping[str, Any], version: str = "v1", kept: dict[Any, Any] | None = None) -> Inputs:
    """Inputs with these values, all of one version; data frames become Arrow tables, as a store holds them."""
    tables = {
        name: pa.Table.from_pandas(value, preserve_index=False) if isinstance(value, pd.DataFrame) else value
        for name, value in values.items()
    }
    return Inputs(tables, dict.fromkeys(tables, version), {} if kept is None else kept)
