"""The context: measures shown alongside the index and never part of it, by ward, authority and period."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from spi_pipeline.contracts.measured import minimum_counts_of
from spi_pipeline.contracts.models.indicators import Earlier, Measured
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.engine.intervals import Z95
from spi_pipeline.indicators.intervals import published_limits, with_allocation
from spi_pipeline.indicators.values import Wards, ward_values

# An interval of the change that ends exactly at 0 shows no change.
ROSE, FELL, CANNOT_TELL = "rose", "fell", "cannot be told"
CONTEXT_COLUMNS = [
    "measure_id", "title", "area_code", "period_start", "period_end", "value", "lower", "upper", "numerator",
    "denominator", "unit", "source_id",
]  # fmt: skip
DECADE_COLUMNS = [
    "measure_id", "area_code", "title", "in_index", "unit", "earlier_end", "later_end", "earlier", "later", "change",
    "lower", "upper", "verdict", "earlier_source_id", "later_source_id", "limits",
]  # fmt: skip


def context_values(
    measures: Iterable[Measured],
    sources: Mapping[str, Source],
    units: Mapping[str, Unit],
    tables: Mapping[str, pd.DataFrame],
    wards: Wards,
) -> pd.DataFrame:
    """Compute every measure of the context for every ward, authority and period of its source.

    Args:
        measures: the measures, in the order of the rows.
        sources: contracts of their sources, by id.
        units: the units of the vocabulary.
        tables: rows of the sources.
        wards: boundaries and weights.

    Returns:
        The columns of the product ``context``; value missing where too little of an area is known.

    Raises:
        SpiError: as for ``ward_values``.
    """
    frames = [pd.DataFrame(columns=CONTEXT_COLUMNS)]
    for measure in measures:
        unit = units[measure.unit]
        values = ward_values(measure, sources, tables, wards, minimum_counts_of(measure, sources, units)).values
        ends = with_allocation(values, measure, unit, published_limits(measure, sources, tables, wards))
        frames.append(
            pd.DataFrame(
                {
                    "measure_id": measure.id,
                    "title": measure.title,
                    "area_code": values["area_code"],
                    "period_start": values["period_start"].dt.date,
                    "period_end": values["period_end"].dt.date,
                    "value": values["value"],
                    "lower": ends["lower"],
                    "upper": ends["upper"],
                    "numerator": values["numerator"],
                    "denominator": values["denominator"],
                    "unit": unit.title,
                    "source_id": measure.source,
                }
            )
        )
    return pd.concat(frames[1:] or frames, ignore_index=True)[CONTEXT_COLUMNS]


def decade(
    pairs: Iterable[tuple[Measured, Earlier]],
    sources: Mapping[str, Source],
    units: Mapping[str, Unit],
    tables: Mapping[str, pd.DataFrame],
    wards: Wards,
    *,
    indicators: frozenset[str] | set[str],
) -> pd.DataFrame:
    """Compare the figures of two censuses for the same wards, with the uncertainty of the change.

    Both were full counts. The only error in a ward's figures comes from sharing small areas out among wards: the same
    areas in both years, or larger ones in the earlier. The two errors are taken to be independent, which makes the
    interval too wide where a small area is shared in the same way twice.

    Args:
        pairs: each measure with its definition in the earlier census.
        sources: contracts of the sources, by id.
        units: the units of the vocabulary.
        tables: rows of the sources.
        wards: boundaries and weights.
        indicators: ids of the measures that are indicators of the index.

    Returns:
        The columns of the product ``decade``; an area that lacks a figure in one census has neither value.

    Raises:
        SpiError: as for ``ward_values``.
    """
    frames = [pd.DataFrame(columns=DECADE_COLUMNS)]
    for measure, earlier in pairs:
        then, now = (
            ward_values(each, sources, tables, wards, minimum_counts_of(each, sources, units)).values.set_index(
                "area_code"
            )
            for each in (earlier.of(measure), measure)
        )
        change = now["value"] - then["value"]
        both = change.notna()
        half = Z95 * np.hypot(now["allocation_error"], then["allocation_error"])
        lower, upper = change - half, change + half
        verdict = np.select([lower > 0, upper < 0, both], [ROSE, FELL, CANNOT_TELL], default="")
        frames.append(
            pd.DataFrame(
                {
                    "measure_id": measure.id,
                    "title": measure.title,
                    "in_index": measure.id in indicators,
                    "unit": units[measure.unit].title,
                    "earlier_end": then["period_end"].dt.date,
                    "later_end": now["period_end"].dt.date,
                    "earlier": then["value"].where(both),
                    "later": now["value"].where(both),
                    "change": change,
                    "lower": lower,
                    "upper": upper,
                    "verdict": pd.Series(verdict, change.index, dtype=object).where(both, None),
                    "earlier_source_id": earlier.source,
                    "later_source_id": measure.source,
                    "limits": earlier.limits,
                }
            ).reset_index()
        )
    return pd.concat(frames[1:] or frames, ignore_index=True)[DECADE_COLUMNS]
