"""Responses of publishers: immutable bytes named by their content, with a manifest, and the newest one per request.

* ``<sha256>`` and ``<sha256>.json`` are written once.
* ``answers/<key>.json`` names the newest response to a request and is replaced in one move.
* ``receiving`` holds bodies while they arrive, and the notes that resume an interrupted one.
* ``unfinished.json`` exists while a refresh fetches, so that the next one can resume an interrupted refresh.
* ``since.json`` records the first month ever requested.

``downloads`` records which responses currently make up the source. This module deletes nothing: it must stay possible
to recompute a published number from the bytes it names, and ``retention`` knows which bytes are named. The module knows
neither the meaning of the bytes nor what to request.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import discard, make_folder, os_errors, replacing, sha256_of, sync
from spi_pipeline.storage.documents import is_intact, read_document, write_document
from spi_pipeline.storage.downloads import CurrentDownloads, Downloads, Failure
from spi_pipeline.storage.places import DOWNLOADS
from spi_pipeline.storage.tables import Version

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Responses to an interrupted refresh still hold if it is resumed the same day.
_GOES_ON = timedelta(hours=12)


class Raw:
    """Everything stored of one source.

    Every method raises ``SpiError`` if the disk refuses to read or write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._began = _now()
        self._current = CurrentDownloads(folder)

    def begin(self) -> None:
        """Record that a refresh fetches this source; the responses to an interrupted one are not requested again."""
        began = str(read_document(self._folder / "unfinished.json").get("began", ""))
        # If the current downloads are those of that refresh, it was killed after it had them all.
        unfinished = began and began != self._current.began
        # A refresh that began after this one had a wrong clock and is not resumed.
        if unfinished and timedelta() <= datetime.fromisoformat(self._began) - datetime.fromisoformat(began) < _GOES_ON:
            self._began = began
        else:
            write_document(self._folder / "unfinished.json", {"began": self._began})

    def finish(self) -> None:
        """Record that the fetch is complete, and delete parts of bodies that are no longer needed."""
        with os_errors(f"{self._folder} could not be written"):
            (self._folder / "unfinished.json").unlink(missing_ok=True)
            shutil.rmtree(self._folder / "receiving", ignore_errors=True)

    def complete(self, downloads: Sequence[Download], *, since: str | None, run_id: str, at: datetime) -> Downloads:
        """Make these downloads the current ones of the source, clear earlier failures, and record completion.

        Args:
            downloads: in the order in which they are parsed.
            since: the first month requested, ``YYYY-MM``, or None.
            run_id: the run that fetched them.
            at: the time of the fetch.
        """
        current = self._current.point(downloads, since=since, run_id=run_id, at=at, began=self._began)
        self.finish()
        return current

    def fail(self, reason: str, *, run_id: str, at: datetime) -> None:
        """Record why the downloads could not be renewed; the current ones stay, and the next refresh resumes."""
        self._current.fail(reason, run_id=run_id, at=at)

    def current(self) -> Downloads | None:
        """The current downloads of the source; None if none were ever complete, or they were damaged since."""
        return self._current.read()

    def export_files(self) -> dict[str, Path | bytes]:
        """The files that reproduce the current downloads elsewhere, without later failures, by name in this folder."""
        current = self.current()
        if current is None:
            return {}
        bodies = {
            path.name: path for one in current.downloads for path in (one.path, self._folder / f"{one.sha256}.json")
        }
        return {**self._current.export_files(), **{name: path for name, path in bodies.items() if path.is_file()}}

    def import_files(self, folder: Path) -> None:
        """Copy the files of ``export_files`` from a folder into this one, which is empty."""
        with os_errors(f"{self._folder} could not be written"):
            shutil.copytree(folder, self._folder, dirs_exist_ok=True)

    def version(self) -> Version | None:
        """The current downloads in the form of a table version; ``rows`` is the number of downloads."""
        current, failure = self.current(), self.failure()
        if current is None:
            return None
        size = sum(one.size for one in current.downloads)
        version = Version(f"{DOWNLOADS}{self._folder.name}", current.digest, len(current.downloads), size, "",
                          current.fetched_in, current.at.isoformat(), self._folder)  # fmt: skip
        if failure is None:
            return version
        since = failure.since.isoformat()
        return replace(version, stale_since=since, stale_reason=failure.reason, stale_run_id=failure.run_id)

    def failure(self) -> Failure | None:
        """Why the downloads could not be renewed; None if the last attempt was complete, or there was none."""
        return self._current.failure()

    def refuse(self) -> None:
        """Mark the responses since ``begin`` as unusable, so that they are requested again; their bytes stay.

        If another process fetched them, these are the responses since that process began.
        """
        began = self._current.began or self._began
        for file in self._answers():
            document = read_document(file)
            if document.get("answered_at", "") >= began:
                write_document(file, document | {"refused": True})
        self.finish()

    def since(self, wanted: str | None) -> str | None:
        """The first month to request: the one wanted now, else the one last wanted, so that no history is dropped."""
        file = self._folder / "since.json"
        if wanted and wanted != read_document(file).get("since"):
            write_document(file, {"since": wanted})
        return wanted or read_document(file).get("since")

    def stored(self, key: str) -> Download | None:
        """The newest response to a request, refused or not; None if there is none, or its bytes are damaged."""
        return self._download(read_document(self._answer(key)))

    def is_current(self, key: str, *, immutable: bool) -> bool:
        """Whether that response still holds: it was not refused, and is immutable or from this refresh.

        A refresh that resumes an interrupted one takes over its responses.
        """
        document = read_document(self._answer(key))
        return not document.get("refused") and (immutable or str(document.get("asked_at", "")) >= self._began)

    @contextmanager
    def receiving(self, key: str) -> Iterator[Path]:
        """A file to write the body of a response to; it may already hold the first part of an interrupted one.

        ``store`` moves it away; otherwise it is deleted, unless there is a note to resume it.
        """
        body = self._receiving(key)
        with os_errors(f"{body} could not be written"):
            make_folder(body.parent)
            if not self.resume_note(key):
                body.unlink(missing_ok=True)
        try:
            yield body
        finally:
            if not (body.exists() and self.resume_note(key)):
                self.restart_body(key, {})
            with suppress(OSError):  # it holds other parts
                body.parent.rmdir()

    def resume_note(self, key: str) -> Mapping[str, str]:
        """The note on a partly received body; empty if there is none."""
        return read_document(self._receiving(key).with_suffix(".json"))

    def restart_body(self, key: str, note: Mapping[str, str]) -> None:
        """Restart a body, and note how to resume it; an empty note if it cannot be resumed."""
        body = self._receiving(key)
        with os_errors(f"{body} could not be deleted"):
            # In this order: a kill in between leaves bytes without a note, never a note on the bytes of another body.
            body.with_suffix(".json").unlink(missing_ok=True)
            body.unlink(missing_ok=True)
        if note:
            write_document(body.with_suffix(".json"), note)

    def store(
        self, key: str, body: Path, url: str, period: str, published_at: str | None, headers: Mapping[str, str]
    ) -> Download:
        """Store a body as the response to a request.

        Args:
            key: the name of the request: letters, digits and hyphens.
            body: the file, which is moved.
            url: its address.
            period: the period it covers.
            published_at: its time of publication, ISO 8601, if known.
            headers: its HTTP headers.

        Returns:
            The download; the same as before if the same request returned the same bytes before.
        """
        with os_errors(f"{body} could not be read"):
            sha256, size = sha256_of(body), body.stat().st_size
        now = _now()
        known = (read_document(self._answer(key)), read_document(self._folder / f"{sha256}.json"))
        document: dict[str, Any] = {
            "sha256": sha256, "size": size, "url": url, "period": period, "fetched_at": now,
            "published_at": published_at, "headers": dict(headers),
        }  # fmt: skip
        self._store(body, sha256, document)
        for before in known:
            if before.get("sha256") == sha256 and before.get("url") == url:
                document |= {name: before[name] for name in ("fetched_at", "published_at")}
                break
        write_document(self._answer(key), document | {"asked_at": now, "answered_at": now})
        return self._made(document)

    def confirm(self, key: str) -> None:
        """Record that the publisher confirmed the stored response, even if it was refused before."""
        now = _now()
        document = read_document(self._answer(key))
        answered = now if document.pop("refused", False) else document["answered_at"]
        write_document(self._answer(key), document | {"asked_at": now, "answered_at": answered})

    def held(self) -> tuple[Download, ...]:
        """The newest response to each request, without refused ones, ordered by period and address."""
        documents = map(read_document, self._answers())
        downloads = [self._download(one) for one in documents if not one.get("refused")]
        return tuple(sorted((one for one in downloads if one), key=lambda one: (one.period, one.url, one.sha256)))

    def verify(self, download: Download) -> None:
        """Verify that the bytes are those received.

        Raises:
            SpiError: if they are not.
        """
        with os_errors(f"{download.path} could not be read"):
            digest = sha256_of(download.path)
        if digest != download.sha256:
            discard(download.path)
            raise SpiError(
                f"{download.path} did not hold the bytes received from {download.url} and was removed; run spi "
                "refresh --live to download them again"
            )

    def damage(self) -> list[str]:
        """A sentence on each damaged file."""
        remedy = "delete it, then run `spi refresh --live`, which fetches it again if it is still needed."
        with os_errors(f"{self._folder} could not be read"):
            bodies = [path for path in sorted(self._folder.glob("*")) if _SHA256.fullmatch(path.name)]
            # Sets are named by their content too; the other JSON files are sealed.
            named = [path for path in bodies if sha256_of(path) != path.name]
            named += [path for path in sorted(self._folder.glob("sets/*.json")) if sha256_of(path) != path.stem]
            notes = [*self._folder.glob("*.json"), *self._folder.glob("answers/*.json")]
        wrong = [*named, *(path for path in sorted(notes) if not is_intact(path))]
        return [f"{path} does not hold the bytes that were received: {remedy}" for path in wrong]

    def _store(self, body: Path, sha256: str, document: Mapping[str, Any]) -> None:
        """Write the bytes and their manifest, each once; a damaged file is repaired."""
        target = self._folder / sha256
        if not target.is_file() or sha256_of(target) != sha256:
            with replacing(target) as temporary:
                body.replace(temporary)
                sync(temporary)
        if not (self._folder / f"{sha256}.json").is_file():
            write_document(self._folder / f"{sha256}.json", document)

    def _answer(self, key: str) -> Path:
        return self._folder / "answers" / f"{_checked(key)}.json"

    def _receiving(self, key: str) -> Path:
        return self._folder / "receiving" / f"{_checked(key)}.body"

    def _answers(self) -> list[Path]:
        return sorted((self._folder / "answers").glob("*.json"))

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


def _checked(key: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+", key):
        raise ValueError(key)
    return key


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
