"""How complete each month of a monthly source is: published or not, in full or in part, and how much has no place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from spi_pipeline.indicators.windows import ENOUGH, months_held

COLUMNS = [
    "source_id", "area_code", "month", "state", "incidents", "usual", "share_of_usual", "without_place",
    "without_place_here", "share_without_place", "change_12_months", "change_12_months_spread",
]  # fmt: skip
YEAR = 12


def completeness(
    source_id: str, rows: pd.DataFrame, columns: Sequence[str], authority_of: Mapping[str, str], thin: float
) -> pd.DataFrame:
    """The completeness of every month from the first to the last of a source, by authority.

    Incidents without a place are known only for a whole force. An authority's share of them is taken to be its share of
    the incidents with a place in that month. Where only the authority's own incidents were requested, the last earlier
    month that holds the whole force gives the share, or else the first later one. Without such a month the share is
    unknown, as when every month came from the police's interface and none from an archive. Spread in this way, the
    incidents raise every ward alike: the order of wards stays the same, but a trend may change.

    Args:
        source_id: the source.
        rows: all its counts by ward, as ``counts_by_place`` returns them.
        columns: the columns counted.
        authority_of: authority of each ward.
        thin: the smallest share of the usual count that a whole month holds.

    Returns:
        The columns of the product ``completeness``. Changes compare the twelve whole months up to the month with the
        twelve before them: once as counted, once with incidents without a place spread.
    """
    held = months_held(rows, list(columns), authority_of, thin)
    counts = rows[list(columns)].sum(axis=1)
    placed = rows["has_place"]
    whole_force = _whole_force(rows)
    every = pd.period_range(rows["month"].min(), rows["month"].max(), freq="M").astype(str)
    without = counts[~placed].groupby(rows["month"]).sum().reindex(every)
    of_force = counts[placed].groupby(rows["month"]).sum().where(lambda each: each.index.isin(whole_force))
    frames = []
    for authority, own in held.items():
        frame = own.reindex(every)
        known = frame["counted"].notna()
        state = np.where(known, np.where(frame["thin"].eq(True), "thin", "whole"), "missing")
        part = (frame["counted"] / of_force.reindex(every)).ffill().bfill()
        lost = without.fillna(0.0).where(known)
        here = lost * part
        counted = frame["counted"].where(state == "whole")
        frames.append(
            pd.DataFrame(
                {
                    "source_id": source_id,
                    "area_code": authority,
                    "month": every,
                    "state": state,
                    "incidents": frame["counted"].astype("Int64"),
                    "usual": frame["usual"],
                    "share_of_usual": (frame["counted"] / frame["usual"]).where(frame["usual"] >= ENOUGH),
                    "without_place": lost.astype("Int64"),
                    "without_place_here": here,
                    "share_without_place": here / (here + frame["counted"]),
                    "change_12_months": _change(counted),
                    "change_12_months_spread": _change(counted + here),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)[COLUMNS]


def _whole_force(rows: pd.DataFrame) -> set[str]:
    """The months that hold the incidents of whole forces: responses for an outline name no small area."""
    return set(rows.loc[rows["has_area"], "month"])


def _change(counts: pd.Series) -> pd.Series:
    """Twelve months compared with the twelve before, in percent; missing where any of the 24 is missing."""
    year = counts.rolling(YEAR, min_periods=YEAR).sum()
    return 100 * (year / year.shift(YEAR) - 1)
