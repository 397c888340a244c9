"""Office for National Statistics: estimates and prices of small areas, each in separate files."""

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import ContractReader, by_contract
from spi_pipeline.publishers.files.england import GARDENS, read_gardens
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.offer import Offer

# Years whose estimates by single year of age are available, and their files.
ESTIMATED, ESTIMATES = (2017, 2019, 2020), "population/population{:02}_lsoa11_syoa"


def population_2020(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read residents of mid-2020, and those aged 50 and over summed from single years of age."""
    name = folder.name("population/population20_msoa11_syoa_*.csv")
    ages = [*map(str, range(50, 90)), "90+"]
    table = folder.csv(name, "2020-06-30", needs=ages)
    frame = by_contract(table, name, source, areas=areas.msoa11)
    older = pd.DataFrame({age: numbers(table[age], name, age) for age in ages}).sum(axis=1, skipna=False)
    older = older.set_axis(table["msoa11_code"])
    frame["residents_50_and_over"] = whole(frame["area_code"].map(older), name, "ages 50 to 90+")
    return frame


def population_estimates(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read residents in the middle of each available year, and their broad ages summed from single years."""
    files = [
        (year, ContractReader(f"{ESTIMATES.format(year % 100)}_*.csv", f"{year}-06-30", "lsoa11", national))
        for year in ESTIMATED
        if folder.has(national := f"{ESTIMATES.format(year % 100)}_national.parquet") or not areas.national
    ]
    return pd.concat([_residents_of(year, file, folder, areas) for year, file in files], ignore_index=True)


def _residents_of(year: int, file: ContractReader, folder: Folder, areas: Areas) -> pd.DataFrame:
    table, name = file.table(folder)
    ages = [*map(str, range(90)), "90+"]
    if missing := [column for column in ("lsoa11_code", "total_population", *ages) if column not in table]:
        raise SpiError(f"{name} lacks {missing[:20]}; download it again")
    table = table[table["lsoa11_code"].isin(areas.lsoa11)].reset_index(drop=True)
    single = pd.DataFrame({age: numbers(table[age], name, age) for age in ages})
    counted = {
        "residents": numbers(table["total_population"], name, "total_population"),
        "aged_0_15": single[ages[:16]].sum(axis=1, skipna=False),
        "aged_65_and_over": single[ages[65:]].sum(axis=1, skipna=False),
    }
    known = {column: whole(values, name, column) for column, values in counted.items()}
    return pd.DataFrame({"area_code": table["lsoa11_code"], "year": year, **known})


def private_outdoor_space(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read the addresses with private outdoor space, by MSOA."""
    return by_contract(read_gardens(folder), GARDENS, source, areas=areas.msoa11)


HOSTS = ()
OFFERS = {
    "population_2020": Offer(read=population_2020),
    "population_estimates": Offer(read=population_estimates, national=True),
    "private_outdoor_space": Offer(read=private_outdoor_space, national=True),
    "household_income": Offer(
        read=ContractReader(
            "income/msoa_income_2020_net_income_after_housing_costs_*.csv", "2020-03", "msoa11",
            "income/income2020_msoa.xlsx",
        ),
        national=True,
    ),
    "house_prices": Offer(
        read=ContractReader(
            "housing/hpssa_median_price_lsoa11_2020_2021_*.csv", "2021-03", "lsoa11",
            "national/hpssa_median_price_lsoa11.csv.gz",
        ),
        national=True,
    ),
}  # fmt: skip
