"""What publishers gave: immutable bytes named by their content, with a manifest, and what answered which request.

``<sha256>`` and ``<sha256>.json`` are written once. ``answers/<key>.json`` names the newest answer to a request and is
replaced in one move; ``unfinished.json`` is there while a refresh asks for things, so that one that was killed can be
gone on with; ``since.json`` says how far back somebody once asked. ``current.json`` is the version of the source: the
downloads that the last fetch which had all of them came to, and since when fetching has failed.
Nothing is ever deleted: a published number must be computable again from the bytes it names. What the bytes mean, and
what is asked for, is not known here.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from spi_pipeline.contracts.download import Download, Downloads
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import discard, os_errors, read_bytes, replacing, sync, write_bytes
from spi_pipeline.storage.tables import Version

DOWNLOADS = "downloads/"
_CURRENT = "current.json"
_UNFINISHED = "unfinished.json"
_STALE = ("stale_since", "stale_reason", "stale_run_id")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What an interrupted refresh was told is still true when it is gone on with the same day.
_GOES_ON = timedelta(hours=12)


class Raw:
    """Everything kept of one source.

    Every method raises ``SpiError`` for a disk that refuses to read or write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._began = _now()

    def begin(self) -> None:
        """Say that a refresh asks for this source; what a killed one got is then not asked for again."""
        document = self._document(self._folder / _UNFINISHED)
        began = document.get("began")
        if began and datetime.fromisoformat(self._began) - datetime.fromisoformat(began) < _GOES_ON:
            self._began = began
        else:
            _write(self._folder / _UNFINISHED, {"began": self._began})

    def finish(self) -> None:
        """Say that a good table was made of what came, so that the next refresh asks for all of it again."""
        with os_errors(f"{self._folder} could not be written"):
            (self._folder / _UNFINISHED).unlink(missing_ok=True)

    def refuse(self) -> None:
        """Say that what came since ``begin`` was no good, so that it is asked for again; its bytes stay."""
        began = self._document(self._folder / _UNFINISHED).get("began", self._began)
        for file in self._answers():
            document = self._document(file)
            if document.get("answered_at", "") >= began:
                _write(file, document | {"refused": True})
        self.finish()

    def current(self) -> Version | None:
        """The version of the source: a digest of its downloads; None before the first fetch that had all of them."""
        document = self._document(self._folder / _CURRENT)
        if "downloads" not in document:
            return None
        items = document["downloads"]
        about: dict[str, Any] = {name: document.get(name) for name in ("run_id", "written_at", *_STALE)}
        size = sum(item["size"] for item in items)
        name = f"{DOWNLOADS}{self._folder.name}"
        return Version(name, document["digest"], len(items), size, "", path=self._folder, **about)

    def complete(self, items: Sequence[Download], *, run_id: str) -> Version:
        """Make these downloads the version of the source; nothing was missing, so it is fresh again."""
        told = [[one.sha256, one.period, one.url, one.published_at] for one in items]
        digest = hashlib.sha256(json.dumps([told, self.since(None)], default=str).encode()).hexdigest()
        names = [each.name for each in fields(Download) if each.name != "path"]
        downloads = [{name: getattr(one, name) for name in names} for one in items]
        _write(self._folder / _CURRENT,
               {"digest": digest, "run_id": run_id, "written_at": _now(), "since": self.since(None),
                "downloads": downloads})  # fmt: skip
        found = self.current()
        if found is None:
            raise SpiError(f"{self._folder} does not hold what was written; check the disk and run spi refresh --live")
        return found

    def fail(self, *, reason: str, run_id: str) -> Version | None:
        """Say that the downloads could not be had anew; those that there are stay the version of the source."""
        document = self._document(self._folder / _CURRENT)
        since = document.get("stale_since") or _now()
        told = {"stale_since": since, "stale_reason": reason, "stale_run_id": run_id}
        _write(self._folder / _CURRENT, document | told)
        return self.current()

    def newest(self) -> str | None:
        """The day on which the newest of the downloads first came; None before the first fetch that had all of them."""
        return max((item["fetched_at"][:10] for item in self._document(self._folder / _CURRENT).get("downloads", ())),
                   default=None)  # fmt: skip

    def failure(self) -> dict[str, Any]:
        """Why the last fetch did not have all of it, as ``Version`` names that; empty where it had."""
        document = self._document(self._folder / _CURRENT)
        return {name: document[name] for name in _STALE if document.get(name)}

    def downloads(self) -> Downloads:
        """The downloads of the version, each with the very bytes that came.

        Raises:
            SpiError: where there are none yet, or bytes were damaged or lost since.
        """
        document = self._document(self._folder / _CURRENT)
        if "downloads" not in document:
            raise SpiError(f"{self._folder.name} was never fetched; run spi refresh --live")
        items = tuple(Download(path=self._folder / item["sha256"], **item) for item in document["downloads"])
        for item in items:
            self.verify(item)
        return Downloads(items, document.get("since"))

    def since(self, wanted: str | None) -> str | None:
        """The first month to ask for: the one wanted now, else the one last wanted, so that no history is dropped."""
        file = self._folder / "since.json"
        if wanted and wanted != self._document(file).get("since"):
            _write(file, {"since": wanted})
        return wanted or self._document(file).get("since")

    def answer(self, key: str) -> Download | None:
        """The newest answer to a request, refused or not; None where there is none, or its bytes are damaged."""
        return self._download(self._document(self._answer(key)))

    def stands(self, key: str, *, settled: bool) -> bool:
        """Whether that answer still holds: it was not refused, and is settled or of this refresh.

        A refresh that goes on with one that was killed takes over what that was answered.
        """
        document = self._document(self._answer(key))
        return not document.get("refused") and (settled or str(document.get("asked_at", "")) >= self._began)

    @contextmanager
    def receiving(self) -> Iterator[Path]:
        """A temporary file to write a body to; ``keep`` moves it away, whatever is left is deleted."""
        folder = self._folder / "receiving"
        with os_errors(f"{folder} could not be written"):
            folder.mkdir(parents=True, exist_ok=True)
        body = folder / "body"
        try:
            yield body
        finally:
            with os_errors(f"{folder} could not be deleted"):
                shutil.rmtree(folder, ignore_errors=True)

    def keep(
        self, key: str, body: Path, url: str, period: str, published_at: str | None, headers: Mapping[str, str]
    ) -> Download:
        """Take a body over as the answer to a request.

        Args:
            key: names the request: letters, digits and hyphens.
            body: the file; moved.
            url: where it came from.
            period: what it is for.
            published_at: when it was made, ISO 8601, where known.
            headers: what else the publisher said of it.

        Returns:
            The download; the same as before where the same bytes answered the same request before.
        """
        with os_errors(f"{body} could not be read"):
            with body.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = body.stat().st_size
        now = _now()
        known = (self._document(self._answer(key)), self._document(self._folder / f"{sha256}.json"))
        document: dict[str, Any] = {
            "sha256": sha256, "size": size, "url": url, "period": period, "fetched_at": now,
            "published_at": published_at, "headers": dict(headers),
        }  # fmt: skip
        self._store(body, sha256, document)
        for before in known:
            if before.get("sha256") == sha256 and before.get("url") == url:
                document |= {name: before[name] for name in ("fetched_at", "published_at")}
                break
        _write(self._answer(key), document | {"asked_at": now, "answered_at": now})
        return self._made(document)

    def confirm(self, key: str) -> None:
        """Note that the publisher was asked, and that what is kept is still its answer, though it was refused."""
        now = _now()
        document = self._document(self._answer(key))
        answered = now if document.pop("refused", False) else document["answered_at"]
        _write(self._answer(key), document | {"asked_at": now, "answered_at": answered})

    def held(self) -> tuple[Download, ...]:
        """The newest answer to each request that was not refused, by period and address."""
        documents = map(self._document, self._answers())
        found = [self._download(one) for one in documents if not one.get("refused")]
        return tuple(sorted((one for one in found if one), key=lambda one: (one.period, one.url, one.sha256)))

    def verify(self, download: Download) -> None:
        """Make sure that the bytes are those that came.

        Raises:
            SpiError: where they are not.
        """
        with os_errors(f"{download.path} could not be read"), download.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != download.sha256:
            discard(download.path)
            raise SpiError(
                f"{download.path} did not hold the bytes that {download.url} gave and was removed; "
                "run spi refresh --live to fetch them again"
            )

    def _store(self, body: Path, sha256: str, document: Mapping[str, Any]) -> None:
        """The bytes and their manifest, each written once; a damaged file is repaired."""
        target = self._folder / sha256
        if not target.is_file() or target.stat().st_size != document["size"]:
            with replacing(target) as temporary:
                body.replace(temporary)
                sync(temporary)
        if not (self._folder / f"{sha256}.json").is_file():
            _write(self._folder / f"{sha256}.json", document)

    def _answer(self, key: str) -> Path:
        if not re.fullmatch(r"[A-Za-z0-9-]+", key):
            raise ValueError(key)
        return self._folder / "answers" / f"{key}.json"

    def _answers(self) -> list[Path]:
        return sorted((self._folder / "answers").glob("*.json"))

    def _document(self, path: Path) -> dict[str, Any]:
        """What a small file says; nothing where it is not there or damaged, and is then asked for again."""
        try:
            found = json.loads(read_bytes(path) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _download(self, document: Mapping[str, Any]) -> Download | None:
        if not _SHA256.fullmatch(str(document.get("sha256", ""))):
            return None
        try:
            made = self._made(document)
            return made if made.path.stat().st_size == made.size else None
        except (KeyError, TypeError, OSError):
            return None

    def _made(self, document: Mapping[str, Any]) -> Download:
        names = ("sha256", "size", "url", "period", "fetched_at", "published_at", "headers")
        return Download(path=self._folder / document["sha256"], **{name: document[name] for name in names})


def _write(path: Path, document: Mapping[str, Any]) -> None:
    write_bytes(path, json.dumps(document, indent=1).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
