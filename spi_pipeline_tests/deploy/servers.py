"""Debian's Postgres as a private server in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spi_pipeline_tests.deploy.conftest import program
from spi_pipeline_tests.security.serving import free_port

PASSWORD = "canary7 password"


@dataclass(frozen=True)
class Postgres:
    port: int
    psql: str

    def query_value(self, query: str) -> str:
        command = [self.psql, "-h", "127.0.0.1", "-p", str(self.port), "-U", "spi", "-Atc", query, "spi"]
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def serving_postgres() -> Iterator[Postgres]:
    """Start a private server with the user and the database that the guide creates."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    initdb, control = (program(name, "postgresql", *folders) for name in ("initdb", "pg_ctl"))
    # Postgres refuses to run as root, and pytest's folders are closed to all other users.
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="spi-postgres-"))
    try:
        (folder / "password").write_text(PASSWORD, encoding="utf-8")
        if as_postgres:
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        port, data = free_port(), folder / "data"
        run_options = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL}
        initdb_options = [
            "-D",
            str(data),
            "-U",
            "spi",
            f"--pwfile={folder / 'password'}",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
        ]
        subprocess.run([*as_postgres, initdb, *initdb_options], **run_options)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control_command = [*as_postgres, control, "-D", str(data), "-w", "-l", str(folder / "log")]
        subprocess.run([*control_command, "-o", options, "start"], **run_options)
        try:
            server = Postgres(port, program("psql", "postgresql-client"))
            create_database = [
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
            subprocess.run(create_database, env=os.environ | {"PGPASSWORD": PASSWORD}, **run_options)
            yield server
        finally:
            subprocess.run([*control_command, "-m", "immediate", "stop"], **run_options)
    finally:
        shutil.rmtree(folder)
