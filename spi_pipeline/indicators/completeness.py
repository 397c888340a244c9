"""How whole each month of a monthly source is: whether it was published, in full, and how much of it has no place."""

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
    """Every month from the first to the last that a source holds, by authority.

    Incidents without a place are those of a force. An authority's part of them is taken to be its part of those with a
    place, in the month or, where only its own were asked for, in the last month before that holds the whole force, else
    in the first one after; where there is none, it is not known, as when every month came from the police's interface
    and none from an archive. Spread so, they raise every ward alike: the order of wards stays, a trend need not.

    Args:
        source_id: the source.
        rows: all it counts by ward, as ``added_up`` returns it.
        columns: what it counts.
        authority_of: authority of each ward.
        thin: the share of what is usual that a whole month holds at least.

    Returns:
        The columns of the product ``completeness``: changes are those of twelve whole months to the month against the
        twelve before them, as counted and with incidents without a place spread.
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
    """The months that hold the incidents of whole forces: answers for an outline name no small area."""
    return set(rows.loc[rows["has_area"], "month"])


def _change(counts: pd.Series) -> pd.Series:
    """Twelve months against the twelve before, in percent; missing where one of the 24 is."""
    year = counts.rolling(YEAR, min_periods=YEAR).sum()
    return 100 * (year / year.shift(YEAR) - 1)
