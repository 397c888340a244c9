"""Months as partitions: only missing months are requested, and a failed backfill continues where it stopped."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import parse_qs

import dagster as dg
import pytest

from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.months import months_key
from spi_pipeline_tests.imitations import Publishers
from spi_pipeline_tests.integration.sandboxes import Sandbox

SOURCE = "stop_and_search"
KEY = months_key(SOURCE)


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)


def backfill(sandbox: Sandbox, instance: dg.DagsterInstance, first: str, last: str) -> Any:
    """Run a range of months as a backfill from the UI does."""
    job = build_definitions(sandbox.settings).resolve_implicit_global_asset_job_def()
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return job.get_subset(asset_selection={KEY}).execute_in_process(instance=instance, raise_on_error=False, tags=tags)


def requested_months(publishers: Publishers) -> list[str]:
    """The months for which stop-and-search data were requested."""
    queries = [parse_qs(one.query) for one in publishers.requests_to("police", "/api/stops-")]
    return sorted({month for query in queries for month in query["date"]})


def test_only_missing_months_are_requested_and_a_backfill_continues(live: Sandbox, publishers: Publishers) -> None:
    with urllib.request.urlopen(f"{publishers.bases['POLICE']}/api/crimes-street-dates") as response:
        first, second, third, *_ = sorted(one["date"] for one in json.load(response))
    live = Sandbox(live.settings.model_copy(update={"since": first}))
    with open_instance(live.store.dagster_home) as instance:
        assert backfill(live, instance, first, second).success
        assert requested_months(publishers) == [first, second]
        assert instance.get_materialized_partitions(KEY) == {first, second}
        assert live.store.current(f"downloads/{SOURCE}") is None, (
            "only its fetch decides which downloads make up the source"
        )

        publishers.fault("police", "503", path="*/stops-*")
        assert not backfill(live, instance, first, third).success
        assert instance.get_materialized_partitions(KEY) == {first, second}
        publishers.clear_faults()
        publishers.requests.clear()
        assert backfill(live, instance, first, third).success
        assert requested_months(publishers) == [third]
        assert instance.get_materialized_partitions(KEY) == {first, second, third}

        # The fetch requests the remaining months and reports every month it fetched.
        publishers.requests.clear()
        assert live.refresh(f"source/{SOURCE}").faults == []
        assert not {first, second, third}.intersection(requested_months(publishers))
        (last,) = sorted(instance.get_materialized_partitions(KEY))[-1:]
        assert last == max(requested_months(publishers))
