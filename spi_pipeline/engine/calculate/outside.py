"""Areas that are scored without taking part: neither weights nor extremes nor ranks depend on them.

Which rows these are, and the rows of wholes made of areas, belong here; how the indicator values of a whole are formed
is in ``peers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.faults import Faults
from spi_pipeline.engine.framework.values import Values
from spi_pipeline.engine.peers import whole_values


def with_outside(values: Values, outside: Sequence[str], wholes: str, faults: Faults) -> Values:
    """The data with the rows of the wholes added and those outside flagged; every fault found is appended.

    Args:
        values: as read.
        outside: codes of areas that stay outside.
        wholes: ``all`` for one whole of that name, ``group`` for one of each group, empty for none.
        faults: faults found so far.
    """
    if not outside and not wholes:
        return values
    areas = values.panel.index.get_level_values("area_code")
    for code in outside:
        if code not in areas:
            faults.add(("framework", "outside"), f"there is no area '{code}' in the values: correct the code")
    within = ~np.asarray(areas.isin(list(outside)))
    if not within.any():
        faults.add(("framework", "outside"), "every area is outside: leave some in to be ranked")
        return values
    values = replace(values, fitted=within)
    return _with_wholes(values, wholes, faults) if wholes else values


def _with_wholes(values: Values, wholes: str, faults: Faults) -> Values:
    assert values.fitted is not None
    population = values.population
    if population is None or (wholes == "group" and values.group is None):
        column = "population" if population is None else "group"
        faults.add(("framework", "wholes"), f"wholes need the column '{column}' in the values: add it")
        return values
    inside = values.panel.index[values.fitted]
    groups = values.group[values.fitted] if wholes == "group" and values.group is not None else None
    try:
        panel = whole_values(values.panel.loc[inside], population[inside], groups)
    except EngineError as error:
        faults.add(("framework", "wholes"), str(error))
        return values
    clash = panel.index.intersection(values.panel.index)
    if len(clash):
        faults.add(("framework", "wholes"), f"a whole would be named {clash[0][1]}, as an area is: rename the area")
        return values
    labels = pd.Series("all", index=inside) if groups is None else groups
    keys = [inside.get_level_values("edition"), labels.to_numpy()]
    sums = {
        key: table.loc[inside].groupby(keys).sum(min_count=1).rename_axis(panel.index.names)
        for key in ("numerator", "denominator")
        if (table := getattr(values, key)) is not None
    }
    residents = population[inside].groupby(keys).sum().reindex(panel.index)
    return replace(
        values,
        panel=pd.concat([values.panel, panel]),
        **{key: pd.concat([getattr(values, key), table.reindex(panel.index)]) for key, table in sums.items()},
        **{
            key: _extended(getattr(values, key), panel.index)
            for key in ("lower", "upper", "allocation_error", "period")
        },
        population=pd.concat([population, residents]),
        standing=None if values.standing is None else values.standing.reindex(values.panel.index.append(panel.index)),
        group=None if values.group is None else pd.concat([values.group, pd.Series(None, panel.index, dtype=object)]),
        fitted=np.append(values.fitted, np.zeros(len(panel), dtype=bool)),
    )


def _extended(table: pd.DataFrame | None, index: pd.Index) -> pd.DataFrame | None:
    return None if table is None else table.reindex(table.index.append(index))
