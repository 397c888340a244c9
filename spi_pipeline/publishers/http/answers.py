"""What an answer over HTTP amounts to: a body on disk, or one of the two failures. Nothing is asked here."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
import urllib3

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure

NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
# 52x is how Cloudflare says that the server behind it does not answer.
_WORTH_ANOTHER_TRY = frozenset({202, 408, 425, 429, 500, 502, 503, 504, *range(520, 528)})
# Slower than this after the first minute, a body will not arrive tonight.
_SLOWEST = 1000


def receive(response: requests.Response, body: Path, limit: int) -> bool:
    """Write a body to disk as it comes.

    Returns:
        Whether the server said where it ends.
    """
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > limit:
        raise PermanentFailure(f"the body has {int(length):,} bytes and at most {limit:,} are expected")
    taken = _Counter(response.raw.stream(1 << 16, decode_content=False))
    size = 0
    try:
        with body.open("wb") as file:
            for chunk in bodies.unpacked(iter(taken), response.headers.get("Content-Encoding", "").lower()):
                size += len(chunk)
                if size > limit:
                    raise PermanentFailure(f"the body has more than the {limit:,} bytes that are expected")
                file.write(chunk)
    except OSError as error:
        if error.filename or not isinstance(error, ConnectionError | TimeoutError):
            raise SpiError(
                f"{body.parent} cannot be written ({error.strerror or error}): free some disk space"
            ) from error
        raise unreached(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise unreached(error) from error
    if length.isdigit() and taken.bytes != int(length):
        raise TransientFailure(f"the body is cut short: {taken.bytes:,} of {int(length):,} bytes came")
    return length.isdigit() or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


class _Counter:
    """Counts the bytes that go through, and gives up on a body that only drips."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.bytes = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        began = time.monotonic()
        for chunk in self._chunks:
            self.bytes += len(chunk)
            passed = time.monotonic() - began
            if passed > 60 and self.bytes < passed * _SLOWEST:
                raise TransientFailure(f"the body drips: {self.bytes:,} bytes in {passed:.0f} seconds")
            yield chunk


def refused(response: requests.Response, request: Request) -> SpiError:
    """The failure that a status means."""
    status = response.status_code
    said = _excerpt(response)
    message = f"answered {status} {response.reason or ''}".rstrip() + (f" ({said})" if said else "")
    if status in _WORTH_ANOTHER_TRY and status not in request.final:
        return TransientFailure(message, status, _retry_after(response.headers))
    if status in (401, 403):
        message += "; where it lets no program in, lay the file into the inbox of this source"
    return PermanentFailure(message, status)


def _excerpt(response: requests.Response) -> str:
    """What a refusal says, where it says it in plain words."""
    try:
        text = response.raw.read(400, decode_content=True).decode("utf-8", "replace")
    except (*NETWORK, ValueError):
        return ""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return "" if words.startswith("<") else words[:160]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The ``Retry-After`` of an answer in seconds, from either of its forms."""
    try:
        return urllib3.Retry().parse_retry_after(headers["Retry-After"])
    except (KeyError, ValueError, urllib3.exceptions.InvalidHeader):
        return None


def published(headers: Mapping[str, str]) -> str | None:
    """``Last-Modified`` as ISO 8601, UTC."""
    try:
        return parsedate_to_datetime(headers["last-modified"]).astimezone(UTC).isoformat()
    except (KeyError, ValueError):
        return None


def unreached(error: Exception) -> SpiError:
    """The failure that an error of the network means."""
    said = " ".join(str(error).split())
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return PermanentFailure("its certificate is not trusted here; see to this machine's certificates or its clock")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return PermanentFailure(f"the address cannot be used ({said[:160]})")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TransientFailure("no answer in time")
    if isinstance(error, urllib3.exceptions.IncompleteRead) or "IncompleteRead" in said:
        return TransientFailure("the body is cut short, the connection was closed before its end")
    return TransientFailure(f"the connection failed ({type(error).__name__})")
