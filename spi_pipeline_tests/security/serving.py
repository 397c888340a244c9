"""A web server in a thread, and requests as browsers and other clients send them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import uvicorn

PATIENCE = 60


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve an ASGI application on 127.0.0.1 and yield its port."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def send_request(
    port: int, method: str, path: str, headers: Mapping[str, str | None] | None = None, body: str | bytes | None = None
) -> tuple[int, str]:
    """The status and text of a response; a header of None is not sent."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    all_headers = {"Host": f"127.0.0.1:{port}", **(headers or {})}
    sent = body.encode() if isinstance(body, str) else body
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in all_headers.items():
            if value is not None:
                connection.putheader(name, value)
        if sent is not None:
            connection.putheader("Content-Length", str(len(sent)))
        connection.endheaders(sent)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def free_port() -> int:
    """A port that is free at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def graphql(port: int, query: str, **headers: str | None) -> tuple[int, str]:
    """A query as the UI's own pages send it; keywords add or replace headers, with ``_`` for ``-``."""
    all_headers = {
        "Content-Type": "application/json",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    return send_request(port, "POST", "/graphql", all_headers, json.dumps({"query": query}))
