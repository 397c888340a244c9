"""A body received in part: whether it can be resumed, how to request the rest, and where the rest belongs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime

import requests

from spi_pipeline.publishers.http.exchange import TransientFailure

# For a smaller body, a new request is quicker than resuming.
WORTH_RESUMING = 1 << 18


@dataclass(frozen=True)
class Part:
    """The part of a body received so far.

    Attributes:
        size: bytes received.
        total: bytes of the whole body.
        validator: an ETag or a date that identifies this version of the body.
        headers: headers of the response that the body began with.
    """

    size: int
    total: int
    validator: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def range_headers(self) -> dict[str, str]:
        """Headers that request the rest if the body is still the same version, and otherwise all of it.

        The range begins no later than the last byte, since an empty range would be refused.
        """
        begin = min(self.size, self.total - 1)
        return {"Range": f"bytes={begin}-", "If-Range": self.validator, "Accept-Encoding": "identity"}

    def begin_of(self, response: requests.Response) -> int:
        """Return the position where the bytes of a response with status 206 belong.

        A server may begin earlier than requested; caches that store blocks do.

        Raises:
            TransientFailure: when the bytes do not fit the part received.
        """
        content_range = response.headers.get("Content-Range", "")
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range.strip())
        first, last, total = match.groups() if match else ("", "", "")
        name = "ETag" if self.validator.startswith('"') else "Last-Modified"
        is_packed = response.headers.get("Content-Encoding", "identity").lower() != "identity"
        if (
            not match
            or int(first) > self.size
            or int(last) != self.total - 1
            or total not in ("*", str(self.total))
            or response.headers.get(name, self.validator) != self.validator
            or response.headers.get("Content-Length") != str(self.total - int(first))
            or is_packed
        ):
            raise TransientFailure(
                f"the rest of the body does not fit the part received (Content-Range {content_range[:60]!r})"
            )
        return int(first)


def part_of(size: int, note: Mapping[str, str]) -> Part | None:
    """Return the part described by a note, or None if nothing can be resumed.

    Args:
        size: bytes received.
        note: see ``note_of``.
    """
    total = note.get("total", "")
    if not total.isdigit() or not 0 < size <= int(total) or not note.get("validator"):
        return None
    headers = {name: text for name, text in note.items() if name not in ("total", "validator")}
    return Part(size, int(total), note["validator"], headers)


def note_of(response: requests.Response, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the note for resuming a response with status 200; empty if it is too small or cannot be resumed.

    Args:
        response: the response.
        headers: its headers that are stored with the body.
    """
    total, validator = response.headers.get("Content-Length", ""), _validator(response.headers)
    is_packed = response.headers.get("Content-Encoding", "identity").lower() != "identity"
    if not validator or is_packed or not total.isdigit() or int(total) < WORTH_RESUMING:
        return {}
    return {"total": total, "validator": validator, **headers}


def _validator(headers: Mapping[str, str]) -> str:
    """Return what identifies the bytes of a body: a strong ETag, or else an older date of last change.

    RFC 9110, 8.8: a weak ETag identifies only the meaning of a body, and a body may change twice within one second.
    """
    etag = headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    try:
        changed, now = (parsedate_to_datetime(headers[name]) for name in ("Last-Modified", "Date"))
        return headers["Last-Modified"] if now - changed >= timedelta(seconds=1) else ""
    except (KeyError, ValueError, TypeError):
        return ""
