"""What an answer over HTTP amounts to: a body on disk, or one of the two failures. Nothing is asked here."""

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
# 52x is how Cloudflare says that the server behind it does not answer.
_WORTH_ANOTHER_TRY = frozenset({202, 408, 425, 429, 500, 502, 503, 504, *range(520, 528)})


def receive(response: requests.Response, body: Path, limit: int, begin: int = 0) -> bool:
    """Write a body to disk as it comes.

    Args:
        response: the answer whose body is still to be read.
        body: where to.
        limit: bytes that the whole body may have.
        begin: how many bytes of the whole are there already; what is there beyond them is written over.

    Returns:
        Whether the server said where it ends.

    Raises:
        TransientFailure: when it breaks off; what came is on disk.
        PermanentFailure: when it is too large.
        SpiError: when the disk refuses it.
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
    """Counts the bytes that go through."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.bytes = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk


def refused(response: requests.Response, request: Request, body: bytes) -> SpiError:
    """The failure that a status means; ``body`` is how its answer begins."""
    status = response.status_code
    said = _words(body)
    message = f"answered {status} {response.reason or ''}".rstrip() + (f" ({said})" if said else "")
    if status in _WORTH_ANOTHER_TRY and status not in request.final:
        return TransientFailure(message, status, _retry_after(response.headers))
    if status in (401, 403):
        message += "; where it lets no program in, lay the file into the inbox of this source"
    return PermanentFailure(message, status)


def beginning(response: requests.Response) -> bytes:
    """How the body of a refusal begins; nothing where it does not come."""
    try:
        found: bytes = response.raw.read(400, decode_content=True)
    except (*NETWORK, ValueError):
        return b""
    return found


def _words(body: bytes) -> str:
    """What a refusal says, where it says it in plain words."""
    text = body.decode("utf-8", "replace")
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
    if over := _out_of_time(error):
        return TransientFailure(str(over))
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return PermanentFailure(
            "its certificate is not trusted here; see to this machine's clock or, where a proxy of your own signs for "
            "others, name its certificate authority in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return TransientFailure("the proxy of this machine's settings (HTTPS_PROXY) does not let it through")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        # Without what its query may hide.
        return PermanentFailure(f"the address cannot be used ({said.split('?')[0][:160]})")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TransientFailure("no answer in time")
    if isinstance(error, urllib3.exceptions.IncompleteRead) or "IncompleteRead" in said:
        return TransientFailure("the body is cut short, the connection was closed before its end")
    return TransientFailure(f"the connection failed ({type(error).__name__})")


def _out_of_time(error: BaseException | None) -> OutOfTimeError | None:
    """What of our own is behind an error, which urllib3 and requests each wrap in one of theirs."""
    while error:
        if isinstance(error, OutOfTimeError):
            return error
        error = error.__cause__ or error.__context__
    return None
