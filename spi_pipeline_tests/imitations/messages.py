"""Requests, responses, and the settings that all publishers share.

A publisher is a function from ``Request`` to ``Response``. ``server`` handles sockets, validators, compression and
faults.
"""

from __future__ import annotations

import csv
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

# User agents that the firewalls of NHS and GOV.UK reject (error catalogue 22).
DEFAULT_AGENTS = ("python-requests", "python-urllib", "curl", "wget", "go-http-client", "java", "libwww")


class Bucket:
    """A leaky bucket: `burst` requests at once, then `rate` a second."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._level, self._seen, self._lock = 0.0, time.monotonic(), threading.Lock()

    def take(self) -> bool:
        """Take one more request, and return whether it fits."""
        with self._lock:
            now = time.monotonic()
            self._level = max(0.0, self._level - (now - self._seen) * self.rate)
            self._seen = now
            if self._level + 1 > self.burst:
                return False
            self._level += 1
            return True


@dataclass
class Site:
    """Settings of all publishers in one process; every field may change while it runs.

    Attributes:
        base: address of the process, without a slash at the end.
        months: months in the police's rolling window.
        archive_months: months in each of the police's archives; also 36, fewer in tests that must be quick.
        police_held_back: how many of the newest months the police have not published yet.
        police_sums: whether the police's page of archives shows the MD5 of the newest.
        links: ``published`` writes the publishers' real hosts into pages and JSON, as they do; ``local`` this process.
        redirects: the same for the archive's redirect to its bucket; local by default, so that ``curl -L`` works.
        validators: ETag and Last-Modified: ``documented`` only where a document mentions them, ``all`` or ``none``.
        nomis_rows, arcgis_records, fingertips_ids, police_crimes, police_url: the publishers' limits.
        wards: ward rows at Fingertips: ``none``, ``current`` or ``old`` (documents disagree whether they are offered).
        fingertips_columns: 27, or 26 as before 2025.
        fingertips_uploaded: when the data of Fingertips last changed; a sensor may request this.
    """

    base: str = ""
    months: int = 36
    archive_months: int = 36
    police_held_back: int = 0
    police_sums: bool = True
    links: str = "published"
    redirects: str = "local"
    validators: str = "documented"
    nomis_rows: int = 25_000
    arcgis_records: int = 2000
    fingertips_ids: int = 100
    police_crimes: int = 10_000
    police_url: int = 4094
    wards: str = "none"
    fingertips_columns: int = 27
    fingertips_uploaded: str = "2026-05-06T10:12:43"
    police_bucket: Bucket = field(default_factory=lambda: Bucket(rate=15, burst=30))

    def link(self, publisher: str, published: str, path: str) -> str:
        """The absolute address of `path` at a publisher, as its pages show it."""
        return (published if self.links == "published" else f"{self.base}/{publisher}") + path


@dataclass(frozen=True)
class Request:
    """One request: `path` follows the publisher's base; `query` includes form fields."""

    method: str
    publisher: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    site: Site
    length: int = 0

    def default_agent(self) -> bool:
        """Whether the User-Agent is missing or the default of a library."""
        return self.headers.get("User-Agent", "").lower().startswith(DEFAULT_AGENTS) or "User-Agent" not in self.headers


@dataclass
class Response:
    """One response. `validators`: whether a document gives this address an ETag and Last-Modified."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    validators: bool = False
    compress: bool = True


@dataclass(frozen=True)
class Served:
    """One imitated address of a publisher, and how faults are tried on it.

    Attributes:
        respond: returns its response to a request.
        source: a source that is fetched from it.
        path: shell pattern of the paths that fail, if not all of them do.
        column: shell pattern of a column of figures; empty if it serves no table.
        figures: shell patterns of columns whose values are scaled.
        is_host: whether the pipeline requests it directly; otherwise another address redirects to it.
    """

    respond: Callable[[Request], Response]
    source: str
    path: str = "*"
    column: str = ""
    figures: tuple[str, ...] = ()
    is_host: bool = True


def json_response(content: Any, status: int = 200, content_type: str = "application/json") -> Response:
    return Response(status, json.dumps(content, separators=(",", ":")).encode(), content_type)


def html_response(body: str, status: int = 200) -> Response:
    page = f"<!DOCTYPE html>\n<html lang='en'><head><title>{status}</title></head><body>{body}</body></html>\n"
    return Response(status, page.encode(), "text/html; charset=utf-8")


def not_found(request: Request) -> Response:
    return html_response(f"<h1>Not found</h1><p>{request.path}</p>", 404)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]], quoted: bool = False, end: str = "\n") -> str:
    """CSV; with `quoted`, text is in quotes and numbers are not."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """A zip whose bytes depend only on its members, not on the time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=1)
    return out.getvalue()


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """An Excel workbook from the rows of each sheet."""
    book, sink = openpyxl.Workbook(write_only=True), io.BytesIO()
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(sink)
    return sink.getvalue()


def parquet(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """A Parquet file from the values of each column."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink)
    return bytes(sink.getvalue().to_pybytes())


def pairs(text: str) -> dict[str, str]:
    """Parameters by name; the values of a repeated parameter are joined with commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
