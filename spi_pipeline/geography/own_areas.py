"""Areas of a council's own: which share of each small area lies in one, and what it shares with wards and others.

How files draw an area is in ``publishers.own.drawn``; its figures are formed with the weights made here.
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
from spi_pipeline.geography.codes import OUTSIDE, listed
from spi_pipeline.geography.shapes import Shapes

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Whoever draws along the edge of a ward means it. Of Luton's 3,236 postcodes two lie beyond the generalised edge of the
# ward they belong to. So an outline that leaves out less of a ward's surface than this, or takes in no more, takes in
# all of it or nothing.
TRACED = 0.005
# And of its own surface no more may lie outside the council: whoever lives there is not counted.
BEYOND = 0.01
# Two areas that differ by fewer residents than this are the same one to a person: shares of residents are fractions.
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
class Ground:
    """What areas are placed with.

    Attributes:
        allocation: as ``small_area_weights`` returns it.
        lookups: which small areas are made of which.
        wards: ``area_code``, ``area_name``, ``parent_code`` and ``geometry`` (WKB, WGS84; null where not drawn).
        output_areas: polygons of output areas, WGS84; none where figures are placed without.
        lsoas: likewise.
        postcodes: ``postcode``, ``easting``, ``northing``, ``ward_code``; none likewise.
        least: an area holds at least so many residents.
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
        """The weights of the smallest areas there are, with their LSOA and the cell that their postcodes lie in."""
        table = self.allocation
        rows = table[(table["geography"] == "oa21") | (table["method"] == "best_fit")].reset_index(drop=True)
        lsoa_of = self.lookups.output_areas.set_index("oa_code")["lsoa_code"]
        lsoa = rows["small_area_code"].map(lsoa_of).astype(object).fillna(rows["small_area_code"])
        by_oa, by_lsoa = rows["method"] == "postcodes", rows["method"] == "remainder_postcodes"
        cell = rows["small_area_code"].where(by_oa, lsoa.where(by_lsoa))
        return rows.assign(lsoa=lsoa, cell=cell, people=rows["weight"] * rows["residents"])

    @cached_property
    def placed_postcodes(self) -> pd.DataFrame:
        """Every postcode with a place: ``postcode`` squeezed, ``point``, ``ward_code`` and its ``cell``."""
        known = self.postcodes.dropna(subset=["easting", "northing", "ward_code"]).reset_index(drop=True)
        held = holders(self.lookups.output_areas, self.output_areas, self.lsoas, known)
        by_oa = set(self.finest.loc[self.finest["method"] == "postcodes", "small_area_code"])
        cell = held.output_area.where(held.output_area.isin(by_oa), held.remainder)
        points = shapely.points(known["easting"].to_numpy(dtype=float), known["northing"].to_numpy(dtype=float))
        squeezed = known["postcode"].map(squeezed_postcode)
        return known[["ward_code"]].assign(postcode=squeezed, cell=cell, point=points)

    @property
    def by_points(self) -> bool:
        """Whether residents are known by their postcodes, so that an outline can be filled."""
        return bool((self.finest["method"] == "postcodes").any()) and len(self.postcodes) > 0


@dataclass(frozen=True)
class Placed:
    """Where one area lies.

    Attributes:
        area: as it is drawn.
        share: of each row of ``Ground.finest``, the share (0 to 1) of the residents of its ward's part who are its
            own.
        members: of each postcode of ``Ground.placed_postcodes`` whether it is; None where none was asked.
    """

    area: OwnArea
    share: Array
    members: Flags | None


def squeezed_postcode(text: str) -> str:
    """A postcode as it is compared: capitals, no space."""
    return "".join(text.split()).upper()


def place(area: OwnArea, ground: Ground) -> Placed:
    """Find where an area lies.

    Raises:
        SpiError: when it cannot be placed here, names what is not ours, lies outside, or holds too few residents.
    """
    if area.codes is not None:
        placed = Placed(area, _by_codes(area, ground), None)
    elif not ground.by_points:
        raise SpiError(
            f"area {area.id} is drawn by {'an outline' if area.outline else 'postcodes'}, and no postcodes with output "
            "areas are at hand here to place it by; give a list of the codes of its LSOAs, of 2021, or of its wards"
        )
    else:
        placed = _by_outline(area, ground) if area.outline is not None else _by_postcodes(area, ground)
    people = float((placed.share * ground.finest["people"]).sum())
    if people < ground.least:
        raise SpiError(
            f"area {area.id} has {people:,.0f} residents, and {ground.least:,} are the fewest of whom figures are told "
            "(residents under publication in framework.yaml); draw it larger, or remove it with spi area remove "
            f"{area.id}"
        )
    if len(set(_authorities(placed, ground))) > 1:
        raise SpiError(f"area {area.id} lies in several authorities; draw one area in each")
    return placed


def _by_codes(area: OwnArea, ground: Ground) -> Array:
    rows, codes = ground.finest, set(area.codes or ())
    known = {*rows["small_area_code"], *rows["lsoa"], *ground.wards["area_code"]}
    _require_known(area, sorted(codes - known), f"of {len(codes):,} codes", "output area or LSOA of 2021, or ward,")
    inside = rows["small_area_code"].isin(codes) | rows["lsoa"].isin(codes) | rows["area_code"].isin(codes)
    found: Array = (inside & (rows["area_code"] != OUTSIDE)).to_numpy().astype(float)
    return found


def _by_postcodes(area: OwnArea, ground: Ground) -> Placed:
    wanted = {squeezed_postcode(text) for text in area.postcodes or ()}
    held = ground.placed_postcodes
    _require_known(area, sorted(wanted - set(held["postcode"])), f"of {len(wanted):,} postcodes", "postcode")
    members = held["postcode"].isin(wanted).to_numpy()
    share = _counted(members, ground)
    # Of what holds no postcode the rest of its LSOA tells.
    rows = ground.finest
    told = ~np.isnan(share)
    sums = pd.DataFrame({"own": np.where(told, share, 0.0) * rows["people"], "all": rows["people"].where(told, 0.0)})
    lsoas = sums.groupby(rows["lsoa"]).transform("sum")
    near = (lsoas["own"] / lsoas["all"].where(lsoas["all"] > 0)).fillna(0.0).to_numpy()
    return Placed(area, _within(np.where(told, share, near), rows), members)


def _by_outline(area: OwnArea, ground: Ground) -> Placed:
    outline = _grid(polygon_of(area))
    wards = Shapes.from_frame(ground.wards).on_national_grid()
    beyond = shapely.area(shapely.difference(outline, shapely.union_all(wards.polygons))) / shapely.area(outline)
    if beyond > BEYOND:
        raise SpiError(
            f"{beyond:.0%} of the surface of area {area.id} lies outside the wards of this council, where no "
            "figures are at hand; draw it within"
        )
    rows, held = ground.finest, ground.placed_postcodes
    members = shapely.intersects(outline, held["point"].to_numpy())
    common = shapely.area(shapely.intersection(wards.polygons, outline)) / shapely.area(wards.polygons)
    share = _counted(members, ground)
    share = np.where(np.isnan(share), _surfaces(outline, ground), share)
    for traced, all_of_it in ((common >= 1 - TRACED, True), (common <= TRACED, False)):
        chosen = set(wards.codes[traced])
        members[held["ward_code"].isin(chosen).to_numpy()] = all_of_it
        share[rows["area_code"].isin(chosen).to_numpy()] = float(all_of_it)
    return Placed(area, _within(share, rows), members)


def _within(share: Array, rows: pd.DataFrame) -> Array:
    """Nobody who lives in no ward of ours is an area's own."""
    inside: Array = np.where(rows["area_code"] == OUTSIDE, 0.0, share)
    return inside


def polygon_of(area: OwnArea) -> shapely.Geometry:
    """The outline of an area that has one, valid, WGS84."""
    return shapely.make_valid(shapely.from_wkt(area.outline))


def _grid(polygon: shapely.Geometry) -> shapely.Geometry:
    return Shapes(np.array(["outline"], dtype=object), np.array([polygon], dtype=object)).on_national_grid().polygons[0]


def _counted(members: Flags, ground: Ground) -> Array:
    """The share of members among the postcodes of each part; missing where none tells."""
    rows, held = ground.finest, ground.placed_postcodes
    shares = pd.Series(members, dtype=float).groupby([held["cell"], held["ward_code"]]).mean()
    keys = pd.MultiIndex.from_arrays([rows["cell"], rows["area_code"]])
    found: Array = np.asarray(shares.reindex(keys), dtype=float)
    return found


def _surfaces(outline: shapely.Geometry, ground: Ground) -> Array:
    """The share of each part's small area that an outline covers, slivers aside; missing without a polygon."""
    rows = ground.finest
    shapes = [ground.output_areas.only(rows["small_area_code"]), ground.lsoas.only(rows["lsoa"])]
    covered = []
    for one in (each.on_national_grid() for each in shapes):
        share = shapely.area(shapely.intersection(one.polygons, outline)) / shapely.area(one.polygons)
        share = np.where(share < SLIVER, 0.0, np.where(share > 1 - SLIVER, 1.0, share))
        covered.append(pd.Series(share, one.codes, dtype=float))
    either = rows["small_area_code"].map(covered[0]).fillna(rows["lsoa"].map(covered[1]))
    found: Array = np.asarray(either, dtype=float)
    return found


def _require_known(area: OwnArea, strange: list[str], among: str, what: str) -> None:
    if strange:
        raise SpiError(
            f"{len(strange):,} {among} of area {area.id} are no {what} of this council, {listed(strange[:5])} the "
            "first of them; correct them, or leave them out"
        )


def _authorities(placed: Placed, ground: Ground) -> list[str]:
    parent = ground.wards.set_index("area_code")["parent_code"]
    return sorted(set(ground.finest.loc[placed.share > 0, "area_code"].map(parent).dropna()))


def own_weights(placed: Placed, ground: Ground) -> pd.DataFrame:
    """The share of every small area, of whatever geography, that lies in an area, by ward: ``WEIGHT_COLUMNS``."""
    rows, share = ground.finest, placed.share
    parts = []
    for inside, part_of in ((True, share), (False, 1.0 - share)):
        kept = rows[part_of > 0]
        part = kept.assign(
            area_code=f"{placed.area.id}{_SEPARATOR}" + kept["area_code"] if inside else kept["area_code"],
            weight=kept["weight"] * part_of[part_of > 0],
            household_weight=kept["household_weight"] * part_of[part_of > 0],
        )  # fmt: skip
        parts.append(part)
    split = pd.concat(parts, ignore_index=True)
    if placed.area.codes is not None and not set(placed.area.codes) & set(ground.wards["area_code"]):
        # Small areas that are listed lie where they are said to, whatever ward they were placed in.
        split["method"] = "listed"
    split = split.sort_values(["small_area_code", "area_code"], ignore_index=True)
    columns = list(ground.allocation.columns)
    larger = with_larger(
        split.loc[split["geography"] == "oa21", columns], split.loc[split["geography"] == "lsoa21", columns],
        ground.lookups,
    )  # fmt: skip
    own = larger[larger["area_code"].str.startswith(f"{placed.area.id}{_SEPARATOR}")]
    ward = own["area_code"].str.partition(_SEPARATOR)[2]
    return own.assign(own_area=placed.area.id, ward_code=ward)[WEIGHT_COLUMNS]


def points_in(area: OwnArea, own: pd.DataFrame, ground: Ground, rows: pd.DataFrame) -> Flags:
    """Which points lie in an area: those of its whole wards, and of the wards it divides those in its outline.

    An area without an outline has those whose output area, or LSOA where that is not drawn, is its own by half.

    Args:
        area: as it is drawn.
        own: its weights, as ``own_weights`` returns them.
        ground: what areas are placed with.
        rows: ``longitude``, ``latitude``, ``ward_code`` and, where the publisher names it, ``lsoa_code``.
    """
    finest = ground.finest
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
    by_oa = pd.Series(ground.output_areas.holding(points), dtype=object)
    by_lsoa = pd.Series(ground.lsoas.holding(points), dtype=object)
    if "lsoa_code" in rows:
        by_lsoa = by_lsoa.fillna(rows.loc[open_, "lsoa_code"].reset_index(drop=True))
    inside[open_] = by_oa.fillna(by_lsoa).map(share).fillna(0.0).to_numpy(dtype=float) >= HALF
    return inside


def own_area_row(placed: Placed, ground: Ground) -> dict[str, object]:
    """An area as a row of the product ``own_area``."""
    rows, share = ground.finest, placed.share
    people = rows["people"] * share
    of_small = (pd.Series(share) * rows["weight"]).groupby(rows["small_area_code"]).transform("sum")
    split = people[of_small < 1 - 1e-9].sum()
    homes = (rows["household_weight"] * rows["households"] * share).sum()
    [authority] = _authorities(placed, ground)
    return {
        "own_area": placed.area.id, "area_name": placed.area.title, "authority_code": authority,
        "drawn_by": placed.area.drawn_by, "residents": people.sum(), "households": homes,
        "split_share": split / people.sum(),
    }  # fmt: skip


def overlaps(placed: Placed, others: Mapping[str, Placed], ground: Ground) -> pd.DataFrame:
    """Whom an area shares residents with: ``OVERLAP_COLUMNS``.

    Beside each ward and each other area there are ``wards_within``, all wards that lie wholly in it, and
    ``wards_touched``, all that it has a part of: what is left of one when the other is taken away is what whoever knows
    the figures of both can find out. It is ``thin`` where one lies in the other and fewer residents are left than may
    be told of.

    Args:
        placed: the area.
        others: all areas, by id.
        ground: what they are placed with.
    """
    rows = ground.finest
    people = rows["people"].to_numpy()
    own, ward = people * placed.share, rows["area_code"]
    by_ward = pd.DataFrame({"own": own, "all": people}).groupby(ward).sum().drop(OUTSIDE, errors="ignore")
    by_ward = by_ward[by_ward["own"] > 0]
    names = dict(zip(ground.wards["area_code"], ground.wards["area_name"], strict=True))
    total = float(own.sum())
    found = [("ward", code, names[str(code)], row["own"], row["all"]) for code, row in by_ward.iterrows()]
    within = by_ward[by_ward["all"] - by_ward["own"] < SAME]
    found.append(("wards_within", "within", "all wards within it", within["own"].sum(), within["all"].sum()))
    found.append(("wards_touched", "touched", "all wards it touches", total, by_ward["all"].sum()))
    for name, other in others.items():
        shared = float((people * _common(placed, other, ground)).sum())
        if name != placed.area.id and shared > 0:
            found.append(("own_area", name, other.area.title, shared, float((people * other.share).sum())))
    table = pd.DataFrame(found, columns=["kind", "other", "other_name", "shared", "whole"])
    less, left = (total - table["shared"]).clip(lower=0), (table["whole"] - table["shared"]).clip(lower=0)
    told = table["shared"] > 0
    thin = told & (((left < SAME) & _few(less, ground)) | ((less < SAME) & _few(left, ground)))
    return table.assign(own_area=placed.area.id, area_less_other=less, other_less_area=left, thin=thin)[OVERLAP_COLUMNS]


def _few(residents: pd.Series, ground: Ground) -> pd.Series:
    return (residents >= SAME) & (residents < ground.least)


def _common(one: Placed, other: Placed, ground: Ground) -> Array:
    """The share of each part that lies in both: by postcodes where both are drawn by them, else as much as may."""
    most = np.minimum(one.share, other.share)
    if one.members is None or other.members is None:
        return most
    counted = _counted(one.members & other.members, ground)
    both: Array = np.where(np.isnan(counted) | (most == 0), most, np.minimum(counted, most))
    return both
