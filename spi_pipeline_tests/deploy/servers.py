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

    def ask(self, query: str) -> str:
        command = [self.psql, "-h", "127.0.0.1", "-p", str(self.port), "-U", "spi", "-Atc", query, "spi"]
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def serving_postgres() -> Iterator[Postgres]:
    """Start a private server with the user and the database that the guide creates."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    initdb, control = (program(name, "postgresql", *folders) for name in ("initdb", "pg_ctl"))
    # Postgres refuses to run as root, and pytest's folders are closed to all other users.
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
