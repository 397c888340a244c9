"""A council's own areas: the share of each small area that lies in one, and what it shares with wards and other areas.

``publishers.own.drawn`` reads the files that draw an area; ``indicators.own_areas`` computes its values with the
weights made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.geography.allocation import SLIVER, Lookups, holders, with_larger
from spi_pipeline.geography.codes import OUTSIDE
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.rules.wording import listing

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# An outline drawn along the edge of a ward is meant to follow it. Two of Luton's 3,236 postcodes lie beyond the
# generalised edge of the ward they belong to. So an outline that leaves out at most this share of a ward's surface
# takes in the whole ward, and one that takes in at most this share takes in none of it.
TRACED = 0.005
# At most this share of an outline's own surface may lie outside the council: residents there are not counted.
BEYOND = 0.01
# Two areas that differ by fewer residents than this count as the same: shares of residents are fractions.
SAME = 1.0
HALF = 0.5
_SEPARATOR = "|"
WEIGHT_COLUMNS = [
    "own_area", "geography", "small_area_code", "ward_code", "weight", "residents", "household_weight", "households",
    "method",
]  # fmt: skip
AREA_COLUMNS = ["own_area", "area_name", "authority_code", "drawn_by", "residents", "households", "split_share"]
OVERLAP_COLUMNS = ["own_area", "kind", "other", "other_name", "shared", "area_less_other", "other_less_area", "thin"]


@dataclass(frozen=True)
class PlacementData:
    """The tables that areas are placed with.

    Attributes:
        allocation: as ``small_area_weights`` returns it.
        lookups: which smaller areas make up each larger one.
        wards: ``area_code``, ``area_name``, ``parent_code`` and ``geometry`` (WKB, WGS84; null where not drawn).
        output_areas: polygons of output areas, WGS84; empty where figures are placed without them.
        lsoas: likewise, of LSOAs.
        postcodes: ``postcode``, ``easting``, ``northing``, ``ward_code``; empty likewise.
        least: the fewest residents an area may have.
    """

    allocation: pd.DataFrame
    lookups: Lookups
    wards: pd.DataFrame
    output_areas: Shapes
    lsoas: Shapes
    postcodes: pd.DataFrame
    least: int

    @cached_property
    def finest(self) -> pd.DataFrame:
        """The weights of the smallest available areas, with their LSOA and the cell that their postcodes lie in."""
        table = self.allocation
        rows = table[(table["geography"] == "oa21") | (table["method"] == "best_fit")].reset_index(drop=True)
        lsoa_of = self.lookups.output_areas.set_index("oa_code")["lsoa_code"]
        lsoa = rows["small_area_code"].map(lsoa_of).astype(object).fillna(rows["small_area_code"])
        by_oa, by_lsoa = rows["method"] == "postcodes", rows["method"] == "remainder_postcodes"
        cell = rows["small_area_code"].where(by_oa, lsoa.where(by_lsoa))
        return rows.assign(lsoa=lsoa, cell=cell, people=rows["weight"] * rows["residents"])

    @cached_property
    def placed_postcodes(self) -> pd.DataFrame:
        """Every postcode with coordinates: ``postcode`` without spaces, ``point``, ``ward_code`` and ``cell``."""
        known = self.postcodes.dropna(subset=["easting", "northing", "ward_code"]).reset_index(drop=True)
        held = holders(self.lookups.output_areas, self.output_areas, self.lsoas, known)
        by_oa = set(self.finest.loc[self.finest["method"] == "postcodes", "small_area_code"])
        cell = held.output_area.where(held.output_area.isin(by_oa), held.remainder)
        points = shapely.points(known["easting"].to_numpy(dtype=float), known["northing"].to_numpy(dtype=float))
        squeezed = known["postcode"].map(squeezed_postcode)
        return known[["ward_code"]].assign(postcode=squeezed, cell=cell, point=points)

    @property
    def by_points(self) -> bool:
        """Whether residents are placed by postcodes, so that an outline can be filled."""
        return bool((self.finest["method"] == "postcodes").any()) and len(self.postcodes) > 0


@dataclass(frozen=True)
class Placed:
    """Where one area lies.

    Attributes:
        area: the area as drawn.
        share: for each row of ``PlacementData.finest``, the share (0 to 1) of that row's residents who live in the
            area.
        members: whether each postcode of ``PlacementData.placed_postcodes`` lies in the area; None where the area is
            placed by codes alone.
    """

    area: OwnArea
    share: Array
    members: Flags | None


def squeezed_postcode(text: str) -> str:
    """A postcode in the form used for comparison: capitals, no spaces."""
    return "".join(text.split()).upper()


def place(area: OwnArea, placement: PlacementData) -> Placed:
    """Find where an area lies.

    Raises:
        SpiError: when the area cannot be placed here, names codes or postcodes of other councils, lies outside the
            council, or has too few residents.
    """
    if area.codes is not None:
        placed = Placed(area, _by_codes(area, placement), None)
    elif not placement.by_points:
        raise SpiError(
            f"area {area.id} is drawn by {'an outline' if area.outline else 'postcodes'}, but no postcodes with output "
            "areas are available to place it; list the codes of its LSOAs (of 2021) or of its wards instead"
        )
    else:
        placed = _by_outline(area, placement) if area.outline is not None else _by_postcodes(area, placement)
    people = float((placed.share * placement.finest["people"]).sum())
    if people < placement.least:
        raise SpiError(
            f"area {area.id} has {people:,.0f} residents, and figures need at least {placement.least:,} (residents "
            f"under publication in framework.yaml); draw it larger, or remove it with spi area remove {area.id}"
        )
    if len(set(_authorities(placed, placement))) > 1:
        raise SpiError(f"area {area.id} lies in several authorities; draw one area in each")
    return placed


def _by_codes(area: OwnArea, placement: PlacementData) -> Array:
    rows, codes = placement.finest, set(area.codes or ())
    known = {*rows["small_area_code"], *rows["lsoa"], *placement.wards["area_code"]}
    _require_known(area, sorted(codes - known), f"{len(codes):,} codes", "output areas, LSOAs (of 2021) or wards")
    inside = rows["small_area_code"].isin(codes) | rows["lsoa"].isin(codes) | rows["area_code"].isin(codes)
    share: Array = (inside & (rows["area_code"] != OUTSIDE)).to_numpy().astype(float)
    return share


def _by_postcodes(area: OwnArea, placement: PlacementData) -> Placed:
    wanted = {squeezed_postcode(text) for text in area.postcodes or ()}
    held = placement.placed_postcodes
    _require_known(area, sorted(wanted - set(held["postcode"])), f"{len(wanted):,} postcodes", "postcodes")
    members = held["postcode"].isin(wanted).to_numpy()
    share = _counted(members, placement)
    # A part that holds no postcode takes the share of the rest of its LSOA.
    rows = placement.finest
    counted = ~np.isnan(share)
    sums = pd.DataFrame(
        {"own": np.where(counted, share, 0.0) * rows["people"], "all": rows["people"].where(counted, 0.0)}
    )
    lsoas = sums.groupby(rows["lsoa"]).transform("sum")
    near = (lsoas["own"] / lsoas["all"].where(lsoas["all"] > 0)).fillna(0.0).to_numpy()
    return Placed(area, _within(np.where(counted, share, near), rows), members)


def _by_outline(area: OwnArea, placement: PlacementData) -> Placed:
    outline = _grid(polygon_of(area))
    wards = Shapes.from_frame(placement.wards).on_national_grid()
    beyond = shapely.area(shapely.difference(outline, shapely.union_all(wards.polygons))) / shapely.area(outline)
    if beyond > BEYOND:
        raise SpiError(
            f"{beyond:.0%} of the surface of area {area.id} lies outside the wards of this council, where no "
            "figures are available; draw it within the council"
        )
    rows, held = placement.finest, placement.placed_postcodes
    members = shapely.intersects(outline, held["point"].to_numpy())
    common = shapely.area(shapely.intersection(wards.polygons, outline)) / shapely.area(wards.polygons)
    share = _counted(members, placement)
    share = np.where(np.isnan(share), _surfaces(outline, placement), share)
    for traced, all_of_it in ((common >= 1 - TRACED, True), (common <= TRACED, False)):
        chosen = set(wards.codes[traced])
        members[held["ward_code"].isin(chosen).to_numpy()] = all_of_it
        share[rows["area_code"].isin(chosen).to_numpy()] = float(all_of_it)
    return Placed(area, _within(share, rows), members)


def _within(share: Array, rows: pd.DataFrame) -> Array:
    """Set the share to 0 for parts outside the council's wards: nobody there belongs to an area."""
    inside: Array = np.where(rows["area_code"] == OUTSIDE, 0.0, share)
    return inside


def polygon_of(area: OwnArea) -> shapely.Geometry:
    """The outline of an area that has one, valid, WGS84."""
    return shapely.make_valid(shapely.from_wkt(area.outline))


def _grid(polygon: shapely.Geometry) -> shapely.Geometry:
    return Shapes(np.array(["outline"], dtype=object), np.array([polygon], dtype=object)).on_national_grid().polygons[0]


def _counted(members: Flags, placement: PlacementData) -> Array:
    """The share of members among the postcodes of each part; missing where a part holds no postcode."""
    rows, held = placement.finest, placement.placed_postcodes
    shares = pd.Series(members, dtype=float).groupby([held["cell"], held["ward_code"]]).mean()
    keys = pd.MultiIndex.from_arrays([rows["cell"], rows["area_code"]])
    by_row: Array = np.asarray(shares.reindex(keys), dtype=float)
    return by_row


def _surfaces(outline: shapely.Geometry, placement: PlacementData) -> Array:
    """The share of each part's small area that an outline covers, slivers aside; missing without a polygon."""
    rows = placement.finest
    shapes = [placement.output_areas.only(rows["small_area_code"]), placement.lsoas.only(rows["lsoa"])]
    covered = []
    for one in (each.on_national_grid() for each in shapes):
        share = shapely.area(shapely.intersection(one.polygons, outline)) / shapely.area(one.polygons)
        share = np.where(share < SLIVER, 0.0, np.where(share > 1 - SLIVER, 1.0, share))
        covered.append(pd.Series(share, one.codes, dtype=float))
    either = rows["small_area_code"].map(covered[0]).fillna(rows["lsoa"].map(covered[1]))
    by_row: Array = np.asarray(either, dtype=float)
    return by_row


def _require_known(area: OwnArea, unknown: list[str], among: str, what: str) -> None:
    if unknown:
        raise SpiError(
            f"{len(unknown):,} of {among} of area {area.id} are not {what} of this council, for example "
            f"{listing(unknown[:5])}; correct them, or leave them out"
        )


def _authorities(placed: Placed, placement: PlacementData) -> list[str]:
    parent = placement.wards.set_index("area_code")["parent_code"]
    return sorted(set(placement.finest.loc[placed.share > 0, "area_code"].map(parent).dropna()))


def own_weights(placed: Placed, placement: PlacementData) -> pd.DataFrame:
    """The share of every small area, of every geography, that lies in an area, by ward: ``WEIGHT_COLUMNS``."""
    rows, share = placement.finest, placed.share
    parts = []
    for inside, part_of in ((True, share), (False, 1.0 - share)):
        chosen = rows[part_of > 0]
        part = chosen.assign(
            area_code=f"{placed.area.id}{_SEPARATOR}" + chosen["area_code"] if inside else chosen["area_code"],
            weight=chosen["weight"] * part_of[part_of > 0],
            household_weight=chosen["household_weight"] * part_of[part_of > 0],
        )  # fmt: skip
        parts.append(part)
    split = pd.concat(parts, ignore_index=True)
    if placed.area.codes is not None and not set(placed.area.codes) & set(placement.wards["area_code"]):
        # Listed small areas lie wholly in the area, whatever ward they were placed in.
        split["method"] = "listed"
    split = split.sort_values(["small_area_code", "area_code"], ignore_index=True)
    columns = list(placement.allocation.columns)
    larger = with_larger(
        split.loc[split["geography"] == "oa21", columns], split.loc[split["geography"] == "lsoa21", columns],
        placement.lookups,
    )  # fmt: skip
    own = larger[larger["area_code"].str.startswith(f"{placed.area.id}{_SEPARATOR}")]
    ward = own["area_code"].str.partition(_SEPARATOR)[2]
    return own.assign(own_area=placed.area.id, ward_code=ward)[WEIGHT_COLUMNS]


def points_in(area: OwnArea, own: pd.DataFrame, placement: PlacementData, rows: pd.DataFrame) -> Flags:
    """Find the points that lie in an area: all points of its whole wards, and of divided wards those in its outline.

    For an area without an outline, a point of a divided ward belongs to it when at least half of the point's output
    area does, or of its LSOA where the output area is not drawn.

    Args:
        area: the area as drawn.
        own: its weights, as ``own_weights`` returns them.
        placement: the tables that areas are placed with.
        rows: ``longitude``, ``latitude``, ``ward_code`` and, where the publisher names it, ``lsoa_code``.
    """
    finest = placement.finest
    mine = own[own["geography"].isin(finest["geography"]) & own["small_area_code"].isin(finest["small_area_code"])]
    people = pd.DataFrame({
        "own": (mine["weight"] * mine["residents"]).groupby(mine["ward_code"]).sum(),
        "all": finest["people"].groupby(finest["area_code"]).sum(),
    }).dropna()  # fmt: skip
    whole = set(people.index[people["all"] - people["own"] < SAME])
    inside: Flags = rows["ward_code"].isin(whole).to_numpy(dtype=bool, copy=True)
    open_ = (rows["ward_code"].isin(set(people.index) - whole) & rows["longitude"].notna()).to_numpy()
    if not open_.any():
        return inside
    points = shapely.points(rows.loc[open_, "longitude"].to_numpy(float), rows.loc[open_, "latitude"].to_numpy(float))
    if area.outline is not None:
        inside[open_] = shapely.intersects(polygon_of(area), points)
        return inside
    share = own.groupby("small_area_code")["weight"].sum()
    by_oa = pd.Series(placement.output_areas.holding(points), dtype=object)
    by_lsoa = pd.Series(placement.lsoas.holding(points), dtype=object)
    if "lsoa_code" in rows:
        by_lsoa = by_lsoa.fillna(rows.loc[open_, "lsoa_code"].reset_index(drop=True))
    inside[open_] = by_oa.fillna(by_lsoa).map(share).fillna(0.0).to_numpy(dtype=float) >= HALF
    return inside


def own_area_row(placed: Placed, placement: PlacementData) -> dict[str, object]:
    """An area as a row of the product ``own_area``."""
    rows, share = placement.finest, placed.share
    people = rows["people"] * share
    of_small = (pd.Series(share) * rows["weight"]).groupby(rows["small_area_code"]).transform("sum")
    split = people[of_small < 1 - 1e-9].sum()
    homes = (rows["household_weight"] * rows["households"] * share).sum()
    [authority] = _authorities(placed, placement)
    return {
        "own_area": placed.area.id, "area_name": placed.area.title, "authority_code": authority,
        "drawn_by": placed.area.drawn_by, "residents": people.sum(), "households": homes,
        "split_share": split / people.sum(),
    }  # fmt: skip


def overlaps(placed: Placed, others: Mapping[str, Placed], placement: PlacementData) -> pd.DataFrame:
    """The wards and areas that an area shares residents with: ``OVERLAP_COLUMNS``.

    There is a row for each ward, for each other area, for ``wards_within`` (all wards that lie wholly in the area) and
    for ``wards_touched`` (all wards that it has a part of). A reader who knows the figures of both can subtract one
    from the other and learn about the remainder. A row is ``thin`` where one lies in the other and fewer residents
    remain than may be published.

    Args:
        placed: the area.
        others: all areas, by id.
        placement: the tables that areas are placed with.
    """
    rows = placement.finest
    people = rows["people"].to_numpy()
    own, ward = people * placed.share, rows["area_code"]
    by_ward = pd.DataFrame({"own": own, "all": people}).groupby(ward).sum().drop(OUTSIDE, errors="ignore")
    by_ward = by_ward[by_ward["own"] > 0]
    names = dict(zip(placement.wards["area_code"], placement.wards["area_name"], strict=True))
    total = float(own.sum())
    records = [("ward", code, names[str(code)], row["own"], row["all"]) for code, row in by_ward.iterrows()]
    within = by_ward[by_ward["all"] - by_ward["own"] < SAME]
    records.append(("wards_within", "within", "all wards within it", within["own"].sum(), within["all"].sum()))
    records.append(("wards_touched", "touched", "all wards it touches", total, by_ward["all"].sum()))
    for name, other in others.items():
        shared = float((people * _common(placed, other, placement)).sum())
        if name != placed.area.id and shared > 0:
            records.append(("own_area", name, other.area.title, shared, float((people * other.share).sum())))
    table = pd.DataFrame(records, columns=["kind", "other", "other_name", "shared", "whole"])
    less, left = (total - table["shared"]).clip(lower=0), (table["whole"] - table["shared"]).clip(lower=0)
    overlapping = table["shared"] > 0
    thin = overlapping & (((left < SAME) & _few(less, placement)) | ((less < SAME) & _few(left, placement)))
    return table.assign(own_area=placed.area.id, area_less_other=less, other_less_area=left, thin=thin)[OVERLAP_COLUMNS]


def _few(residents: pd.Series, placement: PlacementData) -> pd.Series:
    return (residents >= SAME) & (residents < placement.least)


def _common(one: Placed, other: Placed, placement: PlacementData) -> Array:
    """The share of each part that lies in both: counted by postcodes where both have them, else the most possible."""
    most = np.minimum(one.share, other.share)
    if one.members is None or other.members is None:
        return most
    counted = _counted(one.members & other.members, placement)
    both: Array = np.where(np.isnan(counted) | (most == 0), most, np.minimum(counted, most))
    return both
