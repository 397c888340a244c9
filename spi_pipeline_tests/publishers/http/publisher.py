"""A local publisher: a threaded server on this machine that sends the given responses, one per request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
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
    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def publisher(*answers: Answer) -> Iterator[Publisher]:
    """A publisher that runs as long as the ``with`` block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    found = Publisher(f"http://127.0.0.1:{server.server_port}", list(answers) or [Answer()])
    server.RequestHandlerClass = _handler(found)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


def _handler(found: Publisher) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.asked.append((self.command, self.path, dict(self.headers), body))
            answer = found.next()
            self.close_connection = True
            if not answer.status:
                return
            self.send_response(answer.status)
            headers = dict(answer.headers)
            if not answer.end:
                headers.setdefault("Content-Length", str(len(answer.body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_POST = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    return Handler
