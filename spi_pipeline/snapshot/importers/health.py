"""Health and inclusion: disease registers, loneliness, unpaid care, fires; one small table each."""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.loader import Contracts
from spi_pipeline.snapshot.folder import Folder, Scope
from spi_pipeline.snapshot.importers.columns import by_contract, national_or_extract


def disease_prevalence(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Disease registers of GP practices, spread to MSOAs."""
    name = folder.name("health/msoa_disease_prevalence_and_risk_*.csv")
    return by_contract(folder.csv(name, "2019-03"), contracts.sources["disease_prevalence"], name, areas=scope.msoa11)


def loneliness(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Loneliness as estimated for LSOAs."""
    table, name = national_or_extract(
        folder, "national/england_cls_loneliness_lsoa.rda", "health/cls_loneliness_lsoa21_*.csv", "2021-03"
    )
    return by_contract(table, contracts.sources["loneliness"], name, areas=scope.lsoa21)


def census_unpaid_care(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """TS039 by MSOA."""
    name = folder.name("census2021_other/msoa_provision_of_unpaid_care_2021_*.csv")
    return by_contract(
        folder.csv(name, "2021-03-21"), contracts.sources["census_unpaid_care"], name, areas=scope.msoa21
    )


def fires(folder: Folder, contracts: Contracts, scope: Scope) -> pd.DataFrame:
    """Fires attended."""
    name = folder.name("safety/fires_msoa11_*.csv")
    return by_contract(folder.csv(name, "2020-03"), contracts.sources["fires"], name, areas=scope.msoa11)
