"""What a publisher restricts beyond its licence: told wherever the licence is, and never used unknown."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.http.exchange import Scope
from spi_pipeline.run.records import release_rows
from spi_pipeline.steps.inputs import AREAS
from spi_pipeline.steps.pages.page import rests_on
from spi_pipeline.steps.sources.source import source_steps
from spi_pipeline.steps.step import Step, compute
from spi_pipeline.storage.downloads import Downloads
from spi_pipeline_tests.publishers.fake import TOWN, kept
from spi_pipeline_tests.publishers.test_fingertips import metadata, row, table
from spi_pipeline_tests.steps.examples import given

SAID = (
    "non commercial use only (life_expectancy, life_expectancy_female, life_expectancy_male, life_expectancy_lower, "
    "life_expectancy_upper)"
)


def step_of(contracts: Contracts) -> Step:
    live = replace(contracts, fetched=frozenset({"local_health"}), dormant=frozenset())
    return next(step for step in source_steps(live) if step.name == "local_health" and step.kind == "source")


def test_it_is_told_wherever_the_licence_is(contracts: Contracts) -> None:
    assert step_of(contracts).page.about(step_of(contracts), contracts)["licence"] == f"OGL-UK-3.0; {SAID}"
    assert rests_on(["local_health", "wards"], contracts)["restrictions"] == SAID
    assert "restrictions" not in rests_on(["wards"], contracts)
    origins = [{"period": "2025", "file": "a.csv", "sha256": "0" * 64, "bytes": 1}]
    (release,) = release_rows("local_health", origins, 1, "current", "r1", contracts).to_pylist()
    assert release["licence"] == f"OGL-UK-3.0; {SAID}"


@pytest.mark.parametrize(("uses", "refused"), [({"n93283": "Non-commercial use only"}, ""),
                                               ({"n93107": "Ask for permission"}, "year_6_obesity")])  # fmt: skip
def test_one_that_the_contract_does_not_know_is_refused(
    contracts: Contracts, tmp_path: Path, uses: dict[str, str], refused: str
) -> None:
    found = kept(tmp_path, metadata(**uses)), kept(tmp_path, table([row(93252, TOWN.msoas[0])]))
    downloads = Downloads(found, None, "d1", "r1", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    scope: Scope = TOWN
    inputs = given({"downloads/local_health": downloads, AREAS: scope})
    if not refused:
        assert compute(step_of(contracts), contracts, inputs)["local_health"].num_rows == 1
        return
    with pytest.raises(SpiError) as caught:
        compute(step_of(contracts), contracts, inputs)
    assert str(caught.value) == (
        f"local_health: its publisher says of {refused}: 'Ask for permission', which sources/local_health.yaml does "
        "not; state it there under restrictions with the reason why the figures are used nevertheless, or drop the "
        "column"
    )
