"""Fetching as a step: a failing publisher stops no other, and unchanged data cost only a conditional request."""

from __future__ import annotations

import json

import dagster as dg
import pytest

from spi_pipeline.orchestration.assets import asset_key
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.sensors import affected
from spi_pipeline.run.plan import build_plan
from spi_pipeline_tests.imitations import Publishers
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox

FAILS, CHANGES, STAYS = "background_pollution", "street_crime", "census_car_availability"
SELECT = tuple(f"source/{name}" for name in (FAILS, CHANGES, STAYS))
# The source that the job fetches, and the table computed from it.
JOB, COMPUTED = "fuel_poverty_lilee", "context"


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)


def test_a_failing_publisher_is_reported_once_and_stops_no_other(
    live: Sandbox, publishers: Publishers, spi: Command
) -> None:
    assert live.refresh(*SELECT).faults == []
    before = live.digests()
    publishers.fault("defra_pcm", "503")
    newest = max(live.store.read(CHANGES)["month"].to_pylist())
    publishers.fault("police", "revision", month=newest)
    result = spi(live, "refresh", "--live", *(word for name in SELECT for word in ("--select", name)), "--json")
    assert result.code == 1
    report = json.loads(result.out)
    (fault,) = report["faults"]
    assert fault.startswith(f"{FAILS}: ")
    assert fault.count("responded with 503 Service Unavailable (503)") == 1
    assert "old, stays in use" in fault
    assert result.err.count("responded with 503 Service Unavailable (503)") <= 1

    version = live.store.current(FAILS)
    assert version
    assert (version.sha256, version.stale_run_id) == (before[FAILS], report["run_id"])
    assert fault.startswith(str(version.stale_reason))
    assert {name for name, digest in live.digests().items() if before[name] != digest} == {CHANGES}
    for name in (CHANGES, STAYS):
        assert live.store.current(name).stale_since is None  # type: ignore[union-attr]
    recorded = live.store.read_run("source_release", report["run_id"])
    assert recorded
    states = {(row["source_id"], row["state"]) for row in recorded.to_pylist()}
    assert states == {(FAILS, "stale"), (CHANGES, "fresh")}

    publishers.clear_faults("defra_pcm")
    repaired = live.refresh(*SELECT)
    assert (repaired.state, [step.label for step in repaired.stale]) == (
        "succeeded",
        [f"fetch/{FAILS}", f"source/{FAILS}"],
    )
    assert live.store.current(FAILS).stale_since is None  # type: ignore[union-attr]
    assert live.digests()[FAILS] == before[FAILS]


def test_without_new_data_only_conditional_requests_are_made_and_no_step_runs(
    live: Sandbox, publishers: Publishers
) -> None:
    publishers.site.validators = "all"
    live.refresh(*SELECT)
    before = live.store.versions()
    downloaded = [request.path for request in publishers.requests_to("defra_pcm") if request.status == 200]
    publishers.requests.clear()
    again = live.refresh(*SELECT)
    assert (again.state, again.stale, again.requests) == ("nothing to do", [], len(publishers.requests))
    assert downloaded
    assert [request.path for request in publishers.requests_to("defra_pcm") if request.status == 304] == downloaded
    assert not [request for request in publishers.requests_to("defra_pcm") if request.status == 200]
    assert live.store.versions() == before
    assert live.store.read_run("check_result", again.run_id) is None


def test_embedded_figures_stand_in_for_a_publisher_that_never_responded(live: Sandbox, publishers: Publishers) -> None:
    publishers.fault("*", "503")
    done = live.refresh(f"source/{STAYS}")
    (fault,) = done.faults
    assert fault.startswith(f"{STAYS}: ")
    assert "stays in use" in fault
    assert live.store.read(STAYS).num_rows
    assert {outcome.table: outcome.state for outcome in done.outcomes} == {
        f"downloads/{STAYS}": "failed",
        STAYS: "kept",
    }


@pytest.fixture
def council(sandbox: Sandbox, publishers: Publishers) -> Sandbox:
    """The refreshed store in live mode; no request has been made to publishers yet."""
    return Sandbox(sandbox.settings.model_copy(update={"mode": "live"}))


def job(sandbox: Sandbox, source: str) -> dg.ExecuteInProcessResult:
    """Run the job for a source as the schedules and the news sensor start it."""
    selected = [asset_key(step) for step in affected(build_plan(sandbox.contracts), [source])]
    refresh = build_definitions(sandbox.settings).resolve_job_def("refresh")
    with open_instance(sandbox.store.dagster_home) as instance:
        return refresh.execute_in_process(instance=instance, asset_selection=selected, raise_on_error=False)


def test_a_job_fetches_parses_and_publishes_as_the_command_does(council: Sandbox, publishers: Publishers) -> None:
    published = council.store.published_version()
    done = job(council, JOB)
    assert done.success
    request_count = len(publishers.requests)
    assert request_count
    version = council.store.current(JOB)
    assert version
    assert (version.run_id, version.stale_since) == (done.run_id, None)
    downloads = council.store.raw(JOB).current()
    assert downloads
    assert downloads.fetched_in == done.run_id
    files = council.query("SELECT DISTINCT sha256, state FROM source_release WHERE run_id = ?", done.run_id)
    assert set(files) == {(one.sha256, "fresh") for one in downloads.downloads}
    assert council.store.published_version() != published
    computed = council.store.current(COMPUTED)
    assert computed
    assert computed.run_id == done.run_id

    again = council.refresh(f"source/{JOB}")
    assert (again.state, again.stale) == ("nothing to do", []), "the command has nothing left to do"
    assert len(publishers.requests) > request_count, "although it makes requests"


def test_a_job_whose_fetch_fails_keeps_what_readers_see(council: Sandbox, publishers: Publishers) -> None:
    publishers.fault("govuk_assets", "503")
    before, scores = council.digests(), council.query("SELECT * FROM score ORDER BY ALL")
    done = job(council, JOB)
    version = council.store.current(JOB)
    assert version
    assert version.stale_run_id == done.run_id
    assert "responded with 503 Service Unavailable (503)" in str(version.stale_reason)
    assert council.digests()[JOB] == before[JOB]
    assert council.query("SELECT * FROM score ORDER BY ALL") == scores
