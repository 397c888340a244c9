"""Restrictions beyond a publisher's licence appear wherever the licence does, and unknown ones are refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.run.records import release_rows
from spi_pipeline.steps.inputs import AREAS
from spi_pipeline.steps.pages.page import source_facts
from spi_pipeline.steps.sources.source import source_steps
from spi_pipeline.steps.step import Step, compute
from spi_pipeline.storage.downloads import Downloads
from spi_pipeline_tests.publishers.fake import TOWN, as_download
from spi_pipeline_tests.publishers.test_fingertips import metadata, row, table
from spi_pipeline_tests.steps.examples import given

RESTRICTIONS = (
    "non commercial use only (life_expectancy, life_expectancy_female, life_expectancy_male, life_expectancy_lower, "
    "life_expectancy_upper)"
)


def step_of(contracts: Contracts) -> Step:
    live = replace(contracts, fetched=frozenset({"local_health"}), unavailable=frozenset())
    return next(step for step in source_steps(live) if step.name == "local_health" and step.kind == "source")


def test_restrictions_appear_wherever_the_licence_does(contracts: Contracts) -> None:
    assert step_of(contracts).page.about(step_of(contracts), contracts)["licence"] == f"OGL-UK-3.0; {RESTRICTIONS}"
    assert source_facts(["local_health", "wards"], contracts)["restrictions"] == RESTRICTIONS
    assert "restrictions" not in source_facts(["wards"], contracts)
    origins = [{"period": "2025", "file": "a.csv", "sha256": "0" * 64, "bytes": 1}]
    (release,) = release_rows("local_health", origins, 1, "current", "r1", contracts).to_pylist()
    assert release["licence"] == f"OGL-UK-3.0; {RESTRICTIONS}"


def local_health(contracts: Contracts, folder: Path, **uses: str) -> pa.Table:
    """The table ``local_health`` when the publisher states these uses for its indicators."""
    files = as_download(folder, metadata(**uses)), as_download(folder, table([row(93252, TOWN.msoas[0])]))
    downloads = Downloads(files, None, "d1", "r1", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    inputs = given({"downloads/local_health": downloads, AREAS: TOWN})
    return compute(step_of(contracts), contracts, inputs)["local_health"]


def test_a_restriction_in_the_contract_is_accepted(contracts: Contracts, tmp_path: Path) -> None:
    assert local_health(contracts, tmp_path, n93283="Non-commercial use only").num_rows == 1


def test_a_restriction_missing_from_the_contract_is_refused(contracts: Contracts, tmp_path: Path) -> None:
    with pytest.raises(SpiError) as caught:
        local_health(contracts, tmp_path, n93107="Ask for permission")
    assert str(caught.value) == (
        "local_health: its publisher restricts year_6_obesity: 'Ask for permission', which sources/local_health.yaml "
        "does not mention; add it there under restrictions, with the reason why the figures are used nevertheless, or "
        "drop the column"
    )
