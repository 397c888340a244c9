"""What stands before Dagster's web server, which takes a mutation from any web page that a local browser shows.

It answers GraphQL by GET, from forms, from any ``Origin`` and under any ``Host`` (seen in 1.13: a page deleted a run).
This knows nothing of Dagster but where its GraphQL lies.
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

# A name that somebody else's DNS could lead here is none of these.
LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
# The longest query of the UI itself is of some 20 KB.
MOST_BYTES = 4_000_000


class Guard:
    """An ASGI application that passes on what the UI's own pages and local programs ask, and refuses the rest.

    Args:
        app: what is guarded.
        address: where people reach it through a proxy, such as ``https://spi.example.org``; from this machine it is
            reached as well.
        read_only: whether anything that changes something is refused.
    """

    def __init__(self, app: ASGIApp, address: str = "", *, read_only: bool = False) -> None:
        self.app = app
        self.read_only = read_only
        self.origin = _origin(address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or a websocket, or pass it on."""
        if scope["type"] not in ("http", "websocket"):  # the start and the end of the server
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        fault = self._foreign(headers)
        if scope["type"] == "websocket":  # which knows subscriptions only, and these change nothing
            await (send({"type": "websocket.close", "code": 1008}) if fault else self.app(scope, receive, send))
            return None
        fault = fault or _unusual(scope, headers)
        if not fault and self.read_only and scope["method"] not in ("GET", "HEAD"):
            fault, receive = await _changing(scope, receive)
        if fault:
            return await JSONResponse({"errors": [{"message": fault}]}, status_code=403)(scope, receive, send)
        return await self.app(scope, receive, _unframed(send))

    def _foreign(self, headers: Headers) -> str:
        """Why a request is another web page's, or was led here by another name; nothing where it is ours."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        local = re.sub(r":\d+$", "", host) in LOCAL
        if not local and f"//{host}" != self.origin.partition(":")[2]:
            return f"no such host here: {host!r}; where a proxy leads here, set SPI_UI_URL to the address people open"
        own = {self.origin} | ({f"http://{host}"} if local else set())
        if any(origin.lower() not in own - {""} for origin in origins):
            return f"a page of {origins[0]!r} may not ask this; where that is a proxy before it, set SPI_UI_URL to it"
        return ""


def _origin(address: str) -> str:
    """Scheme, host and port of an address, as a browser tells it."""
    parts = urlsplit(address.strip().lower())
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].removesuffix(usual)}" if parts.netloc else ""


def _unusual(scope: Scope, headers: Headers) -> str:
    """Why a request asks GraphQL in a manner that needs no consent of a browser's; nothing where it does not."""
    if not scope["path"].rstrip("/").endswith("/graphql"):
        return ""
    if scope["method"] in ("GET", "HEAD"):
        named = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return "GraphQL is asked by POST alone" if "query" in named else ""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return "" if kind == "application/json" else "GraphQL is asked by application/json alone"


async def _changing(scope: Scope, receive: Receive) -> tuple[str, Receive]:
    """Why a request would change something, and the request to be read anew."""
    if not scope["path"].rstrip("/").endswith("/graphql"):
        return "this server only reads", receive
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
        if len(body) > MOST_BYTES:
            return f"a query of more than {MOST_BYTES:,} bytes is not read", receive
    whole: Iterator[Message] = iter([{"type": "http.request", "body": bytes(body), "more_body": False}])

    async def again() -> Message:
        return next(whole, None) or await receive()

    return ("" if _only_queries(bytes(body)) else "this server only reads"), again


def _only_queries(body: bytes) -> bool:
    """Whether a body holds queries and nothing else that could be executed."""
    try:
        asked: Any = json.loads(body)
        document = parse(asked["query"]) if isinstance(asked, Mapping) else None
    except (ValueError, LookupError, TypeError, RecursionError, GraphQLError):
        document = None
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)] if document else []
    return bool(found) and all(node.operation == OperationType.QUERY for node in found)


def _unframed(send: Send) -> Send:
    """Let no other page show this one inside itself, where a click meant for that page would fall on this one."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-frame-options", b"SAMEORIGIN")]
        await send(message)

    return told
