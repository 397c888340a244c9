"""A body that came in part: whether it can be gone on with, how to ask for the rest, and where the rest belongs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime

import requests

from spi_pipeline.publishers.http.exchange import TransientFailure

# A smaller body is sooner asked for anew.
WORTH = 1 << 18


@dataclass(frozen=True)
class Part:
    """What is had of a body.

    Attributes:
        size: bytes that are there.
        total: bytes of the whole.
        validator: what names this very version of it, an ETag or a date.
        headers: of the answer that it began with.
    """

    size: int
    total: int
    validator: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def asking(self) -> dict[str, str]:
        """Headers that ask for the rest where it still is the same body, else for all of it.

        The last byte is asked for again: a range that holds nothing would be refused.
        """
        begin = min(self.size, self.total - 1)
        return {"Range": f"bytes={begin}-", "If-Range": self.validator, "Accept-Encoding": "identity"}

    def begins(self, answer: requests.Response) -> int:
        """Where in the body the bytes of an answer with status 206 belong.

        A server may begin earlier than asked, as caches that keep blocks do.

        Raises:
            TransientFailure: when they fit nowhere.
        """
        told = answer.headers.get("Content-Range", "")
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", told.strip())
        first, last, total = found.groups() if found else ("", "", "")
        name = "ETag" if self.validator.startswith('"') else "Last-Modified"
        is_packed = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
        if (
            not found
            or int(first) > self.size
            or int(last) != self.total - 1
            or total not in ("*", str(self.total))
            or answer.headers.get(name, self.validator) != self.validator
            or answer.headers.get("Content-Length") != str(self.total - int(first))
            or is_packed
        ):
            raise TransientFailure(f"the rest of the body that came fits nowhere (Content-Range {told[:60]!r})")
        return int(first)


def part(size: int, noted: Mapping[str, str]) -> Part | None:
    """The part that was noted; None where there is nothing to go on with.

    Args:
        size: bytes that are there.
        noted: see ``note``.
    """
    total = noted.get("total", "")
    if not total.isdigit() or not 0 < size <= int(total) or not noted.get("validator"):
        return None
    headers = {name: text for name, text in noted.items() if name not in ("total", "validator")}
    return Part(size, int(total), noted["validator"], headers)


def note(answer: requests.Response, headers: Mapping[str, str]) -> dict[str, str]:
    """What must be noted of an answer with status 200 to go on with it; empty where that cannot be, or is not worth it.

    Args:
        answer: it.
        headers: those of its headers that are kept with the body.
    """
    total, validator = answer.headers.get("Content-Length", ""), _validator(answer.headers)
    is_packed = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
    if not validator or is_packed or not total.isdigit() or int(total) < WORTH:
        return {}
    return {"total": total, "validator": validator, **headers}


def _validator(headers: Mapping[str, str]) -> str:
    """What names the bytes of a body: a strong ETag, else the date of its last change where that was a while ago.

    RFC 9110, 8.8: a weak ETag names what it means, and within one second a body may change twice.
    """
    etag = headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    try:
        changed, now = (parsedate_to_datetime(headers[name]) for name in ("Last-Modified", "Date"))
        return headers["Last-Modified"] if now - changed >= timedelta(seconds=1) else ""
    except (KeyError, ValueError, TypeError):
        return ""
