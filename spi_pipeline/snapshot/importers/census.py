"""Census 2021: the bulk tables of Nomis, and tables that others kept in their own shape."""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.reading import numbers, whole
from spi_pipeline.snapshot.folder import Folder, Scope
from spi_pipeline.snapshot.importers.columns import by_contract, national_or_extract

OCCUPANCY = {
    "-1 (overcrowded)": "minus_1",
    "-2 or less (overcrowded)": "minus_2_or_less",
    "0 (ideal)": "standard",
    "+1 (under-occupied)": "plus_1",
    "+2 or more (under-occupied)": "plus_2_or_more",
}
# Tables of the bulk download by the source they fill.
BULK_TABLES = {
    "census_residents": "ts001",
    "census_households": "ts041",
    "census_general_health": "ts037",
    "census_accommodation_type": "ts044",
    "census_car_availability": "ts045",
    "census_central_heating": "ts046",
    "census_qualifications": "ts067",
    "census_disability": "ts038",
    "census_tenure": "ts054",
}


def bulk_table(source_id: str, folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """One table of the Nomis bulk download: output areas where they are known, LSOAs elsewhere.

    Args:
        source_id: a key of ``BULK_TABLES``.
        folder: the publishers' files.
        contracts: all contracts.
        scope: our small areas.

    Returns:
        One row an area, columns of the contract.
    """
    frames = []
    for level, areas in (("oa", scope.oa21), ("lsoa", scope.lsoa21_without_oa)):
        if areas:
            published, name = _level(folder, BULK_TABLES[source_id], level)
            frames.append(by_contract(published, contracts.sources[source_id], name, areas=areas))
    return pd.concat(frames, ignore_index=True)


def _level(folder: Folder, table: str, level: str) -> tuple[pd.DataFrame, str]:
    """The national zip where it is at hand, else an extract of it."""
    archive = f"census2021_nomis/census2021-{table}.zip"
    if folder.has(archive):
        member = f"census2021-{table}-{level}.csv"
        return folder.zipped_csv(archive, member, "2021-03-21"), f"{archive}/{member}"
    names = folder.names(f"census2021_nomis/*/census2021-{table}-{level}.csv*")
    return pd.concat([folder.csv(name, "2021-03-21") for name in names]), names[0]


def overcrowding(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """TS052, kept in long form: output areas where they are known, LSOAs elsewhere."""
    frames = []
    if scope.oa21:
        name = folder.name("census2021_other/household_overcrowding21_oa21_*.csv")
        needs = ["oa21_code", "total_households", "occupancy_rating", "n"]
        table = folder.csv(name, "2021-03-21", needs=needs).rename(columns={"oa21_code": "area_code"})
        frames.append(_occupancy(table[table["area_code"].isin(scope.oa21)], contracts, name))
    name = "national/household_overcrowding21_lsoa21.rda"
    if scope.lsoa21_without_oa and (folder.has(name) or not frames):
        table = folder.rdata(name, "2021-03-21").rename(columns={"lsoa21_code": "area_code"})
        frames.append(_occupancy(table[table["area_code"].isin(scope.lsoa21_without_oa)], contracts, name))
    return pd.concat(frames, ignore_index=True)


def _occupancy(table: pd.DataFrame, contracts: Contracts, name: str) -> pd.DataFrame:
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
    return wide[[column.name for column in contracts.sources["census_overcrowding"].columns]]


def english_proficiency(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """TS029 by MSOA; the total is the sum of those whose main language is English and those whose is not."""
    extract = "census2021_other/proficiency21_msoa21_*.csv"
    table, name = national_or_extract(folder, "national/proficiency21_msoa21.rda", extract, "2021-03-21")
    table = table.rename(columns={"msoa21_code": "geography code"})
    frame = by_contract(table, contracts.sources["census_english_proficiency"], name, areas=scope.msoa21)
    parts = ["main_language_english", "speaks_very_well", "speaks_well", "cannot_speak_well", "cannot_speak"]
    frame.insert(1, "residents_3_and_over", frame[parts].sum(axis=1))
    return frame
