"""Releases: what was published for good. Each is whole in itself, so that it can be carried to another machine.

``releases/<id>/`` is made in one move and never written to again::

    release.json    what it is: versions of tables, downloads, code and libraries, and the sha256 of every file
    published/      what readers saw                    tables/<name>.parquet   every table of that moment
    contracts/      the contracts in force              snapshot/               the embedded figures
    raw/<source>/   the downloads that made up each fetched source

``releases/<id>.json`` beside it is the list of what became of it: signed, revised, withdrawn, corrected. It is only
added to. Files are hard links to those of the store where the disk allows, so that a release takes no room until the
store forgets them. Order is by number and never by a clock.
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

_ABOUT = "release.json"
_READ_ONLY = 0o444
# What can become of a release, and the state it is in afterwards; an erratum changes no state.
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
        folder: where it lies.
        about: what it is made of, as ``release.json`` says.
        events: what became of it, in order: ``event``, ``at``, ``by`` and ``note``, and ``number`` where it was signed.
    """

    id: str
    folder: Path
    about: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]

    @property
    def made_so(self) -> Mapping[str, Any] | None:
        """The event that put it into its state, which errata leave as it is; None for a draft."""
        return next((event for event in reversed(self.events) if event["event"] != ERRATUM), None)

    @property
    def state(self) -> str:
        """``draft``, ``signed``, ``revised`` or ``withdrawn``."""
        return self.made_so["event"] if self.made_so else DRAFT

    @property
    def number(self) -> int:
        """Which of the signed ones it is, counted from 1; 0 for a draft."""
        return next((event["number"] for event in self.events if event["event"] == SIGNED), 0)

    @property
    def digest(self) -> str:
        """Of everything that it froze."""
        return hashlib.sha256(sealed(self.about)).hexdigest()

    @property
    def published(self) -> Path:
        """The folder of what readers saw."""
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
        """The folder of the downloads, as a store has them."""
        return self.folder / "raw"

    @property
    def tables(self) -> list[str]:
        """The tables that it froze."""
        return sorted(self.about["tables"])

    def read(self, name: str) -> pa.Table:
        """A table as it was.

        Raises:
            SpiError: where it has none of this name, or its file does not hold the bytes that were frozen.
        """
        file = self.folder / "tables" / f"{table_name(name)}.parquet"
        data = read_bytes(file)
        if data is None or hashlib.sha256(data).hexdigest() != self.about["tables"].get(name):
            raise SpiError(f"Release {self.id} does not hold table {name} as it was frozen ({file}): restore a backup.")
        return decode(data, file)

    def damage(self) -> list[str]:
        """What is not as it was frozen, in sentences."""
        found = []
        for name, sha256 in self.about["files"].items():
            file = self.folder / name
            with os_errors(f"{file} could not be read"):
                if not file.is_file() or sha256_of(file) != sha256:
                    found.append(f"{file} of release {self.id} is not as it was frozen: restore it from a backup.")
        return found


@dataclass(frozen=True)
class Contents:
    """What a release freezes: files to be linked, or the bytes of files that somebody may edit in place.

    Attributes:
        published: what readers saw, by path.
        tables: by name.
        contracts: by path.
        snapshot: by file.
        raw: by source, what ``Raw.frozen`` gives.
    """

    published: Mapping[str, Path | bytes]
    tables: Mapping[str, Path | bytes]
    contracts: Mapping[str, Path | bytes]
    snapshot: Mapping[str, Path | bytes]
    raw: Mapping[str, Mapping[str, Path | bytes]]

    def files(self) -> dict[str, Path | bytes]:
        """All of it by its place in the release."""
        found = {f"tables/{table_name(name)}.parquet": file for name, file in self.tables.items()}
        for folder, files in (
            ("published", self.published),
            ("contracts", self.contracts),
            ("snapshot", self.snapshot),
        ):
            found |= {f"{folder}/{place}": file for place, file in files.items()}
        return found | {f"raw/{name}/{place}": file for name, each in self.raw.items() for place, file in each.items()}


def below(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below a folder, hidden ones aside, each with its path in it."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = file.relative_to(folder)
        if not any(part.startswith(".") for part in place.parts):
            yield place.as_posix(), file


class Releases:
    """The releases of a store.

    Every method raises ``SpiError`` for a disk that refuses to read or write.

    Args:
        root: of the store.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / RELEASES

    def all(self) -> list[Release]:
        """Every release, drafts first by name, then the signed ones in the order in which they were signed.

        A release whose record is damaged is left out, so that the others can still be used; ``damage`` names it.
        """
        found = [release for name in self._ids() if isinstance(release := self._tried(name), Release)]
        return sorted(found, key=lambda release: release.number)

    def newest(self) -> Release | None:
        """The release signed last that was neither revised nor withdrawn nor damaged; None where there is none."""
        return next((release for release in reversed(self.all()) if release.state == SIGNED), None)

    def get(self, name: str) -> Release:
        """A release by its id, or by the folder that it was carried here in.

        Raises:
            UnknownNameError: where there is none, naming the nearest.
            SpiError: where it is damaged.
        """
        folder = Path(name)
        if os.sep in name and (folder / _ABOUT).is_file():
            return self._read(folder.resolve())
        known = self._ids()
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there is {', '.join(known)}" if known else ""
            raise UnknownNameError(f"there is no release {name!r}{hint or ', nor any other: run spi release create'}")
        return self._read(self._folder / name)

    def free_id(self, wanted: str) -> str:
        """A name that no release has: the one wanted, or that with a number."""
        names = chain([identifier(wanted, "release")], (f"{wanted}-{number}" for number in count(2)))
        return next(name for name in names if name not in self._ids())

    def create(self, name: str, about: Mapping[str, Any], contents: Contents) -> Release:
        """Freeze a draft, whole or not at all; the caller holds the store's lock.

        Args:
            name: its id.
            about: what it is made of, as plain values; ``tables`` gives each table's sha256.
            contents: what it freezes.

        Raises:
            SpiError: where one of that name is there.
        """
        folder = self._folder / identifier(name, "release")
        if folder.exists():
            raise SpiError(f"There is a release {name} already: give another --id.")
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
            (temporary / _ABOUT).write_bytes(sealed({"id": name, **about, "files": digests}))
            (temporary / _ABOUT).chmod(_READ_ONLY)
            for path in (*temporary.rglob("*"), temporary):
                sync(path)
        return self._read(folder)

    def add(self, release: Release, event: str, *, at: str, by: str, note: str) -> Release:
        """Say what became of a release; the caller holds the store's lock.

        Args:
            release: the release.
            event: ``signed``, ``revised``, ``withdrawn`` or ``erratum``.
            at: when, ISO 8601.
            by: who says so.
            note: why, or what is wrong.

        Raises:
            SpiError: where that cannot follow.
        """
        self.refuse(release, event)
        told: dict[str, Any] = {"event": event, "at": at, "by": by, "note": note}
        if event == SIGNED:
            # It might be the one with the highest number.
            if damage := self.damage():
                raise SpiError(damage[0])
            told["number"] = 1 + max((other.number for other in self.all()), default=0)
        write_document(self._events(release.folder), {"events": [*release.events, told]})
        return self._read(release.folder)

    def refuse(self, release: Release, event: str) -> None:
        """Raise where an event cannot follow.

        Raises:
            SpiError: saying in which state it could.
        """
        if release.folder.parent != self._folder:
            raise SpiError(f"{release.folder} lies outside the store: what becomes of a release is said where it is.")
        if release.state not in _MAY_FOLLOW[event]:
            said = {SIGNED: "signed", REVISED: "revised", WITHDRAWN: "withdrawn", ERRATUM: "given an erratum"}[event]
            allowed = " or ".join(_MAY_FOLLOW[event])
            raise SpiError(f"Release {release.id} is {release.state}; only one that is {allowed} can be {said}.")

    def damage(self, *, deep: bool = False) -> list[str]:
        """What is not as it was, in sentences.

        Args:
            deep: read every file too, not only what each release says of itself.
        """
        tried = [self._tried(name) for name in self._ids()]
        records = [str(one) for one in tried if isinstance(one, SpiError)]
        return [*records, *(told for one in tried if deep and isinstance(one, Release) for told in one.damage())]

    def _ids(self) -> list[str]:
        """The names of all releases, damaged ones too; a name with a dot is a temporary one."""
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
            about = unsealed(read_bytes(folder / _ABOUT) or b"")
            events = unsealed(read_bytes(self._events(folder)) or b"{}").get("events", [])
            return Release(about["id"], folder, about, tuple(events))
        except (ValueError, KeyError):
            raise SpiError(
                f"What release {folder.name} says of itself is damaged ({folder / _ABOUT} or "
                f"{self._events(folder).name} beside it): restore it from a backup."
            ) from None


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the disk knows no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
