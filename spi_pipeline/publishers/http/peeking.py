"""A piece of a response: the beginning of a long body, or the end of an archive, where its directory is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.exchange import TransientFailure
from spi_pipeline.publishers.http.responses import NETWORK, unreached

_CHUNK = 1 << 14


@dataclass(frozen=True)
class Piece:
    """Which piece of a response to read.

    Attributes:
        bytes: the most bytes to read.
        end: whether to read the last bytes instead of the first.
        ranged: whether to request these bytes alone, as suits a file. Otherwise the whole body is requested and reading
            stops early, as suits a response that is computed for each request.
    """

    bytes: int
    end: bool = False
    ranged: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The request headers that ask for the piece."""
        if not (self.end or self.ranged):
            return {}
        return {
            "Range": f"bytes=-{self.bytes}" if self.end else f"bytes=0-{self.bytes - 1}",
            "Accept-Encoding": "identity",
        }


@dataclass(frozen=True)
class Peek:
    """A piece of a response, which is not stored.

    Attributes:
        status: the HTTP status.
        headers: headers of the response, names in lower case.
        body: the piece; empty if the end was requested and the publisher only sends the whole body.
        size: bytes of the whole body, None if the publisher does not give it.
        whole: whether the piece is the whole body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int | None
    whole: bool


def peek(response: requests.Response, piece: Piece) -> Peek:
    """Read a piece of a response whose body has not been read yet.

    Raises:
        TransientFailure: when the body breaks off first, or takes too long.
        PermanentFailure: when the body has an encoding that was not requested.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    size, packed = _whole_size(headers), headers.get("content-encoding", "").lower()
    if piece.end and response.status_code != 206 and (size is None or size > piece.bytes):
        return Peek(response.status_code, headers, b"", size, whole=False)
    body, ended = b"", False
    try:
        chunks = bodies.unpacked(response.raw.stream(_CHUNK, decode_content=False), packed)
        while len(body) < piece.bytes and not ended:
            chunk = next(chunks, None)
            body, ended = body + (chunk or b""), chunk is None
    except (TransientFailure, *NETWORK) as error:
        late = not isinstance(error, TransientFailure) and unreached(error).kind == "late"
        message = f"the response breaks off after {len(body):,} bytes ({error})"
        raise TransientFailure(message, kind="late" if late else "broken off") from error
    if size is None and ended:
        size = len(body)
    return Peek(response.status_code, headers, body[: piece.bytes], size, whole=len(body) == size)


def _whole_size(headers: Mapping[str, str]) -> int | None:
    """Return the bytes of the whole body if the publisher gives them and does not pack it."""
    if match := re.fullmatch(r"bytes \d+-\d+/(?P<whole>\d+)", headers.get("content-range", "")):
        return int(match["whole"])
    length, packed = headers.get("content-length", ""), headers.get("content-encoding", "").lower()
    return int(length) if length.isdigit() and packed in ("", "identity") else None
