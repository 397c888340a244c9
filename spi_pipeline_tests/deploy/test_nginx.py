"""The login in front of the UI, tested with nginx: users without a password see nothing, users with one get in."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPSConnection

import pytest
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from spi_pipeline.orchestration.ui.guard import Guard
from spi_pipeline_tests.deploy.conftest import DEPLOY, program
from spi_pipeline_tests.docs.documents import text
from spi_pipeline_tests.security.serving import PATIENCE, free_port, served

HOST, READERS = "spi.example.org", "spi-readers.example.org"


async def show_request(request: Request) -> JSONResponse:
    return JSONResponse({"headers": dict(request.headers), "server": request.scope["server"][1]})


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


# Stands in for Dagster, which is guarded in the same way (security/test_guard.py).
BACKEND = Starlette(routes=[Route("/graphql", show_request, methods=["GET", "POST"]), WebSocketRoute("/graphql", echo)])


@dataclass(frozen=True)
class Proxy:
    port: int
    ports: tuple[int, int]
    context: ssl.SSLContext

    def request(self, host: str, login: str = "", origin: str = "") -> tuple[int, str]:
        connection = HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=PATIENCE)
        headers = {"Host": f"{host}:{self.port}", "Content-Type": "application/json"}
        headers |= {"Authorization": basic(login)} if login else {}
        headers |= {"Origin": origin} if origin else {}
        connection.request("POST", "/graphql", "{}", headers)
        response = connection.getresponse()
        status, body = response.status, response.read().decode()
        connection.close()
        return status, body


def basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Nginx with the example configuration, in which only the addresses and files are changed for this test."""
    nginx = program("nginx", "nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    port, plain = free_port(), free_port()
    authority = trustme.CA()
    authority.issue_cert(HOST, READERS).private_key_and_cert_chain_pem.write_to_path(folder / "spi.pem")
    (folder / "spi.key").write_bytes((folder / "spi.pem").read_bytes())
    for name, login in (("users", "alice:secret"), ("readers", "bob:other")):
        user, _, password = login.partition(":")
        (folder / f"spi.{name}").write_text(f"{user}:{{PLAIN}}{password}\n", encoding="utf-8")
    context = ssl.create_default_context()
    context.check_hostname = False
    authority.configure_trust(context)
    with (
        served(Guard(BACKEND, f"https://{HOST}:{port}")) as full_port,
        served(Guard(BACKEND, f"https://{READERS}:{port}", read_only=True)) as reader_port,
    ):
        example = text(DEPLOY / "nginx" / "spi.conf")
        for old, new in {"/etc/nginx/": f"{folder}/", " 3000;": f" {full_port};", " 3001;": f" {reader_port};",
                         "listen 80;": f"listen 127.0.0.1:{plain};",
                         "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;"}.items():  # fmt: skip
            assert old in example
            example = example.replace(old, new)
        (folder / "spi.conf").write_text(example, encoding="utf-8")
        temporary_paths = "".join(
            f"{what}_temp_path {folder}/{what};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log; {user} events {{}} "
            f"http {{ access_log {folder}/access.log; {temporary_paths} include {folder}/spi.conf; }}", encoding="utf-8"
        )  # fmt: skip
        process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")])
        try:
            running = Proxy(port, (full_port, reader_port), context)
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    running.request(HOST)
                    break
                except OSError:
                    assert process.poll() is None, (folder / "error.log").read_text("utf-8")
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield running
        finally:
            process.terminate()
            process.wait(PATIENCE)


def test_users_without_a_password_see_nothing(proxy: Proxy) -> None:
    for host in (HOST, READERS, "evil.example"):
        for login in ("", "alice:wrong", "nobody:secret"):
            assert proxy.request(host, login)[0] == 401


@pytest.mark.parametrize(("host", "login", "place"), [(HOST, "alice:secret", 0)])
def test_with_a_password_the_ui_responds_and_never_receives_the_password(
    proxy: Proxy, host: str, login: str, place: int
) -> None:
    status, body = proxy.request(host, login, origin=f"https://{host}:{proxy.port}")
    assert status == 200
    seen = json.loads(body)
    assert seen["server"] == proxy.ports[place]
    assert seen["headers"]["host"] == f"{host}:{proxy.port}"
    assert "authorization" not in seen["headers"]


def test_a_reader_reaches_only_the_read_only_server(proxy: Proxy) -> None:
    assert proxy.request(HOST, "bob:other")[0] == 401
    status, body = proxy.request(READERS, "bob:other", origin=f"https://{READERS}:{proxy.port}")
    assert (status, "this server is read-only" in body) == (403, True)
    # A request under an unknown name goes to the reader, which refuses it.
    status, body = proxy.request("evil.example", "bob:other")
    assert (status, "this server has no host" in body) == (403, True)


def test_a_foreign_page_that_uses_a_remembered_password_is_refused(proxy: Proxy) -> None:
    assert proxy.request(HOST, "alice:secret", origin="https://evil.example")[0] == 403


def test_a_websocket_needs_a_password(proxy: Proxy) -> None:
    def exchange(login: str, origin: str, *, retry: bool = True) -> str:
        headers = {"Authorization": basic(login)}
        address = f"wss://127.0.0.1:{proxy.port}/graphql"
        try:
            with connect(
                address, ssl=proxy.context, additional_headers=headers, origin=origin, open_timeout=PATIENCE / 3
            ) as opened:
                opened.send("a")
                return str(opened.recv(timeout=PATIENCE))
        except TimeoutError:
            # A handshake without a response occurred once in some twenty full runs, but in none of 450 isolated tries.
            if not retry:
                raise
            return exchange(login, origin, retry=False)

    with pytest.raises(InvalidStatus, match="401"):
        exchange("bob:wrong", f"https://{READERS}:{proxy.port}")
    with pytest.raises(InvalidStatus, match="403"):
        exchange("bob:other", "https://evil.example")
    # An IP address is an unknown name, so the request goes to the reader, which accepts local names.
    assert exchange("bob:other", f"https://{READERS}:{proxy.port}") == "a"
