"""Turns an HTTP response into a body on disk or one of the two failures. No request is sent here."""

from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests
import urllib3

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.http.pace import OutOfTimeError

NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
# With 52x, Cloudflare reports that the server behind it does not respond.
_WORTH_ANOTHER_TRY = frozenset({202, 408, 425, 429, 500, 502, 503, 504, *range(520, 528)})


def receive(response: requests.Response, body: Path, limit: int, begin: int = 0) -> bool:
    """Write a body to disk as it arrives.

    Args:
        response: the response whose body has not been read yet.
        body: the file to write.
        limit: the most bytes that the whole body may have.
        begin: bytes of the whole that the file already holds; any beyond them are overwritten.

    Returns:
        Whether the server declared where the body ends.

    Raises:
        TransientFailure: when the body breaks off; the received bytes stay on disk.
        PermanentFailure: when the body is too large.
        SpiError: when the file cannot be written.
    """
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and begin + int(length) > limit:
        raise PermanentFailure(f"the body has {begin + int(length):,} bytes and at most {limit:,} are expected")
    taken = _Counter(response.raw.stream(1 << 16, decode_content=False))
    size = begin
    try:
        with body.open("r+b" if begin else "wb") as file:
            file.truncate(begin)
            file.seek(begin)
            for chunk in bodies.unpacked(iter(taken), response.headers.get("Content-Encoding", "").lower()):
                size += len(chunk)
                if size > limit:
                    raise PermanentFailure(f"the body has more than the {limit:,} bytes that are expected")
                file.write(chunk)
    except OSError as error:
        if error.filename or not isinstance(error, ConnectionError | TimeoutError):
            raise bodies.unwritable(body.parent, error) from error
        raise unreached(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise unreached(error) from error
    if length.isdigit() and taken.bytes != int(length):
        raise TransientFailure(f"the body is cut short: {taken.bytes:,} of {int(length):,} bytes came")
    return length.isdigit() or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


class _Counter:
    """Counts the bytes that pass through it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.bytes = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk


def refused(response: requests.Response, request: Request, body: bytes) -> SpiError:
    """Return the failure that a status means; ``body`` is the beginning of the response's body."""
    status = response.status_code
    words = _words(body)
    message = f"responded with {status} {response.reason or ''}".rstrip() + (f" ({words})" if words else "")
    if status in _WORTH_ANOTHER_TRY and status not in request.final:
        return TransientFailure(message, status, _retry_after(response.headers), kind="refused")
    if status in (401, 403):
        message += "; if the publisher blocks programs, place the file in the inbox of this source"
    return PermanentFailure(message, status, kind="refused")


def beginning(response: requests.Response) -> bytes:
    """Return the beginning of the body of a refusal; empty if it does not arrive."""
    try:
        head: bytes = response.raw.read(400, decode_content=True)
    except (*NETWORK, ValueError):
        return b""
    return head


def _words(body: bytes) -> str:
    """Return the reason that a refusal gives, if its body is plain text."""
    text = body.decode("utf-8", "replace")
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return "" if words.startswith("<") else words[:160]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the ``Retry-After`` of a response in seconds, from either of its forms."""
    try:
        return urllib3.Retry().parse_retry_after(headers["Retry-After"])
    except (KeyError, ValueError, urllib3.exceptions.InvalidHeader):
        return None


def published(headers: Mapping[str, str]) -> str | None:
    """Return ``Last-Modified`` as ISO 8601, UTC."""
    try:
        return parsedate_to_datetime(headers["last-modified"]).astimezone(UTC).isoformat()
    except (KeyError, ValueError):
        return None


def unreached(error: Exception) -> PermanentFailure | TransientFailure:
    """Return the failure that a network error means."""
    message = " ".join(str(error).split())
    if over := _out_of_time(error):
        return TransientFailure(str(over), kind="late")
    if "CERTIFICATE_VERIFY_FAILED" in message:
        return PermanentFailure(
            "its certificate is not trusted here; check this machine's clock or, if a proxy signs traffic again, name "
            "the proxy's certificate authority in REQUESTS_CA_BUNDLE",
            kind="untrusted",
        )
    if isinstance(error, requests.exceptions.ProxyError):
        message = "the proxy in this machine's settings (HTTPS_PROXY) does not let the request through"
        return TransientFailure(message, kind="proxy")
    if isinstance(error, requests.exceptions.InvalidProxyURL):
        return PermanentFailure(message, kind="proxy")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        # Without the query, which may hold a secret.
        return PermanentFailure(f"the address cannot be used ({message.split('?')[0][:160]})", kind="unreached")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TransientFailure("no response in time", kind="late")
    if isinstance(error, urllib3.exceptions.IncompleteRead) or "IncompleteRead" in message:
        return TransientFailure("the body is cut short, the connection was closed before its end", kind="broken off")
    return TransientFailure(f"the connection failed ({type(error).__name__})", kind="unreached")


def _out_of_time(error: BaseException | None) -> OutOfTimeError | None:
    """Return our own time-out behind an error, which urllib3 and requests each wrap in one of theirs."""
    while error:
        if isinstance(error, OutOfTimeError):
            return error
        error = error.__cause__ or error.__context__
    return None
