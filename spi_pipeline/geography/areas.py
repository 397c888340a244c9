"""The table of areas: wards and authorities with residents, households and the shares that come from split areas.

``allocation`` makes the weights; ward names and codes come with the boundaries.
"""

from collections.abc import Sequence

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Authority
from spi_pipeline.geography.allocate import allocate_counts
from spi_pipeline.geography.allocation import WHOLE
from spi_pipeline.rules.wording import listing

AREA_COLUMNS = [
    "area_code",
    "area_name",
    "level",
    "vintage",
    "parent_code",
    "population",
    "households",
    "split_share",
    "split_lsoa_share",
    "placed_by",
]


def area_table(
    wards: pd.DataFrame,
    authorities: Sequence[Authority],
    weights: pd.DataFrame,
    households: pd.DataFrame,
    vintage: str,
) -> pd.DataFrame:
    """Describe every ward and authority.

    Args:
        wards: ``area_code``, ``area_name``, ``parent_code``.
        authorities: the authorities that the wards belong to.
        weights: as ``small_area_weights`` returns them, all geographies; their residents are those of Census 2021
            table TS001.
        households: ``area_code``, ``households`` (Census 2021 table TS041) of the finest areas: output areas, and LSOAs
            where the weights have no output areas; other areas are ignored.
        vintage: the vintage of the ward list, such as ``2023``.

    Returns:
        One row for each ward and authority:

        * ``area_code``, ``area_name``, ``level`` (ward, authority), ``vintage``, ``parent_code`` (of a ward);
        * ``population``, ``households``: not rounded, so that wards add up to the authority;
        * ``split_share``: share (0 to 1) of the residents who come from small areas of the finest level that lie in
          more than one ward; missing where small areas are placed whole, because the share is then unknown;
        * ``split_lsoa_share``: share of the residents who live in LSOAs that lie in more than one ward; missing where
          LSOAs are placed whole;
        * ``placed_by``: the method that places most residents of the authority.

        A ward that no small area reaches has missing figures.

    Raises:
        SpiError: when a small area has no count of households, or as for ``allocate_counts``.
    """
    finest = weights[(weights["geography"] == "oa21") | (weights["method"] == "best_fit")]
    figures = _figures(finest, households)
    table = wards[["area_code", "area_name", "parent_code"]].assign(level="ward")
    table = table.join(allocate_counts(figures, finest).wards, on="area_code").sort_values("area_code")
    lsoas = weights[weights["geography"] == "lsoa21"]
    table["split_lsoas"] = table["area_code"].map(_split(lsoas)).where(table["population"].notna())

    above = table.groupby("parent_code")[["population", "households", "split", "split_lsoas"]].sum(min_count=1)
    above = above.rename_axis("area_code").reset_index().assign(level="authority", parent_code=None)
    above["area_name"] = above["area_code"].map({authority.code: authority.name for authority in authorities})
    table = pd.concat([table, above], ignore_index=True).assign(vintage=vintage)
    authority_codes = table["parent_code"].fillna(table["area_code"])
    table["placed_by"] = authority_codes.map(_placed_by(finest, wards))
    split = (table["split"] / table["population"]).where(~table["placed_by"].isin(WHOLE))
    lsoas_split = (table["split_lsoas"] / table["population"]).where(table["placed_by"] != "best_fit")
    return table.assign(split_share=split, split_lsoa_share=lsoas_split)[AREA_COLUMNS]


def _split(lsoas: pd.DataFrame) -> pd.Series:
    """Residents of each ward who live in LSOAs that lie in more than one ward."""
    several = lsoas["small_area_code"].duplicated(keep=False)
    residents = (lsoas["weight"] * lsoas["residents"]).where(several, 0.0)
    return residents.groupby(lsoas["area_code"]).sum()


def _placed_by(finest: pd.DataFrame, wards: pd.DataFrame) -> pd.Series:
    """How most residents of each authority are placed."""
    way = finest["method"].where(finest["method"].isin(WHOLE), "postcodes")
    authority = finest["area_code"].map(wards.set_index("area_code")["parent_code"])
    return (finest["weight"] * finest["residents"]).groupby([authority, way]).sum().unstack().idxmax(axis=1)


def _figures(finest: pd.DataFrame, households: pd.DataFrame) -> pd.DataFrame:
    """Residents, households and residents of split areas, one row per small area."""
    areas = finest.drop_duplicates("small_area_code").set_index("small_area_code")["residents"]
    counted = households.set_index("area_code")["households"].reindex(areas.index)
    missing = sorted(counted.index[counted.isna()])
    if missing:
        raise SpiError(
            f"There is no count of households for {listing(missing)}: supply the census table "
            "of households for these areas."
        )
    split = finest.groupby("small_area_code").size().reindex(areas.index) > 1
    figures = pd.DataFrame({"population": areas, "households": counted, "split": areas.where(split, 0.0)})
    return figures.rename_axis("area_code").reset_index()
