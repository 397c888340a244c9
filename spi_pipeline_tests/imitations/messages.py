"""What goes in and out of a publisher: a request, an answer, and the settings all publishers share.

Publishers are functions from ``Request`` to ``Answer``. Sockets, validators, compression and faults are the server's.
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

# Agents that the walls before NHS and GOV.UK turn away (error catalogue 22).
DEFAULT_AGENTS = ("python-requests", "python-urllib", "curl", "wget", "go-http-client", "java", "libwww")


class Bucket:
    """A leaky bucket: `burst` at once, `rate` a second after that."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._level, self._seen, self._lock = 0.0, time.monotonic(), threading.Lock()

    def take(self) -> bool:
        """Whether one more request fits."""
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
    """What holds for all publishers of one process; every field may be changed while it runs.

    Attributes:
        base: address of the process, without a slash at the end.
        months: months in the police's rolling window.
        archive_months: months in each of the police's archives; 36 as well, unless a test has no time for them.
        police_held_back: how many of the newest months the police have not published yet.
        police_sums: whether their page of archives tells the MD5 of the newest.
        links: ``published`` writes the publishers' real hosts into pages and JSON, as they do; ``local`` our own.
        redirects: the same for the archive's redirect to its bucket; local by default, so that ``curl -L`` arrives.
        validators: ETag and Last-Modified: ``documented`` where a document speaks of them, ``all`` or ``none``.
        nomis_rows, arcgis_records, fingertips_ids, police_crimes, police_url: the publishers' limits.
        wards: ward rows at Fingertips: ``none``, ``current`` or ``old`` (documents disagree whether they are offered).
        fingertips_columns: 27, or 26 as before 2025.
        fingertips_uploaded: when its data last changed, by which a sensor may ask.
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
        """The absolute address of `path` at a publisher, as its pages would write it."""
        return (published if self.links == "published" else f"{self.base}/{publisher}") + path


@dataclass(frozen=True)
class Request:
    """One request: `path` is what stands behind the publisher's base; `query` holds form fields as well."""

    method: str
    publisher: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    site: Site
    length: int = 0

    def default_agent(self) -> bool:
        """Whether the User-Agent is missing or that of a bare library."""
        return self.headers.get("User-Agent", "").lower().startswith(DEFAULT_AGENTS) or "User-Agent" not in self.headers


@dataclass
class Answer:
    """One answer. `validators` says whether a document gives this address an ETag and Last-Modified."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    validators: bool = False
    compress: bool = True


@dataclass(frozen=True)
class Served:
    """One address of a publisher, as it is imitated, and how faults are tried on it.

    Attributes:
        answer: what it answers.
        source: a source that asks it.
        path: shell pattern, where only part of what it offers is to fail.
        column: shell pattern of a column of figures; empty where it serves no table.
        figures: shell patterns of columns whose values are scaled.
        is_host: whether it is a host of its own; else one that redirects of another lead to.
    """

    answer: Callable[[Request], Answer]
    source: str
    path: str = "*"
    column: str = ""
    figures: tuple[str, ...] = ()
    is_host: bool = True


def json_answer(content: Any, status: int = 200, content_type: str = "application/json") -> Answer:
    return Answer(status, json.dumps(content, separators=(",", ":")).encode(), content_type)


def html_answer(body: str, status: int = 200) -> Answer:
    page = f"<!DOCTYPE html>\n<html lang='en'><head><title>{status}</title></head><body>{body}</body></html>\n"
    return Answer(status, page.encode(), "text/html; charset=utf-8")


def not_found(request: Request) -> Answer:
    return html_answer(f"<h1>Not found</h1><p>{request.path}</p>", 404)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]], quoted: bool = False, end: str = "\n") -> str:
    """CSV; with `quoted`, text in quotes and numbers bare."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """A zip whose bytes depend on its members alone, not on the second it was made in."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=1)
    return out.getvalue()


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]]) -> bytes:
    """An Excel workbook, each sheet by its rows."""
    book, sink = openpyxl.Workbook(write_only=True), io.BytesIO()
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(sink)
    return sink.getvalue()


def parquet(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """A Parquet file, each column by its values."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink)
    return bytes(sink.getvalue().to_pybytes())


def pairs(text: str) -> dict[str, str]:
    """Parameters by name; those named more than once in one word, with commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
