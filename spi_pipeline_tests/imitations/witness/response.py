"""Requests and responses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

HTML = "text/html; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """A request: `path` follows the publisher's own address; `query` has the last value of a repeated parameter."""

    method: str
    path: str
    query: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    form: Mapping[str, str]
    headers: Mapping[str, str]
    length: int

    @classmethod
    def read(cls, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Request:
        parts = urlsplit(target)
        pairs = tuple(parse_qsl(parts.query, keep_blank_values=True))
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return cls(method, unquote(parts.path), dict(pairs), pairs, form, headers, len(target))

    def parameter(self, name: str, default: str = "") -> str:
        """A parameter from the form or the query; case does not matter in its name."""
        for key, value in (*self.form.items(), *self.query.items()):
            if key.lower() == name.lower():
                return value
        return default


@dataclass(frozen=True)
class Response:
    body: bytes = b""
    kind: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(value: Any, kind: str = JSON, status: int = 200) -> Response:
    return Response(json.dumps(value, separators=(",", ":")).encode(), kind, status)


def csv_bytes(header: str, rows: Iterable[Iterable[Any]]) -> bytes:
    """CSV from a comma-separated header and rows; lines end in CR LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return text.getvalue().encode()


def not_found(words: str = "Not Found") -> Response:
    return Response(f"<html><body><h1>{words}</h1></body></html>".encode(), HTML, 404)
