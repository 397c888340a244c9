"""Wide tables, with one row per area and one column per indicator, reshaped to one row per value.

This module tells the two forms apart; ``values`` checks the values themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spi_pipeline.engine.framework.faults import Faults, quoted, suggestion

# Columns of a wide table that describe its rows: the first identify each value, the second describe the area only.
ROW_COLUMNS = ("area_code", "edition")
AREA_COLUMNS = ("area_name", "population", "group", "standing")


def read_wide(table: pd.DataFrame, ids: Sequence[str], faults: Faults) -> pd.DataFrame | None:
    """Reshape a wide table to one row per value; None where it is not wide or has faults, which are appended.

    Args:
        table: any table, with rows numbered from 0.
        ids: ids of the indicators, and of the values they are divided by.
        faults: faults found so far.

    Returns:
        The columns of the long form; the index gives the row of the original table.
    """
    columns = list(map(str, table.columns))
    indicators = [name for name in ids if name in columns]
    if not indicators or "value" in columns or "indicator_id" in columns:
        return None
    before = len(faults)
    if "area_code" not in columns:
        problem = (
            f"the values look like a wide table with a column for each indicator ({', '.join(indicators[:3])} ...)"
        )
        faults.add(
            ("values",), f"{problem}, but have no column 'area_code': rename the column with the codes of the areas"
        )
        return None
    both = [name for name in indicators if name in (*ROW_COLUMNS, *AREA_COLUMNS) and name != "population"]
    for name in both:
        faults.add(
            ("values",), f"{quoted(name)} is an indicator here and a column of its own in a wide table: rename it"
        )
    known = (*ROW_COLUMNS, *AREA_COLUMNS, *ids)
    for name in columns:
        if name not in known:
            problem = f"the wide table has a column {quoted(name)}, which is not an indicator"
            faults.add(("values",), f"{problem}: remove it, add it to the framework, or {suggestion(name, known)}")
    keys = table[[name for name in ROW_COLUMNS if name in columns]]
    keys = keys.astype(str).apply(lambda column: column.str.strip()).mask(keys.isna(), "")
    for name in keys:
        blank = np.flatnonzero(keys[name] == "")
        if name == "area_code" or len(blank) < len(keys):
            faults.rows(blank, f"the {name} is blank: fill it in or remove the row", f"{name}s are blank")
    twice = np.flatnonzero(keys.duplicated() & (keys["area_code"] != ""))
    faults.rows(
        twice, lambda row: f"there are two rows of {' in '.join(keys.iloc[row])}: keep one", "areas have two rows"
    )
    if len(faults) > before:
        return None
    parts: list[pd.DataFrame] = []
    for name in indicators:
        selected = [one for one in columns if one in (ROW_COLUMNS if parts else (*ROW_COLUMNS, *AREA_COLUMNS))]
        parts.append(table[selected].assign(indicator_id=name, value=table[name]))
    return pd.concat(parts)
