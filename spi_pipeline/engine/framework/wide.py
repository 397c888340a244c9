"""Values as statisticians often keep them, one row an area and one column an indicator, brought to one row a value.

Telling the two forms apart belongs here; what a value may look like is in ``values``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spi_pipeline.engine.framework.faults import Faults, quoted, use

# Columns that say something of a row of a wide table; the second half once for the area, not for each of its values.
OF_ROWS = ("area_code", "edition")
OF_AREAS = ("area_name", "population", "group", "standing")


def read_wide(table: pd.DataFrame, ids: Sequence[str], faults: Faults) -> pd.DataFrame | None:
    """One row a value from one row an area, or None where the table is not wide or is faulty; faults are appended.

    Args:
        table: any table, numbered from 0.
        ids: the indicators, and what they are divided by.
        faults: faults found so far.

    Returns:
        The columns of the long form; the index says from which row of the table each is.
    """
    columns = list(map(str, table.columns))
    found = [name for name in ids if name in columns]
    if not found or "value" in columns or "indicator_id" in columns:
        return None
    before = len(faults)
    if "area_code" not in columns:
        said = f"they look like a wide table with a column for each indicator ({', '.join(found[:3])} ...)"
        faults.add(
            ("values",), f"{said}, but no column 'area_code' says of which area a row is: rename the one that does"
        )
        return None
    both = [name for name in found if name in (*OF_ROWS, *OF_AREAS) and name != "population"]
    for name in both:
        faults.add(
            ("values",), f"{quoted(name)} is an indicator here and a column of its own in a wide table: rename it"
        )
    known = (*OF_ROWS, *OF_AREAS, *ids)
    for name in columns:
        if name not in known:
            said = f"the wide table has a column {quoted(name)}, which is no indicator"
            faults.add(("values",), f"{said}: remove it, add it to the framework, or {use(name, known)}")
    keys = table[[name for name in OF_ROWS if name in columns]]
    keys = keys.astype(str).apply(lambda column: column.str.strip()).mask(keys.isna(), "")
    for name in keys:
        blank = np.flatnonzero(keys[name] == "")
        if name == "area_code" or len(blank) < len(keys):
            faults.rows(blank, f"the {name} is blank: fill it in or remove the row", f"{name}s are blank")
    twice = np.flatnonzero(keys.duplicated() & (keys["area_code"] != ""))
    faults.rows(
        twice, lambda row: f"there are two rows of {' in '.join(keys.iloc[row])}: keep one", "areas stand twice"
    )
    if len(faults) > before:
        return None
    parts: list[pd.DataFrame] = []
    for name in found:
        kept = [one for one in columns if one in (OF_ROWS if parts else (*OF_ROWS, *OF_AREAS))]
        parts.append(table[kept].assign(indicator_id=name, value=table[name]))
    return pd.concat(parts)
