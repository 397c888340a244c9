"""Inclusion: loneliness and unpaid care, one small table each."""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.snapshot.folder import Folder, Scope
from spi_pipeline.snapshot.importers.columns import by_contract, national_or_extract


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
