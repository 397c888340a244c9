"""The counts behind values: intervals, suppression of small counts, and shrinkage towards the mean.

This module applies numerators and denominators to the indicators of a framework; the sampling models are in
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
# Published values are rounded: their median relative distance from numerator over denominator, times one factor, may be
# this large.
ROUNDED = 0.02


@dataclass(frozen=True)
class Prepared:
    """Values after suppression and shrinkage.

    Attributes:
        values: the data, with suppressed values blank and shrunk values replaced; ``lower`` and ``upper`` hold the
            credible intervals of shrunk values.
        suppressed: one row per suppressed value: edition, area_code, indicator_id, value, count.
        shrunk: one row per shrunk value: edition, area_code, indicator_id, before, after, and mean and strength of the
            prior, the strength in people or expected events.
    """

    values: Values
    suppressed: pd.DataFrame
    shrunk: pd.DataFrame


def prepare(values: Values, leaves: dict[str, LeafRecipe]) -> Prepared:
    """Suppress values with too few cases, then shrink the indicators that are to be shrunk.

    Raises:
        EngineError: an indicator to be suppressed or shrunk has no counts, or its counts do not match its values.
    """
    suppressed, shrunk = [pd.DataFrame(columns=SUPPRESSED_COLUMNS)], [pd.DataFrame(columns=SHRUNK_COLUMNS)]
    for name, leaf in leaves.items():
        if leaf.minimum_count is not None:
            values, removed = _suppress(values, name, leaf.minimum_count)
            suppressed.append(removed)
        if leaf.shrink:
            values, record = _shrink(values, name, leaf.counts)
            shrunk.append(record)
    return Prepared(values, _joined(suppressed), _joined(shrunk))


def counted_interval(values: Values, name: str, kind: str) -> pd.DataFrame:
    """The 95 % interval of an indicator's values that follows from the counts behind them.

    Proportions have Wilson's interval; rates have Byar's, or the exact interval below ten events. Without denominators,
    or where these do not match the values, the interval is that of the events, in proportion to the value.

    Args:
        values: the data.
        name: the indicator, which has numerators.
        kind: proportion, rate, or empty to assume a proportion where no numerator exceeds its denominator.

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
    """The factor from numerator over denominator to the value, for example 100; None where no single factor fits."""
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
    small = values.panel[name].notna() & (table[name] < minimum)
    panel = values.panel.copy()
    panel[name] = panel[name].mask(small)
    record = values.panel.index[small].to_frame(index=False)
    before, count = values.panel[name][small].to_numpy(), table[name][small].to_numpy()
    record = record.assign(indicator_id=name, value=before, count=count)

    return replace(values, panel=panel), record


def _shrink(values: Values, name: str, kind: str) -> tuple[Values, pd.DataFrame]:
    if not (_has(values.numerator, name) and _has(values.denominator, name)):
        raise EngineError(f"indicator {name} cannot be shrunk, which needs its numerators and denominators: add them")
    assert values.numerator is not None
    assert values.denominator is not None
    times = factor(values, name)
    if times is None:
        raise EngineError(
            f"indicator {name} cannot be shrunk, since its values are not numerators over denominators times one "
            "number: correct the counts"
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
            fit: Shrunk = (shrink_proportions if kind == "proportion" else shrink_rates)(numerator, denominator)
        except EngineError as error:
            raise EngineError(f"indicator {name}: {error}") from error
        for key, column in (("panel", fit.value), ("lower", fit.lower), ("upper", fit.upper)):
            panels[key].loc[rows, name] = column * times
        record = rows.to_frame(index=False).assign(indicator_id=name, before=values.panel.loc[rows, name].to_numpy())
        records.append(record.assign(after=(fit.value * times).to_numpy(), mean=fit.mean * times,
                                     strength=fit.strength))  # fmt: skip
    return replace(values, **panels), pd.concat(records, ignore_index=True)


def _kind(declared: str, numerator: pd.Series, denominator: pd.Series) -> str:
    return declared or ("proportion" if not (numerator > denominator).any() else "rate")


def _has(table: pd.DataFrame | None, name: str) -> bool:
    return table is not None and bool(table[name].notna().any())


def _copied(table: pd.DataFrame | None, like: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(np.nan, index=like.index, columns=like.columns) if table is None else table.copy()


def _joined(records: list[pd.DataFrame]) -> pd.DataFrame:
    full = [record for record in records if len(record)]
    return pd.concat(full, ignore_index=True) if full else records[0]
