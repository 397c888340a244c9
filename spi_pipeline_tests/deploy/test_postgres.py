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


def test_postgres_records_a_refresh_and_the_password_is_written_nowhere(
    sandbox: Sandbox, postgres: Postgres, home: Path
) -> None:
    before = sandbox.digests()
    sandbox.make_due("indicator/turnout")
    result = sandbox.refresh()
    assert (result.faults, result.state, sandbox.digests()) == ([], "succeeded", before)
    assert postgres.query_value(f"SELECT status FROM runs WHERE run_id = '{result.run_id}'") == "SUCCESS"
    assert (
        int(postgres.query_value("SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"))
        > 0
    )
    with open_instance(sandbox.store.dagster_home) as instance:
        assert [run.run_id for run in instance.get_runs()] == [result.run_id]
        assert instance.get_latest_materialization_event(dg.AssetKey(["indicator", "turnout"]))
        info = instance.info_str()
    assert PASSWORD not in info
    files = [path for folder in (home, sandbox.store.root) for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert not list(home.rglob("*.db")), "the history is in Postgres alone"
    assert status_of(sandbox.settings)["last_run"]["run_id"] == result.run_id
