"""All of England, from the national files in a folder: its wards, authorities, former MSOAs, forces and regions."""

from functools import cached_property
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Authority, Geography, Ward
from spi_pipeline.publishers.files.areas import BEST_FIT, LSOA_2011, Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.rules.wording import listing

# The vintage of the wards and authorities in BEST_FIT.
VINTAGE = "2024-05"
GARDENS = "environment/osprivateoutdoorspacereferencetables.xlsx"
CRIMES = "police/street_2018-10_2019-02_41_forces_no_crime_id.parquet"
REGIONS = "energy/2022_Sub-Regional-Data-LILEE.xlsx"
# By the department's name, the name that the ONS uses.
_REGION_NAMES = {"East": "East of England"}
# Forces that are not in CRIMES; the boroughs of a metropolitan county, and those of London, have consecutive numbers.
_FORCES_BY_NUMBER = {
    "greater-manchester": range(8_000_001, 8_000_011),
    "west-midlands": range(8_000_025, 8_000_032),
    "west-yorkshire": range(8_000_032, 8_000_037),
    "metropolitan": range(9_000_002, 9_000_034),
}


class England(Areas):
    """All LSOAs of England, without output areas, since no file divides LSOAs into them outside our authorities.

    Its geography is every ward that is the best fit of some LSOA, and every authority, placed by best fit.
    """

    national = True

    def __init__(self, root: Path) -> None:
        folder = Folder(root)
        wards, forces = read_wards(folder), read_forces(folder)
        named = wards.drop_duplicates("authority_code")
        authorities = zip(named["authority_code"], named["authority_name"], strict=True)
        listed_wards = zip(wards["area_code"], wards["area_name"], wards["authority_code"], strict=True)
        geography = Geography(
            vintage=VINTAGE,
            authorities=[
                Authority(code=code, name=name, police_force=forces[code], placed_by="best_fit")
                for code, name in authorities
            ],
            wards=[Ward(code=code, name=name, authority=authority) for code, name, authority in listed_wards],
        )
        super().__init__(root, geography)

    @cached_property
    def larger(self) -> pd.DataFrame:
        """See ``read_former_msoas``; of every MSOA."""
        return read_former_msoas(self.folder, self.msoas)


def read_wards(folder: Folder) -> pd.DataFrame:
    """Read every ward of England: ``area_code, area_name, authority_code, authority_name``, by code."""
    columns = ["ward24_code", "ward24_name", "ltla24_code", "ltla24_name"]
    table = folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", *columns])
    table = table.loc[table["lsoa21_code"].str.startswith("E"), columns].drop_duplicates("ward24_code")
    table = table.set_axis(["area_code", "area_name", "authority_code", "authority_name"], axis=1)
    return table.sort_values("area_code", ignore_index=True)


def read_gardens(folder: Folder) -> pd.DataFrame:
    """Read private outdoor space by MSOA of 2011, for all of Great Britain."""
    return folder.workbook(GARDENS, "MSOA gardens", "2020-04")


def read_former_parents(folder: Folder, msoas: pd.DataFrame) -> pd.DataFrame:
    """Find the MSOA of 2011 of every LSOA of 2011 that became one of some LSOAs of 2021.

    An MSOA whose code still exists is unchanged. Any other is found by name: an LSOA has the name of its MSOA followed
    by a letter. (Four LSOAs of 2011 are named after a neighbouring MSOA, Shepway 014, whose code still exists.)

    Args:
        folder: the folder of publishers' files.
        msoas: ``lsoa_code, msoa_code``, of 2021.

    Returns:
        ``LSOA11CD, MSOA11CD, MSOA21CD``, one row for each LSOA of 2021 that an LSOA of 2011 became.

    Raises:
        SpiError: when the MSOA of an LSOA of 2011 cannot be determined.
    """
    pairs = folder.csv(LSOA_2011, "2021", needs=["LSOA11CD", "LSOA11NM", "LSOA21CD"])
    pairs = pairs[pairs["LSOA21CD"].isin(set(msoas["lsoa_code"]))]
    now = pairs["LSOA21CD"].map(msoas.set_index("lsoa_code")["msoa_code"])
    gardens = read_gardens(folder)
    named = gardens[gardens["Country name"] == "England"].set_index("MSOA name")["MSOA code"]
    former = now.where(now.isin(set(named)), pairs["LSOA11NM"].str[:-1].map(named))
    several = former.groupby(pairs["LSOA11CD"]).transform("nunique") > 1
    if (lost := former.isna() | several).any():
        names = listing(sorted(set(pairs.loc[lost, "LSOA11NM"])))
        raise SpiError(f"{LSOA_2011} has LSOAs whose MSOA is not in {GARDENS}: {names}; compare the two files")
    return pd.DataFrame({"LSOA11CD": pairs["LSOA11CD"], "MSOA11CD": former, "MSOA21CD": now})


def read_former_msoas(folder: Folder, msoas: pd.DataFrame) -> pd.DataFrame:
    """Match the MSOAs of 2011 to those of 2021 that they became, through their LSOAs.

    Returns:
        ``MSOA11CD, MSOA21CD, CHNGIND`` (U unchanged, S split, M merged, X irregular), each pair once.

    Raises:
        SpiError: as for ``read_former_parents``.
    """
    pairs = read_former_parents(folder, msoas)[["MSOA11CD", "MSOA21CD"]].drop_duplicates(ignore_index=True)
    split = pairs.groupby("MSOA11CD")["MSOA21CD"].transform("size") > 1
    merged = pairs.groupby("MSOA21CD")["MSOA11CD"].transform("size") > 1
    changes = {(False, False): "U", (True, False): "S", (False, True): "M", (True, True): "X"}
    return pairs.assign(CHNGIND=[changes[pair] for pair in zip(split, merged, strict=True)])


def read_forces(folder: Folder) -> dict[str, str]:
    """Find the police force of every authority of England, by its code, as data.police.uk writes it.

    An authority's force is the one with crimes in more than half of its LSOAs of 2011. The British Transport Police has
    crimes in many authorities, but in a fifth of their LSOAs at most.

    Raises:
        SpiError: when an authority has no force, or one that its number contradicts.
    """
    lookup = folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", "ltla24_code"])
    authority_of = lookup.set_index("lsoa21_code")["ltla24_code"]
    older = folder.csv(LSOA_2011, "2021", needs=["LSOA11CD", "LSOA21CD"]).drop_duplicates("LSOA11CD")
    became = older.set_index("LSOA11CD")["LSOA21CD"].map(authority_of)
    became = became[became.str.startswith("E", na=False)]
    crimes = folder.parquet(CRIMES, "2019-02", columns=["Falls within", "LSOA code"]).drop_duplicates()
    places = crimes.groupby([crimes["LSOA code"].map(became), crimes["Falls within"]]).size().reset_index(name="places")
    places = places[2 * places["places"] > places["LSOA code"].map(became.value_counts())]
    forces = dict(zip(places["LSOA code"], places["Falls within"].map(_slug), strict=True))
    codes = sorted(map(str, became.unique()))
    numbered = {
        code: force for force, numbers in _FORCES_BY_NUMBER.items() for code in codes if int(code[1:]) in numbers
    }
    if both := sorted(forces.keys() & numbered.keys()):
        raise SpiError(f"{CRIMES} has {forces[both[0]]} all over {both[0]}, which by its number is {numbered[both[0]]}")
    if without := [code for code in codes if code not in forces | numbered]:
        raise SpiError(
            f"{CRIMES} holds no crimes in {listing(without)}, so their police force is unknown; supply a file that "
            "has some"
        )
    return forces | numbered


def _slug(force: str) -> str:
    name = force.removesuffix(" Police").removesuffix(" Constabulary").replace("&", "and")
    return "-".join(name.lower().split())


def read_authorities(folder: Folder) -> pd.DataFrame:
    """Read every lower-tier and unitary authority of England: ``area_code, area_name, region, police_force``, by code.

    The region is that of most of its LSOAs, since the publisher puts one LSOA into another region than its neighbours.

    Raises:
        SpiError: as for ``read_forces``; or when an authority has no region.
    """
    wards, forces = read_wards(folder), read_forces(folder)
    lookup = folder.csv(BEST_FIT, "2024", needs=["lsoa21_code", "ltla24_code"])
    region_of = folder.sheet(REGIONS, "2022", ["LSOA Code", "Region"]).set_index("LSOA Code")["Region"]
    regions = pd.DataFrame({"code": lookup["ltla24_code"], "region": lookup["lsoa21_code"].map(region_of)})
    commonest = regions.value_counts().reset_index().drop_duplicates("code").set_index("code")["region"]
    authorities = wards.drop_duplicates("authority_code").sort_values("authority_code", ignore_index=True)
    region = authorities["authority_code"].map(commonest).replace(_REGION_NAMES)
    if region.isna().any():
        raise SpiError(f"{REGIONS} has no region of {listing(list(authorities.loc[region.isna(), 'authority_code']))}")
    return pd.DataFrame(
        {
            "area_code": authorities["authority_code"],
            "area_name": authorities["authority_name"],
            "region": region,
            "police_force": authorities["authority_code"].map(forces),
        }
    )
