"""Querying a ranking from the database over HTTP, on a plain file server, transfers little data."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from spi_pipeline_tests.deploy.conftest import program
from spi_pipeline_tests.docs.documents import blocks
from spi_pipeline_tests.others import run_program
from spi_pipeline_tests.outputs.open_data.conftest import OpenDataFolder
from spi_pipeline_tests.security.serving import PATIENCE, free_port

# The extension comes from PyPI instead of DuckDB's own server, which the README names.
QUERY = """
import sys, duckdb, duckdb_extension_httpfs
from pathlib import Path
[extension] = Path(duckdb_extension_httpfs.__file__).parent.rglob("httpfs.duckdb_extension")
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
connection.execute(sys.argv[1])
print(len(connection.execute(sys.argv[2]).fetchall()))
"""


@contextmanager
def file_server(folder: Path, log: Path) -> Iterator[str]:
    """Start nginx with only the folder set; yield its address, and log the bytes of each response, headers included."""
    nginx = program("nginx", "nginx-light")
    port = free_port()
    temporary_paths = "".join(
        f"{what}_temp_path {log}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (log / "nginx.conf").write_text(
        f"daemon off; pid {log}/pid; error_log {log}/error.log; {'user root;' if os.getuid() == 0 else ''} events {{}} "
        f"http {{ {temporary_paths} log_format sent '$bytes_sent'; access_log {log}/access.log sent; "
        f"server {{ listen 127.0.0.1:{port}; root {folder}; }} }}", encoding="utf-8"
    )  # fmt: skip
    process = subprocess.Popen([nginx, "-p", str(log), "-c", str(log / "nginx.conf")])
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                HTTPConnection("127.0.0.1", port, timeout=PATIENCE).connect()
                break
            except OSError:
                assert process.poll() is None, (log / "error.log").read_text("utf-8")
                assert time.monotonic() < until
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_a_ranking_over_http_transfers_half_a_megabyte_at_most(open_data: OpenDataFolder, tmp_path: Path) -> None:
    local, remote = blocks(open_data.folder / "README.md", "sql")
    _, _, attach = remote.partition("LOAD httpfs;")
    _, _, ranking = local.partition(";")
    with file_server(open_data.folder, tmp_path) as address:
        assert "https://example.org" in attach
        assert run_program("duckdb-httpfs", QUERY, attach.replace("https://example.org", address), ranking).split() == [
            "20"
        ]
    response_sizes = [int(line) for line in (tmp_path / "access.log").read_text("utf-8").split()]
    assert len(response_sizes) > 5
    assert sum(response_sizes) <= 500_000, f"{sum(response_sizes):,} bytes in {len(response_sizes)} responses"
    assert open_data.file("spi.duckdb").stat().st_size > 5 * sum(response_sizes), "only part of the file is read"
