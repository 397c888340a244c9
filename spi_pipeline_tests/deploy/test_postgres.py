"""Dagster's history in a real Postgres, with the example in ``deploy/``; the tables in the store stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline_tests.deploy.conftest import DEPLOY
from spi_pipeline_tests.deploy.servers import PASSWORD, Postgres, serving_postgres
from spi_pipeline_tests.docs.documents import text
from spi_pipeline_tests.integration.sandboxes import Sandbox


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving_postgres() as server:
        yield server


@pytest.fixture
def home(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example, in which only the port is changed."""
    example = text(DEPLOY / "postgres" / "dagster.yaml")
    assert "port: 5432" in example
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text(example.replace("port: 5432", f"port: {postgres.port}"), "utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPI_POSTGRES_PASSWORD", PASSWORD)
    return tmp_path / "home"


def test_a_refresh_is_kept_there_and_nothing_is_told_of_the_password(
    sandbox: Sandbox, postgres: Postgres, home: Path
) -> None:
    before = sandbox.digests()
    sandbox.make_due("indicator/turnout")
    done = sandbox.refresh()
    assert (done.faults, done.state, sandbox.digests()) == ([], "succeeded", before)
    assert postgres.ask(f"SELECT status FROM runs WHERE run_id = '{done.run_id}'") == "SUCCESS"
    assert int(postgres.ask("SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'")) > 0
    with open_instance(sandbox.store.dagster_home) as instance:
        assert [run.run_id for run in instance.get_runs()] == [done.run_id]
        assert instance.get_latest_materialization_event(dg.AssetKey(["indicator", "turnout"]))
        told = instance.info_str()
    assert PASSWORD not in told
    files = [path for folder in (home, sandbox.store.root) for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert not list(home.rglob("*.db")), "no history beside that"
    assert status_of(sandbox.settings)["last_run"]["run_id"] == done.run_id
