"""A piece of an answer: the beginning of a long one, or the end of an archive, where its directory is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from spi_pipeline.publishers.http import bodies
from spi_pipeline.publishers.http.answers import NETWORK
from spi_pipeline.publishers.http.exchange import TransientFailure

_CHUNK = 1 << 14


@dataclass(frozen=True)
class Piece:
    """Which one is wanted.

    Attributes:
        bytes: at most so many.
        end: the last ones, not the first.
        ranged: whether no more than these is asked for, as of a file; else it is asked for whole and not read on, as of
            an answer that is made when it is asked for.
    """

    bytes: int
    end: bool = False
    ranged: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What is sent to have it."""
        if not (self.end or self.ranged):
            return {}
        return {
            "Range": f"bytes=-{self.bytes}" if self.end else f"bytes=0-{self.bytes - 1}",
            "Accept-Encoding": "identity",
        }


@dataclass(frozen=True)
class Peek:
    """A piece of an answer, which nobody keeps.

    Attributes:
        status: the HTTP status.
        headers: of the answer, names in lower case.
        body: the piece; nothing where its end was wanted and the publisher only sends the whole.
        size: bytes of the whole, None where the publisher does not say.
        whole: whether the piece is all there is.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int | None
    whole: bool


class BrokenOffError(TransientFailure):
    """An answer that began and did not come whole."""


def peek(response: requests.Response, piece: Piece) -> Peek:
    """The piece of an answer whose body is still to be read.

    Raises:
        BrokenOffError: when it breaks off before.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    length, packed = headers.get("content-length", ""), headers.get("content-encoding", "").lower()
    size = int(length) if length.isdigit() and packed in ("", "identity") else None
    if told := re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("content-range", "")):
        size = int(told[3])
    if piece.end and response.status_code != 206 and (size is None or size > piece.bytes):
        return Peek(response.status_code, headers, b"", size, whole=False)
    body, ended = b"", False
    try:
        chunks = bodies.unpacked(response.raw.stream(_CHUNK, decode_content=False), packed)
        while len(body) < piece.bytes and not ended:
            chunk = next(chunks, None)
            body, ended = body + (chunk or b""), chunk is None
    except (TransientFailure, *NETWORK) as error:
        raise BrokenOffError(f"the answer breaks off after {len(body):,} bytes ({error})") from error
    whole = len(body) == size if size is not None else ended
    return Peek(
        response.status_code, headers, body[: piece.bytes], len(body) if ended and size is None else size, whole
    )
