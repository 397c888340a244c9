"""Freshness: new figures are due one cycle after publication, and late once the grace has passed as well."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from spi_pipeline.contracts.errors import ContractError
from spi_pipeline.contracts.freshness import freshness
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, empty_sandbox

PUBLISHED = dt.date(2026, 1, 31)


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(CONTRACTS)


@pytest.fixture
def crimes(contracts: Contracts) -> Source:
    """A live source of monthly figures: a cycle of 31 days and 31 days of grace."""
    source = contracts.sources["street_crime"]
    return replace(source, properties=source.properties.model_copy(update={"mode": "live"}))


@pytest.mark.parametrize(
    ("days", "outcome", "severity", "late"),
    [(0, "passed", "warning", ""), (62, "passed", "warning", ""), (63, "failed", "warning", ": 1 day late"),
     (93, "failed", "warning", ": 31 days late"), (94, "failed", "error", ": 32 days late")],
)  # fmt: skip
def test_late_figures_warn_and_very_late_figures_fail(
    crimes: Source, days: int, outcome: str, severity: str, late: str
) -> None:
    today = PUBLISHED + dt.timedelta(days=days)
    result = freshness(crimes, PUBLISHED, today)
    assert (result.outcome, result.rule.severity) == (outcome, severity)
    assert result.observed == f"appeared on 2026-01-31, {days} days before {today}{late}"
    assert result.expected == "new figures within 31 days (monthly) and 31 days of grace"


def test_skipped_freshness_states_the_reason(contracts: Contracts, crimes: Source) -> None:
    frozen = contracts.sources["bus_service"]
    results = [
        freshness(frozen, PUBLISHED, dt.date(2036, 1, 1)),
        freshness(replace(crimes, cadence="irregular", cycle_days=None), PUBLISHED, dt.date(2036, 1, 1)),
        freshness(crimes, None, dt.date(2036, 1, 1)),
    ]
    assert [result.outcome for result in results] == ["skipped"] * 3
    assert [result.observed for result in results] == [
        "the figures are frozen: no newer ones are expected",
        "the publisher keeps no calendar (cadence irregular)",
        "the day of publication is not known",
    ]


def test_a_contract_may_state_its_own_grace(tmp_path_factory: pytest.TempPathFactory) -> None:
    sandbox = empty_sandbox(tmp_path_factory.mktemp("sandbox"))
    sla = "slaProperties:\n  - {property: frequency, value: monthly}"
    sandbox.amend("sources/street_crime.yaml", sla, f"{sla}\n  - {{property: grace, value: 75, unit: d}}")
    sources = sandbox.contracts.sources
    assert (sources["street_crime"].cycle_days, sources["street_crime"].grace_days) == (31, 75)
    assert (sources["stop_and_search"].cycle_days, sources["stop_and_search"].grace_days) == (31, 31)
    sandbox.amend("sources/street_crime.yaml", "value: 75", "value: -1")
    with pytest.raises(ContractError, match="greater than or equal to 0"):
        load_contracts(sandbox.settings.contracts)
