"""Faults: what goes wrong at which publisher and path, and how often.

This module holds the kinds of fault, the switchboard, and the faults that replace a response or spoil its bytes.
``rows`` edits the rows of a response.
"""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Any

from spi_pipeline_tests.imitations import rows
from spi_pipeline_tests.imitations.messages import Request, Response, html_response, json_response

KINDS = {
    "latency": "waits `seconds` (default 0.5) first",
    "reset": "resets the connection without a word",
    "reset_midway": "resets it after half the body",
    "cut_body": "sends half the body, Content-Length names all of it",
    "cut_gzip": "sends half of a gzip stream, Content-Length names the half",
    "cut_file": "sends half the body, Content-Length names the half: a zip that was cut before it was stored",
    "drip_header": "sends a line of the header now and then, and never the last",
    "drip_body": "sends the body byte by byte, Content-Length names all of it",
    "drip_chunks": "sends the body byte by byte, each a chunk",
    "drip_error": "returns 500, and the reason byte by byte",
    "no_ranges": "sends all of a body to clients that request the rest of it",
    "republished": "the zip's comment differs, and so do its validators",
    "another_byte": "the byte in the middle of the body is another",
    "<status>": "any status from 400 to 599; `retry_after=5` adds seconds, `retry_after=date:5` an HTTP date",
    "html": "a page with status 200 and type text/html",
    "html_as_is": "a page with status 200 and the type of the response it replaces",
    "empty": "no body, status 200",
    "json_error": "the publisher's error as JSON, status 200",
    "content_type": "another Content-Type (`value`)",
    "foreign_redirect": "302 to `location` (default: the same process under another host name)",
    "wrong_header": "a header line of other words",
    "rename_column": "`column` is called `to` (default: the same word and `_v2`)",
    "drop_rows": "`share` (default 0.5) of the rows are gone, of `month` alone if given",
    "repeat_rows": "`share` of the rows come twice",
    "scale_values": "`column` (default: the publisher's value) times `factor` (default 100)",
    "overwrite": "`column` holds `value` in `share` (default 1) of the rows",
    "revision": "a tenth of the rows of `month` are gone: the month was revised",
    "missing_month": "no file of `force` (default bedfordshire) and `month` in the zip, no rows of it in the API",
    "old_wards": "codes of the wards before 2023 in place of the current ones",
    "oversized": "Content-Length names four gigabytes",
    "zip_climbs": "a member named ../../climbed.csv is in the zip",
    "zip_explodes": "a member of `megabytes` (default 64) of zeros is in the zip",
}
_TERMINAL = ("reset", "html", "empty", "json_error", "foreign_redirect", "drip_error")
DRIPS = ("drip_header", "drip_body", "drip_chunks", "drip_error")
# These faults show only in a body, so a HEAD request does not meet them.
BODY_FAULTS = (
    "reset_midway", "cut_body", "cut_gzip", "cut_file", "drip_body", "drip_chunks", "no_ranges", "another_byte",
)  # fmt: skip
WIRE_FAULTS = ("reset_midway", "cut_body", "cut_gzip", "oversized", "no_ranges", *DRIPS)


@dataclass
class Fault:
    """One switched-on fault.

    Attributes:
        publisher: name of a publisher, or ``*``.
        kind: one of ``KINDS``.
        path: shell pattern for path and query after the publisher's base; ``*`` for all.
        times: how many more requests meet it; None: all of them until it is switched off.
        options: options of the kind.
    """

    publisher: str
    kind: str
    path: str = "*"
    times: int | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS and not self.status:
            raise ValueError(f"no fault {self.kind!r}: one of {', '.join(KINDS)}")

    @property
    def status(self) -> int:
        """The status code of a status fault, otherwise 0."""
        return int(self.kind) if self.kind.isdigit() and 400 <= int(self.kind) <= 599 else 0

    @property
    def terminal(self) -> bool:
        """Whether it replaces the publisher's response."""
        return bool(self.status) or self.kind in _TERMINAL

    def applies_to(self, publisher: str, target: str) -> bool:
        path = target.partition("?")[0]
        is_publisher = self.publisher in ("*", publisher)
        return is_publisher and self.times != 0 and (fnmatchcase(target, self.path) or fnmatchcase(path, self.path))


def parse_fault(text: str) -> Fault:
    """Parse ``publisher:kind[:times][:option=value …]``; ``path`` is an option too."""
    publisher, kind, *rest = text.split(":")
    times = int(rest.pop(0)) if rest and rest[0].isdigit() else None
    merged: list[str] = []
    for part in rest:  # `date:5` and addresses contain colons themselves
        if "=" in part or not merged:
            merged.append(part)
        else:
            merged[-1] += f":{part}"
    options = dict(part.split("=", 1) for part in merged)
    return Fault(publisher, kind, options.pop("path", "*"), times, options)


class Switchboard:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self, publisher: str | None = None) -> None:
        """Switch off the faults of one publisher, or all."""
        with self._lock:
            self._faults = [fault for fault in self._faults if publisher not in (None, fault.publisher)]

    def active(self) -> list[Fault]:
        with self._lock:
            return [replace(fault) for fault in self._faults if fault.times != 0]

    def take(self, publisher: str, target: str, *, header_alone: bool = False) -> list[Fault]:
        """The faults this request meets; a HEAD request meets none that show only in a body.

        Each request meets at most one counted fault, in the order they were switched on. It meets every uncounted
        fault as well.
        """
        with self._lock:
            faults = [one for one in self._faults if not (header_alone and one.kind in BODY_FAULTS)]
            applicable = [fault for fault in faults if fault.applies_to(publisher, target)]
            counted = next((fault for fault in applicable if fault.times is not None), None)
            if counted is not None and counted.times is not None:
                counted.times -= 1
            return [*([counted] if counted else []), *(fault for fault in applicable if fault.times is None)]


def replacement_for(fault: Fault, request: Request) -> Response:
    """The response of a fault that replaces the publisher's."""
    if fault.status:
        return Response(fault.status, f"{fault.status}\n".encode(), headers=_retry_after(fault))
    if fault.kind == "drip_error":
        return Response(500, b"We are working on it. " * 100)
    if fault.kind == "html":
        return html_response("<h1>Service notice</h1><p>We are updating this service. Please try again later.</p>")
    if fault.kind == "empty":
        return Response(200, b"", "text/csv")
    if fault.kind == "foreign_redirect":
        elsewhere = f"{request.site.base.replace('127.0.0.1', 'localhost')}/foreign/{request.publisher}{request.path}"
        return Response(302, b"", headers={"Location": fault.options.get("location", elsewhere)})
    return _json_error(request.publisher)


def _json_error(publisher: str) -> Response:
    if publisher == "ons_geography":
        return json_response({"error": {"code": 504, "message": "Your request has timed out.", "details": []}})
    return json_response({"error": "Something went wrong while your request was worked on."})


def _retry_after(fault: Fault) -> dict[str, str]:
    wanted = fault.options.get("retry_after")
    if wanted is None:
        return {}
    form, _, seconds = str(wanted).rpartition(":")
    if form != "date":
        return {"Retry-After": str(wanted)}
    # An HTTP date has whole seconds, so add one: the wait is never shorter than the option says.
    at = datetime.now(UTC) + timedelta(seconds=float(seconds) + 1)
    return {"Retry-After": format_datetime(at, usegmt=True)}


def spoil(fault: Fault, figures: Sequence[str], response: Response) -> Response:
    """The publisher's response with a fault in its content; unchanged if the fault does not apply to its format."""
    options, body = fault.options, response.body
    if fault.kind == "latency":
        time.sleep(float(options.get("seconds", 0.5)))
    elif fault.kind == "content_type":
        return replace(response, content_type=options["value"])
    elif fault.kind == "html_as_is":
        return replace(html_response("<h1>Sorry, there is a problem</h1>"), content_type=response.content_type)
    elif fault.kind == "cut_file":
        return replace(response, body=body[: len(body) // 2])
    elif fault.kind == "another_byte":
        middle = len(body) // 2
        return replace(response, body=body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body)
    elif fault.kind == "republished":
        return replace(response, body=_commented(body))
    elif fault.kind in ("zip_climbs", "zip_explodes"):
        return replace(response, body=_with_member(fault, body))
    elif fault.kind not in WIRE_FAULTS and response.status == 200:
        columns = (options["column"],) if "column" in options else figures
        return replace(response, body=rows.edited(body, fault.kind, columns, options))
    return response


def _commented(body: bytes) -> bytes:
    out = io.BytesIO(body)
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"published again"
    return out.getvalue()


def _with_member(fault: Fault, body: bytes) -> bytes:
    if not zipfile.is_zipfile(io.BytesIO(body)):
        return body
    out = io.BytesIO(body)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        if fault.kind == "zip_climbs":
            archive.writestr("../../climbed.csv", "a,b\n1,2\n")
        else:
            # Named like a member that parsers read; otherwise no parser would unpack it.
            last = next((name for name in reversed(archive.namelist()) if name.endswith(".csv")), "large.csv")
            archive.writestr(
                f"more-{last}" if "/" not in last else last.replace("/", "/more-", 1),
                bytes(int(float(fault.options.get("megabytes", 64)) * 1e6)),
            )
    return out.getvalue()
