"""Real servers on this machine that receive messages: mail over SMTP, and a webhook over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Inbox:
    """The messages that a server accepted; ``response_status`` is the webhook's HTTP status."""

    url: str = ""
    response_status: int = 200
    received: list[tuple[str, str]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [title for title, _ in self.received]

    @property
    def text(self) -> str:
        return "\n".join(body for _, body in self.received)


@contextmanager
def webhook(longest: int = 1_000_000) -> Iterator[Inbox]:
    """A webhook that accepts messages of up to ``longest`` characters; ``received`` holds title and body of each."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message = sent.get("message") or sent["text"]  # Mattermost's name for it
            response_status = inbox.response_status if len(message) <= longest else 413
            if response_status == 200:
                inbox.received.append((sent.get("title", ""), message))
            self.send_response(response_status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox.url = f"json://127.0.0.1:{server.server_port}/a-secret-token"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mail() -> Iterator[Inbox]:
    """A mail server; ``received`` holds the subject and plain text of each mail."""
    inbox = Inbox()

    class Handler:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            sent = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(sent, EmailMessage)
            body = sent.get_body(("plain",))
            assert body is not None
            inbox.received.append((sent["Subject"], body.get_content()))
            return "250 OK"

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = loop.create_server(lambda: SMTP(Handler(), loop=loop), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(10)
    try:
        port = server.sockets[0].getsockname()[1]
        inbox.url = f"mailto://127.0.0.1:{port}?from=spi@example.org&to=duty@example.org&mode=insecure&format=text"
        yield inbox
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
