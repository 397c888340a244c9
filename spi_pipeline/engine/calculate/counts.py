"""The counts behind values: intervals that follow from them, values too small to show, values drawn to the mean.

How a framework's indicators use their numerators and denominators belongs here; the sampling models are in
``intervals``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.recipe import LeafRecipe
from spi_pipeline.engine.framework.values import Values
from spi_pipeline.engine.intervals import Shrunk, events_interval, shrink_proportions, shrink_rates, wilson
from spi_pipeline.engine.panel import INDEX_NAMES

SUPPRESSED_COLUMNS = [*INDEX_NAMES, "indicator_id", "value", "count"]
SHRUNK_COLUMNS = [*INDEX_NAMES, "indicator_id", "before", "after", "mean", "strength"]
# Published values are rounded: half of them may lie so far from numerator over denominator, times one factor.
ROUNDED = 0.02


@dataclass(frozen=True)
class Prepared:
    """Values after what their counts demand.

    Attributes:
        values: with suppressed values blank and shrunk ones replaced, their credible intervals in lower and upper.
        suppressed: one row per suppressed value: edition, area_code, indicator_id, value, count.
        shrunk: one row per shrunk value: edition, area_code, indicator_id, before, after, and mean and strength of the
            prior, the strength in people or expected events.
    """

    values: Values
    suppressed: pd.DataFrame
    shrunk: pd.DataFrame


def prepare(values: Values, leaves: dict[str, LeafRecipe]) -> Prepared:
    """Suppress what rests on too few cases, then shrink what is to be shrunk.

    Raises:
        EngineError: an indicator that is to be suppressed or shrunk has no counts, or these do not go with its values.
    """
    suppressed, shrunk = [pd.DataFrame(columns=SUPPRESSED_COLUMNS)], [pd.DataFrame(columns=SHRUNK_COLUMNS)]
    for name, leaf in leaves.items():
        if leaf.minimum_count is not None:
            values, gone = _suppress(values, name, leaf.minimum_count)
            suppressed.append(gone)
        if leaf.shrink:
            values, drawn = _shrink(values, name, leaf.counts)
            shrunk.append(drawn)
    return Prepared(values, _joined(suppressed), _joined(shrunk))


def counted_interval(values: Values, name: str, kind: str) -> pd.DataFrame:
    """The 95 % interval of an indicator's values that follows from the counts behind them.

    Wilson's for proportions; for rates Byar's, the exact one below ten events; without denominators, or with ones that
    do not go with the values, that of the events, in proportion to the value.

    Args:
        values: the data.
        name: the indicator, which has numerators.
        kind: proportion, rate, or empty to take a proportion where no numerator is above its denominator.

    Returns:
        Columns lower and upper in the unit of the values; NaN where there are no counts.
    """
    assert values.numerator is not None
    numerator, value = values.numerator[name], values.panel[name]
    times = factor(values, name) if _has(values.denominator, name) else None
    if values.denominator is None or times is None:
        events = numerator.where(numerator > 0)
        return events_interval(events, events).mul(value.abs(), axis=0)
    denominator = values.denominator[name]
    counted = numerator.notna() & (denominator > 0)
    numerator, denominator = numerator.where(counted), denominator.where(counted)
    model = wilson if _kind(kind, numerator, denominator) == "proportion" else events_interval
    return model(numerator, denominator) * times


def factor(values: Values, name: str) -> float | None:
    """What numerator over denominator is multiplied by to give the value, 100 say; None where no one number serves."""
    assert values.numerator is not None
    assert values.denominator is not None
    share = values.numerator[name] / values.denominator[name].where(values.denominator[name] > 0)
    ratio = (values.panel[name] / share.where(share > 0)).dropna()
    if ratio.empty:
        return 1.0
    middle = float(ratio.median())
    if not middle > 0 or float((ratio / middle - 1).abs().median()) > ROUNDED:
        return None
    power = 10.0 ** np.round(np.log10(middle))
    return float(power) if abs(middle / power - 1) <= ROUNDED else middle


def _suppress(values: Values, name: str, minimum: float) -> tuple[Values, pd.DataFrame]:
    table = values.numerator if _has(values.numerator, name) else values.denominator
    if table is None or not _has(table, name):
        raise EngineError(f"indicator {name} has a minimum_count, but no numerator or denominator to count: add one")
    gone = values.panel[name].notna() & (table[name] < minimum)
    panel = values.panel.copy()
    panel[name] = panel[name].mask(gone)
    record = values.panel.index[gone].to_frame(index=False)
    before, count = values.panel[name][gone].to_numpy(), table[name][gone].to_numpy()
    record = record.assign(indicator_id=name, value=before, count=count)

    return replace(values, panel=panel), record


def _shrink(values: Values, name: str, kind: str) -> tuple[Values, pd.DataFrame]:
    if not (_has(values.numerator, name) and _has(values.denominator, name)):
        raise EngineError(f"indicator {name} is to be shrunk, which needs its numerators and denominators: add them")
    assert values.numerator is not None
    assert values.denominator is not None
    times = factor(values, name)
    if times is None:
        raise EngineError(
            f"indicator {name} cannot be shrunk: its values are not its numerators over its denominators times one "
            "number, correct the counts"
        )
    panels: dict[str, Any] = {key: _copied(getattr(values, key), values.panel) for key in ("panel", "lower", "upper")}
    records = []
    counted = values.panel[name].notna() & values.numerator[name].notna() & (values.denominator[name] > 0)
    inside = counted if values.fitted is None else counted & values.fitted
    kind = _kind(kind, values.numerator[name][inside], values.denominator[name][inside])
    for edition in values.panel.index[inside].unique(level="edition"):
        rows = values.panel.index[inside & (values.panel.index.get_level_values("edition") == edition)]
        numerator, denominator = values.numerator.loc[rows, name], values.denominator.loc[rows, name]
        try:
            found: Shrunk = (shrink_proportions if kind == "proportion" else shrink_rates)(numerator, denominator)
        except EngineError as error:
            raise EngineError(f"indicator {name}: {error}") from error
        for key, column in (("panel", found.value), ("lower", found.lower), ("upper", found.upper)):
            panels[key].loc[rows, name] = column * times
        record = rows.to_frame(index=False).assign(indicator_id=name, before=values.panel.loc[rows, name].to_numpy())
        records.append(record.assign(after=(found.value * times).to_numpy(), mean=found.mean * times,
                                     strength=found.strength))  # fmt: skip
    return replace(values, **panels), pd.concat(records, ignore_index=True)


def _kind(stated: str, numerator: pd.Series, denominator: pd.Series) -> str:
    return stated or ("proportion" if not (numerator > denominator).any() else "rate")


def _has(table: pd.DataFrame | None, name: str) -> bool:
    return table is not None and bool(table[name].notna().any())


def _copied(table: pd.DataFrame | None, like: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(np.nan, index=like.index, columns=like.columns) if table is None else table.copy()


def _joined(records: list[pd.DataFrame]) -> pd.DataFrame:
    full = [record for record in records if len(record)]
    return pd.concat(full, ignore_index=True) if full else records[0]
