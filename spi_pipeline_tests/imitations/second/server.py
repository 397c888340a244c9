"""The second imitation: a server in the publishers' dialects for an invented town, written from the documents alone.

It shares no code with the first imitation. Where the documents leave a choice, its manners choose differently: how a
body is transferred, where a redirect points, how numbers, labels and line ends are written, how long a page is. A
client that relies only on the documents reads the same figures in every manner.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Query = Mapping[str, str]


@dataclass(frozen=True)
class Manner:
    """The choices of one server.

    Attributes:
        name: the name of the manner.
        chunked: whether bodies come in chunks, without a Content-Length.
        packed: whether bodies are gzipped for clients that accept it.
        etag: the format of an ``ETag``; None for a ``Last-Modified`` instead.
        redirect: status with which the first request for a path is redirected to the publisher's real address; 0: none.
        page: the maximum number of records in one response.
        end: the line end in CSV.
        bom: whether CSV begins with a byte order mark.
        quoted: whether every CSV cell is quoted.
        worded: whether labels differ in wording from Nomis's own files.
        texts: whether numbers such as coordinates are texts.
    """

    name: str
    chunked: bool = False
    packed: bool = False
    etag: str | None = '"{}"'
    redirect: int = 0
    page: int = 1000
    end: str = "\n"
    bom: bool = False
    quoted: bool = False
    worded: bool = False
    texts: bool = True


PLAIN = Manner("plain")
ORNATE = Manner(
    "ornate", chunked=True, packed=True, etag='W/"{}"', redirect=307, page=2, end="\r\n", bom=True, quoted=True,
    worded=True, texts=False,
)  # fmt: skip
OLD = Manner("old", etag=None, redirect=301, page=5, quoted=True)


@dataclass
class Reply:
    """A publisher's response."""

    body: bytes = b""
    kind: str = "text/csv"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Respond = Callable[["Manner", str, Query], Reply]


@dataclass
class SecondImitation:
    """The running server.

    Attributes:
        endpoints: base address of each endpoint.
        requests: method, endpoint, path and status of every request, oldest first.
    """

    endpoints: dict[str, str]
    requests: list[tuple[str, str, str, int]] = field(default_factory=list)


@contextmanager
def second_imitation(
    manner: Manner, publishers: Mapping[str, Respond], bases: Mapping[str, str], shown: Mapping[str, str]
) -> Iterator[SecondImitation]:
    """Serve until the block ends.

    Args:
        manner: the server's choices.
        publishers: the function that responds to requests, by endpoint.
        bases: the real base address of each endpoint, to which its redirects point.
        shown: the path under which each endpoint is served here.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    home = f"http://127.0.0.1:{server.server_port}"
    found = SecondImitation({name: home + shown[name] for name in publishers})
    server.RequestHandlerClass = _handler(manner, found, publishers, bases, shown)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


def _handler(
    manner: Manner, found: SecondImitation, publishers: Mapping[str, Respond], bases: Mapping[str, str],
    shown: Mapping[str, str],
) -> type[BaseHTTPRequestHandler]:  # fmt: skip
    redirected: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # otherwise every response on a reused connection waits 40 ms

        def do_GET(self) -> None:
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            parts = urlsplit(self.path)
            name = next(one for one in publishers if parts.path.startswith(shown[one] + "/"))
            path = parts.path.removeprefix(shown[name])
            target = f"{path}?{parts.query}" if parts.query else path
            if manner.redirect and target not in redirected:
                # Redirect to the publisher's real, absolute address, as a publisher would.
                redirected.add(target)
                reply = Reply(b"Moved\n", "text/plain", manner.redirect, {"Location": bases[name] + target})
                if self.command == "POST" and manner.redirect != 307:
                    reply = publishers[name](manner, path, dict(parse_qsl(form)))
            else:
                query = dict(parse_qsl(parts.query or form, keep_blank_values=True))
                reply = publishers[name](manner, path, query)
            status = self.send(reply)
            found.requests.append((self.command, name, path, status))

        do_POST = do_GET  # noqa: N815

        def send(self, reply: Reply) -> int:
            etag = manner.etag and manner.etag.format(hashlib.sha1(reply.body, usedforsecurity=False).hexdigest())
            headers = {"Content-Type": reply.kind, **reply.headers}
            if reply.status == 200:
                headers |= {"ETag": etag} if etag else {"Last-Modified": "Mon, 02 Nov 2026 09:30:00 GMT"}
            if reply.status == 200 and etag and self.headers.get("If-None-Match") == etag:
                reply, headers = Reply(status=304), {"ETag": etag}
            body = reply.body
            if manner.packed and body and "gzip" in self.headers.get("Accept-Encoding", "") and "zip" not in reply.kind:
                body = gzip.compress(body)
                headers["Content-Encoding"] = "gzip"
            if reply.status != 304:
                length = {"Transfer-Encoding": "chunked"} if manner.chunked else {"Content-Length": str(len(body))}
                headers |= length
            self.send_response(reply.status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            if reply.status != 304:
                self.wfile.write(_chunks(body) if manner.chunked else body)
            return reply.status

        def log_message(self, *_: object) -> None:
            return

    return Handler


def _chunks(body: bytes) -> bytes:
    cut = [body[start : start + 700] for start in range(0, len(body), 700)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in cut) + b"0\r\n\r\n"
