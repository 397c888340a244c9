"""Areas outside the reference set: they are scored, but weights, extremes and ranks do not depend on them.

This module flags their rows and adds the rows of wholes (aggregates of areas, such as a country). ``peers`` computes
the indicator values of a whole.
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
    """The data with the rows of the wholes added and the rows outside flagged; faults are appended.

    Args:
        values: the data as read.
        outside: codes of the areas that stay outside.
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
        faults.add(("framework", "wholes"), f"a whole and an area are both named {clash[0][1]}: rename the area")
        return values
    labels = pd.Series("all", index=inside) if groups is None else groups
    keys = [inside.get_level_values("edition"), labels.to_numpy()]
    sums = {
        key: table.loc[inside].groupby(keys).sum(min_count=1).rename_axis(panel.index.names)
        for key in ("numerator", "denominator")
        if (table := getattr(values, key)) is not None
    }
    applies = None
    if values.applies is not None:  # an indicator applies to a whole if it applies to any of its areas
        own = values.applies.loc[inside].groupby(keys).any().rename_axis(panel.index.names).reindex(panel.index)
        applies = pd.concat([values.applies, own])
    residents = population[inside].groupby(keys).sum().reindex(panel.index)
    return replace(
        values,
        panel=pd.concat([values.panel, panel]),
        numerator=_extended(values.numerator, panel.index, sums.get("numerator")),
        denominator=_extended(values.denominator, panel.index, sums.get("denominator")),
        lower=_extended(values.lower, panel.index),
        upper=_extended(values.upper, panel.index),
        allocation_error=_extended(values.allocation_error, panel.index),
        period=_extended(values.period, panel.index),
        population=pd.concat([population, residents]),
        standing=None if values.standing is None else values.standing.reindex(values.panel.index.append(panel.index)),
        group=None if values.group is None else pd.concat([values.group, pd.Series(None, panel.index, dtype=object)]),
        fitted=np.append(values.fitted, np.zeros(len(panel), dtype=bool)),
        applies=applies,
    )


def _extended(table: pd.DataFrame | None, index: pd.Index, own: pd.DataFrame | None = None) -> pd.DataFrame | None:
    """A table with rows added for the wholes: the given rows, or blank ones."""
    if table is None or own is None:
        return None if table is None else table.reindex(table.index.append(index))
    return pd.concat([table, own.reindex(index)])
