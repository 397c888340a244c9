"""A guard in front of Dagster's web server, which accepts mutations from any web page open in a local browser.

Dagster accepts GraphQL by GET, from forms, from any ``Origin`` and under any ``Host`` (seen in 1.13: a page deleted a
run). The guard knows nothing about Dagster except the path of its GraphQL endpoint.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The host names of this machine; a request by DNS rebinding would carry any other name.
LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
# The UI's own longest query has some 20 KB.
MOST_BYTES = 4_000_000


class Guard:
    """An ASGI application that passes on requests from the UI's own pages and local programs, and refuses all others.

    Args:
        app: the guarded application.
        address: the address that people open through a proxy, such as ``https://spi.example.org``; access from this
            machine always works too.
        read_only: whether to refuse every request that changes something.
    """

    def __init__(self, app: ASGIApp, address: str = "", *, read_only: bool = False) -> None:
        self.app = app
        self.read_only = read_only
        self.origin = _origin(address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request or a websocket, or pass it on."""
        if scope["type"] not in ("http", "websocket"):  # startup and shutdown of the server
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        fault = self._foreign(headers)
        if scope["type"] == "websocket":  # only for subscriptions, which change nothing
            await (send({"type": "websocket.close", "code": 1008}) if fault else self.app(scope, receive, send))
            return None
        fault = fault or _unusual(scope, headers)
        if not fault and self.read_only and scope["method"] not in ("GET", "HEAD"):
            fault, receive = await _changing(scope, receive)
        if fault:
            return await JSONResponse({"errors": [{"message": fault}]}, status_code=403)(scope, receive, send)
        return await self.app(scope, receive, _unframed(send))

    def _foreign(self, headers: Headers) -> str:
        """Why a request comes from another web page or under another host name; empty if it is legitimate."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        local = re.sub(r":\d+$", "", host) in LOCAL
        if not local and f"//{host}" != self.origin.partition(":")[2]:
            return f"this server has no host {host!r}; behind a proxy, set SPI_UI_URL to the address that people open"
        own = {self.origin} | ({f"http://{host}"} if local else set())
        if any(origin.lower() not in own - {""} for origin in origins):
            return f"pages of {origins[0]!r} may not send this request; if that is a proxy, set SPI_UI_URL to it"
        return ""


def _origin(address: str) -> str:
    """Scheme, host and port of an address, as a browser sends them in ``Origin``."""
    parts = urlsplit(address.strip().lower())
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].removesuffix(usual)}" if parts.netloc else ""


def _unusual(scope: Scope, headers: Headers) -> str:
    """Why a browser would send a GraphQL request across origins without a preflight; empty if it would not."""
    if not scope["path"].rstrip("/").endswith("/graphql"):
        return ""
    if scope["method"] in ("GET", "HEAD"):
        named = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return "GraphQL requests must use POST" if "query" in named else ""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return "" if kind == "application/json" else "GraphQL requests must have the content type application/json"


async def _changing(scope: Scope, receive: Receive) -> tuple[str, Receive]:
    """Why a request would change something, empty if it would not, and a function that replays the request."""
    if not scope["path"].rstrip("/").endswith("/graphql"):
        return "this server is read-only", receive
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > MOST_BYTES:
            return f"a query may have at most {MOST_BYTES:,} bytes", receive
    whole: Iterator[Message] = iter([{"type": "http.request", "body": bytes(body), "more_body": False}])

    async def replay() -> Message:
        return next(whole, None) or await receive()

    return ("" if _only_queries(bytes(body)) else "this server is read-only"), replay


def _only_queries(body: bytes) -> bool:
    """Whether a body holds only queries, and no other executable operation."""
    try:
        request: Any = json.loads(body)
        document = parse(request["query"]) if isinstance(request, Mapping) else None
    except (ValueError, LookupError, TypeError, RecursionError, GraphQLError):
        document = None
    operations = (
        [node for node in document.definitions if isinstance(node, OperationDefinitionNode)] if document else []
    )
    return bool(operations) and all(node.operation == OperationType.QUERY for node in operations)


def _unframed(send: Send) -> Send:
    """Forbid other pages to embed this one in a frame, where a click meant for them would land on this page."""

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-frame-options", b"SAMEORIGIN")]
        await send(message)

    return send_with_header
