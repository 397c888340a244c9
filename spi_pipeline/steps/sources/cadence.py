"""How often a source is fetched."""

import datetime as dt

from spi_pipeline.contracts.models.tables import Source

DAILY, WEEKLY, MONTHLY = dt.timedelta(days=1), dt.timedelta(days=7), dt.timedelta(days=30)


def cadence(source: Source) -> dt.timedelta:
    """How often a source is fetched: some thirty times as often as its contract says that it is published."""
    if source.cycle_days is None:  # at no fixed interval
        return WEEKLY
    return DAILY if source.cycle_days <= 31 else WEEKLY if source.cycle_days <= 366 else MONTHLY
