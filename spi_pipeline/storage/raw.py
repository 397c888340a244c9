"""What publishers gave: immutable bytes named by their content, with a manifest, and what answered which request.

``<sha256>`` and ``<sha256>.json`` are written once. ``answers/<key>.json`` names the newest answer to a request and is
replaced in one move; ``receiving`` holds bodies as they come, and what it takes to go on with one that broke off;
``unfinished.json`` is there while a refresh asks for things, so that one that was killed can be
gone on with; ``since.json`` says how far back somebody once asked.
Which answers make up the source now is kept by ``downloads``. Nothing is deleted here: a published number must be
computable again from the bytes it names, and ``retention`` knows which are named. What the bytes mean, and what is
asked for, is not known here.
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
from spi_pipeline.storage.documents import is_whole, read_document, write_document
from spi_pipeline.storage.downloads import CurrentDownloads, Downloads, Failure
from spi_pipeline.storage.places import DOWNLOADS
from spi_pipeline.storage.tables import Version

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
        self._current = CurrentDownloads(folder)

    def begin(self) -> None:
        """Say that a refresh asks for this source; what a killed one got is then not asked for again."""
        began = str(read_document(self._folder / "unfinished.json").get("began", ""))
        # Where the current downloads are those of that refresh, it was killed when it had all.
        unfinished = began and began != self._current.began
        # Not one that begins after this one: its clock was wrong.
        if unfinished and timedelta() <= datetime.fromisoformat(self._began) - datetime.fromisoformat(began) < _GOES_ON:
            self._began = began
        else:
            write_document(self._folder / "unfinished.json", {"began": self._began})

    def finish(self) -> None:
        """Say that all of it was had; parts of bodies that nobody asked for any more are deleted."""
        with os_errors(f"{self._folder} could not be written"):
            (self._folder / "unfinished.json").unlink(missing_ok=True)
            shutil.rmtree(self._folder / "receiving", ignore_errors=True)

    def complete(self, downloads: Sequence[Download], *, since: str | None, run_id: str, at: datetime) -> Downloads:
        """Say that these downloads make up the source now, whatever failed before, and that all of it was had.

        Args:
            downloads: in the order in which they are to be read.
            since: the first month that was wanted, ``YYYY-MM``, or None.
            run_id: the run that fetched them.
            at: when.
        """
        made = self._current.point(downloads, since=since, run_id=run_id, at=at, began=self._began)
        self.finish()
        return made

    def fail(self, reason: str, *, run_id: str, at: datetime) -> None:
        """Say why the downloads could not be renewed; the current ones stay, and the next refresh goes on from here."""
        self._current.fail(reason, run_id=run_id, at=at)

    def current(self) -> Downloads | None:
        """The downloads that make up the source; None where none were ever complete, or they were damaged since."""
        return self._current.read()

    def frozen(self) -> dict[str, Path | bytes]:
        """What it takes to have the current downloads elsewhere, without what failed since, by name in this folder."""
        found = self.current()
        if found is None:
            return {}
        bodies = {
            path.name: path for one in found.downloads for path in (one.path, self._folder / f"{one.sha256}.json")
        }
        return {**self._current.frozen(), **{name: path for name, path in bodies.items() if path.is_file()}}

    def take(self, folder: Path) -> None:
        """Have here what ``frozen`` gave elsewhere, where there is nothing yet."""
        with os_errors(f"{self._folder} could not be written"):
            shutil.copytree(folder, self._folder, dirs_exist_ok=True)

    def version(self) -> Version | None:
        """The same as versions of tables are told; ``rows`` is the number of downloads."""
        found, failure = self.current(), self.failure()
        if found is None:
            return None
        size = sum(one.size for one in found.downloads)
        version = Version(f"{DOWNLOADS}{self._folder.name}", found.digest, len(found.downloads), size, "",
                          found.fetched_in, found.at.isoformat(), self._folder)  # fmt: skip
        if failure is None:
            return version
        since = failure.since.isoformat()
        return replace(version, stale_since=since, stale_reason=failure.reason, stale_run_id=failure.run_id)

    def failure(self) -> Failure | None:
        """Why the downloads could not be renewed; None where the last attempt was complete, or there was none."""
        return self._current.failure()

    def refuse(self) -> None:
        """Say that what came since ``begin`` was no good, so that it is asked for again; its bytes stay.

        Where another process fetched it, that is what came since that one began.
        """
        began = self._current.began or self._began
        for file in self._answers():
            document = read_document(file)
            if document.get("answered_at", "") >= began:
                write_document(file, document | {"refused": True})
        self.finish()

    def since(self, wanted: str | None) -> str | None:
        """The first month to ask for: the one wanted now, else the one last wanted, so that no history is dropped."""
        file = self._folder / "since.json"
        if wanted and wanted != read_document(file).get("since"):
            write_document(file, {"since": wanted})
        return wanted or read_document(file).get("since")

    def answer(self, key: str) -> Download | None:
        """The newest answer to a request, refused or not; None where there is none, or its bytes are damaged."""
        return self._download(read_document(self._answer(key)))

    def stands(self, key: str, *, settled: bool) -> bool:
        """Whether that answer still holds: it was not refused, and is settled or of this refresh.

        A refresh that goes on with one that was killed takes over what that was answered.
        """
        document = read_document(self._answer(key))
        return not document.get("refused") and (settled or str(document.get("asked_at", "")) >= self._began)

    @contextmanager
    def receiving(self, key: str) -> Iterator[Path]:
        """A file to write the body of an answer to, which may hold a part of it from before.

        ``keep`` moves it away; what is left is deleted, unless something is noted of it.
        """
        body = self._receiving(key)
        with os_errors(f"{body} could not be written"):
            make_folder(body.parent)
            if not self.noted(key):
                body.unlink(missing_ok=True)
        try:
            yield body
        finally:
            if not (body.exists() and self.noted(key)):
                self.note(key, {})
            with suppress(OSError):  # other parts are in it
                body.parent.rmdir()

    def noted(self, key: str) -> Mapping[str, str]:
        """What is noted of a body that came in part; empty where nothing is."""
        return read_document(self._receiving(key).with_suffix(".json"))

    def note(self, key: str, noted: Mapping[str, str]) -> None:
        """Begin a body anew, and note what it takes to go on with it; nothing, where that cannot be."""
        body = self._receiving(key)
        with os_errors(f"{body} could not be deleted"):
            # In this order: a kill in between leaves bytes that nothing is noted of, and never those of another body.
            body.with_suffix(".json").unlink(missing_ok=True)
            body.unlink(missing_ok=True)
        if noted:
            write_document(body.with_suffix(".json"), noted)

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
        """Note that the publisher was asked, and that what is kept is still its answer, though it was refused."""
        now = _now()
        document = read_document(self._answer(key))
        answered = now if document.pop("refused", False) else document["answered_at"]
        write_document(self._answer(key), document | {"asked_at": now, "answered_at": answered})

    def held(self) -> tuple[Download, ...]:
        """The newest answer to each request that was not refused, by period and address."""
        documents = map(read_document, self._answers())
        found = [self._download(one) for one in documents if not one.get("refused")]
        return tuple(sorted((one for one in found if one), key=lambda one: (one.period, one.url, one.sha256)))

    def verify(self, download: Download) -> None:
        """Make sure that the bytes are those that came.

        Raises:
            SpiError: where they are not.
        """
        with os_errors(f"{download.path} could not be read"):
            found = sha256_of(download.path)
        if found != download.sha256:
            discard(download.path)
            raise SpiError(
                f"{download.path} did not hold the bytes that {download.url} gave and was removed; "
                "run spi refresh --live to fetch them again"
            )

    def damage(self) -> list[str]:
        """What is damaged of all that is kept, in sentences."""
        remedy = "delete it and run `spi refresh --live` to ask for it again where it is still needed."
        with os_errors(f"{self._folder} could not be read"):
            bodies = [path for path in sorted(self._folder.glob("*")) if _SHA256.fullmatch(path.name)]
            # Sets are named by what they say too; notes on them are sealed.
            named = [path for path in bodies if sha256_of(path) != path.name]
            named += [path for path in sorted(self._folder.glob("sets/*.json")) if sha256_of(path) != path.stem]
            notes = [*self._folder.glob("*.json"), *self._folder.glob("answers/*.json")]
        wrong = [*named, *(path for path in sorted(notes) if not is_whole(path))]
        return [f"{path} does not hold what came: {remedy}" for path in wrong]

    def _store(self, body: Path, sha256: str, document: Mapping[str, Any]) -> None:
        """The bytes and their manifest, each written once; a damaged file is repaired."""
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
