"""Determines which small areas belong to our authorities, from the national lookups in a folder of files."""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.publishers.files.folder import Folder

BEST_FIT = "geography/lookup_lsoa21_ward24_ltla24.csv.gz"
LSOA_2011 = "geography/lsoa11_lsoa21_lad22_exact_fit_ew_v3.csv.gz"
MSOA_2011 = "geography/msoa11_msoa21_lad22_*.csv"
MSOA_NAMES = ("census2021_nomis/census2021-ts001.zip", "census2021-ts001-msoa.csv")


def read_parents(folder: Folder, geography: Geography) -> pd.DataFrame:
    """Read the parent of each output area and LSOA of 2021, from census tables that give it.

    Returns:
        ``code``, ``kind`` (``Output Area``, ``LSOA``, …), ``parent``; empty if placing by best fit needs none.
    """
    if not geography.holding("output_area_lookup"):
        return pd.DataFrame(columns=["code", "kind", "parent"], dtype=object)
    needs = ["Geography code", "Geography area type", "Parent area code"]
    names = folder.names("census2021_onsvisual/TS046_heating_type_3a_2021_*.csv.gz")
    frames = [folder.csv(name, "2021-03-21", needs=needs)[needs] for name in names]
    return pd.concat(frames).set_axis(["code", "kind", "parent"], axis=1)


def read_msoas(folder: Folder, geography: Geography, lsoas: Collection[str]) -> pd.DataFrame:
    """Read the MSOA of some LSOAs of 2021, ``lsoa_code, msoa_code``.

    If no census table gives it, it is found by name: an LSOA has the name of its MSOA followed by a letter.
    """
    lookup = folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", "lsoa21_name"])
    lookup = lookup[lookup["lsoa21_code"].isin(lsoas)]
    parents = read_parents(folder, geography)
    msoas = lookup["lsoa21_code"].map(parents[parents["kind"] == "LSOA"].set_index("code")["parent"]).astype(object)
    if msoas.isna().any():
        needs = ["geography", "geography code"]
        named = folder.zipped_csv(*MSOA_NAMES, "2021-03-21", needs=needs).drop_duplicates("geography")
        codes = named.set_index("geography")["geography code"]
        msoas = msoas.fillna(lookup["lsoa21_name"].str[:-1].map(codes))
    return pd.DataFrame({"lsoa_code": lookup["lsoa21_code"], "msoa_code": msoas})


class Areas:
    """The small areas of our authorities, from the national lookups in the folder.

    It reads through its own ``Folder``, since a lookup that only filters a source is not an origin of its figures.

    Attributes:
        national: whether these are all areas of England, so that extracts for some authorities are ignored.
    """

    national = False

    def __init__(self, root: Path, geography: Geography) -> None:
        self.folder = Folder(root)
        self.geography = geography

    @cached_property
    def lookup(self) -> pd.DataFrame:
        """``lsoa21_code`` and ``ltla24_code`` of every LSOA whose authority is ours."""
        table = self.folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", "ltla24_code"])
        return table[table["ltla24_code"].isin(self.geography.authority_codes)]

    @cached_property
    def lsoa21(self) -> frozenset[str]:
        """LSOAs of 2021 whose authority is ours."""
        return frozenset(self.lookup["lsoa21_code"])

    @cached_property
    def older(self) -> pd.DataFrame:
        """``LSOA11CD`` and ``LSOA21CD`` of every LSOA of 2011 that became one of ours."""
        lookup = self.folder.csv(LSOA_2011, "2021", needs=["LSOA11CD", "LSOA21CD"])
        return lookup[lookup["LSOA21CD"].isin(self.lsoa21)]

    @cached_property
    def lsoa11(self) -> frozenset[str]:
        """LSOAs of 2011 that became one of ours."""
        return frozenset(self.older["LSOA11CD"])

    @cached_property
    def parents(self) -> pd.DataFrame:
        """``code`` and ``parent`` of every output area of 2021 whose LSOA is ours."""
        parents = read_parents(self.folder, self.geography)
        return parents[(parents["kind"] == "Output Area") & parents["parent"].isin(self.lsoa21)]

    @cached_property
    def oa21(self) -> frozenset[str]:
        """Output areas of 2021 whose LSOA is ours."""
        return frozenset(self.parents["code"])

    @cached_property
    def lsoa21_without_oa(self) -> frozenset[str]:
        """Our LSOAs whose output areas are not known; their figures are read at LSOA level."""
        return self.lsoa21 - frozenset(self.parents["parent"])

    @cached_property
    def census21(self) -> frozenset[str]:
        """The finest areas that census tables are read for: output areas where they are known, LSOAs elsewhere."""
        return self.oa21 | self.lsoa21_without_oa

    @cached_property
    def msoas(self) -> pd.DataFrame:
        """See ``read_msoas``; of our LSOAs."""
        return read_msoas(self.folder, self.geography, self.lsoa21)

    @cached_property
    def msoa21(self) -> frozenset[str]:
        """MSOAs of 2021 that hold one of our LSOAs."""
        return frozenset(self.msoas["msoa_code"].dropna())

    @cached_property
    def larger(self) -> pd.DataFrame:
        """``MSOA11CD`` and ``MSOA21CD`` of every MSOA of 2011 that became one of ours; empty without a lookup."""
        if not self.geography.holding("msoa_2011_lookup"):
            return pd.DataFrame(columns=["MSOA11CD", "MSOA21CD"], dtype=object)
        lookup = self.folder.csv(self.folder.name(MSOA_2011), "2021", needs=["MSOA11CD", "MSOA21CD"])
        return lookup[lookup["MSOA21CD"].isin(self.msoa21)]

    @cached_property
    def msoa11(self) -> frozenset[str]:
        """MSOAs of 2011 that became one of ours."""
        return frozenset(self.larger["MSOA11CD"])

    @cached_property
    def authority_of(self) -> dict[str, str]:
        """The authority of each of our wards and small areas, and of each authority itself, by code."""
        lsoas = dict(zip(self.lookup["lsoa21_code"], self.lookup["ltla24_code"], strict=True))
        msoas = {row.msoa_code: lsoas[row.lsoa_code] for row in self.msoas.itertuples()}
        return {
            **{code: code for code in self.geography.authority_codes},
            **{ward.code: ward.authority for ward in self.geography.wards},
            **{row.LSOA11CD: lsoas[row.LSOA21CD] for row in self.older.itertuples()},
            **lsoas,
            **{row.code: lsoas[row.parent] for row in self.parents.itertuples()},
            **{row.MSOA11CD: msoas[row.MSOA21CD] for row in self.larger.itertuples()},
            **msoas,
        }
