"""A local publisher: a threaded server on this machine that sends the given responses, one per request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Response:
    """One response.

    Attributes:
        body: the bytes sent.
        status: the HTTP status; 0 closes the connection without a response.
        headers: sent along with ``Content-Length``, which is correct unless given here.
        end: whether the end of the connection marks the end of the body, in place of a length.
    """

    body: bytes = b"a,b\n1,2\n"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/csv"})
    end: bool = False


@dataclass
class Publisher:
    """The responses, sent in order with the last one repeated, and the requests received."""

    base: str
    responses: list[Response] = field(default_factory=lambda: [Response()])
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def next(self) -> Response:
        return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]


@contextmanager
def publisher(*responses: Response) -> Iterator[Publisher]:
    """A publisher that runs as long as the ``with`` block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    started = Publisher(f"http://127.0.0.1:{server.server_port}", list(responses) or [Response()])
    server.RequestHandlerClass = _handler(started)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield started
    finally:
        server.shutdown()
        server.server_close()


def _handler(started: Publisher) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            started.requests.append((self.command, self.path, dict(self.headers), body))
            response = started.next()
            self.close_connection = True
            if not response.status:
                return
            self.send_response(response.status)
            headers = dict(response.headers)
            if not response.end:
                headers.setdefault("Content-Length", str(len(response.body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_POST = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    return Handler
