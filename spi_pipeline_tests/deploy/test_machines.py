"""Many councils: the file that lists them, Dagster's run of one of them, and two workers, one of which is killed."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from spi_pipeline.contracts.errors import SettingError
from spi_pipeline.orchestration.dagster_internals import WorkerStatus
from spi_pipeline.orchestration.machines import deployment
from spi_pipeline.orchestration.machines.deployment import ASSET, Deployment, build_deployment
from spi_pipeline.orchestration.machines.workers import Launcher
from spi_pipeline.outputs.site.councils import Council, page
from spi_pipeline.settings import Settings
from spi_pipeline_tests.deploy.conftest import program
from spi_pipeline_tests.deploy.machines import main
from spi_pipeline_tests.storage.seaweed import KEYS

DONE = {
    "run_id": "r",
    "stale": [],
    "faults": [],
    "warnings": ["a"],
    "quality": {"passed": 3, "failed": 1},
    "seconds": 1,
}


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    for name in ("luton", "rutland"):
        (tmp_path / "councils" / name).mkdir(parents=True)
    file = tmp_path / "deployment.yaml"
    file.write_text("store: s3://spi/base/\ncouncils: [councils/luton, councils/rutland]\n", encoding="utf-8")
    return file


@pytest.fixture
def run(listed: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dg.ExecuteInProcessResult]:
    """Runs one council in Dagster, with a given program in place of its refresh."""

    def run(program: str) -> dg.ExecuteInProcessResult:
        monkeypatch.setattr(deployment, "_COMMAND", (sys.executable, "-c", program))
        found = build_deployment(Settings(deployment=listed))
        asset = found.resolve_asset_graph().get(dg.AssetKey(ASSET)).assets_def
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize([asset], partition_key="rutland", instance=instance, raise_on_error=False)

    return run


def test_each_council_has_a_store_of_its_own(listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPI_COPIES", str(tmp_path / "copies"))
    found = Deployment.read(listed).settings
    assert list(found) == ["luton", "rutland"]
    assert {own.council for own in found.values()} == {tmp_path / "councils" / name for name in found}
    assert len({own.store for own in found.values()}) == 2
    assert all(own.shared for own in found.values())
    listed.write_text("store: stores\ncouncils: [councils/luton]\n", encoding="utf-8")
    [own] = Deployment.read(listed).settings.values()
    assert (own.store, own.shared) == (str(tmp_path / "stores" / "luton"), None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("store: [", "is not valid YAML"),
        ("store: s3://a/b\n", "councils"),
        ("store: s3://a/b\ncouncils: []\n", "at least 1 item"),
        ("store: s3://a/b\ncouncils: [councils/york]\n", "york, which is not a folder: make it with spi council"),
        ("store: s3://a/b\ncouncils: [councils/luton, councils/../councils/luton]\n", "two folders luton"),
        ("store: s3://a/b\ncouncils: [councils/luton]\nworkers: 2\n", "'workers' is not a key"),
    ],
)
def test_a_fault_of_the_list_is_told(listed: Path, text: str, told: str) -> None:
    listed.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=told):
        Deployment.read(listed)


def test_a_schedule_asks_for_each_council_once(listed: Path) -> None:
    found = build_deployment(Settings(deployment=listed))
    [schedule] = found.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    at = dt.datetime(2026, 11, 30, 4, 30, tzinfo=dt.UTC)
    context = dg.build_schedule_context(scheduled_execution_time=at, repository_def=found.get_repository_def())
    asked = schedule.evaluate_tick(context).run_requests or []
    assert [request.tags["dagster/partition"] for request in asked] == ["luton", "rutland"]
    assert len({request.run_key for request in asked}) == 2


def test_a_run_is_the_command_on_that_council(run: Callable[[str], dg.ExecuteInProcessResult], tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    told_by_it = f"import json, os; open({str(told)!r}, 'w').write(json.dumps(dict(os.environ)))"
    result = run(f"{told_by_it}; print({json.dumps(DONE)!r})")
    [check] = result.get_asset_check_evaluations()
    assert (result.success, check.passed, check.partition) == (True, True, "rutland")
    assert check.metadata["failed"].value == 1
    environment = json.loads(told.read_text(encoding="utf-8"))
    assert environment["SPI_STORE"] == "s3://spi/base/rutland"
    assert environment["SPI_COUNCIL"] == str(tmp_path / "councils" / "rutland")
    assert not {"DAGSTER_HOME", "SPI_DEPLOYMENT"} & environment.keys()


def test_a_fault_of_the_figures_is_told_and_not_tried_again(run: Callable[[str], dg.ExecuteInProcessResult]) -> None:
    result = run(f"print({json.dumps(DONE | {'faults': ['turnout: refused']})!r}); raise SystemExit(1)")
    [check] = result.get_asset_check_evaluations()
    assert (result.success, check.passed) == (False, False)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "rutland: turnout: refused" in str(failure.step_failure_data.user_failure_data.description)


def test_a_process_that_was_killed_is_tried_again(
    run: Callable[[str], dg.ExecuteInProcessResult], monkeypatch: Any
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    result = run("import os; os.kill(os.getpid(), 9)")
    assert len([event for event in result.all_events if event.is_step_up_for_retry]) == 2
    assert not result.success


@pytest.mark.parametrize(
    ("active", "state", "expected"),
    [
        ({"one": [{"id": "other"}], "two": [{"id": "mine"}]}, "STARTED", WorkerStatus.RUNNING),
        ({"two": [{"id": "other"}]}, "STARTED", WorkerStatus.FAILED),
        ({"two": []}, "SUCCESS", WorkerStatus.SUCCESS),
        (None, "PENDING", WorkerStatus.RUNNING),
        (ConnectionError(), "STARTED", WorkerStatus.RUNNING),
    ],
)
def test_a_worker_that_is_gone_is_noticed(active: object, state: str, expected: WorkerStatus) -> None:
    def asked() -> object:
        if isinstance(active, Exception):
            raise active
        return active

    launcher = Launcher(default_queue="dagster", broker="memory://", backend="cache+memory://")
    launcher.celery = SimpleNamespace(  # type: ignore[assignment]
        AsyncResult=lambda _task: SimpleNamespace(state=state),
        control=SimpleNamespace(inspect=lambda timeout: SimpleNamespace(active=asked)),
    )
    run: Any = SimpleNamespace(tags={DAGSTER_CELERY_TASK_ID_TAG: "mine"})
    assert launcher.check_run_worker_health(run).status == expected


def test_the_page_over_all_tells_what_there_is_and_no_more() -> None:
    day = dt.date(2026, 11, 23)
    some = Council("York", "york", 21, 61.234, 40.0, 80.0, day, "", Path("site"))
    none = Council("Bath & <b>", "bath", 0, None, None, None, day, "failed", None)
    made = page([some, none]).decode()
    assert made.index("Bath &amp; &lt;b&gt;") < made.index('<a href="york/index.html">York</a>')
    assert ("61.2" in made, "40.0 to 80.0" in made, "no ward has a score" in made) == (True, True, True)
    assert (made.count("<td>well</td>"), made.count("<td>failed</td>"), 'href="bath/' in made) == (1, 1, False)


def test_two_workers_one_of_which_is_killed_make_what_one_process_makes(tmp_path: Path) -> None:
    program("redis-server", "redis-server")
    told: list[str] = []
    assert main(("Isles of Scilly", "City of London"), whole=False, say=told.append, keep=tmp_path) == [], told
    assert any("was killed in mid-run" in line for line in told)
    assert any("resumed" in line for line in told), "the killed run was noticed"
    logs = [
        file for file in tmp_path.glob("*.log") if KEYS["AWS_SECRET_ACCESS_KEY"] in file.read_text("utf-8", "replace")
    ]
    assert logs == []
