"""Figures of small areas turned into figures of wards with the weights of ``allocation``.

Counts are distributed and conserve their total; means are averaged by their denominators and conserve the weighted
mean. Nothing here reads a missing value as zero, and ranks or deciles are not for this module: no average of them means
anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import OUTSIDE, listed

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Allocated:
    """Figures by ward and what is not in them.

    Attributes:
        wards: one row per ward that the weights reach, indexed by ``area_code``; missing where nothing is known.
        covered: same rows; the share (0 to 1) of the ward that the known values stand for. A count with less than 1 is
            the count of the known part, not of the ward.
        unplaced: per column, what lies outside every ward.
    """

    wards: pd.DataFrame
    covered: pd.DataFrame
    unplaced: pd.Series


def allocate_counts(counts: pd.DataFrame, weights: pd.DataFrame) -> Allocated:
    """Distribute counts over the wards.

    Args:
        counts: ``area_code`` (small areas, each at most once) and one column per count; missing where not known.
        weights: the rows of ``small_area_weights`` for the geography of ``counts``.

    Returns:
        Ward totals; ``covered`` is the share of the ward's residents who live in small areas with a value; ward totals
        and ``unplaced`` add up to the total of the known counts.

    Raises:
        SpiError: on small areas the weights do not know, repeated rows, values that are not finite numbers, weights of
            several geographies, or totals not conserved within 1e-6.
    """
    values = _values_by_area(counts, weights)
    spread = values.reindex(weights["small_area_code"]).set_axis(weights.index)
    area = weights["area_code"]
    totals = spread.mul(weights["weight"], axis=0).groupby(area).sum(min_count=1)
    _require_conserved(values, totals)

    residents = weights["weight"] * weights["residents"]
    covered = spread.notna().mul(residents, axis=0).groupby(area).sum().div(residents.groupby(area).sum(), axis=0)
    wards = totals.index != OUTSIDE
    return Allocated(totals[wards], covered[wards], totals[~wards].sum())


def allocate_means(means: pd.DataFrame, weights: pd.DataFrame) -> Allocated:
    """Average rates, scores or ratios over the wards.

    Numerators and denominators are added first and divided last, so the mean of the ward values weighted by the ward
    denominators is the mean of the small areas' values weighted by theirs.

    Args:
        means: ``area_code`` (small areas, each at most once), ``value`` and, where it is published, ``denominator``
            (not negative; a missing one leaves its value out). Without that column residents are the denominator.
        weights: the rows of ``small_area_weights`` for the geography of ``means``.

    Returns:
        ``wards`` and ``unplaced`` with ``value`` and ``denominator`` (of the known values); ``covered`` with ``value``:
        the share of the ward's denominator that the known values stand for, denominators not given being estimated from
        residents.

    Raises:
        SpiError: as ``allocate_counts``, and on negative denominators.
    """
    residents = weights.drop_duplicates("small_area_code").set_index("small_area_code")["residents"]
    given = means[["area_code", "value"]].assign(denominator=means["area_code"].map(residents))
    if "denominator" in means:
        given["denominator"] = means["denominator"]
    figures = _values_by_area(given, weights)
    negative = sorted(figures.index[figures["denominator"] < 0])
    if negative:
        raise SpiError(f"The denominators of {listed(negative)} are negative: correct them at the source.")

    known = figures[figures.notna().all(axis=1)]
    sums = known.assign(value=known["value"] * known["denominator"]).rename_axis("area_code").reset_index()
    parts = allocate_counts(sums, weights)
    wards = parts.wards.assign(value=_ratio(parts.wards["value"], parts.wards["denominator"]))
    unplaced = parts.unplaced.copy()
    unplaced["value"] = unplaced["value"] / unplaced["denominator"] if unplaced["denominator"] > 0 else np.nan

    expected = _expected_denominators(figures["denominator"], residents)
    whole = (weights["small_area_code"].map(expected) * weights["weight"]).groupby(weights["area_code"]).sum()
    covered = _ratio(parts.wards["denominator"].fillna(0.0), whole.reindex(wards.index))
    return Allocated(wards, covered.to_frame("value"), unplaced)


def _values_by_area(frame: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """The value columns as floats, indexed by small area."""
    if weights.duplicated(["small_area_code", "area_code"]).any():
        raise SpiError("The weights hold several geographies: choose the rows of the one the figures are on.")
    unknown = sorted(set(frame["area_code"].astype(object).fillna("(empty)")) - set(weights["small_area_code"]))
    if unknown:
        raise SpiError(
            f"The figures hold small areas without weights, {listed(unknown)}: "
            "choose the weights of the figures' own geography and vintage, or keep the rows of the authority only."
        )
    repeated = sorted(set(frame.loc[frame["area_code"].duplicated(), "area_code"]))
    if repeated:
        raise SpiError(f"The figures hold more than one row for {listed(repeated)}: reduce them to one row an area.")
    values = frame.set_index("area_code")
    texts = [str(column) for column in values if not pd.api.types.is_numeric_dtype(values[column])]
    if texts:
        raise SpiError(f"The columns {listed(texts)} are not numbers: parse them before they are allocated.")
    values = values.astype(float)
    infinite = [str(column) for column in values if np.isinf(values[column]).any()]
    if infinite:
        raise SpiError(f"The columns {listed(infinite)} hold infinite values: mark them missing at the source.")
    return values


def _require_conserved(values: pd.DataFrame, totals: pd.DataFrame) -> None:
    # Floating-point addition alone may lose about 1e-16 of the magnitude of what is added.
    allowed = TOLERANCE + 1e-12 * values.abs().sum()
    lost = (values.sum() - totals.sum()).abs()
    broken = [str(column) for column in values.columns[lost > allowed]]
    if broken:
        raise SpiError(
            f"Allocation does not conserve the total of {listed(broken)}: "
            "make the weights anew, they do not sum to 1 within each small area."
        )


def _expected_denominators(denominators: pd.Series, residents: pd.Series) -> pd.Series:
    """Denominators of all small areas, those not given in proportion to residents."""
    known = denominators.dropna()
    base = residents.reindex(known.index).sum()
    rate = known.sum() / base if base > 0 else 1.0
    return denominators.reindex(residents.index).fillna(residents * rate)


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return (part / whole).where(whole > 0)
