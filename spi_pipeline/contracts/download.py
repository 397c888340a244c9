"""A download: the bytes a publisher gave, and what is known of them.

What they mean is for the parser of their source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Download:
    """A body as it came, on disk and never changed.

    Attributes:
        path: the file, named by its sha256.
        sha256: of its bytes.
        size: in bytes.
        url: where it came from, with its query.
        period: what it is for: ``YYYY-MM``, a year, a release; empty where that is not known.
        fetched_at: when these bytes first came, ISO 8601, UTC.
        published_at: when the publisher says they were made, likewise; None where it does not say. A fetcher that knows
            better replaces it.
        headers: those of the answer that tell of the content, names in lower case.
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
        """The file name that the publisher, or who laid it into the inbox, gave it."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name
