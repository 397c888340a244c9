"""Replay a recording made by ``spi refresh --live --record FOLDER`` in place of all publishers.

A request that was not recorded gets a 404 that says so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from spi_pipeline.publishers import offers
from spi_pipeline.publishers.http.recording import ABOUT
from spi_pipeline_tests.imitations.messages import Request, Response, html_response, pairs

# The server sets the encoding and length of a body itself.
_TRANSFER_HEADERS = {"accept-ranges", "content-encoding", "content-length", "content-type", "date"}
RequestKey = tuple[str, str, frozenset[tuple[str, str]]]


class Recorded:
    """The responses of a recording.

    Args:
        folder: the recording.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        files = [file for file in sorted(folder.glob("*.json")) if file.name != ABOUT]
        entries = [json.loads(file.read_text(encoding="utf-8")) for file in files]
        if not entries:
            raise ValueError(f"{folder} holds no recording; make one with spi refresh --live --record {folder}")
        self._entries: dict[RequestKey, Any] = {_request_key(entry): entry for entry in entries}

    def respond(self, request: Request) -> Response:
        """The recorded response to the same request; the method does not matter, since HEAD mirrors GET."""
        entry = self._entries.get((request.publisher, request.path, frozenset(request.query.items())))
        if entry is None:
            return html_response(f"<h1>Not recorded</h1><p>{request.publisher}{request.path}</p>", 404)
        headers = {name: text for name, text in entry["headers"].items() if name not in _TRANSFER_HEADERS}
        kind = entry["headers"].get("content-type", "application/octet-stream")
        body = (self._folder / entry["body"]).read_bytes()
        return Response(
            entry["status"], body, kind, headers, validators="etag" in headers or "last-modified" in headers
        )


def _request_key(entry: dict[str, Any]) -> RequestKey:
    base = next(host.base for host in offers.HOSTS.values() if host.name == entry["endpoint"])
    parts = urlsplit(entry["url"].removeprefix(base))
    query = pairs(parts.query) | pairs(urlencode([tuple(pair) for pair in entry["form"] or ()]))
    return entry["endpoint"].lower(), unquote(parts.path), frozenset(query.items())
