"""The server: sockets, faults on the wire, validators, compression and the log.

Each publisher's responses are in its own module; ``fixtures.SERVED`` lists them all.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zlib import crc32

from spi_pipeline_tests.imitations.control import control
from spi_pipeline_tests.imitations.faults import DRIPS, WIRE_FAULTS, Fault, Switchboard, replacement_for, spoil
from spi_pipeline_tests.imitations.fixtures import SERVED
from spi_pipeline_tests.imitations.messages import Request, Response, Site, not_found, pairs
from spi_pipeline_tests.imitations.recorded import Recorded

_FOREIGN = "foreign"
# Seconds between drops.
_DROP = 0.05
# NHS pages link to each other from the root; joining such a link to an address drops the publisher's name.
_ROOTED = {"data-and-information": "nhs_pages"}


@dataclass(frozen=True)
class LoggedRequest:
    """One request in the log; `sent` counts the bytes of the response body."""

    method: str
    publisher: str
    path: str
    query: str
    status: int
    sent: int
    faults: tuple[str, ...]
    headers: dict[str, str] = field(repr=False)

    def __str__(self) -> str:
        target = f"{self.path}?{self.query}" if self.query else self.path
        faults = f"  [{', '.join(self.faults)}]" if self.faults else ""
        return f"{self.publisher}: {self.method} {target[:200]} -> {self.status or 'reset'} {self.sent} bytes{faults}"


class Publishers:
    """All publishers in one process, on one port of this machine.

    Attributes:
        site: settings and limits (see ``messages.Site``); may be changed while it runs.
        requests: all requests so far, oldest first, without those to the control interface.
        recorded: the recording that is replayed in place of the publishers' own responses, if any.
    """

    def __init__(self, port: int = 0, *, log: bool = False, replay: Path | None = None, **settings: Any) -> None:
        self.requests: list[LoggedRequest] = []
        self.switchboard = Switchboard()
        self.site = Site(**settings)
        self.recorded = Recorded(replay) if replay else None
        self._log = log
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.publishers = self
        self.site.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def bases(self) -> dict[str, str]:
        """The address of each publisher, by the name of its endpoint."""
        return {name.upper(): f"{self.site.base}/{name}" for name, served in SERVED.items() if served.is_host}

    @property
    def endpoints(self) -> dict[str, str]:
        """The environment that points the pipeline at this process: SPI_ENDPOINT_<NAME> -> address."""
        return {f"SPI_ENDPOINT_{name}": base for name, base in self.bases.items()}

    def fault(self, publisher: str, kind: str, *, path: str = "*", times: int | None = None, **options: Any) -> None:
        """Switch on a fault for the next `times` requests, or until it is switched off (see ``faults.KINDS``)."""
        if publisher not in (*SERVED, "*"):
            raise ValueError(f"no publisher {publisher!r}: one of {', '.join(SERVED)}")
        self.switchboard.add(Fault(publisher, kind, path, times, options))

    def clear_faults(self, publisher: str | None = None) -> None:
        """Switch off the faults of a publisher, or all."""
        self.switchboard.clear(publisher)

    def requests_to(self, publisher: str, path: str = "") -> list[LoggedRequest]:
        """Requests to a publisher whose path contains `path`."""
        return [seen for seen in self.requests if seen.publisher == publisher and path in seen.path]

    def log_request(self, seen: LoggedRequest) -> None:
        self.requests.append(seen)
        if self._log:
            print(seen, flush=True)

    def start(self) -> Publishers:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def serve(self) -> None:
        """Serve until interrupted."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.serve_forever()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def local_publishers(port: int = 0, **settings: Any) -> Iterator[Publishers]:
    """Serve all publishers in this process until the block ends.

    Settings are those of ``messages.Site``, and ``replay``: the folder of a recording to replay in place of the
    publishers' own responses.
    """
    publishers = Publishers(port, **settings).start()
    try:
        yield publishers
    finally:
        publishers.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    publishers: Publishers

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print errors, except that a client hung up."""
        import sys

        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 60
    disable_nagle_algorithm = True  # otherwise every response on a reused connection waits 40 ms

    def do_GET(self) -> None:
        publishers = self.server.publishers
        address = urlsplit(self.path)
        _, name, *rest = (*address.path.split("/", 2), "")[:3]
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if name == "_control":
            self._send(self._packed(control(publishers, self.command, rest[0], form), set()), set())
            return
        is_form = "urlencoded" in self.headers.get("Content-Type", "")
        query = pairs(address.query) | (pairs(form.decode()) if is_form else {})
        path = f"/{unquote(rest[0])}"
        if name in _ROOTED:
            name, path = _ROOTED[name], unquote(address.path)
        request = Request(self.command, name, path, query, self.headers, publishers.site, len(self.path))
        target = f"{path}?{address.query}" if address.query else path
        faults = publishers.switchboard.take(name, target, header_alone=self.command == "HEAD")
        wire = {fault.kind for fault in faults} & set(WIRE_FAULTS)
        response = self._respond(request, faults)
        packed = self._packed(response, wire) if response else None
        # Logged before it is sent, so that a client with the response finds the request in the log.
        status, sent = (packed.status, len(self._part(packed, wire))) if packed else (0, 0)
        shown = "&".join(f"{key}={value}" for key, value in query.items())
        kinds, headers = tuple(fault.kind for fault in faults), dict(self.headers.items())
        publishers.log_request(LoggedRequest(self.command, name, path, shown, status, sent, kinds, headers))
        if packed:
            self._send(packed, wire)
        else:
            self._reset()

    do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815

    def _respond(self, request: Request, faults: list[Fault]) -> Response | None:
        """The publisher's response with its faults; None to reset the connection."""
        for fault in faults:
            if fault.kind == "latency":
                spoil(fault, (), Response())
            elif fault.terminal:
                return None if fault.kind == "reset" else replacement_for(fault, request)
        name, path = request.publisher, request.path
        if name == _FOREIGN:  # the same bytes under an address that no publisher redirects to
            _, name, path = (*path.split("/", 2), "")[:3]
        served = SERVED.get(name)
        respond = served.respond if served else not_found
        if self.server.publishers.recorded:
            respond = self.server.publishers.recorded.respond
        response = respond(replace(request, publisher=name, path=f"/{path.lstrip('/')}"))
        for fault in faults:
            if fault.kind != "latency":
                response = spoil(fault, served.figures if served else (), response)
        return _validated(request, response, ranges=all(fault.kind != "no_ranges" for fault in faults))

    def _packed(self, response: Response, wire: set[str]) -> Response:
        """The response on the wire: compressed if the client accepts that, cut if the fault is a cut gzip stream."""
        accepts = "gzip" in self.headers.get("Accept-Encoding", "") and response.compress and len(response.body) > 500
        if not accepts and "cut_gzip" not in wire:
            return response
        body = gzip.compress(response.body, 1, mtime=0)
        body = body[: len(body) // 2] if "cut_gzip" in wire else body
        return replace(response, body=body, headers={**response.headers, "Content-Encoding": "gzip"})

    def _part(self, response: Response, wire: set[str]) -> bytes:
        """The bytes of the body that are actually sent."""
        if self.command == "HEAD" or response.status == 304:
            return b""
        return response.body[: len(response.body) // 2] if wire & {"cut_body", "reset_midway"} else response.body

    def _send(self, response: Response, wire: set[str]) -> None:
        self.send_response(response.status)
        if "drip_chunks" in wire:
            self.send_header("Transfer-Encoding", "chunked")
        elif response.status != 304:
            length = 4_000_000_000 if "oversized" in wire else len(response.body)
            self.send_header("Content-Length", str(length))
        if response.status != 304:
            self.send_header("Content-Type", response.content_type)
        for key, value in response.headers.items():
            self.send_header(key, value)
        if wire.isdisjoint(DRIPS):
            self.end_headers()
            self.wfile.write(self._part(response, wire))
        else:
            self._drip(self._part(response, wire), wire)
        self.close_connection |= bool(wire & {"cut_body", "oversized"})
        if "reset_midway" in wire:
            self._reset()

    def _drip(self, body: bytes, wire: set[str]) -> None:
        """Send the body slowly, until it is complete or the client hangs up."""
        self.close_connection = True
        if "drip_header" in wire:
            self.flush_headers()
            drops: Iterator[bytes] = itertools.repeat(b"X-Slow: a\r\n")
        else:
            self.end_headers()
            form = b"1\r\n%c\r\n" if "drip_chunks" in wire else b"%c"
            drops = (form % byte for byte in body)
        for drop in drops:
            self.wfile.write(drop)
            time.sleep(_DROP)

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # we may have reset the connection
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Print nothing: ``Publishers.log_request`` keeps the log."""


def _validated(request: Request, response: Response, *, ranges: bool) -> Response:
    """Add ETag and Last-Modified where the publisher sends them; return 304 if the request has the current one."""
    wanted = {"documented": response.validators, "all": True, "none": False}[request.site.validators]
    if not wanted or response.status != 200:
        return response
    computed = f'"{hashlib.md5(response.body, usedforsecurity=False).hexdigest()}"'
    # The date depends on the content alone.
    changed = datetime(2025, 10, 30, 9, 30, tzinfo=UTC) + timedelta(seconds=crc32(response.body) % 86_400)
    modified: str | None = format_datetime(changed, usegmt=True)
    sent = {name.lower(): text for name, text in response.headers.items()}
    if "etag" in sent or "last-modified" in sent:  # a recording holds the publisher's own
        etag, modified = sent.get("etag"), sent.get("last-modified")
    else:
        etag = computed
        response.headers |= {"ETag": etag, "Last-Modified": modified}
    named = request.headers.get("If-None-Match")
    since = request.headers.get("If-Modified-Since")
    if (named and named == etag) or (named is None and since and since == modified):
        return Response(304, headers=response.headers)
    return _ranged(request, response, etag or "", modified or "") if ranges else response


def _ranged(request: Request, response: Response, etag: str, modified: str) -> Response:
    """The rest of a body for a Range request, if the version named in If-Range is current (RFC 9110, 14.2)."""
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if not wanted or request.method != "GET" or request.headers.get("If-Range", etag) not in (etag, modified):
        return response
    begin, size = int(wanted[1]), len(response.body)
    if begin >= size:
        return Response(416, headers={"Content-Range": f"bytes */{size}"})
    span = {"Content-Range": f"bytes {begin}-{size - 1}/{size}"}
    return replace(
        response, status=206, body=response.body[begin:], headers={**response.headers, **span}, compress=False
    )
