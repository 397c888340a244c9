"""Economic context: income, prices, insolvencies, fuel poverty, age. Shown beside the index, never inside it."""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.reading import numbers, whole
from spi_pipeline.snapshot.folder import Folder, Scope
from spi_pipeline.snapshot.importers.columns import by_contract

# The header of the count of households and of the fuel-poor among them changed four times in twelve years.
FUEL_POVERTY_HEADERS = (
    ("All Households", "Fuel Poor Households"),
    ("Estimated number of households", "Estimated number of Fuel Poor Households"),
    ("Estimated number of households", "Estimated number of fuel poor households"),
    ("Number of households1", "Number of households in fuel poverty1"),
    ("Number of households", "Number of households in fuel poverty"),
)
INSOLVENCIES = {
    "Bankruptcy": "bankruptcy", "DRO": "debt relief order", "IVA": "individual voluntary arrangement",
}  # fmt: skip
INSOLVENCIES_TOTAL = "Total"


def household_income(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Net household income after housing costs, by the MSOAs of 2011 the estimates are made for."""
    name = folder.name("income/msoa_income_2020_net_income_after_housing_costs_*.csv")
    return by_contract(folder.csv(name, "2020-03"), contracts.sources["household_income"], name, areas=scope.msoa11)


def house_prices(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Median prices paid, by the LSOAs of 2011; a colon where fewer than five homes were sold."""
    name = folder.name("housing/median_house_price_lsoa11_2018_*.csv")
    table = folder.csv(name, "2018").replace({":": None})
    return by_contract(table, contracts.sources["house_prices"], name, areas=scope.lsoa11)


def insolvencies(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """New insolvencies by year and kind, a row a ward of before 2023: added up to the authority they lie in."""
    name = folder.name("income/individual_insolvencies_ward_2012_2022_*.csv")
    table = folder.csv(name, "2022", needs=["local_authority_code", "insolvency_type"])
    table = table[table["local_authority_code"].isin(scope.geography.authority_codes)]
    years = [column for column in table.columns if column.isdigit()]
    counts = table[years].apply(lambda column: whole(numbers(column, name, column.name), name, column.name))
    kinds = table["insolvency_type"].map(INSOLVENCIES)
    if unknown := sorted(set(table["insolvency_type"][kinds.isna()]) - {INSOLVENCIES_TOTAL}):
        known = ", ".join([*INSOLVENCIES, INSOLVENCIES_TOTAL])
        raise SpiError(f"{name}: insolvency_type holds {unknown[0]!r}, none of {known}; see its release notes")
    own = pd.DataFrame({"area_code": table["local_authority_code"], "kind": kinds, **counts}).dropna(subset=["kind"])
    tidy = own.melt(["area_code", "kind"], years, "year", "insolvencies").astype({"year": "int64"})
    return tidy.groupby(["area_code", "year", "kind"])["insolvencies"].sum().reset_index()


def fuel_poverty_lihc(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """2011 to 2018, low income high costs."""
    return _fuel_poverty(folder, range(2011, 2019), scope.lsoa11)


def fuel_poverty_lilee_2011(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """2019 and 2020, low income low energy efficiency, on the LSOAs of 2011."""
    return _fuel_poverty(folder, range(2019, 2021), scope.lsoa11)


def fuel_poverty_lilee(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """2021 on, low income low energy efficiency, on the LSOAs of 2021."""
    return _fuel_poverty(folder, range(2021, 2023), scope.lsoa21)


def census_age(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """TS007A as Nomis offers it by hand: five lines of notes before the header."""
    name = folder.name("census2021_other/TS007A_age_by_five_year_age_bands_*.csv")
    table = folder.csv(name, "2021-03-21", after='"mnemonic"')
    return by_contract(table, contracts.sources["census_age"], name, areas=scope.lsoa21)


def _fuel_poverty(folder: Folder, years: range, areas: frozenset[str]) -> pd.DataFrame:
    frames = []
    for year in years:
        name = folder.name(f"energy/fuel_poverty_{year}_lsoa_*.csv")
        table = folder.csv(name, str(year), needs=["LSOA Code"])
        table = table[table["LSOA Code"].isin(areas)]
        headers = [pair for pair in FUEL_POVERTY_HEADERS if set(pair) <= set(table.columns)]
        if not headers:
            found = ", ".join(table.columns[:20])
            raise SpiError(f"{name} has none of the known headers of fuel poverty but {found}; add the pair it uses")
        households, poor = (whole(numbers(table[column], name, column), name, column) for column in headers[0])
        areas_met = table["LSOA Code"]
        frames.append(pd.DataFrame({"area_code": areas_met, "year": year, "households": households, "fuel_poor": poor}))
    return pd.concat(frames, ignore_index=True)
