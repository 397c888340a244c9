"""A machine's working copy of a shared store: brought to what the manifest says, and what a command made of it sent.

Beside the copy lies ``base.json``: the manifest it was brought to, or sent, last. Where that is still in force, nobody
else has written since, and the copy is left as it is: what a killed command left is gone on from, as in a folder.
Else the copy is made equal to the manifest, and what was not sent goes, as if it had never been. Not shared is what a
machine keeps for itself: the history of Dagster, records of runs that go on, locks, what can be worked out anew.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.atomic import os_errors, read_bytes, replacing, sha256_of, write_bytes
from spi_pipeline.storage.backup import copied, lasting, links
from spi_pipeline.storage.documents import sealed, unsealed
from spi_pipeline.storage.lock import exclusive, is_held
from spi_pipeline.storage.places import DAGSTER, INBOX, MEMORY, PUBLISHED
from spi_pipeline.storage.shared.objects import Lost, Objects

_STORE, _BASE = "store", "base.json"
_OWN = (DAGSTER, MEMORY)
# Requests at a time; most files are small.
_AT_ONCE = 8
# Whoever lost so often does not lose by chance.
_TRIES = 10
_FORM = 1
T = TypeVar("T")


class Entry(NamedTuple):
    """One file of a store: its digest, bytes, permissions, when it was written (ns), and the object that holds it."""

    sha256: str
    size: int
    mode: int
    written: int
    object: str


@dataclass(frozen=True)
class Manifest:
    """Every file of a store, by its path below the root, and every link with what it points to."""

    files: Mapping[str, Entry] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return sealed({"form": _FORM, "files": dict(sorted(self.files.items())), "links": dict(self.links)})

    @classmethod
    def of(cls, data: bytes, what: str) -> "Manifest":
        """The manifest of some bytes.

        Raises:
            SpiError: where they are damaged, or of a newer program; ``what`` names them.
        """
        try:
            said = unsealed(data)
            if said["form"] == _FORM:
                return cls({path: Entry(*entry) for path, entry in said["files"].items()}, said["links"])
        except (ValueError, KeyError, TypeError):
            raise SpiError(f"{what} is damaged: put it back from a backup of the bucket.") from None
        raise SpiError(f"{what} was written by a newer version of this program, which would be misread: update it.")


class Copy:
    """The working copy of a shared store on this machine.

    Args:
        url: of the shared store.
        copies: the folder of all working copies.
        objects: what lies at the URL.
    """

    def __init__(self, url: str, copies: Path, objects: Objects | None = None) -> None:
        self.folder = folder_of(url, copies)
        self.root = root_of(url, copies)
        self._objects = objects or Objects(url)
        self._manifest = f"The manifest of {url}"

    def bring(self) -> None:
        """Make the copy what the manifest in force says, unless nobody else has written since it was last so.

        Raises:
            SpiError: where that cannot be had; readers of the copy see a whole state all the same.
        """
        found, (base, tag) = self._objects.read(), self._base()
        if found is None:
            if tag:
                raise SpiError(
                    f"{self._manifest} is gone, and {self.root} is a copy of what it named: put it back from a backup "
                    f"of the bucket, or remove {self.folder} to begin anew."
                )
            return
        if found[1] != tag:
            self._equal(Manifest.of(found[0], self._manifest), base)
            self._keep(*found)

    def send(self) -> None:
        """Upload what is new in the copy and replace the manifest by one that names it; nothing where nothing is new.

        Raises:
            Lost: where somebody else replaced it first; the copy is then of no use until it is brought again.
            SpiError: where the object store refuses; the next command sends what is in the copy.
        """
        base, tag = self._base()
        with os_errors(f"{self.root} could not be read"), ThreadPoolExecutor(_AT_ONCE) as pool:
            files = {self._path(file): file for file in lasting(self.root)}
            shared = {path: file for path, file in files.items() if _is_shared(path)}
            entries = pool.map(lambda path: self._entry(shared[path], base.files.get(path)), shared)
            found = Manifest(
                dict(zip(shared, entries, strict=True)),
                {self._path(link): str(link.readlink()) for link in links(self.root)},
            )
        if found != base:
            tag = self._objects.swap(found.data, tag or None)
            self._keep(found.data, tag)
            self._objects.sweep({entry.object for entry in found.files.values()})

    def _path(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def _base(self) -> tuple[Manifest, str]:
        """The manifest that the copy was last equal to, with its tag; nothing and no tag where there is none."""
        try:
            said = unsealed(read_bytes(self.folder / _BASE) or b"{}")
            return (Manifest.of(said["manifest"].encode(), ""), said["tag"]) if said else (Manifest(), "")
        except (ValueError, KeyError, SpiError):  # what is not known is brought anew
            return Manifest(), ""

    def _keep(self, data: bytes, tag: str) -> None:
        write_bytes(self.folder / _BASE, sealed({"tag": tag, "manifest": data.decode()}))

    def _entry(self, file: Path, known: Entry | None) -> Entry:
        """What the manifest says of a file, which is uploaded where it is new."""
        about = file.stat()
        if known and (known.size, known.written) == (about.st_size, about.st_mtime_ns) and not _log(file).exists():
            return known
        with tempfile.TemporaryDirectory(dir=self.folder) as passing:
            taken = Path(passing, file.name) if file.suffix == ".db" else file
            if taken != file:
                copied(file, taken)
            sha256 = sha256_of(taken)
            if known and known.sha256 == sha256:
                return known
            mode, size = about.st_mode & 0o777, taken.stat().st_size
            return Entry(sha256, size, mode, about.st_mtime_ns, self._objects.put(taken, sha256))

    def _equal(self, wanted: Manifest, base: Manifest) -> None:
        """Make the copy equal to a manifest: what names other files, and links, after what they name."""
        with os_errors(f"{self.root} could not be written"), ThreadPoolExecutor(_AT_ONCE) as pool:
            here = {path: file for file in lasting(self.root) if _is_shared(path := self._path(file))}
            naming = [path for path in wanted.files if _names_others(path)]
            for paths in (sorted(wanted.files.keys() - naming), naming):
                list(pool.map(lambda path: self._get(path, wanted.files[path]), paths))
            for folder in (self.root / PUBLISHED).glob("*"):  # which is the newest is told by the time of the folder
                if folder.is_dir() and not folder.is_symlink():
                    newest = max((file.stat().st_mtime_ns for file in folder.rglob("*")), default=0)
                    os.utime(folder, ns=(newest, newest))
            for path, target in wanted.links.items():
                with replacing(self.root / path) as temporary:
                    temporary.symlink_to(target)
            gone = [link for link in links(self.root) if self._path(link) not in wanted.links]
            # What somebody laid in here since is not another machine's to take away.
            laid_in = {path for path in here.keys() - base.files.keys() if path.startswith(f"{INBOX}/")}
            gone += [here[path] for path in here.keys() - wanted.files.keys() - laid_in]
            for file in gone:
                file.unlink(missing_ok=True)
                with suppress(OSError):  # the folder holds something still
                    for folder in file.parents:
                        folder.rmdir()

    def _get(self, path: str, entry: Entry) -> None:
        file = self.root / path
        with suppress(FileNotFoundError):
            about = file.stat()
            if (about.st_size, about.st_mtime_ns) == (entry.size, entry.written):
                return
        # Of the same content it stays, so that who reads it reads on.
        if not (file.is_file() and file.stat().st_size == entry.size and sha256_of(file) == entry.sha256):
            self._objects.fetch(entry.object, entry.sha256, file, mode=entry.mode)
            _log(file).unlink(missing_ok=True)
        os.utime(file, ns=(entry.written, entry.written))


def folder_of(url: str, copies: Path) -> Path:
    """The folder of the working copy of a shared store, with what is known of it."""
    return copies / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def root_of(url: str, copies: Path) -> Path:
    """The root of the working copy itself, a store as any other."""
    return folder_of(url, copies) / _STORE


def at_work(
    copy: Copy, work: Callable[[], T], *, writes: bool = True, wait: float = 0, tell: Callable[[str], None]
) -> T:
    """Do something on a working copy, and send what it made: again from the new manifest, where others were faster.

    Args:
        copy: the working copy.
        work: what to do; it may be done several times, each on a store that others may have changed.
        writes: whether it may write; otherwise nothing is sent, and a copy that somebody writes to is read as it is.
        wait: seconds to wait for another process of this machine that writes to the copy.
        tell: told in a sentence that it is done again.

    Returns:
        What ``work`` returns; what it raises is raised after what it made was sent.

    Raises:
        SpiError: where another process writes to the copy, or the object store refuses.
    """
    if not writes:
        if not is_held(copy.folder):
            with exclusive(copy.folder):
                copy.bring()
        return work()
    with exclusive(copy.folder, wait):
        for _ in range(_TRIES):
            copy.bring()
            ended: BaseException | None = None
            try:
                done = work()
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                ended = error
            try:
                copy.send()
            except Lost:
                if isinstance(ended, KeyboardInterrupt):
                    raise ended from None
                tell("another machine wrote to the store meanwhile: done again from what it left")
                continue
            if ended is not None:
                raise ended
            return done
    raise SpiError("other machines write to the store all the time: have one at a time write to it, and run it again")


def _is_shared(path: str) -> bool:
    return path.partition("/")[0] not in _OWN


def _names_others(path: str) -> bool:
    """Whether a file says which others are current; all others go before it."""
    return path.endswith(".json") or "/answers/" in path


def _log(file: Path) -> Path:
    """What SQLite has not written into a database yet; there is none beside other files."""
    return file.with_name(f"{file.name}-wal")
