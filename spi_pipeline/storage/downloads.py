"""The current set of downloads of a source, and the reason why it could not be renewed: the result of a fetch.

``sets/<digest>.json`` names the downloads and is written once; ``current.json`` records which set is current, which run
fetched it, and what has failed since. A process killed between the two leaves a set that nothing refers to. ``raw``
stores the downloads themselves.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from spi_pipeline.contracts.download import Download
from spi_pipeline.storage.atomic import read_bytes, write_bytes
from spi_pipeline.storage.documents import read_document, sealed, write_document

# The stored fields of a download; its headers serve the next request, not parsing.
_STORED = ("sha256", "size", "url", "period", "fetched_at", "published_at")


@dataclass(frozen=True)
class Downloads:
    """The downloads that the table of a source is parsed from.

    Attributes:
        downloads: in the order in which they are parsed.
        since: the first month requested, ``YYYY-MM``; None for the whole window of the publisher.
        digest: of both of these: equal digest, equal input.
        fetched_in: the run that fetched them last, even if it received the same downloads as the run before.
        at: the time of that fetch.
    """

    downloads: tuple[Download, ...]
    since: str | None
    digest: str
    fetched_in: str
    at: datetime


@dataclass(frozen=True)
class Failure:
    """Why the downloads of a source could not be renewed.

    Attributes:
        since: the time of the first failure.
        reason: the reason of the last failure, in a sentence.
        run_id: the run of the last failure.
        at: the time of the last failure.
    """

    since: datetime
    reason: str
    run_id: str
    at: datetime


class CurrentDownloads:
    """The record of one source; ``Raw`` documents what its methods promise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Downloads | None:
        """See ``Raw.current``."""
        pointer = self._pointed()
        data = read_bytes(self._set(str(pointer.get("digest"))))
        if data is None or hashlib.sha256(data).hexdigest() != pointer["digest"]:
            return None
        document = json.loads(data)
        downloads = tuple(Download(self._folder / one["sha256"], **one) for one in document["downloads"])
        if not all(one.path.is_file() and one.path.stat().st_size == one.size for one in downloads):
            return None
        at = datetime.fromisoformat(pointer["at"])
        return Downloads(downloads, document["since"], pointer["digest"], pointer["fetched_in"], at)

    def failure(self) -> Failure | None:
        """See ``Raw.failure``."""
        document = self._pointed().get("failure")
        if not document:
            return None
        since, at = (datetime.fromisoformat(document[name]) for name in ("since", "at"))
        return Failure(since, document["reason"], document["run_id"], at)

    def export_files(self) -> dict[str, Path | bytes]:
        """The pointer without later failures, and the set that it names; see ``Raw.export_files``."""
        pointer = {key: value for key, value in self._pointed().items() if key != "failure"}
        named = self._set(str(pointer["digest"]))
        return {self._pointer.name: sealed(pointer), f"{named.parent.name}/{named.name}": named}

    @property
    def began(self) -> str:
        """When the refresh that fetched the current downloads began; empty if there are none."""
        return str(self._pointed().get("began", ""))

    def point(
        self, downloads: Sequence[Download], *, since: str | None, run_id: str, at: datetime, began: str
    ) -> Downloads:
        """See ``Raw.complete``."""
        records = [{name: getattr(one, name) for name in _STORED} for one in downloads]
        data = json.dumps({"since": since, "downloads": records}, indent=1).encode()
        digest = hashlib.sha256(data).hexdigest()
        if read_bytes(self._set(digest)) != data:
            write_bytes(self._set(digest), data)
        pointer = {"digest": digest, "fetched_in": run_id, "at": at.isoformat(), "began": began}
        write_document(self._pointer, pointer)
        return Downloads(tuple(downloads), since, digest, run_id, at)

    def fail(self, reason: str, *, run_id: str, at: datetime) -> None:
        """See ``Raw.fail``."""
        before = self.failure()
        since = before.since if before else at
        failure = {"since": since.isoformat(), "reason": reason, "run_id": run_id, "at": at.isoformat()}
        write_document(self._pointer, self._pointed() | {"failure": failure})

    @property
    def _pointer(self) -> Path:
        return self._folder / "current.json"

    def _pointed(self) -> dict[str, Any]:
        return read_document(self._pointer)

    def _set(self, digest: str) -> Path:
        return self._folder / "sets" / f"{digest}.json"
