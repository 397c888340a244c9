"""Importers of the economic context, on invented files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline_tests.integration.houses import CONTRACTS
from spi_pipeline_tests.snapshot.publishers import put

OURS = "E06000001"
WARDS = "income/individual_insolvencies_ward_2012_2022_town.csv"
HEADER = "ward_code,ward_name,local_authority_code,local_authority_name,insolvency_type,2021,2022\n"
PRICES = "housing/median_house_price_lsoa11_2018_town.csv"


def imported(name: str, root: Path) -> list[tuple[Any, ...]]:
    areas = SimpleNamespace(
        lsoa11=frozenset({"E01000001", "E01000002"}), geography=SimpleNamespace(authority_codes=[OURS])
    )
    read = OFFERS[name].read
    assert read is not None
    table = read(Folder(root), load_contracts(CONTRACTS).sources[name], cast(Areas, areas))
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in table.itertuples(index=False)]


def test_insolvencies_of_old_wards_are_added_up_to_the_authority(tmp_path: Path) -> None:
    put(
        tmp_path, WARDS,
        HEADER + f'E05000001,North,{OURS},Town,Bankruptcy,1,"1,002"\nE05000002,South,{OURS},Town,Bankruptcy,4,5\n'
        f"E05000002,South,{OURS},Town,DRO,0,7\nE05000002,South,{OURS},Town,Total,4,12\n"
        "E05000003,Elsewhere,E06000002,Other,IVA,50,60\n",
    )  # fmt: skip
    assert imported("insolvencies", tmp_path) == [
        (OURS, 2021, "bankruptcy", 5),
        (OURS, 2021, "debt relief order", 0),
        (OURS, 2022, "bankruptcy", 1007),
        (OURS, 2022, "debt relief order", 7),
    ]


def test_an_unknown_kind_of_insolvency_is_named(tmp_path: Path) -> None:
    put(tmp_path, WARDS, f"{HEADER}E05000001,North,{OURS},Town,Trust deed,1,2\n")
    with pytest.raises(SpiError, match="insolvency_type holds 'Trust deed', none of Bankruptcy, DRO, IVA, Total"):
        imported("insolvencies", tmp_path)


def test_a_colon_is_a_price_not_published(tmp_path: Path) -> None:
    put(tmp_path, PRICES, 'LSOAcode,LSOAname,houseprice\nE01000001,A,"396,500"\nE01000002,B,:\nE01000009,C,"1"\n')
    assert imported("house_prices", tmp_path) == [("E01000001", 396500.0), ("E01000002", None)]
