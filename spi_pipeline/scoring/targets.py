"""How far every area is from its council's targets, and whether its pace would reach them in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.targets import Target
from spi_pipeline.engine.intervals import Z95

TARGET_COLUMNS = [
    "target_id", "area_code", "indicator_id", "year", "target_value", "source", "url", "period_start", "period_end",
    "value", "lower", "upper", "distance", "needed_a_year", "earlier_end", "earlier_value", "pace", "pace_low",
    "pace_high", "verdict",
]  # fmt: skip
DAYS = 365.25


def targets_of(
    targets: Sequence[Target], values: pd.DataFrame, areas: Mapping[str, str], higher_is_better: Mapping[str, bool]
) -> pd.DataFrame:
    """Distance and pace towards each target.

    Args:
        targets: the targets.
        values: ``indicator_id, area_code, period_start, period_end, value, lower, upper, status`` of the targets'
            indicators, every edition.
        areas: the authority of each ward and of each authority, by code.
        higher_is_better: whether a higher value is better, by indicator.

    Returns:
        The columns of the product ``target``: a row for the authority and for each of its wards. The pace is the change
        a year from the first observed figure to the newest, with a 95 % interval; missing where there is one figure.
    """
    observed = values[(values["status"] == "observed") & values["value"].notna()].sort_values("period_end")
    rows = []
    for target in targets:
        of_indicator = observed[observed["indicator_id"] == target.indicator]
        for area in sorted(code for code, authority in areas.items() if authority == target.authority):
            own = (
                of_indicator[of_indicator["area_code"] == area]
                .drop_duplicates("period_end", keep="last")
                .to_dict("records")
            )
            rows.append(
                {
                    "target_id": target.id, "area_code": area, "indicator_id": target.indicator, "year": target.year,
                    "target_value": target.value, "source": target.source, "url": target.url,
                }
                | _way(target, own, higher_is_better[target.indicator])
            )  # fmt: skip
    return pd.DataFrame(rows, columns=TARGET_COLUMNS)


def _way(target: Target, own: list[dict[Any, Any]], higher: bool) -> dict[str, Any]:
    """Where an area stands, and where its pace leads: the columns of one row from ``period_start`` on."""
    if not own:
        return {"verdict": "cannot_tell"}
    first, last = own[0], own[-1]
    left = (pd.Timestamp(target.year, 12, 31) - pd.Timestamp(last["period_end"])).days / DAYS
    distance = target.value - last["value"]
    columns = {name: last[name] for name in ("period_start", "period_end", "value", "lower", "upper")} | {
        "distance": distance,
        "needed_a_year": distance / left if left > 0 else None,
        "verdict": "cannot_tell",
    }
    if distance == 0 or (distance < 0) == higher:
        return columns | {"verdict": "reached", "needed_a_year": None}
    if left <= 0:
        return columns | {"verdict": "missed"}
    if len(own) < 2:
        return columns
    years = (pd.Timestamp(last["period_end"]) - pd.Timestamp(first["period_end"])).days / DAYS
    pace = (last["value"] - first["value"]) / years
    half = Z95 * float(np.hypot(_error(first), _error(last))) / years
    columns |= {"earlier_end": first["period_end"], "earlier_value": first["value"], "pace": pace}
    if np.isnan(half):
        return columns
    ends = sorted((pace - half, pace + half), key=lambda end: end if higher else -end)
    needed = distance / left
    slow, fast = ((end >= needed) if higher else (end <= needed) for end in ends)
    verdict = "on_course" if slow else "cannot_tell" if fast else "behind"
    return columns | {"pace_low": pace - half, "pace_high": pace + half, "verdict": verdict}


def _error(row: Mapping[Any, Any]) -> float:
    """Standard error of a value from its 95 % interval; NaN where it has none."""
    low, high = row["lower"], row["upper"]
    return float("nan") if pd.isna(low) or pd.isna(high) else (high - low) / (2 * Z95)
