"""Dagster's history in Postgres, with Postgres itself: the example of ``deploy/`` as it is, and the store as ever."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline_tests.deploy.conftest import DEPLOY, program
from spi_pipeline_tests.docs.documents import text
from spi_pipeline_tests.integration.houses import House
from spi_pipeline_tests.security.serving import free_port

PASSWORD = "canary7 password"


@dataclass(frozen=True)
class Postgres:
    port: int
    psql: str

    def ask(self, query: str) -> str:
        command = [self.psql, "-h", "127.0.0.1", "-p", str(self.port), "-U", "spi", "-Atc", query, "spi"]
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server of one's own, with the user and the database that the guide makes."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    initdb, control = (program(name, "postgresql", *folders) for name in ("initdb", "pg_ctl"))
    # It refuses to run as root, and a folder of pytest's is closed to any other user.
    other = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="spi-postgres-"))
    try:
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        if other:
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        port, data = free_port(), folder / "data"
        kept = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
        made = ["-D", str(data), "-U", "spi", f"--pwfile={folder / 'password'}", "-A", "scram-sha-256", "-E", "UTF8"]
        subprocess.run([*other, initdb, *made], **kept)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        steer = [*other, control, "-D", str(data), "-w", "-l", str(folder / "log")]
        subprocess.run([*steer, "-o", options, "start"], **kept)
        try:
            server = Postgres(port, program("psql", "postgresql-client"))
            make = [
                server.psql,
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-U",
                "spi",
                "-c",
                "CREATE DATABASE spi",
                "postgres",
            ]
            subprocess.run(make, env=os.environ | {"PGPASSWORD": PASSWORD}, **kept)
            yield server
        finally:
            subprocess.run([*steer, "-m", "immediate", "stop"], **kept)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def home(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example, the port aside."""
    example = text(DEPLOY / "postgres" / "dagster.yaml")
    assert "port: 5432" in example
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text(example.replace("port: 5432", f"port: {postgres.port}"), "utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPI_POSTGRES_PASSWORD", PASSWORD)
    return tmp_path / "home"


def test_a_refresh_is_kept_there_and_nothing_is_told_of_the_password(
    house: House, postgres: Postgres, home: Path
) -> None:
    before = house.digests()
    house.make_due("indicator/turnout")
    done = house.refresh()
    assert (done.faults, done.state, house.digests()) == ([], "succeeded", before)
    assert postgres.ask(f"SELECT status FROM runs WHERE run_id = '{done.run_id}'") == "SUCCESS"
    assert int(postgres.ask("SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'")) > 0
    with open_instance(house.store.dagster_home) as instance:
        assert [run.run_id for run in instance.get_runs()] == [done.run_id]
        assert instance.get_latest_materialization_event(dg.AssetKey(["indicator", "turnout"]))
        told = instance.info_str()
    assert PASSWORD not in told
    files = [path for folder in (home, house.store.root) for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert not list(home.rglob("*.db")), "no history beside that"
    assert status_of(house.settings)["last_run"]["run_id"] == done.run_id
