"""Office for National Statistics: estimates and prices of small areas, in files of their own."""

import pandas as pd

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import Named, by_contract
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.offer import Offer

GARDENS = "environment/osprivateoutdoorspacereferencetables.xlsx"


def population_2020(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Residents of mid-2020, and those aged 50 and over summed from single years of age."""
    name = folder.name("population/population20_msoa11_syoa_*.csv")
    ages = [*map(str, range(50, 90)), "90+"]
    table = folder.csv(name, "2020-06-30", needs=ages)
    frame = by_contract(table, name, source, areas=areas.msoa11)
    older = pd.DataFrame({age: numbers(table[age], name, age) for age in ages}).sum(axis=1, skipna=False)
    older = older.set_axis(table["msoa11_code"])
    frame["residents_50_and_over"] = whole(frame["area_code"].map(older), name, "ages 50 to 90+")
    return frame


def read_gardens(folder: Folder) -> pd.DataFrame:
    """Private outdoor space by MSOA of 2011, all of Great Britain."""
    return folder.workbook(GARDENS, "MSOA gardens", "2020-04")


def private_outdoor_space(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Addresses with private outdoor space, of our MSOAs."""
    return by_contract(read_gardens(folder), GARDENS, source, areas=areas.msoa11)


HOSTS = ()
OFFERS = {
    "population_2020": Offer(read=population_2020),
    "private_outdoor_space": Offer(read=private_outdoor_space),
    "household_income": Offer(
        read=Named("income/msoa_income_2020_net_income_after_housing_costs_*.csv", "2020-03", "msoa11")
    ),
    "house_prices": Offer(read=Named("housing/hpssa_median_price_lsoa11_2020_2021_*.csv", "2021-03", "lsoa11")),
}
