"""The values of a council's own area, computed like those of a ward from the parts of small areas that lie in it.

``geography.own_areas`` places the area. This module also covers figures that are known only for wards, and points that
are too few to give an area a value of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.contracts.models.levels import level_of
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.engine.panel import Flags
from spi_pipeline.geography.codes import OUTSIDE
from spi_pipeline.geography.own_areas import SAME
from spi_pipeline.indicators.values import Wards, WardValues, ward_values
from spi_pipeline.rules.disclosure import MinimumCounts, small

# The code of the rest of the authority, outside the one area whose values are computed.
REST = "rest"
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class OwnPlace:
    """An area's place among the wards of its authority.

    Attributes:
        area: the area's id.
        authority: code of its authority.
        wards: the wards that are scored.
        weights: rows of the product ``own_area_allocation`` of the area.
        points: takes rows with ``longitude``, ``latitude`` and ``ward_code`` and returns whether each lies in the area.
    """

    area: str
    authority: str
    wards: Wards
    weights: pd.DataFrame
    points: Callable[[pd.DataFrame], Flags]

    @cached_property
    def area_and_rest(self) -> Wards:
        """The area and the rest of its authority, as if they were the authority's two wards."""
        return self.divided(self.weights.assign(area_code=self.area))

    @cached_property
    def parts(self) -> Wards:
        """The part of each ward that lies in the area, under the ward's code, and the rest of the authority."""
        return self.divided(self.weights.assign(area_code=self.weights["ward_code"]))

    def divided(self, own: pd.DataFrame) -> Wards:
        """Divide the authority into the given parts and the rest.

        Args:
            own: weights like those of the area, with the ``area_code`` that each row belongs to.
        """
        every = self.wards.weights
        scored = {ward for ward, above in self.wards.authorities.items() if above == self.authority}
        place = every["area_code"].where(~every["area_code"].isin(scored), REST)
        every = every.assign(area_code=place.where(place == REST, OUTSIDE))
        keys = ["geography", "small_area_code", "area_code"]
        sizes = {"residents": "first", "households": "first", "method": "first"}
        sums = {"weight": "sum", "household_weight": "sum"}
        within = own.groupby(keys, as_index=False).agg({**sums, **sizes})
        taken = within.groupby(keys[:2])[list(sums)].sum()
        whole = every.groupby(keys, as_index=False).agg({**sums, **sizes})
        removed = taken.reindex(pd.MultiIndex.from_frame(whole[keys[:2]])).fillna(0.0).to_numpy()
        removed[(whole["area_code"] != REST).to_numpy()] = 0.0
        whole[list(sums)] -= removed
        rest = whole[whole["weight"] > 1e-9]
        weights = pd.concat([within, rest], ignore_index=True)
        weights = pd.concat([weights, self._of_wards(own)], ignore_index=True)
        codes = [*sorted(set(within["area_code"])), *([REST] if (rest["area_code"] == REST).any() else [])]
        boundaries = pd.DataFrame({"area_code": codes, "parent_code": self.authority, "geometry": None})
        return Wards(boundaries, weights.sort_values(keys, ignore_index=True), self.wards.least_covered)

    @cached_property
    def residents(self) -> pd.DataFrame:
        """Residents of each ward that the area touches: ``own``, those who live in the area, and ``all``."""
        every, own = _finest(self.wards.weights), _finest(self.weights)
        counts = pd.DataFrame(
            {
                "own": (own["weight"] * own["residents"]).groupby(own["ward_code"]).sum(),
                "all": (every["weight"] * every["residents"]).groupby(every["area_code"]).sum(),
            }
        )
        return counts[counts["own"] > 0]

    @property
    def divided_wards(self) -> bool:
        """Whether the area contains part of a ward but not the whole of it."""
        return bool((self.residents["all"] - self.residents["own"] >= SAME).any())

    def _of_wards(self, own: pd.DataFrame) -> pd.DataFrame:
        """Weights that treat every ward as a small area and share it out by residents."""
        finest = _finest(own)
        counted = finest.assign(people=finest["weight"] * finest["residents"])
        parts = counted.groupby(["ward_code", "area_code"])["people"].sum().reset_index()
        every = _finest(self.wards.weights)
        people = (every["weight"] * every["residents"]).groupby(every["area_code"]).sum()
        rows = []
        for ward, above in self.wards.authorities.items():
            residents, left = float(people.get(ward, 0.0)), 1.0
            inside = parts[parts["ward_code"] == ward]
            for area, number in zip(inside["area_code"], inside["people"], strict=True):
                share = min(number / residents, 1.0)
                rows.append((ward, area, share, residents))
                left -= share
            if left > 1e-9:
                rows.append((ward, REST if above == self.authority else OUTSIDE, left, residents))
        table = pd.DataFrame(rows, columns=["small_area_code", "area_code", "weight", "residents"])
        return table.assign(
            geography="ward", household_weight=table["weight"], households=table["residents"], method="parts"
        )

    def placed(self, tables: Tables) -> dict[str, pd.DataFrame]:
        """Tables whose points carry the area, or the rest, in place of their ward."""
        placed = {}
        for name, rows in tables.items():
            if "ward_code" in rows:
                ours = rows["ward_code"].map(self.wards.authorities) == self.authority
                place = pd.Series(np.where(self.points(rows), self.area, REST), rows.index, dtype=object)
                rows = rows.assign(ward_code=place.where(ours, None))
            placed[name] = rows
        return placed


def _finest(weights: pd.DataFrame) -> pd.DataFrame:
    """The weights of output areas, and of LSOAs where there are none."""
    by_oa = weights["geography"] == "oa21"
    return weights[by_oa | ((weights["geography"] == "lsoa21") & weights["method"].isin(["best_fit", "listed"]))]


def own_values(
    indicator: Indicator, sources: Mapping[str, Source], tables: Tables, place: OwnPlace, moved: WardValues | None
) -> WardValues:  # fmt: skip
    """Compute the values of an indicator in an area, in the form that ``ward_values`` returns for wards.

    Figures that are published only for whole wards are taken to be the same throughout a ward. So is the movement of a
    ward's crimes since the level published for small areas: the crimes in an area are too few to show a movement of its
    own. The area uses each ward's own movement and interval.

    Args:
        indicator: the indicator to compute.
        sources: contracts of its sources.
        tables: their rows; for points, as ``counts_by_place`` returns them with ``by_point``.
        place: the area's place.
        moved: for an anchored indicator, its values in wards; None for others.
    """
    if moved is not None:
        return _moved_as_wards(indicator, sources, tables, place, moved)
    if sources[indicator.source].properties.geography.levels == ["ward"]:
        return _of_wards(indicator, sources, tables, place)
    return _only(place.area, ward_values(indicator, sources, place.placed(tables), place.area_and_rest))


def _only(area: str, result: WardValues) -> WardValues:
    rows = result.values[result.values["area_code"] == area]
    return WardValues(
        rows, result.unplaced, result.dispersion, None if result.limits is None else result.limits.loc[rows.index]
    )


def _of_wards(indicator: Indicator, sources: Mapping[str, Source], tables: Tables, place: OwnPlace) -> WardValues:
    """Sum over the parts of the wards with a value, as an authority's figures are summed over its wards."""
    measure, people = indicator.measure, place.residents["own"]
    values = ward_values(indicator, sources, tables, place.parts).values
    inside = values[values["area_code"].isin(people.index)]
    per = 100.0 if measure.kind == "share" else measure.per
    rows = []
    for (start, end), own in inside.groupby(["period_start", "period_end"]):
        known = own[own["value"].notna()]
        below = known["denominator"].sum(min_count=1)
        above = (known["value"] * known["denominator"] / per).sum(min_count=1)
        error = np.sqrt(((known["allocation_error"] * known["denominator"]) ** 2).sum())
        covered = float(people[known["area_code"]].sum() / people.sum())
        figures = {"value": per * above / below, "allocation_error": error / below, "denominator": below,
                   "numerator": np.nan if measure.kind == "mean" else above}  # fmt: skip
        if covered < place.wards.least_covered:
            figures = dict.fromkeys(figures, np.nan)
        rows.append(
            {"area_code": place.area, "period_start": start, "period_end": end, **figures, "covered": round(covered, 9)}
        )
    return WardValues(pd.DataFrame(rows), 0.0)


def _moved_as_wards(
    indicator: Indicator, sources: Mapping[str, Source], tables: Tables, place: OwnPlace, wards: WardValues
) -> WardValues:  # fmt: skip
    level = level_of(indicator)
    stands = ward_values(level, sources, tables, place.wards).values.set_index("area_code")["value"]
    parts = ward_values(level, sources, tables, place.parts).values.set_index("area_code")
    whole = ward_values(level, sources, tables, place.area_and_rest).values.set_index("area_code").loc[place.area]
    assert wards.limits is not None
    rows = wards.values.assign(lower=wards.limits["lower"], upper=wards.limits["upper"])
    inside = [code for code in parts.index if code in place.wards.authorities]
    base = (parts["value"] * parts["denominator"])[inside]
    records = []
    for (start, end), own in rows.groupby(["period_start", "period_end"]):
        ends = (
            own.set_index("area_code")[["value", "lower", "upper"]].reindex(inside).div(stands.reindex(inside), axis=0)
        )
        known = ends["value"].notna() & base.notna()
        people, standing = parts["denominator"][inside], base.where(known).sum()
        covered = float(people.where(known, 0.0).sum() / people.sum()) if people.sum() > 0 else 0.0
        enough = covered >= place.wards.least_covered
        row = (
            {name: (base * ends[name]).where(known).sum() / people.where(known).sum() for name in ends}
            if enough
            else {}
        )
        moved = row["value"] / (standing / people.where(known).sum()) if enough and standing > 0 else np.nan
        records.append(
            {
                "area_code": place.area, "period_start": start, "period_end": end, "value": np.nan, "lower": np.nan,
                "upper": np.nan, **row, "allocation_error": whole["allocation_error"] * moved, "numerator": np.nan,
                "denominator": people.where(known).sum() if enough else np.nan, "covered": round(covered, 9),
            }
        )  # fmt: skip
    values = pd.DataFrame(records)
    limits = values[["lower", "upper"]]
    return WardValues(values.drop(columns=["lower", "upper"]), 0.0, wards.dispersion, limits)


def reveals_small_counts(
    indicator: Indicator, sources: Mapping[str, Source], tables: Tables, place: OwnPlace, others: list[OwnPlace],
    least: MinimumCounts,
) -> bool:  # fmt: skip
    """Whether an area's counts, or their differences from published counts, are too small to publish.

    The area is compared with all wards that lie in it, with all wards that it touches, and with every other area that
    lies in it or contains it. For a source of points any remainder with residents is enough: its own count is not
    examined.
    """
    left = list(_left(place, others))
    if left and sources[indicator.source].of_points:
        return True
    return any(
        _few(ward_values(indicator, sources, place.placed(tables), part).values, place.area, least)
        for part in [place.area_and_rest, *(place.divided(rows.assign(area_code=place.area)) for rows in left)]
    )


def _few(values: pd.DataFrame, area: str, least: MinimumCounts) -> bool:
    rows = values[values["area_code"] == area]
    per = least.per or np.nan
    counted = rows["numerator"].fillna(rows["value"] * rows["denominator"] / per)
    figures = [(counted, least.minimum), (rows["denominator"], least.denominator)]
    if least.alike:
        figures.append((rows["denominator"] - counted, least.minimum))
    return any(small(None if pd.isna(one) else one, minimum) for column, minimum in figures for one in column)


def _left(place: OwnPlace, others: list[OwnPlace]) -> Iterator[pd.DataFrame]:
    """The remainders between an area and the wards and areas it is compared with, as weights."""
    people = place.residents
    within = people.index[people["all"] - people["own"] < SAME]
    every = place.wards.weights.assign(ward_code=place.wards.weights["area_code"])
    pairs = [
        (place.weights, every[every["ward_code"].isin(within)]),
        (every[every["ward_code"].isin(people.index)], place.weights),
    ]
    for other in others:
        for one, two in ((place, other), (other, place)):
            if _people(_less(two.weights, one.weights)) < SAME:
                pairs.append((one.weights, two.weights))
    for more, less in pairs:
        left = _less(more, less)
        if _people(less) > 0 and _people(left) >= SAME:
            yield left


def _less(more: pd.DataFrame, less: pd.DataFrame) -> pd.DataFrame:
    keys = ["geography", "small_area_code", "ward_code"]
    removed = less.set_index(keys)[["weight", "household_weight"]].reindex(pd.MultiIndex.from_frame(more[keys]))
    left = more.copy()
    for name in ("weight", "household_weight"):
        left[name] = more[name] - removed[name].fillna(0.0).to_numpy()
    return left[left["weight"] > 1e-9]


def _people(weights: pd.DataFrame) -> float:
    rows = _finest(weights)
    return float((rows["weight"] * rows["residents"]).sum())
