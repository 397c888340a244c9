"""The dates of the figures behind every score: the newest period, the mean age, the share that is recent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.basis import PRESENT
from spi_pipeline.scoring.tree import weights_below

DATE_COLUMNS = [
    "edition", "profile", "id", "area_code", "slots", "slots_filled", "newest_period", "age_years", "recent_weight",
]  # fmt: skip
SECONDS_A_DAY = 86400
DAYS_A_YEAR = 365.25
# Three years from a day to the same date, with or without a leap day in between.
RECENT_YEARS = 3 + 1 / DAYS_A_YEAR


def dates(weights: pd.DataFrame, observations: pd.DataFrame, areas: Areas, as_of: dt.date) -> pd.DataFrame:
    """The dates of the figures behind every score.

    The reference day of an edition is the end of its year, or the day the figures were taken if that is earlier. The
    age of a figure is the distance of its period's end from that day, before or after. A period that was not over when
    the figures were taken ends on the day they were taken. Estimated cells have no date.

    Args:
        weights: rows of the product ``weight``, all levels.
        observations: rows of the product ``indicator_value`` of the scored indicators and editions.
        areas: wards and authorities.
        as_of: the day the figures were taken.

    Returns:
        One row for each edition, profile, element and area: ``DATE_COLUMNS``. ``slots`` counts the slots below the
        element and ``slots_filled`` those with a value; ``newest_period`` is the last day of the newest period;
        ``age_years`` is the mean age, weighted like the element's score; ``recent_weight`` is the share of the weight
        measured within three years.
    """
    known = observations[observations["status"].isin(PRESENT)]
    ends = pd.to_datetime(known["period_end"]).astype("datetime64[s]").astype("int64") / SECONDS_A_DAY
    days = np.minimum(ends, _number(as_of))
    wide = known.assign(day=days).pivot(index=["edition", "area_code"], columns="indicator_id", values="day")
    editions = sorted(set(weights["edition"]))
    every = pd.MultiIndex.from_product([editions, areas.all], names=["edition", "area_code"])
    wide = wide.reindex(every)
    stands_for = np.array([_number(min(dt.date(year, 12, 31), as_of)) for year in every.get_level_values("edition")])
    # Weights are the same in every edition.
    newest = weights[weights["edition"] == editions[-1]]
    parts = []
    for (profile, authority), rows in newest.groupby(["profile", "authority_code"]):
        of_parent = {str(name): own.set_index("id")["weight"] for name, own in rows.groupby("parent_id", sort=False)}
        within = every.get_level_values("area_code").isin(areas.by_authority[str(authority)])
        below = _below(of_parent).reindex(index=wide.columns, fill_value=0.0)
        part = _dated(wide[within].to_numpy(), below.to_numpy(), stands_for[within])
        index = pd.MultiIndex.from_product([below.columns, every[within]], names=["id", "cell"])
        frame = pd.DataFrame({name: values.T.ravel() for name, values in part.items()}, index=index).reset_index()
        cells = pd.DataFrame(frame.pop("cell").tolist(), columns=["edition", "area_code"])
        parts.append(pd.concat([frame, cells], axis=1).assign(profile=profile))
    table = pd.concat(parts, ignore_index=True)
    last = pd.to_datetime(table["newest_period"] * SECONDS_A_DAY, unit="s").dt.date
    return table.assign(newest_period=last.where(table["newest_period"].notna(), None))[DATE_COLUMNS]


def _number(day: dt.date) -> float:
    return float((day - dt.date(1970, 1, 1)).days)


def _below(of_parent: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The weight of each indicator (rows) in each element (columns)."""
    leaves = [str(name) for own in of_parent.values() for name in own.index if name not in of_parent]
    return pd.DataFrame({name: weights_below(of_parent, name) for name in [*leaves, *of_parent]}).fillna(0.0)


def _dated(
    days: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    weights: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    stands_for: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """The columns of ``dates`` as arrays, cells × elements."""
    present = ~np.isnan(days)
    age = np.abs(np.where(present, stands_for[:, np.newaxis] - days, 0.0)) / DAYS_A_YEAR
    measured, member = present @ weights, weights > 0
    newest = np.array([np.where(present & column, days, -np.inf).max(axis=1) for column in member.T]).T
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_age = ((age * present) @ weights) / measured
    return {
        "slots": np.broadcast_to(member.sum(axis=0), measured.shape),
        "slots_filled": present.astype(int) @ member.astype(int),
        "newest_period": np.where(np.isfinite(newest), newest, np.nan),
        "age_years": mean_age,
        # Weights summed in another order may exceed 1 by a rounding error.
        "recent_weight": np.minimum(((age <= RECENT_YEARS) & present) @ weights / weights.sum(axis=0), 1.0),
    }
