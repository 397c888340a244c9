"""Nomis: files of Census 2021, from its bulk download and as others kept them."""

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import Named, by_contract
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.nomis.tables import CENSUS

CENSUS_DAY = "2021-03-21"
# Nomis offers TS007A by hand, with five lines of notes before the header.
AGE = Named("census2021_other/TS007A_age_by_five_year_age_bands_*.csv", CENSUS_DAY, "lsoa21", after='"mnemonic"')
PROFICIENCY = Named(
    "census2021_other/proficiency21_msoa21_*.csv", CENSUS_DAY, "msoa21", "national/proficiency21_msoa21.rda"
)
UNPAID_CARE = Named("census2021_other/msoa_provision_of_unpaid_care_2021_*.csv", CENSUS_DAY, "msoa21")
OCCUPANCY = {
    "-1 (overcrowded)": "minus_1",
    "-2 or less (overcrowded)": "minus_2_or_less",
    "0 (ideal)": "standard",
    "+1 (under-occupied)": "plus_1",
    "+2 or more (under-occupied)": "plus_2_or_more",
}


def bulk_table(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """One table of the Nomis bulk download: output areas where they are known, LSOAs elsewhere.

    Returns:
        One row an area, columns of the contract.
    """
    frames = []
    for level, ours in (("oa", areas.oa21), ("lsoa", areas.lsoa21_without_oa)):
        if ours:
            published, name = _level(folder, CENSUS[source.id].bulk, level)
            frames.append(by_contract(published, name, source, areas=ours))
    return pd.concat(frames, ignore_index=True)


def _level(folder: Folder, table: str, level: str) -> tuple[pd.DataFrame, str]:
    """The national zip where it is at hand, else an extract of it."""
    archive = f"census2021_nomis/census2021-{table}.zip"
    if folder.has(archive):
        member = f"census2021-{table}-{level}.csv"
        return folder.zipped_csv(archive, member, CENSUS_DAY), f"{archive}/{member}"
    names = folder.names(f"census2021_nomis/*/census2021-{table}-{level}.csv*")
    return pd.concat([folder.csv(name, CENSUS_DAY) for name in names]), names[0]


def overcrowding(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """TS052, kept in long form: output areas where they are known, LSOAs elsewhere."""
    frames = []
    if areas.oa21:
        name = folder.name("census2021_other/household_overcrowding21_oa21_*.csv")
        needs = ["oa21_code", "total_households", "occupancy_rating", "n"]
        table = folder.csv(name, CENSUS_DAY, needs=needs).rename(columns={"oa21_code": "area_code"})
        frames.append(_occupancy(table[table["area_code"].isin(areas.oa21)], source, name))
    name = "national/household_overcrowding21_lsoa21.rda"
    if areas.lsoa21_without_oa and (folder.has(name) or not frames):
        table = folder.rdata(name, CENSUS_DAY).rename(columns={"lsoa21_code": "area_code"})
        frames.append(_occupancy(table[table["area_code"].isin(areas.lsoa21_without_oa)], source, name))
    return pd.concat(frames, ignore_index=True)


def _occupancy(table: pd.DataFrame, source: Source, name: str) -> pd.DataFrame:
    """One row an area from one row an area and occupancy rating."""
    found, twice = set(table["occupancy_rating"]), table.duplicated(["area_code", "occupancy_rating"])
    if found != set(OCCUPANCY) or twice.any():
        raise SpiError(
            f"{name} must hold each of the occupancy ratings {sorted(OCCUPANCY)} once an area; it holds "
            f"{sorted(map(str, found))} and {int(twice.sum())} repeated rows"
        )
    table = table.assign(n=whole(numbers(table["n"], name, "n"), name, "n"))
    wide = table.pivot(index="area_code", columns="occupancy_rating", values="n").rename(columns=OCCUPANCY)
    totals = table.groupby("area_code")["total_households"].first()
    wide.insert(0, "households", whole(numbers(totals, name, "total_households"), name, "total_households"))
    wide = wide.rename_axis(None, axis=1).reset_index()
    return wide[[column.name for column in source.columns]]


def english_proficiency(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """TS029 by MSOA; the total is the sum of those whose main language is English and those whose is not."""
    table, name = PROFICIENCY.table(folder)
    frame = by_contract(table.rename(columns={"msoa21_code": "geography code"}), name, source, areas=areas.msoa21)
    parts = ["main_language_english", "speaks_very_well", "speaks_well", "cannot_speak_well", "cannot_speak"]
    frame.insert(1, "residents_3_and_over", frame[parts].sum(axis=1))
    return frame
