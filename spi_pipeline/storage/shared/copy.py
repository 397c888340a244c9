"""A machine's working copy of a shared store: updated to the manifest before a command, uploaded after it.

Next to the copy, ``base.json`` holds the manifest that was last downloaded or uploaded. If that manifest is still in
force, no other machine has written since and the copy stays as it is, so that a command can resume from the state that
a killed one left, as in a folder. Otherwise the copy is made equal to the manifest, and changes that were not uploaded
are lost. Some files are never shared: the history of Dagster, records of runs in progress, locks and caches.
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
from spi_pipeline.storage.backup import copy_file, lasting_files, links
from spi_pipeline.storage.documents import sealed, unsealed
from spi_pipeline.storage.lock import exclusive, is_held
from spi_pipeline.storage.places import CACHE, DAGSTER, INBOX, PUBLISHED
from spi_pipeline.storage.shared.objects import LostRaceError, Objects

_STORE, _BASE = "store", "base.json"
_OWN = (DAGSTER, CACHE)
# The number of parallel requests; most files are small.
_AT_ONCE = 8
# A machine that loses the race this often does not lose by chance.
_TRIES = 10
_FORM = 1
T = TypeVar("T")


class Entry(NamedTuple):
    """One file of a store: digest, size in bytes, permissions, time of writing (ns), and the object that holds it."""

    sha256: str
    size: int
    mode: int
    written: int
    object: str


@dataclass(frozen=True)
class Manifest:
    """Every file of a store by its path below the root, and every link with its target."""

    files: Mapping[str, Entry] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return sealed({"form": _FORM, "files": dict(sorted(self.files.items())), "links": dict(self.links)})

    @classmethod
    def of(cls, data: bytes, what: str) -> "Manifest":
        """Parse the bytes of a manifest.

        Raises:
            SpiError: if they are damaged, or written by a newer version; ``what`` names them.
        """
        try:
            document = unsealed(data)
            if document["form"] == _FORM:
                return cls({path: Entry(*entry) for path, entry in document["files"].items()}, document["links"])
        except (ValueError, KeyError, TypeError):
            raise SpiError(f"{what} is damaged: restore it from a backup of the bucket.") from None
        raise SpiError(
            f"{what} was written by a newer version of this program: update the program, which would misread it."
        )


class Copy:
    """The working copy of a shared store on this machine.

    Args:
        url: the address of the shared store.
        copies: the folder of all working copies.
        objects: the object store at the URL.
    """

    def __init__(self, url: str, copies: Path, objects: Objects | None = None) -> None:
        self.folder = folder_of(url, copies)
        self.root = root_of(url, copies)
        self._objects = objects or Objects(url)
        self._manifest = f"The manifest of {url}"

    def download(self) -> None:
        """Make the copy equal to the manifest in force, if another machine has replaced it since the last time.

        Raises:
            SpiError: if it cannot be downloaded; readers of the copy still see a complete state.
        """
        manifest, (base, tag) = self._objects.read(), self._base()
        if manifest is None:
            if tag:
                raise SpiError(
                    f"{self._manifest} is missing, although {self.root} is a copy of the files it named: restore it "
                    f"from a backup of the bucket, or remove {self.folder} to start again."
                )
            return
        if manifest[1] != tag:
            self._equal(Manifest.of(manifest[0], self._manifest), base)
            self._record(*manifest)

    def upload(self) -> None:
        """Upload new files of the copy and replace the manifest with one that names them; do nothing without any.

        Raises:
            LostRaceError: if another machine replaced it first; the copy is then useless until ``download`` updates it.
            SpiError: if the object store refuses; the next command uploads the content of the copy.
        """
        base, tag = self._base()
        with os_errors(f"{self.root} could not be read"), ThreadPoolExecutor(_AT_ONCE) as pool:
            files = {self._path(file): file for file in lasting_files(self.root)}
            shared = {path: file for path, file in files.items() if _is_shared(path)}
            entries = pool.map(lambda path: self._entry(shared[path], base.files.get(path)), shared)
            manifest = Manifest(
                dict(zip(shared, entries, strict=True)),
                {self._path(link): str(link.readlink()) for link in links(self.root)},
            )
        if manifest != base:
            tag = self._objects.swap(manifest.data, tag or None)
            self._record(manifest.data, tag)
            self._objects.sweep({entry.object for entry in manifest.files.values()})

    def _path(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def _base(self) -> tuple[Manifest, str]:
        """The manifest that the copy was last equal to, with its tag; both empty if there is none."""
        try:
            document = unsealed(read_bytes(self.folder / _BASE) or b"{}")
            return (Manifest.of(document["manifest"].encode(), ""), document["tag"]) if document else (Manifest(), "")
        except (ValueError, KeyError, SpiError):  # an unknown state is downloaded again
            return Manifest(), ""

    def _record(self, data: bytes, tag: str) -> None:
        write_bytes(self.folder / _BASE, sealed({"tag": tag, "manifest": data.decode()}))

    def _entry(self, file: Path, known: Entry | None) -> Entry:
        """The entry of a file for the manifest; the file is uploaded if it is new."""
        stat = file.stat()
        if known and (known.size, known.written) == (stat.st_size, stat.st_mtime_ns) and not _log(file).exists():
            return known
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            source = Path(folder, file.name) if file.suffix == ".db" else file
            if source != file:
                copy_file(file, source)
            sha256 = sha256_of(source)
            if known and known.sha256 == sha256:
                return known
            mode, size = stat.st_mode & 0o777, source.stat().st_size
            return Entry(sha256, size, mode, stat.st_mtime_ns, self._objects.put(source, sha256))

    def _equal(self, wanted: Manifest, base: Manifest) -> None:
        """Make the copy equal to a manifest; files that name others, and links, come after the files they name."""
        with os_errors(f"{self.root} could not be written"), ThreadPoolExecutor(_AT_ONCE) as pool:
            present = {path: file for file in lasting_files(self.root) if _is_shared(path := self._path(file))}
            pointers = [path for path in wanted.files if _names_others(path)]
            for paths in (sorted(wanted.files.keys() - pointers), pointers):
                list(pool.map(lambda path: self._get(path, wanted.files[path]), paths))
            for folder in (self.root / PUBLISHED).glob("*"):  # the time of the folder shows which is the newest
                if folder.is_dir() and not folder.is_symlink():
                    newest = max((file.stat().st_mtime_ns for file in folder.rglob("*")), default=0)
                    os.utime(folder, ns=(newest, newest))
            for path, target in wanted.links.items():
                with replacing(self.root / path) as temporary:
                    temporary.symlink_to(target)
            removed = [link for link in links(self.root) if self._path(link) not in wanted.links]
            # Files placed in this inbox since then are not for another machine to remove.
            manual_uploads = {path for path in present.keys() - base.files.keys() if path.startswith(f"{INBOX}/")}
            removed += [present[path] for path in present.keys() - wanted.files.keys() - manual_uploads]
            for file in removed:
                file.unlink(missing_ok=True)
                with suppress(OSError):  # the folder is not empty
                    for folder in file.parents:
                        folder.rmdir()

    def _get(self, path: str, entry: Entry) -> None:
        file = self.root / path
        with suppress(FileNotFoundError):
            stat = file.stat()
            if (stat.st_size, stat.st_mtime_ns) == (entry.size, entry.written):
                return
        # A file with the same content stays, so that its readers can continue.
        if not (file.is_file() and file.stat().st_size == entry.size and sha256_of(file) == entry.sha256):
            self._objects.fetch(entry.object, entry.sha256, file, mode=entry.mode)
            _log(file).unlink(missing_ok=True)
        os.utime(file, ns=(entry.written, entry.written))


def folder_of(url: str, copies: Path) -> Path:
    """The folder of the working copy of a shared store and of its ``base.json``."""
    return copies / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def root_of(url: str, copies: Path) -> Path:
    """The root of the working copy itself, which is a store like any other."""
    return folder_of(url, copies) / _STORE


def run_on_copy(
    copy: Copy, work: Callable[[], T], *, writes: bool = True, wait: float = 0, notify: Callable[[str], None]
) -> T:
    """Run some work on a working copy and upload the changes; repeat it on the new state if another machine was faster.

    Args:
        copy: the working copy.
        work: the work; it may run several times, each time on a store that other machines may have changed.
        writes: whether it may write; otherwise nothing is uploaded, and a copy that another process is writing to is
            read as it is.
        wait: seconds to wait for another process of this machine that writes to the copy.
        notify: receives a sentence when the work is repeated.

    Returns:
        The result of ``work``; its exceptions are raised after its changes are uploaded.

    Raises:
        SpiError: if another process writes to the copy, or the object store refuses.
    """
    if not writes:
        if not is_held(copy.folder):
            with exclusive(copy.folder):
                copy.download()
        return work()
    with exclusive(copy.folder, wait):
        for _ in range(_TRIES):
            copy.download()
            ended: BaseException | None = None
            try:
                done = work()
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                ended = error
            try:
                copy.upload()
            except LostRaceError:
                if isinstance(ended, KeyboardInterrupt):
                    raise ended from None
                notify("another machine wrote to the store meanwhile: repeating the command on its new state")
                continue
            if ended is not None:
                raise ended
            return done
    raise SpiError(
        "other machines keep writing to the store: let one machine write at a time, then run the command again"
    )


def _is_shared(path: str) -> bool:
    return path.partition("/")[0] not in _OWN


def _names_others(path: str) -> bool:
    """Whether a file says which others are current; all other files are written before it."""
    return path.endswith(".json") or "/answers/" in path


def _log(file: Path) -> Path:
    """The log of changes that SQLite has not written into a database yet; other files have none."""
    return file.with_name(f"{file.name}-wal")
