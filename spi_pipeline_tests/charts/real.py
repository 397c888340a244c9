"""The monthly counts of every ward for each measure that has a control chart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.control_chart import YEAR, Array, signal_limit
from spi_pipeline_tests.integration.sandboxes import Sandbox


@dataclass(frozen=True)
class Real:
    """One measure: counts of wards × the newest unbroken run of months, and the calendar month of the first."""

    counts: Array
    first: int

    @property
    def usual(self) -> Array:
        """The usual count of each ward and month if nothing changes: the ward's mean with the town's seasonality."""
        totals = self.counts.sum(axis=0)
        calendar = (self.first - 1 + np.arange(len(totals))) % YEAR
        season = np.bincount(calendar, totals, YEAR) / np.bincount(calendar, minlength=YEAR) / totals.mean()
        return self.counts.mean(axis=1, keepdims=True) * season[calendar]


def real_counts(sandbox: Sandbox) -> dict[str, Real]:
    """Every measure by id, from a store in which the step ``recent`` was run."""
    table = sandbox.store.read("recent").to_pandas()
    by_measure = {}
    for measure, rows in table.groupby("measure_id", sort=False):
        counts = rows.pivot_table(index="area_code", columns="month", values="count")
        months = pd.PeriodIndex(counts.columns, freq="M")
        (breaks,) = np.nonzero(np.diff(months.asi8) > 1)
        start = breaks[-1] + 1 if len(breaks) else 0
        by_measure[str(measure)] = Real(counts.to_numpy()[:, start:], months[start].month)
    return by_measure


def limit_of(sandbox: Sandbox, reals: dict[str, Real]) -> float:
    """The signal limit for the charts of one town."""
    charts = sum(len(real.counts) for real in reals.values())
    return signal_limit(charts, sandbox.contracts.recent.false_signals)
