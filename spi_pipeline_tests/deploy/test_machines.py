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
def deployment_file(tmp_path: Path) -> Path:
    for name in ("luton", "rutland"):
        (tmp_path / "councils" / name).mkdir(parents=True)
    file = tmp_path / "deployment.yaml"
    file.write_text("store: s3://spi/base/\ncouncils: [councils/luton, councils/rutland]\n", encoding="utf-8")
    return file


@pytest.fixture
def run(deployment_file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dg.ExecuteInProcessResult]:
    """Runs one council in Dagster, with a given program in place of its refresh."""

    def run(program: str) -> dg.ExecuteInProcessResult:
        monkeypatch.setattr(deployment, "_COMMAND", (sys.executable, "-c", program))
        definitions = build_deployment(Settings(deployment=deployment_file))
        asset = definitions.resolve_asset_graph().get(dg.AssetKey(ASSET)).assets_def
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize([asset], partition_key="rutland", instance=instance, raise_on_error=False)

    return run


def test_each_council_has_its_own_store(deployment_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPI_COPIES", str(tmp_path / "copies"))
    by_council = Deployment.read(deployment_file).settings
    assert list(by_council) == ["luton", "rutland"]
    assert {settings.council for settings in by_council.values()} == {
        tmp_path / "councils" / name for name in by_council
    }
    assert len({settings.store for settings in by_council.values()}) == 2
    assert all(settings.shared for settings in by_council.values())
    deployment_file.write_text("store: stores\ncouncils: [councils/luton]\n", encoding="utf-8")
    [settings] = Deployment.read(deployment_file).settings.values()
    assert (settings.store, settings.shared) == (str(tmp_path / "stores" / "luton"), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("store: [", "is not valid YAML"),
        ("store: s3://a/b\n", "councils"),
        ("store: s3://a/b\ncouncils: []\n", "at least 1 item"),
        ("store: s3://a/b\ncouncils: [councils/york]\n", "york, which is not a folder: make it with spi council"),
        ("store: s3://a/b\ncouncils: [councils/luton, councils/../councils/luton]\n", "two folders called luton"),
        ("store: s3://a/b\ncouncils: [councils/luton]\nworkers: 2\n", "'workers' is not a key"),
    ],
)
def test_a_fault_in_the_deployment_file_is_reported(deployment_file: Path, text: str, message: str) -> None:
    deployment_file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=message):
        Deployment.read(deployment_file)


def test_a_schedule_requests_one_run_for_each_council(deployment_file: Path) -> None:
    definitions = build_deployment(Settings(deployment=deployment_file))
    [schedule] = definitions.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    at = dt.datetime(2026, 11, 30, 4, 30, tzinfo=dt.UTC)
    context = dg.build_schedule_context(scheduled_execution_time=at, repository_def=definitions.get_repository_def())
    requests = schedule.evaluate_tick(context).run_requests or []
    assert [request.tags["dagster/partition"] for request in requests] == ["luton", "rutland"]
    assert len({request.run_key for request in requests}) == 2


def test_a_run_executes_the_command_for_its_council(
    run: Callable[[str], dg.ExecuteInProcessResult], tmp_path: Path
) -> None:
    environment_file = tmp_path / "environment.json"
    program = f"import json, os; open({str(environment_file)!r}, 'w').write(json.dumps(dict(os.environ)))"
    result = run(f"{program}; print({json.dumps(DONE)!r})")
    [check] = result.get_asset_check_evaluations()
    assert (result.success, check.passed, check.partition) == (True, True, "rutland")
    assert check.metadata["failed"].value == 1
    environment = json.loads(environment_file.read_text(encoding="utf-8"))
    assert environment["SPI_STORE"] == "s3://spi/base/rutland"
    assert environment["SPI_COUNCIL"] == str(tmp_path / "councils" / "rutland")
    assert not {"DAGSTER_HOME", "SPI_DEPLOYMENT"} & environment.keys()


def test_a_fault_in_the_figures_is_reported_and_not_retried(run: Callable[[str], dg.ExecuteInProcessResult]) -> None:
    result = run(f"print({json.dumps(DONE | {'faults': ['turnout: refused']})!r}); raise SystemExit(1)")
    [check] = result.get_asset_check_evaluations()
    assert (result.success, check.passed) == (False, False)
    assert not [event for event in result.all_events if event.is_step_up_for_retry]
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "rutland: turnout: refused" in str(failure.step_failure_data.user_failure_data.description)


def test_a_killed_process_is_retried(
    run: Callable[[str], dg.ExecuteInProcessResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "_RETRY_AFTER_S", 0)
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
def test_a_lost_worker_is_noticed(active: object, state: str, expected: WorkerStatus) -> None:
    def active_tasks() -> object:
        if isinstance(active, Exception):
            raise active
        return active

    launcher = Launcher(default_queue="dagster", broker="memory://", backend="cache+memory://")
    launcher.celery = SimpleNamespace(  # type: ignore[assignment]
        AsyncResult=lambda _task: SimpleNamespace(state=state),
        control=SimpleNamespace(inspect=lambda timeout: SimpleNamespace(active=active_tasks)),
    )
    run: Any = SimpleNamespace(tags={DAGSTER_CELERY_TASK_ID_TAG: "mine"})
    assert launcher.check_run_worker_health(run).status == expected


def test_the_overview_page_shows_scores_only_for_councils_that_have_them() -> None:
    day = dt.date(2026, 11, 23)
    with_scores = Council("York", "york", 21, 61.234, 40.0, 80.0, day, "", Path("site"))
    without_scores = Council("Bath & <b>", "bath", 0, None, None, None, day, "failed", None)
    html = page([with_scores, without_scores]).decode()
    assert html.index("Bath &amp; &lt;b&gt;") < html.index('<a href="york/index.html">York</a>')
    assert ("61.2" in html, "40.0 to 80.0" in html, "no ward has a score" in html) == (True, True, True)
    assert (html.count("<td>well</td>"), html.count("<td>failed</td>"), 'href="bath/' in html) == (1, 1, False)


def test_two_workers_compute_the_same_as_one_process_although_one_is_killed(tmp_path: Path) -> None:
    program("redis-server", "redis-server")
    events: list[str] = []
    assert main(("Isles of Scilly",), whole=False, report=events.append, keep=tmp_path) == [], events
    assert any("was killed in mid-run" in line for line in events)
    assert any("resumed" in line for line in events), "the killed run was noticed"
    logs = [
        file for file in tmp_path.glob("*.log") if KEYS["AWS_SECRET_ACCESS_KEY"] in file.read_text("utf-8", "replace")
    ]
    assert logs == []
