"""Compute ward values from a source table: one value per ward and period, as the indicator's measure defines it.

Numerators and denominators are added over small areas first and divided last. ``observations`` decides which edition
uses a value; ``geography`` decides how small areas reach wards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.indicators import Measure, Measured
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.engine.panel import Array, Flags
from spi_pipeline.geography.allocate import Allocated, allocate_counts, allocate_means
from spi_pipeline.geography.codes import LEVEL_OF
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.indicators.dispersion import Repeats
from spi_pipeline.indicators.periods import Period, periods, points_by_ward, total, unplaced_points
from spi_pipeline.indicators.spreading import misplacement, spreading_error
from spi_pipeline.indicators.withholding import withheld_wards
from spi_pipeline.rules.disclosure import MinimumCounts, small

# Where numerator and denominator come from two tables, a numerator for part of a ward over a denominator for all of it
# would count the unknown part as zero. Both must cover the whole ward, apart from rounding.
COMPLETE = 1 - 1e-9
# In a hectare.
SQUARE_METRES = 10_000
VALUE_COLUMNS = [
    "area_code", "period_start", "period_end", "value", "allocation_error", "numerator", "denominator", "covered",
]  # fmt: skip


@dataclass(frozen=True)
class Wards:
    """The wards and weights that ward values are computed with.

    Attributes:
        boundaries: ``area_code, parent_code`` of every ward, and ``geometry`` for a density.
        weights: the allocation table, all geographies; where the areas are not wards, also the parts of wards, as
            geography ``ward``. It may be empty for a source on wards.
        least_covered: the smallest share of a ward's residents, or of the published denominator, that a value must
            cover; likewise of an authority's wards.
    """

    boundaries: pd.DataFrame
    weights: pd.DataFrame
    least_covered: float

    @cached_property
    def authorities(self) -> dict[str, str]:
        """Authority of each ward, by ward code, ascending."""
        codes, parents = self.boundaries["area_code"], self.boundaries["parent_code"]
        return dict(sorted(zip(codes, parents, strict=True)))

    @cached_property
    def misplaced(self) -> pd.DataFrame | None:
        """As ``misplacement`` returns it; None where figures are on wards alone."""
        return None if self.weights.empty else misplacement(self.weights, self.authorities)

    @cached_property
    def hectares(self) -> Array:
        """The surface of each ward in hectares, in order; missing where no boundary is drawn."""
        shapes = Shapes.from_frame(self.boundaries.reindex(columns=["area_code", "geometry"])).on_national_grid()
        drawn = pd.Series([polygon.area / SQUARE_METRES for polygon in shapes.polygons], shapes.codes, dtype=float)
        surface: Array = drawn.reindex(list(self.authorities)).to_numpy()
        return surface


@dataclass(frozen=True)
class WardValues:
    """The values of one indicator.

    Attributes:
        values: one row per ward or authority and period: ``area_code, period_start, period_end, value,
            allocation_error, numerator, denominator, covered``. ``value`` is missing where too little of a ward is
            known; ``allocation_error`` is that of ``spreading_error``, in the unit of the value; ``covered`` is the
            share (0 to 1) of the ward that is known, and for an authority its mean over the wards, where a ward
            without a value counts as 0.
        unplaced: the count over all periods that could not be placed: incidents without coordinates, or the part of
            small areas outside every ward; 0 for means.
        dispersion: the variance of repeated counts as a multiple of a Poisson count's, at least 1; 1 where nothing is
            counted month by month.
        limits: ``lower`` and ``upper``, 95 %, in the rows of ``values``, where no formula computes them from the
            columns.
    """

    values: pd.DataFrame
    unplaced: float
    dispersion: float = 1.0
    limits: pd.DataFrame | None = None


def ward_values(
    indicator: Measured, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], wards: Wards,
    least: MinimumCounts | None = None,
) -> WardValues:  # fmt: skip
    """Compute an indicator, or a measure of the context, for every ward, authority and period of its source.

    A ward with too small a count has no value, nor has the further ward whose value would reveal that count; both still
    count as fully covered. The sums of an authority leave them out.

    Args:
        indicator: the indicator or measure to compute.
        sources: contracts of its sources.
        tables: their rows, by source id; for points, as ``counts_by_place`` returns them.
        wards: boundaries and weights.
        least: the smallest counts that may be shown; None where any count may.

    Returns:
        The values, and the count that could not be placed.

    Raises:
        SpiError: when small areas are unknown, totals are not conserved, no row is of the kind counted, or no period is
            whole.
    """
    source, measure = sources[indicator.source], indicator.measure
    frames, unplaced, repeats = [], 0.0, Repeats()
    for period in periods(indicator, source, tables, wards.authorities):
        if source.properties.geography.levels == ["authority"]:
            whole = _of_authorities(measure, sources, tables, period, wards, least)
            frames.append(whole.assign(period_start=period.start, period_end=period.end))
            continue
        sums, covered, outside = _sums(indicator, sources, tables, period, wards)
        unplaced += outside
        if least is not None:
            points = source.of_points
            weights = None if points else _weights_for(source, period.rows, wards)
            withheld = withheld_wards(sums, least, measure, period.rows, weights, wards.authorities)
            sums, covered = np.where(withheld[:, np.newaxis], np.nan, sums), np.where(withheld, 1.0, covered)
        if measure.window is not None and "ward_code" in period.rows:
            repeats.add(period.rows, measure.columns, wards.authorities)
        spread = _spread(measure, sources, tables, source, period, wards)
        spread = np.hypot(spread, _misjudged(measure, sources, source, sums[:, 0], wards))
        values = _divided(sums, covered, spread, measure, wards)
        frames.append(values.assign(period_start=period.start, period_end=period.end))
    return WardValues(pd.concat(frames, ignore_index=True)[VALUE_COLUMNS], unplaced, repeats.dispersion)


def _sums(
    indicator: Measured, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], period: Period,
    wards: Wards,
) -> tuple[Array, Array, float]:  # fmt: skip
    """Numerator and denominator of each ward (one row each), its covered share, and the count outside every ward.

    Sums are missing where too little is known. The numerator of a mean is its value times its denominator.
    """
    measure, source, rows = indicator.measure, sources[indicator.source], period.rows
    if measure.kind == "mean":
        means = pd.DataFrame({"area_code": rows["area_code"], "value": total(rows, measure.columns)})
        if measure.denominator is not None:
            means["denominator"] = total(rows, [measure.denominator.column])
        weights = _weights_for(source, rows, wards)
        if measure.weighted_by == "households":
            weights = weights.assign(weight=weights["household_weight"], residents=weights["households"])
        averaged = allocate_means(means, weights)
        value, denominator = _by_ward(averaged, wards.least_covered, wards).T
        return np.column_stack([value * denominator, denominator]), _covered(averaged, wards), 0.0
    if measure.kind in ("total", "density"):
        # A sum that does not cover the whole ward would be too small.
        placed = _placed(source, rows, wards, numerator=total(rows, measure.columns))
        below = wards.hectares if measure.kind == "density" else np.ones(len(wards.authorities))
        both = np.column_stack([_by_ward(placed, COMPLETE, wards)[:, 0], below])
        return both, _covered(placed, wards), float(placed.unplaced["numerator"])
    assert measure.denominator is not None  # the validation of the measure requires it
    column, base = measure.denominator.column, sources[measure.denominator.source or source.id]
    if base is source:
        both = np.column_stack([total(rows, measure.columns), total(rows, [column])])
        both[np.isnan(both).any(axis=1)] = np.nan
        placed = _placed(source, rows, wards, numerator=both[:, 0], denominator=both[:, 1])
        by_ward, outside = _by_ward(placed, wards.least_covered, wards), float(placed.unplaced["numerator"])
        return by_ward, _covered(placed, wards), outside
    numerator, covered, outside = _counted(measure, source, period, wards)
    parts = tables[base.id]
    placed = _placed(base, parts, wards, denominator=total(parts, [column]))
    both = np.column_stack([numerator, _by_ward(placed, COMPLETE, wards)])
    return both, np.minimum(covered, _covered(placed, wards)), outside


def _spread(
    measure: Measure, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], source: Source,
    period: Period, wards: Wards,
) -> Array:  # fmt: skip
    """The standard error of numerators (of a mean: value × base) by ward, then authority; 0 for points."""
    rows, denominator = period.rows, measure.denominator
    if source.of_points:
        return np.zeros(len(wards.authorities) + len(set(wards.authorities.values())))
    weights, count = _weights_for(source, rows, wards), total(rows, measure.columns)
    areas = weights.drop_duplicates("small_area_code").set_index("small_area_code")
    # A count of people does not show how they divide between wards, but people per home do; and the reverse for homes.
    of_people = measure.kind in ("total", "density") and _counts_people(measure, source)
    base = rows["area_code"].map(areas["households" if of_people else "residents"]).to_numpy(dtype="float64")
    if denominator is not None and denominator.source in (None, source.id):
        base = total(rows, [denominator.column])
    elif denominator is not None and set(areas.index) <= set((other := tables[str(denominator.source)])["area_code"]):
        base = rows["area_code"].map(other.set_index("area_code")[denominator.column]).to_numpy(dtype="float64")
    count = count * base if measure.kind == "mean" else count
    figures = pd.DataFrame({"area_code": rows["area_code"], "count": count, "base": base})
    counted = measure.kind != "mean"
    return spreading_error(figures, weights, wards.authorities, counted=counted, misplaced=wards.misplaced)


def _misjudged(
    measure: Measure, sources: Mapping[str, Source], source: Source, numerator: Array, wards: Wards
) -> Array:  # fmt: skip
    """The standard error that misplaced residents add to numerators, by ward, then authority.

    Where areas are placed whole, a ward appears larger or smaller than it is. A rate is unaffected as long as its
    numerator and denominator are both placed this way. A sum is affected, and so is a rate that sets a figure of the
    ward itself, or of points, against a figure of small areas.
    """
    denominator = measure.denominator
    base = sources[denominator.source] if denominator is not None and denominator.source else source
    on_areas = [not {"point", "ward"} & set(one.properties.geography.levels) for one in (source, base)]
    exposed = any(on_areas) if measure.kind in ("total", "density") else on_areas[0] != on_areas[1]
    error = np.zeros(len(wards.authorities) + len(set(wards.authorities.values())))
    if exposed and wards.misplaced is not None:
        size = wards.misplaced["size"].to_numpy()
        error[: len(size)] = np.where(size > 0, np.abs(numerator) * np.sqrt(size), 0.0)
    return error


def _counts_people(measure: Measure, source: Source) -> bool:
    column = source.column(measure.columns[0])
    return column is not None and column.unit == "people"


def _of_authorities(
    measure: Measure, sources: Mapping[str, Source], tables: Mapping[str, pd.DataFrame], period: Period, wards: Wards,
    least: MinimumCounts | None,
) -> pd.DataFrame:  # fmt: skip
    """A rate of counts for whole authorities; wards have no value."""
    assert measure.denominator is not None  # the contracts allow only rates here
    assert measure.denominator.source is not None
    base = sources[measure.denominator.source]
    parts = tables[base.id]
    placed = _placed(base, parts, wards, denominator=total(parts, [measure.denominator.column]))
    authorities, parent = np.unique(list(wards.authorities.values()), return_inverse=True)
    below = np.bincount(parent, _by_ward(placed, COMPLETE, wards)[:, 0], len(authorities))
    counted = pd.Series(total(period.rows, measure.columns)).groupby(period.rows["area_code"].to_numpy()).sum()
    own = pd.DataFrame({"area_code": authorities, "numerator": counted.reindex(authorities).to_numpy()})
    own = own.assign(denominator=below, value=measure.per * own["numerator"] / below, allocation_error=0.0)
    own = own.assign(covered=own["value"].notna().astype(float))
    if least is not None:
        few = [small(count, least.minimum) for count in own["numerator"]]
        own.loc[few, ["numerator", "denominator", "value", "allocation_error"]] = np.nan
    none = pd.DataFrame({"area_code": list(wards.authorities), "covered": 0.0})
    return pd.concat([none, own], ignore_index=True)


def _counted(measure: Measure, source: Source, period: Period, wards: Wards) -> tuple[Array, Array, float]:
    """The count behind a rate by ward, each ward's covered share, and the count outside every ward.

    A ward without points counts 0; a small area without a row is unknown.
    """
    rows = period.rows
    if not source.of_points:
        placed = _placed(source, rows, wards, numerator=total(rows, measure.columns))
        outside = float(placed.unplaced["numerator"])
        return _by_ward(placed, COMPLETE, wards)[:, 0], _covered(placed, wards), outside
    placed_points = points_by_ward(rows, measure.columns, wards.authorities)
    counted = np.where(period.covered, placed_points, np.nan)
    return counted, period.covered.astype(float), unplaced_points(rows, measure.columns)


def _placed(source: Source, rows: pd.DataFrame, wards: Wards, **counts: Array) -> Allocated:
    frame = pd.DataFrame({"area_code": rows["area_code"], **counts})
    return allocate_counts(frame, _weights_for(source, rows, wards))


def _by_ward(placed: Allocated, least: float, wards: Wards) -> Array:
    """Figures of every ward in order, missing where less than the share ``least`` of it is known."""
    enough = placed.covered.iloc[:, [0]].to_numpy() >= least
    figures = placed.wards.where(np.broadcast_to(enough, placed.wards.shape))
    by_ward: Array = figures.reindex(list(wards.authorities)).to_numpy()
    return by_ward


def _covered(placed: Allocated, wards: Wards) -> Array:
    """The known share of each ward, in order; 0 for a ward that no small area reaches."""
    share = placed.covered.iloc[:, 0].reindex(list(wards.authorities)).fillna(0.0)
    # Sums of floats may miss 1 by a rounding error.
    known: Array = share.round(9).clip(0, 1).to_numpy()
    return known


def _weights_for(source: Source, rows: pd.DataFrame, wards: Wards) -> pd.DataFrame:
    """The weights of a table's geography: its levels follow from its codes, its vintage from the contract."""
    vintage = str(source.properties.geography.vintage)[2:]
    levels = {LEVEL_OF.get(code, "") for code in {area[1:3] for area in rows["area_code"]}}
    if levels == {"ward"}:
        if "geography" in wards.weights and (parts := wards.weights["geography"] == "ward").any():
            return wards.weights[parts]
        # Each ward is its own only part, so the number of residents makes no difference.
        codes = list(wards.authorities)
        return pd.DataFrame({"small_area_code": codes, "area_code": codes, "weight": 1.0, "residents": 1.0})
    geographies = {f"{level}{vintage}" for level in levels}
    weights = wards.weights[wards.weights["geography"].isin(geographies)]
    if weights.empty:
        raise SpiError(
            f"source {source.id} has figures by {', '.join(sorted(geographies))}, which cannot be allocated to "
            "wards; correct "
            f"geography in its contract, {source.file}"
        )
    if len(geographies) > 1:
        # Output areas where there are any, LSOAs elsewhere: never both for one place.
        finest = weights["geography"].str.startswith("oa") | (weights["method"] == "best_fit")
        weights = weights[finest]
    return weights


def _divided(sums: Array, covered: Array, spread: Array, measure: Measure, wards: Wards) -> pd.DataFrame:
    """Values of wards, then of authorities, which sum over their wards with a value where these cover enough."""
    per = 100.0 if measure.kind == "share" else measure.per
    summed = ~np.isnan(sums).any(axis=1)
    # Where wards share a single area, its figure is the same for each, and its error is unknown.
    known = summed & (sums[:, 1] > 0) & ~np.isnan(spread[: len(sums)])
    # A ward with a denominator of 0 has nothing to withhold.
    covered = np.where(summed & ~known, 0.0, covered)
    authorities, parent = np.unique(list(wards.authorities.values()), return_inverse=True)
    above = [np.bincount(parent[known], column[known], len(authorities)) for column in sums.T]
    of_wards = of_authorities(covered, known, wards)
    # A total that lacks a ward is too small; a ratio that lacks one is only less certain.
    enough = of_wards >= (COMPLETE if measure.kind == "total" else wards.least_covered)
    above = [np.where(enough, column, np.nan) for column in above]
    numerator, denominator = np.concatenate([np.where(known[:, np.newaxis], sums, np.nan), np.column_stack(above)]).T
    denominator = np.where(denominator > 0, denominator, np.nan)
    numerator = np.where(np.isnan(denominator), np.nan, numerator)
    # How much of a single shared area each ward holds is unknown: no error, and so no value.
    measurable = ~np.isnan(spread)
    numerator, denominator = np.where(measurable, numerator, np.nan), np.where(measurable, denominator, np.nan)
    # A total has no denominator, but is missing where it is unknown.
    divisor = np.sign(denominator) if measure.kind == "total" else denominator
    return pd.DataFrame(
        {
            "area_code": [*wards.authorities, *authorities.tolist()],
            "value": per * numerator / divisor,
            "allocation_error": per * spread / divisor,
            "numerator": np.nan if measure.kind == "mean" else numerator,
            "denominator": np.nan if measure.kind == "total" else denominator,
            "covered": np.where(measurable, np.concatenate([covered, of_wards]), 0.0),
        }
    )


def of_authorities(covered: Array, known: Flags, wards: Wards) -> Array:
    """The covered share of each authority: the mean over its wards, where a ward without a value counts as 0."""
    authorities, parent = np.unique(list(wards.authorities.values()), return_inverse=True)
    whole = np.bincount(parent, minlength=len(authorities))
    share: Array = np.bincount(parent, np.where(known, covered, 0.0), len(authorities)) / whole
    return share.round(9)
