"""A download: the bytes that a publisher sent, with their origin and dates.

The parser of the source knows what they mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Download:
    """The body of a response, stored on disk unchanged.

    Attributes:
        path: the file, named by its sha256.
        sha256: the sha256 of its bytes.
        size: its size in bytes.
        url: where it came from, including the query.
        period: the period of its figures: ``YYYY-MM``, a year, a release; empty if not known.
        fetched_at: when these bytes first arrived, ISO 8601, UTC.
        published_at: when the bytes were made according to the publisher, ISO 8601, UTC; None if it gives no time. A
            fetcher that knows better replaces it.
        headers: the response headers that describe the content, names in lower case.
    """

    path: Path
    sha256: str
    size: int
    url: str
    period: str
    fetched_at: str
    published_at: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The file name given by the publisher, or by the person who placed the file in the inbox."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name
