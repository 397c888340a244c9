"""The publisher's calendar as Dagster's freshness policy: from the day figures appeared, where that is known."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from spi_pipeline.orchestration.assets import SHORTEST_WINDOW, asset_key, freshness_policies
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.runner import Runner
from spi_pipeline.storage.tables import ORIGINS
from spi_pipeline_tests.integration.houses import House

DAY = dt.timedelta(days=1)


@pytest.fixture
def live(house: House) -> House:
    """The house in live mode, its policies about to be formed; nothing is fetched."""
    return replace(house, settings=house.settings.model_copy(update={"mode": "live"}))


def published(house: House, source_id: str, days_ago: int) -> None:
    """Store a source's table again as if its figures had appeared so many days ago."""
    day = (dt.datetime.now(dt.UTC) - days_ago * DAY).isoformat()
    origins = json.dumps([{"file": "f", "period": "p", "sha256": "0" * 64, "bytes": 1, "published_at": day}])
    table = house.store.read(source_id)
    house.store.write(source_id, table, fingerprint="", run_id="test", metadata={ORIGINS: origins})


def windows(house: House, source_id: str) -> tuple[dt.timedelta, dt.timedelta | None]:
    policy: Any = freshness_policies(house.runner)[source_id]
    return policy.fail_window.to_timedelta(), policy.warn_window and policy.warn_window.to_timedelta()


def test_embedded_figures_are_held_to_no_calendar(house: House) -> None:
    assert freshness_policies(house.runner) == {}


def test_the_windows_are_cycle_and_grace(live: House) -> None:
    source = live.contracts.sources["street_crime"]
    assert (source.cycle_days, source.grace_days) == (31, 31)
    assert windows(live, "street_crime") == (62 * DAY, 31 * DAY), "no publisher says when the embedded files appeared"


@pytest.mark.parametrize(
    ("age", "fail", "warn"),
    [(10, 52 * DAY, 21 * DAY), (40, 22 * DAY, SHORTEST_WINDOW), (400, SHORTEST_WINDOW, None)],
    ids=["in time", "due when stored", "late when stored"],
)
def test_the_age_figures_had_when_stored_is_taken_off(
    live: House, age: int, fail: dt.timedelta, warn: dt.timedelta | None
) -> None:
    published(live, "street_crime", age)
    assert windows(live, "street_crime") == (fail, warn)


def test_frozen_sources_and_those_without_a_calendar_have_none(live: House) -> None:
    policies, sources = freshness_policies(live.runner), live.contracts.sources
    assert policies.keys() == {
        name for name, source in sources.items() if source.properties.mode == "live" and source.cycle_days
    }
    assert not {"bus_service", "deprivation_2025_subdomains"} & policies.keys()


def test_assets_carry_their_policy_and_the_instance_evaluates_it(live: House) -> None:
    assets = build_definitions(live.settings, Runner(live.settings, live.contracts)).resolve_asset_graph()
    policies = freshness_policies(live.runner)
    for step in build_plan(live.contracts):
        wanted = policies.get(step.name) if step.kind == "source" else None
        assert assets.get(asset_key(step)).freshness_policy == wanted
    with open_instance(live.store.dagster_home) as instance:
        assert instance.freshness_enabled
