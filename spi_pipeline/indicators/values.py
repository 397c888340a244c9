"""From a source table to ward values: one value per ward and period, as the indicator's measure says.

Numerators and denominators are added over small areas first and divided last. Which edition a value is used in is
``editions``' business; how small areas reach wards is the geography's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.indicators import Indicator, Measure
from spi_pipeline.contracts.tables import Source
from spi_pipeline.geography.allocate import Allocated, allocate_counts, allocate_means

# A ward value rests on at least this share of the ward's residents (or of the published denominator); the JRC rule of
# thumb for a unit's data.
MIN_COVERED = 0.65
ROUNDING = 1e-9
LEVEL_OF = {"00": "oa", "01": "lsoa", "02": "msoa", "05": "ward"}
VALUE_COLUMNS = ["area_code", "period_start", "period_end", "value", "numerator", "denominator"]


@dataclass(frozen=True)
class Wards:
    """What ward values are formed with.

    Attributes:
        boundaries: ``area_code, area_name, parent_code, geometry`` of every ward.
        weights: the allocation table, all geographies.
    """

    boundaries: pd.DataFrame
    weights: pd.DataFrame


@dataclass(frozen=True)
class WardValues:
    """The values of one indicator.

    Attributes:
        values: one row per ward or authority and period: ``area_code, period_start, period_end, value, numerator,
            denominator``; value missing where too little of a ward is known.
        unplaced: what was counted but could not be placed, over all periods: incidents without coordinates, or the
            part of small areas outside every ward; 0 for means.
    """

    values: pd.DataFrame
    unplaced: float


def ward_values(
    indicator: Indicator, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], wards: Wards
) -> WardValues:
    """Compute an indicator for every ward, authority and period of its source.

    Args:
        indicator: what to compute.
        sources: contracts of its sources.
        tables: their rows, by source id; those of points with ``ward_code``, the ward each lies in.
        wards: boundaries and weights.

    Returns:
        Values and what could not be placed.

    Raises:
        SpiError: when small areas are unknown, totals are not conserved, or a period is incomplete in itself.
    """
    source, measure = sources[indicator.source], indicator.measure
    rows = tables[source.id]
    for column, allowed in measure.where.items():
        rows = rows[rows[column].isin(allowed)]
        if rows.empty:
            listed = ", ".join(allowed)
            raise SpiError(
                f"indicator {indicator.id}: no row of source {source.id} has {column} {listed}; see its where"
            )
    frames, unplaced = [], 0.0
    for start, end, part in _periods(source, measure, rows, tables[source.id]):
        figures, outside = _figures(indicator, sources, tables, part, wards)
        unplaced += outside
        frames.append(_with_authorities(figures, wards.boundaries, measure).assign(period_start=start, period_end=end))
    if not frames:
        raise SpiError(f"indicator {indicator.id}: source {source.id} holds no whole period; see its window and months")
    return WardValues(pd.concat(frames, ignore_index=True)[VALUE_COLUMNS], unplaced)


def _periods(
    source: Source, measure: Measure, rows: pd.DataFrame, every: pd.DataFrame
) -> Iterator[tuple[pd.Timestamp, pd.Timestamp, pd.DataFrame]]:
    """The periods of a source with their rows; a window lacking a month is no period."""
    period = source.properties.period
    if period.column is None:
        yield pd.Timestamp(str(period.start)), pd.Timestamp(str(period.end)), rows
    elif measure.window is None:
        for year in sorted(every["year"].unique()):
            yield pd.Timestamp(int(year), 1, 1), pd.Timestamp(int(year), 12, 31), rows[rows["year"] == year]
    else:
        months = set(every["month"].unique())
        for last in sorted(month for month in months if int(month[5:]) == measure.window.ends):
            window = pd.period_range(end=last, periods=measure.window.months, freq="M")
            wanted = [str(month) for month in window]
            if months.issuperset(wanted):
                part = rows[rows["month"].isin(wanted)]
                yield window[0].start_time.normalize(), window[-1].end_time.normalize(), part


def _figures(
    indicator: Indicator, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], rows: pd.DataFrame,
    wards: Wards,
) -> tuple[pd.DataFrame, float]:  # fmt: skip
    """Value, numerator and denominator of each ward, and what lies outside every ward."""
    measure, source = indicator.measure, sources[indicator.source]
    if measure.kind == "mean":
        return _means(measure, source, rows, wards), 0.0
    denominator = measure.denominator
    assert denominator is not None  # the measure's own validation sees to it
    if measure.kind == "share":
        counts = pd.DataFrame(
            {
                "area_code": rows["area_code"],
                "numerator": rows[measure.columns].sum(axis=1, skipna=False).astype("float64"),
                "denominator": rows[denominator.column].astype("float64"),
            }
        )
        counts.loc[counts[["numerator", "denominator"]].isna().any(axis=1), ["numerator", "denominator"]] = np.nan
        placed = allocate_counts(counts, _weights_for(source, rows, wards))
        return _divided(placed.wards, 100.0, placed.covered["numerator"]), float(placed.unplaced["numerator"])
    numerator, outside = _counted(measure, source, rows, wards)
    base = sources[denominator.source or source.id]
    parts = tables[base.id][["area_code", denominator.column]].rename(columns={denominator.column: "denominator"})
    placed = allocate_counts(parts.astype({"denominator": "float64"}), _weights_for(base, parts, wards))
    figures = placed.wards.join(numerator.rename("numerator"))
    return _divided(figures, measure.per, placed.covered["denominator"]), outside


def _counted(measure: Measure, source: Source, rows: pd.DataFrame, wards: Wards) -> tuple[pd.Series, float]:
    """What a rate counts, by ward. A ward without a point has none; a small area without a row is not known."""
    total = rows[measure.columns].sum(axis=1, skipna=False).astype("float64")
    if "point" not in source.properties.geography.levels:
        counts = pd.DataFrame({"area_code": rows["area_code"], "numerator": total})
        placed = allocate_counts(counts, _weights_for(source, rows, wards))
        # The denominator is of all the ward: a count of a part of it would read the rest as zero.
        known = placed.wards["numerator"].where(placed.covered["numerator"] >= 1 - ROUNDING)
        return known, float(placed.unplaced["numerator"])
    by_ward = total.groupby(rows["ward_code"]).sum().reindex(sorted(wards.boundaries["area_code"]), fill_value=0.0)
    return by_ward.rename_axis("area_code"), float(total[rows["longitude"].isna()].sum())


def _means(measure: Measure, source: Source, rows: pd.DataFrame, wards: Wards) -> pd.DataFrame:
    means = pd.DataFrame({"area_code": rows["area_code"], "value": rows[measure.columns[0]].astype("float64")})
    if measure.denominator is not None:
        means["denominator"] = rows[measure.denominator.column].astype("float64")
    if set(source.properties.geography.levels) == {"ward"}:
        figures = means.set_index("area_code").reindex(sorted(wards.boundaries["area_code"]))
        return figures.assign(numerator=np.nan).where(figures["value"].notna(), np.nan)
    placed: Allocated = allocate_means(means, _weights_for(source, rows, wards))
    figures = placed.wards.assign(numerator=np.nan)
    return figures.where(placed.covered["value"] >= MIN_COVERED, np.nan)


def _weights_for(source: Source, rows: pd.DataFrame, wards: Wards) -> pd.DataFrame:
    """The weights of the geography a table is on: its levels by the codes met, its vintage by contract."""
    vintage = str(source.properties.geography.vintage)[2:]
    met = {LEVEL_OF.get(code[1:3], "") for code in rows["area_code"].str.slice(0, 3).unique()}
    geographies = {f"{level}{vintage}" for level in met}
    weights = wards.weights[wards.weights["geography"].isin(geographies)]
    if weights.empty:
        raise SpiError(f"source {source.id} is on {', '.join(sorted(geographies))}, for which there is no allocation")
    if len(geographies) > 1:
        # Output areas where they are known, LSOAs elsewhere: never both for one place.
        finest = weights["geography"].str.startswith("oa") | (weights["method"] == "best_fit")
        weights = weights[finest]
    return weights


def _divided(figures: pd.DataFrame, per: float, covered: pd.Series) -> pd.DataFrame:
    value = per * figures["numerator"] / figures["denominator"].where(figures["denominator"] > 0)
    return figures.assign(value=value).where(covered >= MIN_COVERED, np.nan)


def _with_authorities(figures: pd.DataFrame, boundaries: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Wards and, below them, their authorities: the same sums over the wards that have a value."""
    wards = figures.reindex(sorted(boundaries["area_code"])).rename_axis("area_code")
    parent = boundaries.set_index("area_code")["parent_code"].reindex(wards.index)
    known = wards[wards["value"].notna()]
    if measure.kind == "mean":
        sums = (known["value"] * known["denominator"]).groupby(parent).sum()
        above = known.groupby(parent)[["denominator"]].sum().assign(numerator=np.nan)
        above["value"] = sums / above["denominator"]
    else:
        above = known.groupby(parent)[["numerator", "denominator"]].sum()
        above["value"] = (100.0 if measure.kind == "share" else measure.per) * above["numerator"] / above["denominator"]
    above = above.reindex(sorted(parent.unique())).rename_axis("area_code")
    return pd.concat([wards, above])[["value", "numerator", "denominator"]].reset_index()
