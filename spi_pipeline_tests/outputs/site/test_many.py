"""The site of a council with many more wards than Luton has: its pages stay small and grow no faster than its wards."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.outputs.site import pages
from spi_pipeline.outputs.site.build import site_files
from spi_pipeline.outputs.site.pages import KINDS
from spi_pipeline.outputs.site.pages.page import MANY, Kind
from spi_pipeline_tests.contracts.mutation import CONTRACTS
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.outputs.site.many import Council, invent_council
from spi_pipeline_tests.outputs.site.small import OTHER_PAGES, published, rows

FEW, MORE, MOST = MANY + 10, 2 * (MANY + 10), 300
LARGEST = 120_000


def first_two(kind: Kind) -> Kind:
    """The first two pages of a kind whose pages are all alike."""
    return lambda site: islice(kind(site), 2)


KINDS_ONCE = tuple(first_two(kind) if kind in (pages.ward, pages.measure, pages.indicator) else kind for kind in KINDS)


def council(refreshed: Sandbox, wards: int, folder: Path) -> Council:
    folder.mkdir()
    return invent_council(refreshed.store, refreshed.contracts, wards, folder)


@pytest.fixture(scope="module")
def audits(refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The audits of two such councils, the second with twice the wards of the first."""
    folder = tmp_path_factory.mktemp("many")
    councils = [council(refreshed, wards, folder / str(wards)) for wards in (FEW, MORE)]
    few, more = (one.audited(one.files(KINDS_ONCE)).set_index("path") for one in councils)
    return few, more


def test_every_number_of_many_wards_agrees_with_the_tables(audits: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for one in audits:
        assert one["unread"].dropna().to_dict() == {}
        assert one["numbers"].sum() > 5_000


def test_pages_grow_no_faster_than_wards_and_stay_within_their_budget(
    audits: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    few, more = (one[one["title"].notna()] for one in audits)
    assert (more["bytes"] < 2.05 * few["bytes"]).all()
    per_ward = (more["transferred"] - few["transferred"]) / (MORE - FEW)
    at_most = more["transferred"] + per_ward * (MOST - MORE)
    assert at_most[at_most > LARGEST].to_dict() == {}


def test_data_of_scripts_are_split_into_small_files(audits: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for one in audits:
        data = one["bytes"][one.index.str.match(r"static/\w+/")]
        assert len(data) > FEW
        assert data.max() < 40_000


def test_the_pages_of_two_authorities_are_refused(tmp_path: Path) -> None:
    contracts = load_contracts(CONTRACTS)
    row_tables = rows(contracts)
    other = {**row_tables["area"][-1], "area_code": "E06000098", "area_name": "Corbridge"}
    results = published(contracts, tmp_path / "spi.duckdb", {**row_tables, "area": [*row_tables["area"], other]})
    with pytest.raises(
        SpiError, match=r"cover one authority, but the tables hold 2, including \w+ and \w+; keep contracts"
    ):
        site_files(results, kinds=OTHER_PAGES)
