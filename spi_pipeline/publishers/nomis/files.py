"""Nomis: files of Census 2021, from its bulk download and from others who published them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import ContractReader, by_contract
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.nomis.tables import CENSUS, with_derived
from spi_pipeline.rules.wording import listing

CENSUS_DAY = "2021-03-21"
# Nomis offers TS007A as a manual download, with five lines of notes before the header.
AGE = ContractReader(
    "census2021_other/TS007A_age_by_five_year_age_bands_*.csv", CENSUS_DAY, "lsoa21", after='"mnemonic"'
)
ETHNIC_GROUP = ContractReader("census2021_other/TS021_ethnic_group_*.csv", CENSUS_DAY, "lsoa21", after='"mnemonic"')
SEX = ContractReader("census2021_onsvisual/TS008_sex_2021_*.csv.gz", CENSUS_DAY, "census21")
COUNTRY_OF_BIRTH = ContractReader(
    "census2021_onsvisual/TS004_country_of_birth_3a_2021_*.csv.gz", CENSUS_DAY, "census21"
)


@dataclass(frozen=True)
class Spread:
    """A table with counts for MSOAs, and only percentages for output areas.

    Attributes:
        counts: the file of MSOAs.
        code: its column of codes.
        total: its columns that sum to all residents.
        part: its columns that sum to the part to read.
        percentages: the file of output areas.
        categories: the columns of that file that sum to the same part.
    """

    counts: ContractReader
    code: str
    total: tuple[str, ...]
    part: tuple[str, ...]
    percentages: str
    categories: tuple[str, ...]


_OTHER_LANGUAGE = "Main language is not English (English or Welsh in Wales)"
_NOT_WELL = (f"{_OTHER_LANGUAGE}: Cannot speak English well", f"{_OTHER_LANGUAGE}: Cannot speak English")
PROFICIENCY = Spread(
    ContractReader(
        "census2021_other/proficiency21_msoa21_*.csv", CENSUS_DAY, "msoa21", "national/proficiency21_msoa21.rda"
    ),
    "msoa21_code",
    (
        "Main language is English (English or Welsh in Wales)",
        f"{_OTHER_LANGUAGE}: Can speak English very well",
        f"{_OTHER_LANGUAGE}: Can speak English well",
        *_NOT_WELL,
    ),
    _NOT_WELL,
    "census2021_onsvisual/oa_percent/english_proficiency_4a.csv",
    ("english_proficiency_4a-003",),
)
UNPAID_CARE = Spread(
    ContractReader("census2021_other/msoa_provision_of_unpaid_care_2021_*.csv", CENSUS_DAY, "msoa21"),
    "msoa21cd",
    ("total",),
    tuple(f"provides_{hours}_hours_unpaid_care_a_week" for hours in ("20_to_34", "35_to_49", "50_or_more")),
    "census2021_onsvisual/oa_percent/is_carer_5a.csv",
    ("is_carer_5a-003", "is_carer_5a-004"),
)


@dataclass(frozen=True)
class Percentages:
    """A table of which only percentages of output areas are available.

    Attributes:
        file: the file of percentages.
        total: our column of the sum of the parts.
        parts: by our column, the published one.
        table: the table of the bulk download that counts the whole of the percentages.
        counted: the beginning of the name of its column of counts.
    """

    file: str
    total: str
    parts: Mapping[str, str]
    table: str
    counted: str


_HOUSEHOLDS = ("ts041", "Number of households: ")
COMPOSITION = Percentages(
    "census2021_onsvisual/oa_percent/hh_family_composition_4a.csv",
    "households",
    {
        "one_person": "hh_family_composition_4a-002",
        "single_family": "hh_family_composition_4a-003",
        "other_kinds": "hh_family_composition_4a-001",
    },
    *_HOUSEHOLDS,
)
SIZE = Percentages(
    "census2021_onsvisual/oa_percent/hh_size_5a.csv",
    "households",
    {
        "one_person": "hh_size_5a-001",
        "two_people": "hh_size_5a-002",
        "three_people": "hh_size_5a-003",
        "four_or_more": "hh_size_5a-004",
    },
    *_HOUSEHOLDS,
)
ECONOMIC_ACTIVITY = Percentages(
    "census2021_onsvisual/oa_percent/economic_activity_status_4a.csv",
    "residents_16_and_over",
    {
        "in_employment": "economic_activity_status_4a-001",
        "unemployed": "economic_activity_status_4a-002",
        "inactive": "economic_activity_status_4a-003",
    },
    "ts067",
    "Highest level of qualification: Total",
)
OCCUPANCY = {
    "-1 (overcrowded)": "minus_1",
    "-2 or less (overcrowded)": "minus_2_or_less",
    "0 (ideal)": "standard",
    "+1 (under-occupied)": "plus_1",
    "+2 or more (under-occupied)": "plus_2_or_more",
}


def bulk_table(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read a table of the Nomis bulk download: output areas where they are known, LSOAs elsewhere.

    Returns:
        One row per area, with the columns of the contract.
    """
    frames = []
    for level, ours in (("oa", areas.oa21), ("lsoa", areas.lsoa21_without_oa)):
        if ours:
            published, name = _level(folder, CENSUS[source.id].bulk, level)
            frames.append(by_contract(published, name, source, areas=ours))
    return pd.concat(frames, ignore_index=True)


def _level(folder: Folder, table: str, level: str) -> tuple[pd.DataFrame, str]:
    """Read the national zip if it is available, or else an extract of it."""
    archive = f"census2021_nomis/census2021-{table}.zip"
    if folder.has(archive):
        member = f"census2021-{table}-{level}.csv"
        return folder.zipped_csv(archive, member, CENSUS_DAY, needs=["geography code"]), f"{archive}/{member}"
    names = folder.names(f"census2021_nomis/*/census2021-{table}-{level}.csv*")
    return pd.concat([folder.csv(name, CENSUS_DAY, needs=["geography code"]) for name in names]), names[0]


def overcrowding(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read TS052 from files in long form: output areas where they are known, LSOAs elsewhere."""
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
    """Turn rows of areas and occupancy ratings into one row per area."""
    wide = _wide(table, name, "occupancy_rating", OCCUPANCY, "total_households")
    wide = wide.rename(columns={"total_households": "households", **OCCUPANCY})
    return wide[[column.name for column in source.columns]]


def _wide(table: pd.DataFrame, name: str, by: str, categories: Collection[str], total: str) -> pd.DataFrame:
    """Turn rows of areas and categories into one row per ``area_code``, with its total and a column per category.

    Raises:
        SpiError: when the table does not hold each category once per area.
    """
    present, twice = set(table[by]), table.duplicated(["area_code", by])
    if present != set(categories) or twice.any():
        raise SpiError(
            f"{name} must have one row for each of the {by.replace('_', ' ')}s {sorted(categories)} in each area; it "
            f"has {sorted(map(str, present))} and {int(twice.sum())} repeated rows; download the whole table again"
        )
    table = table.assign(n=whole(numbers(table["n"], name, "n"), name, "n"))
    wide = table.pivot(index="area_code", columns=by, values="n")
    wide.columns = wide.columns.astype(object)
    wide.insert(0, total, whole(numbers(table.groupby("area_code")[total].first(), name, total), name, total))
    return wide.rename_axis(None, axis=1).reset_index()


def ethnic_group(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read TS021 by LSOA, from a national file in long form if there is one, or else as Nomis offers it."""
    name = "national/ethnicity21_lsoa21.rda"
    if not folder.has(name):
        return ETHNIC_GROUP(folder, source, areas)
    code, total, *groups = [column.published_name for column in source.columns]
    table = folder.rdata(name, CENSUS_DAY).rename(columns={"lsoa21_code": "area_code"})
    wide = _wide(table[table["area_code"].isin(areas.lsoa21)], name, "ethnic_group", groups, "total_residents")
    return by_contract(wide.rename(columns={"area_code": code, "total_residents": total}), name, source)


def spread(table: Spread, folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Spread counts of MSOAs over their output areas, or over LSOAs if output areas are not known.

    The total is spread by residents (TS001), and the part by residents times the percentage of the output area if it is
    published, so that both still sum to the counts of the MSOA. The publisher gives percentages to one decimal, which
    is some 0.2 people of an output area.

    Returns:
        One row per area: ``area_code``, the total and the part, named as in the contract.

    Raises:
        SpiError: when an MSOA or its residents are not in the files.
    """
    _, total, part = [column.name for column in source.columns]
    published, name = table.counts.table(folder)
    absent = [column for column in (table.code, *table.total, *table.part) if column not in published]
    if absent:
        raise SpiError(f"{name} lacks {absent}; it has {list(published)[:20]}")
    counted = pd.DataFrame(
        {
            "msoa_code": published[table.code],
            total: sum(numbers(published[column], name, column) for column in table.total),
            part: sum(numbers(published[column], name, column) for column in table.part),
        }
    )
    small = _residents(folder, areas).merge(counted, on="msoa_code", how="left", validate="m:1")
    missing = sorted(small.loc[small[total].isna(), "area_code"])
    if missing:
        raise SpiError(f"{name} has no MSOA for {listing(missing)}; download it again, or compare it with the lookups")
    share = pd.Series(1.0, small.index)
    if areas.oa21 and folder.has(table.percentages):
        percentages = folder.csv(table.percentages, CENSUS_DAY, needs=["areacd", *table.categories])
        percent = sum(numbers(percentages[column], table.percentages, column) for column in table.categories)
        known = small["area_code"].map(pd.Series(percent).set_axis(percentages["areacd"]))
        if known.isna().all():
            raise SpiError(
                f"{table.percentages} has no row for our output areas; download the file for all of England and Wales"
            )
        # Percentages are used for all output areas of an MSOA or for none: without one, the others have no comparison.
        usable = (known.notna() & (known.groupby(small["msoa_code"]).transform("sum") > 0)).groupby(small["msoa_code"])
        share = known.where(usable.transform("all"), 1.0)
    for column, weight in ((total, small["residents"]), (part, small["residents"] * share)):
        small[column] = small[column] * weight / weight.groupby(small["msoa_code"]).transform("sum")
    return small[["area_code", total, part]]


def percentages(table: Percentages, folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Compute counts of output areas from percentages, rounded to whole people or homes; the total is their sum.

    The percentages have one decimal, which is a fifth of a household. They are applied to the total of another table,
    whose cells are perturbed separately, so the counts are as exact as two tables agree, mostly within two.

    Returns:
        One row per output area, with the columns of the contract; no row if output areas are not known.

    Raises:
        SpiError: when an output area is not in the files.
    """
    counted = _counts(folder, areas.oa21, table.table, "oa", table.counted)
    published = folder.csv(table.file, CENSUS_DAY, needs=["areacd", *table.parts.values()]).set_index("areacd")
    missing = sorted(set(counted["area_code"]) - set(published.index))
    if missing or not published.index.is_unique:
        fault = f"has no {listing(missing)}" if missing else "holds an output area twice"
        raise SpiError(f"{table.file} {fault}; download it again, whole")
    percent = published.loc[counted["area_code"]]
    frame = pd.DataFrame({"area_code": counted["area_code"]})
    for column, name in table.parts.items():
        share = numbers(percent[name], table.file, name).to_numpy() / 100
        frame[column] = (counted["count"] * share).round().astype("Int64")
    frame[table.total] = frame[list(table.parts)].sum(axis=1, skipna=False)
    return with_derived(CENSUS[source.id], frame)[[column.name for column in source.columns]]


def _residents(folder: Folder, areas: Areas) -> pd.DataFrame:
    """Return ``area_code, residents, msoa_code`` of each output area, and of each LSOA without known output areas."""
    frames = []
    lsoa_of = dict(zip(areas.parents["code"], areas.parents["parent"], strict=True))
    msoa_of = dict(zip(areas.msoas["lsoa_code"], areas.msoas["msoa_code"], strict=True))
    for level, ours in (("oa", areas.oa21), ("lsoa", areas.lsoa21_without_oa)):
        if ours:
            frames.append(_counts(folder, ours, "ts001", level, "Residence type: Total"))
    frame = pd.concat(frames, ignore_index=True).rename(columns={"count": "residents"})
    return frame.assign(msoa_code=[msoa_of.get(lsoa_of.get(code, code), "") for code in frame["area_code"]])


def _counts(folder: Folder, areas: Collection[str], table: str, level: str, begins: str) -> pd.DataFrame:
    """Return ``area_code`` and ``count`` of some areas, from the column of a bulk table that begins with ``begins``."""
    published, name = _level(folder, table, level)
    published = published[published["geography code"].isin(areas)].reset_index(drop=True)
    counted = next((column for column in map(str, published) if column.startswith(begins)), None)
    if counted is None:
        raise SpiError(f"{name} has no column {begins}; download it again")
    figures = numbers(published[counted], name, counted)
    return pd.DataFrame({"area_code": published["geography code"], "count": figures})
