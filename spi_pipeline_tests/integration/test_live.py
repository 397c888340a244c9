"""Live mode from end to end against local publishers: first fetch, repeat, revision, kill, failures, inbox.

A few sources stand for all: one requested by month, one by page, one with validators, one with several files.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration.refresh import Refresh, refresh
from spi_pipeline.run.activity import with_activity
from spi_pipeline.run.due import due_steps
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.result import StepResult
from spi_pipeline.run.runner import Runner
from spi_pipeline_tests.imitations import Publishers
from spi_pipeline_tests.integration.fixtures import MONTHS
from spi_pipeline_tests.integration.sandboxes import Sandbox

SOURCES = ("street_crime", "census_car_availability", "background_pollution")


def fetch(sandbox: Sandbox, *select: str) -> Refresh:
    """Run ``spi refresh --live --select …``."""
    contracts = with_activity(sandbox.contracts, sandbox.settings)
    return refresh(sandbox.settings, contracts, select or SOURCES)


def run(sandbox: Sandbox, *sources: str) -> dict[str, StepResult]:
    """Fetch and parse some sources directly, without the job, which would cost a second each time."""
    contracts = with_activity(sandbox.contracts, sandbox.settings)
    runner, run_id, now = Runner(sandbox.settings, contracts), str(uuid.uuid4()), dt.datetime.now(dt.UTC)
    plan = [step for step in build_plan(contracts) if step.name in sources]
    outcomes: list[StepResult] = []
    with runner.store.lock():
        for kind in ("fetch", "source"):
            outcomes += runner.run([step for step in plan if step.kind == kind], run_id, now)
    return {outcome.table: outcome for outcome in outcomes}


def origins(sandbox: Sandbox, source: str) -> list[dict[str, object]]:
    return json.loads(sandbox.store.read(source).schema.metadata[b"spi_origins"])


def test_a_first_a_repeated_and_a_revised_fetch(live: Sandbox, publishers: Publishers) -> None:
    first = fetch(live)
    assert (first.faults, first.state) == ([], "succeeded")
    request_count = len(publishers.requests)
    assert first.requests == request_count
    before = live.digests()
    assert set(before) == set(SOURCES)
    released = live.store.read_runs("source_release").to_pylist()
    assert {row["source_id"] for row in released} == set(SOURCES)
    for row in released:
        kept = Path(live.settings.store) / row["file"]
        assert (kept.name, kept.stat().st_size) == (row["sha256"], row["bytes"])
        assert (row["state"], row["url"].startswith("http://127.0.0.1")) == ("fresh", True)

    publishers.requests.clear()
    contracts = with_activity(live.contracts, live.settings)
    assert due_steps(build_plan(contracts), Runner(live.settings, contracts), SOURCES) == []
    assert publishers.requests == [], "finding stale steps needs no request"
    again = fetch(live)
    assert (again.state, again.stale, live.digests()) == ("nothing to do", [], before)
    assert 0 < len(publishers.requests) < request_count, "final responses are not requested again"
    months = [request for request in publishers.requests if "crimes-street/" in request.path]
    assert len(months) == 3, "the newest three months are, since they are revised"

    newest = max(month for month in live.store.read("street_crime")["month"].to_pylist())
    publishers.fault("police", "revision", month=newest)
    revised = fetch(live)
    assert [step.name for step in revised.stale if step.kind == "source"] == ["street_crime"]
    changed = {name for name, digest in live.digests().items() if before[name] != digest}
    assert changed == {"street_crime"}
    drifted = live.store.read_runs("check_result").to_pylist()
    (totals,) = [row for row in drifted if row["rule"] == "drift_totals_crimes"]
    assert (totals["severity"], newest in totals["observed"]) == ("warning", True)


def test_a_killed_backfill_continues_where_it_stopped(live: Sandbox, publishers: Publishers) -> None:
    publishers.fault("police", "latency", path="/api/crimes-*", seconds=0.4)
    command = ["spi", "refresh", "--live", "--select", "street_crime"]
    script = f"import sys; from spi_pipeline.cli import main; sys.argv = {command}; main()"
    environment = os.environ | live.environment | {"SPI_MODE": "live"}
    child = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(publishers.requests_to("police", "crimes-")) < 6 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    completed = [request for request in publishers.requests_to("police", "crimes-") if request.status == 200]
    publishers.clear_faults()

    publishers.requests.clear()
    assert fetch(live, "street_crime").faults == []
    once = {(request.path, request.query) for request in completed[:-1]}
    again = {(request.path, request.query) for request in publishers.requests}
    assert not once & again, "downloads of the killed refresh are not requested again"
    assert len(once) >= 4
    assert len(again) + len(once) < len(completed) + 2 * MONTHS + 3
    assert live.store.read("street_crime").num_rows > 1000


def test_history_once_fetched_is_retained_by_later_refreshes(live: Sandbox, publishers: Publishers) -> None:
    name = "claimant_count"
    assert run(Sandbox(live.settings.model_copy(update={"since": "2025-06"})), name)[name].state == "written"
    before, months = live.digests(), live.store.read(name)["month"].to_pylist()
    assert min(months) == "2025-06"
    publishers.requests.clear()
    assert run(live, name)[name].state == "unchanged"
    assert live.digests() == before
    assert len(publishers.requests) == 2, "the newest two months, since they are revised"


@pytest.mark.parametrize("setting", ["drop", "keep"])
def test_an_archive_is_checked_against_its_published_checksum_and_retained_as_set(
    live: Sandbox, publishers: Publishers, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)
    name, since = "street_crime", "2023-07"
    sandbox = Sandbox(live.settings.model_copy(update={"since": since, "archives": setting}))
    publishers.fault("police_bucket", "drop_rows")
    outcome = run(sandbox, name)[name]
    assert "the body is damaged: its MD5 is " in outcome.message
    assert "data/archive/2024-04.zip: " in outcome.message
    publishers.clear_faults()

    assert run(sandbox, name)[name].state == "written"
    assert min(sandbox.store.read(name)["month"].to_pylist()) == since
    (origin,) = [item for item in origins(sandbox, name) if "/archive/" in str(item["url"])]
    assert str(origin["url"]).endswith("2024-04.zip#bedfordshire" if setting == "drop" else "2024-04.zip")
    assert str(origin["published_at"]).startswith("2025-10-3"), "the bucket gives the date"
    (sent,) = {one.sent for one in publishers.requests_to("police_bucket") if one.method == "GET" and not one.faults}
    assert (origin["bytes"] == sent) == (setting == "keep")
    with zipfile.ZipFile(Path(sandbox.settings.store) / str(origin["file"])) as archive:
        others = [one for one in archive.namelist() if not one.endswith("-bedfordshire-street.csv")]
        assert bool(others) == (setting == "keep")
        assert (f"Taken from an archive of {sent:,} bytes, MD5 " in archive.comment.decode()) == (setting == "drop")

    publishers.requests.clear()
    assert run(sandbox, name)[name].state == "unchanged"
    assert [one.path for one in publishers.requests if "archive" in one.path] == []


FAILURES = {
    "404": "has no grid of any year",
    "403": "place the file in the inbox",
    "503": "responded with 503 Service Unavailable (503); tried 4 times",
    "html": "a web page came in place of csv data; tried 4 times",
    "empty": "the body is empty; tried 4 times",
    "cut_body": "cut short",
    "foreign_redirect": "may be followed",
    "wrong_header": "no line starts with 'gridcode'",
    "rename_column": "fetch the right map",
}


def test_a_failed_fetch_leaves_the_last_good_version(
    live: Sandbox, publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)
    name = "background_pollution"
    assert run(live, name)[name].state == "written"
    before = live.digests()
    since = set()
    for kind, message in FAILURES.items():
        options = {"column": "no2*"} if kind == "rename_column" else {}
        publishers.fault("defra_pcm", kind, **options)
        outcome = run(live, name)[name]
        assert outcome.state == "kept", kind
        assert outcome.message.startswith("background_pollution: "), kind
        assert message in outcome.message, kind
        assert "old, stays in use" in outcome.message, kind
        assert live.digests() == before, kind
        since.add(live.store.current(name).stale_since)  # type: ignore[union-attr]
        publishers.clear_faults()
    assert len(since) == 1, "stale since the first failure"
    states = live.store.read_runs("source_release")["state"].to_pylist()
    assert states.count("stale") == states.count("fresh") * len(FAILURES)

    assert run(live, name)[name].state == "unchanged", "the publisher serves the last good version again"
    assert live.store.current(name).stale_since is None  # type: ignore[union-attr]
    assert live.digests() == before


def test_without_a_version_the_embedded_figures_are_the_last_good_ones(
    live: Sandbox, publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spi_pipeline.publishers.http.client._backoff", lambda _state: 0.01)
    publishers.fault("*", "503")
    done = run(live, "census_car_availability", "background_pollution")
    assert {name: outcome.state for name, outcome in done.items()} == {
        "downloads/census_car_availability": "failed", "downloads/background_pollution": "failed",
        "census_car_availability": "kept", "background_pollution": "failed",
    }  # fmt: skip
    assert "stays in use" in done["census_car_availability"].message
    assert "there is no earlier version" in done["background_pollution"].message
    assert origins(live, "census_car_availability")[0]["file"].endswith("census2021-ts045.zip")  # type: ignore[attr-defined]


def test_files_in_the_inbox_replace_the_publisher(live: Sandbox, publishers: Publishers) -> None:
    name = "background_pollution"
    run(live, name)
    inbox = Path(live.settings.store) / "inbox" / name
    inbox.mkdir(parents=True)
    for number, item in enumerate(origins(live, name)):
        kept = Path(live.settings.store) / str(item["file"])
        file_name = str(item["url"]).split("?")[0].rsplit("/", 1)[-1]
        shutil.copyfile(kept, inbox / (file_name if file_name.endswith(".csv") else f"page-{number}.json"))
    before = live.digests()
    publishers.requests.clear()
    outcome = run(live, name)[name]
    assert outcome.message == ""
    assert (publishers.requests, live.digests() == before) == ([], False), "other origins, hence another version"
    assert {str(item["url"]).split("/")[0] for item in origins(live, name)} == {"inbox"}
    broken = sorted(inbox.glob("*.json"))[0]
    broken.write_bytes(broken.read_bytes()[:-40])
    assert f"inbox/{name}/{broken.name}: the JSON is cut short; supply it again" in run(live, name)[name].message


def test_a_source_read_only_from_the_inbox_accumulates_the_files_of_several_years(live: Sandbox) -> None:
    name = "broadband_coverage"
    inbox = Path(live.settings.store) / "inbox" / name
    inbox.mkdir(parents=True)
    areas = pq.read_table(live.embedded("output_area_lookup"))["area_code"].to_pylist()
    for year, gigabit in ((2025, 70), (2026, 90)):
        rows = [f"{area},100,{gigabit}" for area in areas]
        header = "output_area,All Premises,Number of premises with Gigabit availability"
        file = inbox / f"{year}01_fixed_oa_coverage_r1.csv"
        file.write_text("\n".join([header, *rows, ""]), encoding="utf-8-sig")
        outcome = run(live, name)[name]
        assert (outcome.state, outcome.message) == ("written", "")
        file.unlink()
    table = live.store.read(name).to_pandas()
    assert table.groupby("year")["gigabit"].sum().to_dict() == {2025: 70 * len(areas), 2026: 90 * len(areas)}
    assert run(live, name)[name].state == "unchanged", "although the inbox is empty"


def test_files_for_an_unknown_source_are_refused(live: Sandbox, publishers: Publishers) -> None:
    stray = Path(live.settings.store) / "inbox" / "census_cars"
    stray.mkdir(parents=True)
    (stray / "cars.csv").write_text("a,b\n")
    with pytest.raises(SpiError, match="inbox/census_cars/ holds files, but there is no live source of that name"):
        fetch(live)


def test_a_correction_reaches_the_table_and_fails_when_the_publisher_catches_up(
    live: Sandbox, publishers: Publishers
) -> None:
    name = "census_car_availability"

    def values_of(column: str) -> pd.Series:
        return live.store.read(name).to_pandas().set_index("area_code")[column]

    def none() -> pd.Series:
        return values_of("none")

    run(live, name)
    before, one = none(), values_of("one")
    area = before.index[0]
    folder = live.settings.contracts / "corrections"
    folder.mkdir(exist_ok=True)
    stated = {
        "id": "one_more", "where": {"area_code": area}, "column": "none", "expected": int(before[area]),
        "value": 0, "reason": "To see that a correction is put in.", "since": "2026-11-01", "status": "reported",
    }  # fmt: skip
    # Households without a car are moved to one car, so that the total still adds up.
    other = {"id": "one_car", "column": "one", "expected": int(one[area]), "value": int(one[area] + before[area])}
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps({"corrections": [stated, stated | other]}))
    assert run(live, name)[name].state == "written"
    after = none()
    assert (after[area], int((after != before).sum())) == (0, 1)
    file.write_text(json.dumps({"corrections": [stated | {"expected": 7}]}))
    outcome = run(live, name)[name]
    assert outcome.state == "kept"
    assert f"corrections/{name}.yaml: one_more expects none 7 and finds" in outcome.message
    assert none().equals(after)
