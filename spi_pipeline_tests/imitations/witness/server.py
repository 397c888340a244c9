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
from spi_pipeline_tests.imitations.witness.response import HTML, Request, Response

# The module for each name; the names are those of the table `endpoints` in docs/live.md.
SITES: Mapping[str, tuple[ModuleType, Callable[[Request], Response]]] = {
    "nomis": (nomis, nomis.respond),
    "ons_geography": (ons_geography, ons_geography.respond),
    "police": (police, police.respond),
    "fingertips": (fingertips, fingertips.respond),
    "nhs_pages": (nhs, nhs.page),
    "nhs_files": (nhs, nhs.file),
    "govuk_content": (govuk, govuk.content),
    "govuk_assets": (govuk, govuk.asset),
    "defra_pcm": (defra, defra.respond),
    "stats19": (stats19, stats19.respond),
    "democracy_club": (democracy_club, democracy_club.respond),
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

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        site, _, rest = self.path.lstrip("/").partition("/")
        self.witness.requests.append(f"{self.command} {self.path}")
        if site in SITES:
            request = Request.read(self.command, f"/{rest}", body, dict(self.headers.items()))
            response = SITES[site][1](request)
        else:
            response = Response(b"no such publisher", HTML, 404)
        self._send(response)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        headers = {"Content-Type": response.kind, "Content-Length": str(len(response.body)), **response.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and response.status != 304:
            self.wfile.write(response.body)

    do_GET = do_POST = do_HEAD = _respond  # noqa: N815

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
