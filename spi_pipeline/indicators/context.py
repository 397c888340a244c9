"""The context: measures shown beside the index and never inside it, by ward, authority and period."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.indicators import Measured
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.indicators.values import Wards, ward_values


def context_values(
    measures: Mapping[str, Measured],
    sources: Mapping[str, Source],
    units: Mapping[str, Unit],
    tables: Mapping[str, pd.DataFrame],
    wards: Wards,
) -> pd.DataFrame:
    """Every measure of the context for every ward, authority and period its source holds.

    Args:
        measures: by id.
        sources: contracts of their sources.
        units: the vocabulary's.
        tables: rows of the sources.
        wards: boundaries and weights.

    Returns:
        The columns of the product ``context``; value missing where too little of an area is known.

    Raises:
        SpiError: as ``ward_values``.
    """
    frames = []
    for measure in measures.values():
        values = ward_values(measure, sources, tables, wards).values
        frames.append(
            pd.DataFrame(
                {
                    "measure_id": measure.id,
                    "area_code": values["area_code"],
                    "period_start": values["period_start"].dt.date,
                    "period_end": values["period_end"].dt.date,
                    "value": values["value"],
                    "unit": units[measure.unit].title,
                    "source_id": measure.source,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
