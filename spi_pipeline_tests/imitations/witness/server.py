"""Serve all publishers on one port, each under a path named after its endpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType

from spi_pipeline_tests.imitations.witness import (
    defra,
    democracy_club,
    fingertips,
    govuk,
    nhs,
    nomis,
    ons_geography,
    police,
    stats19,
)
from spi_pipeline_tests.imitations.witness.answer import HTML, Answer, Asked

# The module for each name; the names are those of the table `endpoints` in docs/live.md.
SITES: Mapping[str, tuple[ModuleType, Callable[[Asked], Answer]]] = {
    "nomis": (nomis, nomis.answer),
    "ons_geography": (ons_geography, ons_geography.answer),
    "police": (police, police.answer),
    "fingertips": (fingertips, fingertips.answer),
    "nhs_pages": (nhs, nhs.page),
    "nhs_files": (nhs, nhs.file),
    "govuk_content": (govuk, govuk.content),
    "govuk_assets": (govuk, govuk.asset),
    "defra_pcm": (defra, defra.answer),
    "stats19": (stats19, stats19.answer),
    "democracy_club": (democracy_club, democracy_club.answer),
}


@dataclass
class Witness:
    """The running server: the publishers' addresses and the requests so far."""

    port: int
    requests: list[str] = field(default_factory=list)

    @property
    def bases(self) -> dict[str, str]:
        """The address of each publisher, by the name of its endpoint."""
        return {name.upper(): f"http://127.0.0.1:{self.port}/{name}" for name in SITES}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    witness: Witness

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        site, _, rest = self.path.lstrip("/").partition("/")
        self.witness.requests.append(f"{self.command} {self.path}")
        if site in SITES:
            asked = Asked.read(self.command, f"/{rest}", body, dict(self.headers.items()))
            answer = SITES[site][1](asked)
        else:
            answer = Answer(b"no such publisher", HTML, 404)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.body)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and answer.status != 304:
            self.wfile.write(answer.body)

    do_GET = do_POST = do_HEAD = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing: tests read `Witness.requests`."""


@contextmanager
def serving() -> Iterator[Witness]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    witness = Witness(server.server_address[1])
    server.RequestHandlerClass = type("Handler", (_Handler,), {"witness": witness})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield witness
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
