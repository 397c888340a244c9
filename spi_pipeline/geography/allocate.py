"""Turn figures of small areas into figures of wards with the weights of ``allocation``.

Counts are distributed and conserve their total; means are averaged by their denominators and conserve the weighted
mean. Nothing here reads a missing value as zero. Ranks and deciles must not be allocated: their average has no meaning.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import OUTSIDE
from spi_pipeline.rules.wording import listing

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Allocated:
    """Figures by ward, with their coverage and the part that lies outside every ward.

    Attributes:
        wards: one row per ward that the weights reach, indexed by ``area_code``; missing where nothing is known.
        covered: same rows; the share (0 to 1) of the ward that the known values represent. A count with less than 1
            counts the known part, not the whole ward.
        unplaced: per column, the part of the figures that lies outside every ward.
    """

    wards: pd.DataFrame
    covered: pd.DataFrame
    unplaced: pd.Series


def allocate_counts(counts: pd.DataFrame, weights: pd.DataFrame) -> Allocated:
    """Distribute counts over the wards.

    Args:
        counts: ``area_code`` (small areas, each at most once) and one column per count; missing where unknown.
        weights: the rows of ``small_area_weights`` for the geography of ``counts``.

    Returns:
        Ward totals; ``covered`` is the share of the ward's residents who live in small areas with a value; ward totals
        and ``unplaced`` add up to the total of the known counts.

    Raises:
        SpiError: on small areas without weights, repeated rows, values that are not finite numbers, weights of
            several geographies, or totals not conserved within 1e-6.
    """
    parts = _parts(counts["area_code"], weights)
    columns = counts.columns.drop("area_code")
    values = _numbers(counts[columns])
    totals = parts.distributed(values)
    _require_conserved(values, totals, columns)

    residents = parts.weight * parts.residents
    known = parts.added(np.where(np.isnan(parts.of(values)), 0.0, residents[:, np.newaxis]))
    covered = _ratio(known, parts.added(residents[:, np.newaxis]))
    return Allocated(
        wards=pd.DataFrame(totals[:-1], parts.wards, columns),
        covered=pd.DataFrame(covered[:-1], parts.wards, columns),
        unplaced=pd.Series(np.nan_to_num(totals[-1]), columns),
    )


def allocate_means(means: pd.DataFrame, weights: pd.DataFrame) -> Allocated:
    """Average rates, scores or ratios over the wards.

    Numerators and denominators are added first and divided last. So the mean of ward values weighted by ward
    denominators equals the mean of small-area values weighted by small-area denominators.

    Args:
        means: ``area_code`` (small areas, each at most once), ``value`` and, where it is published, ``denominator``
            (not negative; a missing one leaves its value out). Without that column residents are the denominator.
        weights: the rows of ``small_area_weights`` for the geography of ``means``; where values are averaged over
            homes, with households in place of residents.

    Returns:
        ``wards`` and ``unplaced`` with ``value`` and ``denominator`` (of the known values); ``covered`` with ``value``:
        the share of the ward's denominator that the known values represent. Missing denominators are estimated from
        residents for this share.

    Raises:
        SpiError: as for ``allocate_counts``, and on negative denominators.
    """
    parts = _parts(means["area_code"], weights)
    residents = np.zeros(len(means))
    matched = parts.row >= 0
    residents[parts.row[matched]] = parts.residents[matched]
    value = _numbers(means[["value"]])[:, 0]
    denominator = _numbers(means[["denominator"]])[:, 0] if "denominator" in means else residents
    negative = sorted(means.loc[denominator < 0, "area_code"])
    if negative:
        raise SpiError(f"The denominators of {listing(negative)} are negative: correct them at the source.")

    columns = pd.Index(["value", "denominator"])
    sums = np.column_stack([value * denominator, np.where(np.isnan(value), np.nan, denominator)])
    totals = parts.distributed(sums)
    _require_conserved(sums, totals, columns)
    average = _ratio(totals[:, 0], totals[:, 1])

    given = parts.of(denominator[:, np.newaxis])[:, 0]
    expected = np.where(np.isnan(given), parts.residents * _per_resident(denominator, residents), given)
    covered = _ratio(np.nan_to_num(totals[:, 1]), parts.added((parts.weight * expected)[:, np.newaxis])[:, 0])
    return Allocated(
        wards=pd.DataFrame({"value": average[:-1], "denominator": totals[:-1, 1]}, parts.wards),
        covered=pd.DataFrame({"value": covered[:-1]}, parts.wards),
        unplaced=pd.Series({"value": average[-1], "denominator": np.nan_to_num(totals[-1, 1])}),
    )


@dataclass(frozen=True)
class _Parts:
    """The weights as arrays, one entry per part of a small area.

    Attributes:
        wards: codes of the wards reached, ascending.
        ward: position of the ward that each part lies in; one past the last for parts outside every ward.
        row: position of the row with the figures of its small area; -1 where there is none.
        weight: its share of the small area.
        residents: residents of the small area.
    """

    wards: pd.Index
    ward: Positions
    row: Positions
    weight: Array
    residents: Array

    def of(self, values: Array) -> Array:
        """The figures of the small area that each part belongs to; missing where it has none."""
        return np.vstack([values, np.full((1, values.shape[1]), np.nan)])[self.row]

    def added(self, figures: Array) -> Array:
        """Sums over the parts of each ward; the last row is the part outside every ward."""
        return np.column_stack([np.bincount(self.ward, column, len(self.wards) + 1) for column in figures.T])

    def distributed(self, values: Array) -> Array:
        """Totals of the wards, and of the part outside them; missing where no part is known."""
        spread = self.of(values) * self.weight[:, np.newaxis]
        known = ~np.isnan(spread)
        return np.where(self.added(known) > 0, self.added(np.where(known, spread, 0.0)), np.nan)


def _parts(areas: pd.Series, weights: pd.DataFrame) -> _Parts:
    """Match the small areas of the figures with their weights."""
    codes, small = areas.tolist(), weights["small_area_code"].tolist()
    within = weights["area_code"].tolist()
    if len(set(zip(small, within, strict=True))) < len(small):
        raise SpiError("The weights hold several geographies: choose the rows of the one the figures are on.")
    unknown = sorted("(empty)" if pd.isna(code) else str(code) for code in set(codes).difference(small))
    if unknown:
        raise SpiError(
            f"There are no weights for small areas of the figures, {listing(unknown)}: if they lie outside the "
            "authority, remove their rows; if not, declare the geography and vintage that the figures are on."
        )
    position = {code: row for row, code in enumerate(codes)}
    if len(position) < len(codes):
        repeated = sorted(set(areas[areas.duplicated()]))
        raise SpiError(f"The figures hold more than one row for {listing(repeated)}: reduce them to one row per area.")
    wards = sorted(set(within) - {OUTSIDE})
    place = {ward: number for number, ward in enumerate([*wards, OUTSIDE])}
    return _Parts(
        wards=pd.Index(wards, name="area_code"),
        ward=np.array([place[code] for code in within], dtype=np.intp),
        row=np.array([position.get(code, -1) for code in small], dtype=np.intp),
        weight=weights["weight"].to_numpy(dtype=float),
        residents=weights["residents"].to_numpy(dtype=float),
    )


def _numbers(figures: pd.DataFrame) -> Array:
    """The figures as floats, one column each."""
    texts = [str(column) for column in figures if not pd.api.types.is_numeric_dtype(figures[column])]
    if texts:
        raise SpiError(f"The columns {listing(texts)} are not numbers: parse them before allocating them.")
    values: Array = figures.to_numpy(dtype=float, na_value=np.nan)
    infinite = [str(column) for column, array in zip(figures, values.T, strict=True) if np.isinf(array).any()]
    if infinite:
        raise SpiError(f"The columns {listing(infinite)} hold infinite values: mark them missing at the source.")
    return values


def _require_conserved(values: Array, totals: Array, columns: pd.Index) -> None:
    # Floating-point addition alone may lose about 1e-16 of the magnitude of its terms.
    allowed = TOLERANCE + 1e-12 * np.nansum(np.abs(values), axis=0)
    lost = np.abs(np.nansum(values, axis=0) - np.nansum(totals, axis=0))
    broken = [str(column) for column, excess in zip(columns, lost > allowed, strict=True) if excess]
    if broken:
        raise SpiError(
            f"Allocation does not conserve the total of {listing(broken)}: "
            "the weights do not sum to 1 within each small area; rebuild them."
        )


def _per_resident(denominators: Array, residents: Array) -> float:
    """The expected denominator per resident: that of the areas with a denominator, or 1 if there are none."""
    known = ~np.isnan(denominators)
    base = residents[known].sum()
    return float(denominators[known].sum() / base) if base > 0 else 1.0


def _ratio(part: Array, whole: Array) -> Array:
    ratio: Array = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return ratio
