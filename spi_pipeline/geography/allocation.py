"""How much of each small area lies in each ward, measured by where people live.

This module makes the weights once for each geography; ``allocate`` applies them. An output area (OA) has about 125
households, so its postcodes show well where its residents live. Larger areas are made of output areas and weighted by
residents.
"""

from dataclasses import dataclass

import pandas as pd
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import OUTSIDE
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.rules.wording import listing

METHODS: dict[str, str] = {
    "postcodes": "shares of the wards of the postcodes inside the output area",
    "area_overlap": "shares of the output area's surface, which holds no postcode",
    "remainder_postcodes": "output area without a polygon: postcodes of its LSOA outside the output areas drawn",
    "output_areas": "whole to the official best-fit ward of the output area, without postcodes or its polygon",
    "remainder_overlap": "output area without a polygon: surface of its LSOA outside the output areas drawn",
    "best_fit": "whole to the official best-fit ward of the LSOA, without postcodes or polygons",
    "parts": "made of smaller areas, each weighted by its residents",
}
"""The closed list of ``method``, best first for an output area."""

WHOLE = ("output_areas", "best_fit")
"""The methods that divide nothing: when they misplace residents, they misplace whole small areas."""

# Publishers generalise each boundary layer separately. Where under 8 % of an output area of Luton lies in a second
# ward, or in no ward, that part holds 0.1 % of its postcodes on average: an artefact, not a place where people live.
# Of the limits tried from 0 to 30 %, 8 % brings the surface shares nearest to the postcode shares.
SLIVER = 0.08

WEIGHT_COLUMNS = [
    "geography", "small_area_code", "area_code", "weight", "residents", "household_weight", "households", "method",
]  # fmt: skip
SHARE_COLUMNS = ["small_area_code", "area_code", "weight"]
BASES = {"residents": "weight", "households": "household_weight"}
"""The counts that divide a larger area, each with the column of its shares: people and homes are spread differently."""


def small_area_weights(
    *,
    wards: pd.DataFrame,
    lsoa_best_fit: pd.DataFrame,
    lsoa_2011_lookup: pd.DataFrame,
    msoa_2011_lookup: pd.DataFrame,
    output_area_lookup: pd.DataFrame | None = None,
    output_area_boundaries: pd.DataFrame | None = None,
    lsoa_boundaries: pd.DataFrame | None = None,
    postcodes: pd.DataFrame | None = None,
    lsoa_lookup: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Make the weights of all small areas of the wards' authorities.

    Each output area takes the first of ``METHODS`` that gives any shares for it. LSOAs that no output area names go
    whole to their official best-fit ward (``best_fit``): the last resort, and poor where wards cut LSOAs (Luton: 46 of
    125).

    Args:
        wards: ``area_code``, ``parent_code`` (authority), ``geometry`` (WKB, WGS84; null where best fit needs none).
        lsoa_best_fit: ``lsoa_code``, ``ward_code``, ``authority_code``; also lists the LSOAs of the authorities.
        lsoa_2011_lookup: ``lsoa11_code``, ``lsoa21_code``, the exact-fit pairs.
        msoa_2011_lookup: ``msoa11_code``, ``msoa21_code``, all successors.
        output_area_lookup: ``oa_code``, ``lsoa_code``, ``msoa_code`` (2021), ``residents``, ``households``;
            ``ward_code``, the best-fit ward, may be left out, or null where it is not known.
        output_area_boundaries: ``area_code``, ``geometry``; codes that are not of 2021 are ignored.
        lsoa_boundaries: ``area_code`` (2021), ``geometry``.
        postcodes: ``postcode``, ``easting``, ``northing`` (British National Grid, metres), ``ward_code``.
        lsoa_lookup: ``lsoa_code``, ``msoa_code``, ``residents``, ``households``; needed only for LSOAs
            without output areas.

    Returns:
        ``geography`` (oa21, lsoa21, lsoa11, msoa21, msoa11), ``small_area_code``, ``area_code`` (ward, or ``outside``),
        ``weight`` (share of the small area's residents: above 0, sums to 1 within each small area), ``residents`` (of
        the small area: as published; of larger areas the sum of their parts), ``household_weight`` and ``households``
        (the same for households), ``method`` (a key of ``METHODS``).

    Raises:
        SpiError: when postcodes or the best-fit lookup are of another ward vintage, an output area names an LSOA that
            the best-fit lookup lacks, or residents or households are missing.
    """
    fit = lsoa_best_fit[lsoa_best_fit["authority_code"].isin(set(wards["parent_code"]))]
    areas = _or_empty(output_area_lookup, ["oa_code", "lsoa_code", "msoa_code", *BASES])
    areas = areas.assign(ward_code=areas.get("ward_code"))
    _require_known_lsoas(areas, lsoa_best_fit)
    areas = areas[areas["lsoa_code"].isin(set(fit["lsoa_code"]))]
    bare_fit = fit[~fit["lsoa_code"].isin(set(areas["lsoa_code"]))]
    bare = _or_empty(lsoa_lookup, ["lsoa_code", "msoa_code", *BASES])
    bare = bare_fit[["lsoa_code"]].merge(bare, on="lsoa_code", how="left", validate="one_to_one")
    areas, bare = _with_bases(areas, "oa_code"), _with_bases(bare, "lsoa_code")

    ladder = [
        *_ladder(
            Shapes.from_frame(wards).on_national_grid(),
            areas,
            Shapes.from_frame(_or_empty(output_area_boundaries, ["area_code", "geometry"])),
            Shapes.from_frame(_or_empty(lsoa_boundaries, ["area_code", "geometry"])),
            _known_postcodes(postcodes, wards),
        ),
        ("best_fit", "lsoa_code", _whole(fit, "lsoa_code")),
    ]
    pairs = pd.concat([areas[["lsoa_code", "msoa_code"]], bare[["lsoa_code", "msoa_code"]]])
    weights = with_larger(
        _climb(areas, "oa_code", ladder, "oa21"),
        _climb(bare, "lsoa_code", ladder[-1:], "lsoa21"),
        Lookups(areas[["oa_code", "lsoa_code"]], pairs, lsoa_2011_lookup, msoa_2011_lookup),
    )
    _require_known_wards(weights, wards)
    return weights


@dataclass(frozen=True)
class Lookups:
    """Lookups from smaller areas to the larger ones they make up.

    Attributes:
        output_areas: ``oa_code``, ``lsoa_code``.
        lsoas: ``lsoa_code``, ``msoa_code``; repeats allowed.
        lsoas_of_2011: ``lsoa11_code``, ``lsoa21_code``.
        msoas_of_2011: ``msoa11_code``, ``msoa21_code``.
    """

    output_areas: pd.DataFrame
    lsoas: pd.DataFrame
    lsoas_of_2011: pd.DataFrame
    msoas_of_2011: pd.DataFrame


def with_larger(oa21: pd.DataFrame, bare: pd.DataFrame, lookups: Lookups) -> pd.DataFrame:
    """Derive the weights of all geographies from those of output areas and of LSOAs without output areas.

    Args:
        oa21: weights of output areas alone, as ``small_area_weights`` returns them.
        bare: likewise of the LSOAs that no output area names.
        lookups: the parts of the larger areas.
    """
    lsoa21 = pd.concat([made_of_parts(oa21, lookups.output_areas, "lsoa_code", "oa_code", "lsoa21"), bare])
    msoa21 = made_of_parts(lsoa21, lookups.lsoas, "msoa_code", "lsoa_code", "msoa21")
    lsoa11 = made_of_parts(lsoa21, lookups.lsoas_of_2011, "lsoa11_code", "lsoa21_code", "lsoa11")
    msoa11 = made_of_parts(msoa21, lookups.msoas_of_2011, "msoa11_code", "msoa21_code", "msoa11")
    return pd.concat([oa21, lsoa21, lsoa11, msoa21, msoa11], ignore_index=True).infer_objects()


def made_of_parts(parts: pd.DataFrame, lookup: pd.DataFrame, whole: str, part: str, geography: str) -> pd.DataFrame:
    """Make the weights of larger areas from those of their parts, each part weighted by its residents and households.

    A part that belongs to several larger areas (2011 areas merged in 2021) gives each an equal number of its residents,
    since no source shows how they divide. Parts without weights lie in other authorities and are left out: four LSOAs
    of 2011 in England and Wales have such parts.

    Args:
        parts: weights of one geography, as ``small_area_weights`` returns them.
        lookup: pairs of codes; repeats allowed.
        whole: the lookup's column of the larger areas.
        part: the lookup's column of the parts.
        geography: the name of the resulting geography.

    Returns:
        Weights with ``method`` ``parts``; an area whose parts have no residents takes the plain mean of its parts.
    """
    counts = parts.drop_duplicates("small_area_code").set_index("small_area_code")[list(BASES)].astype(float)
    pairs = lookup[[whole, part]].dropna().drop_duplicates()
    pairs = pairs[pairs[part].isin(counts.index)]
    spread = pairs.merge(
        parts[["area_code", "small_area_code", *BASES.values()]],
        left_on=part, right_on="small_area_code", validate="many_to_many",
    )  # fmt: skip
    wholes_of_part, parts_of_whole = (pairs.groupby(code)[code].size() for code in (part, whole))
    for base, weight in BASES.items():
        share = _looked_up(pairs[part], counts[base]) / _looked_up(pairs[part], wholes_of_part)
        totals = share.groupby(pairs[whole]).sum()
        own = _looked_up(spread[part], counts[base]) / _looked_up(spread[part], wholes_of_part)
        spread[base] = _looked_up(spread[whole], totals)
        share_of_whole = (own / spread[base]).where(spread[base] > 0, 1 / _looked_up(spread[whole], parts_of_whole))
        spread[weight] *= share_of_whole
    shared = {weight: (weight, "sum") for weight in BASES.values()}
    made = spread.groupby([whole, "area_code"], as_index=False).agg(
        **shared, **{base: (base, "first") for base in BASES}
    )
    made = made[made["weight"] > 0].rename(columns={whole: "small_area_code"})
    return made.assign(geography=geography, method="parts")[WEIGHT_COLUMNS]


def _looked_up(codes: pd.Series, figures: pd.Series) -> pd.Series:
    """The figure of each code, as floats: with no codes left, as without output areas, pandas keeps the codes' type."""
    return codes.map(figures).astype(float)


Ladder = list[tuple[str, str, pd.DataFrame]]


def _ladder(wards: Shapes, areas: pd.DataFrame, output_areas: Shapes, lsoas: Shapes, postcodes: pd.DataFrame) -> Ladder:
    """The methods for an output area, best first: name, the column of ``areas`` that it matches, and ward shares."""
    held = holders(areas, output_areas, lsoas, postcodes)
    if 2 * len(held.drawn.codes) > len(areas):
        _require_matching_grid(held.output_area, postcodes)
    ward = postcodes["area_code"].reset_index(drop=True)
    return [
        ("postcodes", "oa_code", _count_shares(held.output_area, ward)),
        ("area_overlap", "oa_code", _surface_shares(held.drawn, wards)),
        ("remainder_postcodes", "lsoa_code", _count_shares(held.remainder, ward)),
        ("output_areas", "oa_code", _whole(areas, "oa_code")),
        ("remainder_overlap", "lsoa_code", _surface_shares(held.remainders, wards)),
    ]


@dataclass(frozen=True)
class Holders:
    """The small areas that postcodes lie in.

    Attributes:
        drawn: output areas with a polygon, on the British National Grid.
        remainders: LSOAs with undrawn output areas, less their drawn output areas.
        output_area: for each postcode, in order, the drawn output area that holds it; None where none does.
        remainder: likewise the LSOA whose remainder holds it.
    """

    drawn: Shapes
    remainders: Shapes
    output_area: pd.Series
    remainder: pd.Series


def holders(areas: pd.DataFrame, output_areas: Shapes, lsoas: Shapes, postcodes: pd.DataFrame) -> Holders:
    """Find the small area that each postcode lies in.

    Args:
        areas: ``oa_code``, ``lsoa_code``.
        output_areas: their polygons where there are any, WGS84.
        lsoas: likewise.
        postcodes: ``easting``, ``northing`` (British National Grid, metres).
    """
    drawn = output_areas.only(areas["oa_code"]).on_national_grid()
    undrawn = areas.loc[~areas["oa_code"].isin(set(drawn.codes)), "lsoa_code"]
    around = lsoas.only(undrawn).on_national_grid()
    remainders = Shapes(around.codes, shapely.difference(around.polygons, shapely.union_all(drawn.polygons)))
    points = shapely.points(postcodes["easting"].to_numpy(dtype=float), postcodes["northing"].to_numpy(dtype=float))
    output_area = pd.Series(drawn.holding(points), dtype=object)
    # A postcode in a drawn output area gives no evidence about the other output areas of the LSOA.
    remainder = pd.Series(around.holding(points), dtype=object).where(output_area.isna())
    return Holders(drawn, remainders, output_area, remainder)


def _climb(areas: pd.DataFrame, code: str, ladder: Ladder, geography: str) -> pd.DataFrame:
    """Give each area the shares of the first method that has any for it; the last method has shares for all."""
    pending, placed_parts = areas, []
    for method, key, shares in ladder:
        right = shares.rename(columns={"small_area_code": key})
        placed_parts.append(pending.merge(right, on=key, validate="many_to_many").assign(method=method))
        pending = pending[~pending[key].isin(set(shares["small_area_code"]))]
    placed = pd.concat(placed_parts).assign(geography=geography).rename(columns={code: "small_area_code"})
    placed["household_weight"] = placed["weight"]
    return placed.sort_values(["small_area_code", "area_code"], ignore_index=True)[WEIGHT_COLUMNS]


def _count_shares(holder: pd.Series, ward: pd.Series) -> pd.DataFrame:
    """The share of each ward among the postcodes that each small area holds."""
    counts = pd.DataFrame({"small_area_code": holder, "area_code": ward}).dropna().value_counts(sort=False)
    shares = counts.rename("weight").reset_index()
    shares["weight"] = shares["weight"] / shares.groupby("small_area_code")["weight"].transform("sum")
    return shares[SHARE_COLUMNS]


def _surface_shares(shapes: Shapes, wards: Shapes) -> pd.DataFrame:
    """The share of each shape's surface that lies in each ward, and in none; slivers left out."""
    surface = shapely.area(shapes.polygons)
    shapes, surface = Shapes(shapes.codes[surface > 0], shapes.polygons[surface > 0]), surface[surface > 0]
    shape, ward = shapely.STRtree(wards.polygons).query(shapes.polygons, predicate="intersects")
    common = shapely.area(shapely.intersection(shapes.polygons[shape], wards.polygons[ward]))
    inside = pd.DataFrame(
        {"small_area_code": shapes.codes[shape], "area_code": wards.codes[ward], "weight": common / surface[shape]}
    )
    covered = inside.groupby("small_area_code")["weight"].sum().reindex(shapes.codes, fill_value=0.0)
    outside = pd.DataFrame({"small_area_code": covered.index, "area_code": OUTSIDE, "weight": 1 - covered.to_numpy()})
    shares = pd.concat([inside, outside], ignore_index=True)
    shares = shares[shares["weight"] > SLIVER]
    return shares.assign(weight=shares["weight"] / shares.groupby("small_area_code")["weight"].transform("sum"))


def _whole(fit: pd.DataFrame, code: str) -> pd.DataFrame:
    """Assign each small area whole to its best-fit ward, where that is known."""
    shares = fit[fit["ward_code"].notna()].rename(columns={code: "small_area_code", "ward_code": "area_code"})
    return shares.assign(weight=1.0)[SHARE_COLUMNS]


def _known_postcodes(postcodes: pd.DataFrame | None, wards: pd.DataFrame) -> pd.DataFrame:
    """Postcodes with coordinates and a ward; wards that are not configured become ``outside``."""
    usable = _or_empty(postcodes, ["easting", "northing", "ward_code"])
    usable = usable.dropna(subset=["easting", "northing", "ward_code"])
    bare = sorted(set(wards.loc[wards["geometry"].notna(), "area_code"]) - set(usable["ward_code"]))
    if len(usable) and bare:
        raise SpiError(
            f"No postcode names the ward {listing(bare)}: use the postcode release of the wards' own vintage, "
            "complete for their authorities."
        )
    ward = usable["ward_code"]
    return usable.assign(area_code=ward.where(ward.isin(set(wards["area_code"])), OUTSIDE))


def _require_matching_grid(output_area: pd.Series, postcodes: pd.DataFrame) -> None:
    """Refuse points that all lie outside the areas: the weights would silently fall back to surfaces."""
    inside = (postcodes["area_code"] != OUTSIDE).to_numpy()
    if inside.any() and not output_area[inside].notna().any():
        raise SpiError(
            f"None of the {int(inside.sum()):,} postcodes of the wards lies in an output area: their easting and "
            "northing are swapped, or not metres of the British National Grid."
        )


def _require_known_lsoas(areas: pd.DataFrame, lsoa_best_fit: pd.DataFrame) -> None:
    unknown = sorted(set(areas["lsoa_code"]) - set(lsoa_best_fit["lsoa_code"]))
    if unknown:
        raise SpiError(
            f"Output areas name the LSOAs {listing(unknown)}, which the best-fit lookup does not hold: "
            "supply both lookups for the LSOAs of 2021."
        )


def _with_bases(areas: pd.DataFrame, code: str) -> pd.DataFrame:
    for base in BASES:
        missing = sorted(areas.loc[areas[base].isna(), code])
        if missing:
            raise SpiError(
                f"There is no count of {base} for {listing(missing)}: supply the census table of {base} for "
                "these areas."
            )
    return areas.astype(dict.fromkeys(BASES, float))


def _require_known_wards(weights: pd.DataFrame, wards: pd.DataFrame) -> None:
    unknown = sorted(set(weights["area_code"]) - set(wards["area_code"]) - {OUTSIDE})
    if unknown:
        raise SpiError(
            f"The best-fit lookup names the wards {listing(unknown)}, which are not configured: "
            "use the lookup of the wards' own vintage."
        )


def _or_empty(frame: pd.DataFrame | None, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({column: [] for column in columns}, dtype=object) if frame is None else frame
