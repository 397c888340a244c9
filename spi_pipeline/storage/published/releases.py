"""Releases: immutable publications. Each is self-contained, so that it can be carried to another machine.

``releases/<id>/`` is made in one move and never written to again::

    release.json    versions of tables, downloads, code and libraries, and the sha256 of every file
    published/      the publication that readers saw    tables/<name>.parquet   every table of that moment
    contracts/      the contracts in force              snapshot/               the embedded figures
    raw/<source>/   the downloads that made up each fetched source

``releases/<id>.json`` next to it is the list of its events: signed, revised, withdrawn, erratum. Events are only ever
added. If the disk allows, files are hard links to those of the store, so that a release takes no extra space until the
store deletes them. Releases are ordered by number, never by a clock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, count
from pathlib import Path
from typing import Any

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError, UnknownNameError
from spi_pipeline.storage.atomic import make_folder, os_errors, read_bytes, replacing, sha256_of, sync
from spi_pipeline.storage.documents import sealed, unsealed, write_document
from spi_pipeline.storage.parquet import decode
from spi_pipeline.storage.places import RELEASES, identifier, table_name

_MANIFEST = "release.json"
_READ_ONLY = 0o444
# The events of a release, which are also its states; an erratum does not change the state.
SIGNED, REVISED, WITHDRAWN, ERRATUM = "signed", "revised", "withdrawn", "erratum"
DRAFT = "draft"
_MAY_FOLLOW = {
    SIGNED: (DRAFT,),
    REVISED: (SIGNED,),
    WITHDRAWN: (SIGNED, REVISED),
    ERRATUM: (SIGNED, REVISED, WITHDRAWN),
}


@dataclass(frozen=True)
class Release:
    """One release.

    Attributes:
        id: its name.
        folder: its folder.
        manifest: the content of ``release.json``.
        events: its events in order: ``event``, ``at``, ``by`` and ``note``, and ``number`` when it was signed.
    """

    id: str
    folder: Path
    manifest: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]

    @property
    def state_event(self) -> Mapping[str, Any] | None:
        """The event that led to its present state, so never an erratum; None for a draft."""
        return next((event for event in reversed(self.events) if event["event"] != ERRATUM), None)

    @property
    def state(self) -> str:
        """``draft``, ``signed``, ``revised`` or ``withdrawn``."""
        return self.state_event["event"] if self.state_event else DRAFT

    @property
    def number(self) -> int:
        """Its number among the signed releases, counted from 1; 0 for a draft."""
        return next((event["number"] for event in self.events if event["event"] == SIGNED), 0)

    @property
    def digest(self) -> str:
        """The digest of everything in the release."""
        return hashlib.sha256(sealed(self.manifest)).hexdigest()

    @property
    def published(self) -> Path:
        """The folder of the publication that readers saw."""
        return self.folder / "published"

    @property
    def contracts(self) -> Path:
        """The folder of the contracts that were in force."""
        return self.folder / "contracts"

    @property
    def snapshot(self) -> Path:
        """The folder of the embedded figures."""
        return self.folder / "snapshot"

    @property
    def raw(self) -> Path:
        """The folder of the downloads, in the layout of a store."""
        return self.folder / "raw"

    @property
    def tables(self) -> list[str]:
        """The names of its tables."""
        return sorted(self.manifest["tables"])

    def read(self, name: str) -> pa.Table:
        """A table of the release.

        Raises:
            SpiError: if it has no table of this name, or its file has changed since the release was made.
        """
        file = self.folder / "tables" / f"{table_name(name)}.parquet"
        data = read_bytes(file)
        if data is None or hashlib.sha256(data).hexdigest() != self.manifest["tables"].get(name):
            raise SpiError(
                f"Table {name} of release {self.id} is missing or has changed since the release was made "
                f"({file}): restore it from a backup."
            )
        return decode(data, file)

    def damage(self) -> list[str]:
        """A sentence on each file that has changed since the release was made."""
        sentences = []
        for name, sha256 in self.manifest["files"].items():
            file = self.folder / name
            with os_errors(f"{file} could not be read"):
                if not file.is_file() or sha256_of(file) != sha256:
                    sentences.append(
                        f"{file} of release {self.id} has changed since the release was made: restore it from a backup."
                    )
        return sentences


@dataclass(frozen=True)
class Contents:
    """The content of a release: files to link, or the bytes of files that may be edited in place.

    Attributes:
        published: the publication, by path.
        tables: by name.
        contracts: by path.
        snapshot: by file.
        raw: by source, the result of ``Raw.export_files``.
    """

    published: Mapping[str, Path | bytes]
    tables: Mapping[str, Path | bytes]
    contracts: Mapping[str, Path | bytes]
    snapshot: Mapping[str, Path | bytes]
    raw: Mapping[str, Mapping[str, Path | bytes]]

    def files(self) -> dict[str, Path | bytes]:
        """All files by their path in the release."""
        by_path = {f"tables/{table_name(name)}.parquet": file for name, file in self.tables.items()}
        for folder, files in (
            ("published", self.published),
            ("contracts", self.contracts),
            ("snapshot", self.snapshot),
        ):
            by_path |= {f"{folder}/{place}": file for place, file in files.items()}
        return by_path | {
            f"raw/{name}/{place}": file for name, each in self.raw.items() for place, file in each.items()
        }


def below(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder except hidden ones, each with its path in the folder."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = file.relative_to(folder)
        if not any(part.startswith(".") for part in place.parts):
            yield place.as_posix(), file


class Releases:
    """The releases of a store.

    Every method raises ``SpiError`` if the disk refuses to read or write.

    Args:
        root: the root of the store.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / RELEASES

    def all(self) -> list[Release]:
        """Every release: drafts by name, then the signed ones in the order of signing.

        A release with a damaged record is left out, so that the others can still be used; ``damage`` names it.
        """
        releases = [release for name in self._ids() if isinstance(release := self._tried(name), Release)]
        return sorted(releases, key=lambda release: release.number)

    def newest(self) -> Release | None:
        """The newest signed release that is neither revised, withdrawn nor damaged; None if there is none."""
        return next((release for release in reversed(self.all()) if release.state == SIGNED), None)

    def get(self, name: str) -> Release:
        """A release by its id, or by the path of a folder that it was copied to.

        Raises:
            UnknownNameError: if there is none; names the nearest id.
            SpiError: if it is damaged.
        """
        folder = Path(name)
        if os.sep in name and (folder / _MANIFEST).is_file():
            return self._read(folder.resolve())
        known = self._ids()
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there is {', '.join(known)}" if known else ""
            none = ", since there are no releases yet: make one with spi release create"
            raise UnknownNameError(f"there is no release {name!r}{hint or none}")
        return self._read(self._folder / name)

    def free_id(self, wanted: str) -> str:
        """An unused id: the one wanted, or that with a number appended."""
        names = chain([identifier(wanted, "release")], (f"{wanted}-{number}" for number in count(2)))
        return next(name for name in names if name not in self._ids())

    def create(self, name: str, manifest: Mapping[str, Any], contents: Contents) -> Release:
        """Make a draft, whole or not at all; the caller holds the store's lock.

        Args:
            name: its id.
            manifest: the description for ``release.json``, as plain values; ``tables`` gives each table's sha256.
            contents: its files.

        Raises:
            SpiError: if there is a release of that name already.
        """
        folder = self._folder / identifier(name, "release")
        if folder.exists():
            raise SpiError(f"There is a release {name} already: choose another --id.")
        with replacing(folder) as temporary:
            temporary.mkdir()
            digests = {}
            for place, content in sorted(contents.files().items()):
                target = temporary / place
                make_folder(target.parent)
                if isinstance(content, bytes):
                    target.write_bytes(content)
                else:
                    _link(content, target)
                digests[place] = sha256_of(target)
                target.chmod(_READ_ONLY)
            (temporary / _MANIFEST).write_bytes(sealed({"id": name, **manifest, "files": digests}))
            (temporary / _MANIFEST).chmod(_READ_ONLY)
            for path in (*temporary.rglob("*"), temporary):
                sync(path)
        return self._read(folder)

    def add(self, release: Release, event: str, *, at: str, by: str, note: str) -> Release:
        """Add an event to a release; the caller holds the store's lock.

        Args:
            release: the release.
            event: ``signed``, ``revised``, ``withdrawn`` or ``erratum``.
            at: the time, ISO 8601.
            by: the person responsible.
            note: the reason, or the error that an erratum corrects.

        Raises:
            SpiError: if the event cannot follow.
        """
        self.refuse(release, event)
        record: dict[str, Any] = {"event": event, "at": at, "by": by, "note": note}
        if event == SIGNED:
            # It might be the one with the highest number.
            if damage := self.damage():
                raise SpiError(damage[0])
            record["number"] = 1 + max((other.number for other in self.all()), default=0)
        write_document(self._events(release.folder), {"events": [*release.events, record]})
        return self._read(release.folder)

    def refuse(self, release: Release, event: str) -> None:
        """Raise if an event cannot follow.

        Raises:
            SpiError: names the states in which it could.
        """
        if release.folder.parent != self._folder:
            raise SpiError(f"{release.folder} is outside the store: record events of a release in its own store.")
        if release.state not in _MAY_FOLLOW[event]:
            done = {SIGNED: "signed", REVISED: "revised", WITHDRAWN: "withdrawn", ERRATUM: "given an erratum"}[event]
            allowed = " or ".join(_MAY_FOLLOW[event])
            raise SpiError(f"Release {release.id} is {release.state}; only one that is {allowed} can be {done}.")

    def damage(self, *, deep: bool = False) -> list[str]:
        """A sentence on each damaged record or file.

        Args:
            deep: read every file of each release too, not only its records.
        """
        tried = [self._tried(name) for name in self._ids()]
        records = [str(one) for one in tried if isinstance(one, SpiError)]
        return [
            *records,
            *(sentence for one in tried if deep and isinstance(one, Release) for sentence in one.damage()),
        ]

    def _ids(self) -> list[str]:
        """The names of all releases, including damaged ones; a name with a dot is temporary."""
        return sorted(path.name for path in self._folder.glob("*") if path.is_dir() and "." not in path.name)

    def _tried(self, name: str) -> Release | SpiError:
        try:
            return self._read(self._folder / name)
        except SpiError as error:
            return error

    def _events(self, folder: Path) -> Path:
        return folder.with_name(f"{folder.name}.json")

    def _read(self, folder: Path) -> Release:
        try:
            manifest = unsealed(read_bytes(folder / _MANIFEST) or b"")
            events = unsealed(read_bytes(self._events(folder)) or b"{}").get("events", [])
            return Release(manifest["id"], folder, manifest, tuple(events))
        except (ValueError, KeyError):
            raise SpiError(
                f"The record of release {folder.name} is damaged ({folder / _MANIFEST} or {self._events(folder).name} "
                "next to it): restore it from a backup."
            ) from None


def _link(source: Path, target: Path) -> None:
    """Link a file under another name, or copy it if the disk has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
