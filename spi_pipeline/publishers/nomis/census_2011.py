"""Nomis: tables of Census 2011, from files that others published, for changes over ten years. They are final."""

from functools import partial

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import ContractReader, by_contract
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.offer import Offer

DAY = "2011-03-27"
BIRTH = ContractReader("census2011/KS204EW_*.csv", DAY, "lsoa11")
SIZE = ContractReader("census2011/msoa_household_size_2011_*.csv", DAY, "msoa11")
DEPRIVATION = "census2011/household_deprivation11_lsoa11_*.csv"
# In the order of the number of dimensions in which a household is deprived.
DIMENSIONS = ("not_deprived", "deprived_in_one", "deprived_in_two", "deprived_in_three", "deprived_in_four")
LARGE_HOUSEHOLDS = [f"hh_{size}" for size in ("4_persons", "5_persons", "6_persons", "7_persons", "8_plus_persons")]
ETHNIC_GROUPS = {
    "white": "White",
    "mixed": "Mixed/multiple ethnic groups",
    "asian": "Asian/Asian British",
    "black": "Black/African/Caribbean/Black British",
    "other": "Other ethnic group",
}
HEALTH = {"bad": "Bad health", "very_bad": "Very bad health"}


def country_of_birth(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read KS204EW; those born abroad are all residents not born in the United Kingdom."""
    frame = BIRTH(folder, source, areas)
    return frame.assign(born_abroad=frame["residents"] - frame["born_in_uk"])


def household_size(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read QS406EW; the publisher gives households of four and more by single sizes, which are summed."""
    table, name = SIZE.table(folder)
    frame = by_contract(table, name, source, areas=areas.msoa11)
    larger = sum(numbers(table[column], name, column) for column in LARGE_HOUSEHOLDS)
    larger = pd.Series(larger).set_axis(table["MSOA11CD"])
    return frame.assign(four_or_more=whole(frame["area_code"].map(larger), name, "hh_4_persons to hh_8_plus_persons"))


def household_deprivation(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read QS119EW from a file in long form, with one row per LSOA and number of dimensions."""
    name = folder.name(DEPRIVATION)
    dimension = "households_number_deprivation_dimensions"
    table = folder.csv(name, DAY, needs=["lsoa11_code", dimension, "count"])
    table = table[table["lsoa11_code"].isin(areas.lsoa11)]
    number = numbers(table[dimension], name, dimension)
    twice = pd.DataFrame({"area": table["lsoa11_code"], "number": number}).duplicated()
    if set(number) != set(range(len(DIMENSIONS))) or twice.any():
        raise SpiError(
            f"{name} must hold 0 to 4 dimensions once an LSOA; it holds {sorted(set(number))}; download it again"
        )
    counted = whole(numbers(table["count"], name, "count"), name, "count")
    cells = table.assign(number=number.astype(int), counted=counted)
    wide = cells.pivot(index="lsoa11_code", columns="number", values="counted").set_axis(list(DIMENSIONS), axis=1)
    wide.insert(0, "households", wide.sum(axis=1, skipna=False))
    return wide.rename_axis("area_code").reset_index()


def percentages(
    pattern: str, code: str, categories: dict[str, str], folder: Folder, source: Source, areas: Areas
) -> pd.DataFrame:
    """Apply percentages of MSOAs to their residents, which are summed from the LSOAs named after the MSOA (KS204EW)."""
    name = folder.name(pattern)
    table = folder.csv(name, DAY, needs=[code, *categories.values()])
    table = table[table[code].isin(areas.msoa11)]
    residents = table[_name_column(table)].map(_residents(folder))
    if residents.isna().any():
        unknown = sorted(table.loc[residents.isna(), code])
        raise SpiError(f"{BIRTH.pattern} has no LSOA of {', '.join(unknown)}, which {name} holds; fetch both again")
    share = {ours: residents * numbers(table[theirs], name, theirs) / 100 for ours, theirs in categories.items()}
    frame = pd.DataFrame({"area_code": table[code], "residents": residents.astype("int64"), **share})
    return frame[[column.name for column in source.columns]].reset_index(drop=True)


def _name_column(table: pd.DataFrame) -> str:
    return next(column for column in map(str, table) if column in ("MSOA11NM", "2011 super output area - middle layer"))


def _residents(folder: Folder) -> pd.Series:
    """Return residents by name of the MSOA: an LSOA has the name of its MSOA followed by a letter."""
    total = "Country of Birth: All usual residents; measures: Value"
    table, name = BIRTH.table(folder)
    counted: pd.Series = numbers(table[total], name, total)
    return counted.groupby(table["geography"].str[:-1]).sum()


OFFERS = {
    "census_2011_country_of_birth": Offer(read=country_of_birth),
    "census_2011_homes": Offer(read=ContractReader("census2011/KS403EW_*.csv", DAY, "lsoa11")),
    "census_2011_household_deprivation": Offer(read=household_deprivation),
    "census_2011_household_size": Offer(read=household_size),
    "census_2011_qualifications": Offer(read=ContractReader("census2011/msoa_education_2011_*.csv", DAY, "msoa11")),
    "census_2011_ethnic_group": Offer(
        read=partial(percentages, "census2011/msoa_ethnicity_2011_*.csv", "mnemonic", ETHNIC_GROUPS)
    ),
    "census_2011_general_health": Offer(
        read=partial(percentages, "census2011/msoa_health_2011_*.csv", "MSOA11CD", HEALTH)
    ),
}
