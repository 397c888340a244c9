"""``spi site serve`` serves the pages to this machine only."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.site.server import SiteServer

MISSING = (
    '<!doctype html><title>None</title><link href="static/site.css"><a href="#main">x</a><a href="https://a.uk/">y</a>'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small site, next to a private file."""
    site = tmp_path / "site"
    (site / "wards").mkdir(parents=True)
    (site / "static").mkdir()
    (site / "index.html").write_text("first", "utf-8")
    (site / "wards" / "dallow.html").write_text("ward", "utf-8")
    (site / "404.html").write_text(MISSING, "utf-8")
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    return site


@pytest.fixture
def server(folder: Path) -> Iterator[SiteServer]:
    with SiteServer(folder, 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(server: SiteServer, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{server.server_port}"})
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_pages_are_served(server: SiteServer) -> None:
    assert fetch(server, "/") == (200, "first")
    assert fetch(server, "/wards/dallow.html") == (200, "ward")
    assert fetch(server, "/", host=f"localhost:{server.server_port}") == (200, "first")


@pytest.mark.parametrize("path", ["/none.html", "/wards/none.html", "/wards/", "/static/"])
def test_missing_pages_are_reported_on_the_sites_own_page(server: SiteServer, path: str) -> None:
    status, body = fetch(server, path)
    assert status == 404
    assert 'href="/static/site.css"' in body, "styles load at any depth"
    assert 'href="#main"' in body
    assert 'href="https://a.uk/"' in body
    assert fetch(server, path, method="HEAD") == (404, "")


def test_missing_pages_are_reported_even_without_the_sites_own_page(server: SiteServer, folder: Path) -> None:
    (folder / "404.html").unlink()
    assert fetch(server, "/none.html")[0] == 404


@pytest.mark.parametrize(
    "host", ["example.org", "example.org:8000", "127.0.0.1", "127.0.0.1.example.org", "localhost:1"]
)
def test_other_hosts_are_refused(server: SiteServer, host: str) -> None:
    """Another site can point its own name at this server, and browsers would then let it read these pages."""
    status, body = fetch(server, "/", host=host)
    assert status == 421
    assert "first" not in body


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/wards/../../secret.txt", "//secret.txt"])
def test_nothing_outside_the_folder_is_served(server: SiteServer, path: str) -> None:
    status, body = fetch(server, path)
    assert status in (301, 404)
    assert "secret" not in body


def test_only_this_machine_is_served(server: SiteServer) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_an_unusable_folder_or_port_is_reported_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SpiError, match="holds no site"):
        SiteServer(tmp_path, 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SpiError, match="give another one with --port"):
            SiteServer(folder, taken.getsockname()[1])


# When a shell runs tests in the background, they and their child processes ignore Ctrl-C.
ENABLE_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def test_the_command_prints_its_address_and_ends_with_ctrl_c(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["site", "serve", str(folder), "--port", str(port)]
    serving = subprocess.Popen(
        [sys.executable, "-c", ENABLE_CTRL_C + "from spi_pipeline.cli import main; main()", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert serving.stdout
        line = serving.stdout.readline()
        assert re.search(rf"http://127\.0\.0\.1:{port}/", line), line
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"first"
        serving.send_signal(signal.SIGINT)
        _, err = serving.communicate(timeout=60)
    finally:
        serving.kill()
    assert (serving.returncode, err) == (0, "")
