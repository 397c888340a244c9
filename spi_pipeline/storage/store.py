"""The door of the room: one object through which everything below the store root is read and written.

Nothing outside this room forms or names a path below the root; ``places`` does. Layout::

    tables/<name>/<sha256>.parquet   immutable versions     tables/<name>/current.json   which one is current
    quarantine/<name>/<sha256>.*     refused versions       runs/<kind>/<run_id>.<sha256>.parquet what each run recorded
    published/<version>/spi.duckdb   what readers see       published/current, spi.duckdb   links to the current one
    raw/<source>/<sha256>            what publishers gave    inbox/<source>/              files laid in by hand
    releases/<id>/                   what was published for good, and releases/<id>.json what became of it
    dagster/                         the instance of Dagster alerts/   what was told to whom
    going/<run_id>.*                 runs that have not said how they ended
    layout                           the number of this layout  memory/  what can be worked out anew

One process writes at a time: whoever writes holds ``lock``. Reading needs no lock.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage import backup, going, places, quarantine, runs
from spi_pipeline.storage.atomic import read_bytes, write_bytes
from spi_pipeline.storage.documents import read_document, write_document
from spi_pipeline.storage.going import Going
from spi_pipeline.storage.lock import exclusive, is_held
from spi_pipeline.storage.places import DATABASE, DOWNLOADS, PUBLICATION, identifier
from spi_pipeline.storage.published import publication
from spi_pipeline.storage.published.releases import WITHDRAWN, Releases
from spi_pipeline.storage.raw import Raw
from spi_pipeline.storage.retention import Retention, Superfluous, superfluous
from spi_pipeline.storage.shared.objects import URL
from spi_pipeline.storage.tables import Tables, Version

# Raised when what is written below the root changes its form, so that no program guesses at the form of another.
LAYOUT = 2
# Form 1 had no seals and no sha256 in the names of run records; both are read, and written from now on.
_READABLE = (1, LAYOUT)


class Shown(NamedTuple):
    """What an output for the public is made from.

    Attributes:
        folder: of the publication.
        name: the id of the release, or the version of the publication.
        read: gives a table by its name.
        contracts: folder of the contracts that a release was made under; None where they are those in force.
    """

    folder: Path
    name: str
    read: Callable[[str], pa.Table]
    contracts: Path | None

    @property
    def database(self) -> Path:
        """The file of the published database."""
        return self.folder / DATABASE


class Store:
    """A store in a local folder, which need not exist yet.

    Every method raises ``SpiError`` for a name it refuses and for a disk that refuses to read or write; what was there
    before is then untouched.

    Args:
        root: the folder; nothing is created before the first write.

    Raises:
        SpiError: for a URL, and where a file stands in the way.
    """

    def __init__(self, root: str | Path) -> None:
        if URL.match(str(root)):
            raise SpiError(f"The store {str(root)!r} is a URL, and what is opened is a machine's working copy of it.")
        self.root = Path(root).expanduser().resolve()
        if file := next(filter(Path.is_file, (self.root, *self.root.parents)), None):
            raise SpiError(f"{file} is a file where the store is to be a folder: move it, or set SPI_STORE elsewhere.")

    @cached_property
    def _tables(self) -> Tables:
        self._refuse_other_layout()
        return Tables(self.root / places.TABLES)

    @property
    def dagster_home(self) -> Path:
        """The folder of the Dagster instance that belongs to this store."""
        return self.root / places.DAGSTER

    @property
    def alerts(self) -> Path:
        """The folder in which the alerts' desk keeps its record."""
        return self.root / places.ALERTS

    @property
    def releases(self) -> Releases:
        """What was published for good."""
        return Releases(self.root)

    @property
    def database(self) -> Path:
        """The path under which readers always find the database published last."""
        return self.root / DATABASE

    @property
    def published(self) -> Path:
        """The folder under which readers always find what was published last."""
        return publication.readers_see(self.root)

    @contextmanager
    def lock(self, wait: float = 0) -> Iterator[None]:
        """A context in which no other process writes to the store; may be entered again within it.

        Args:
            wait: seconds to wait for another process that holds the lock.

        Raises:
            SpiError: on entering, where another process holds the lock, or a newer program has laid the store out.
        """
        with exclusive(self.root, wait):
            self._refuse_other_layout()
            if read_bytes(self.root / places.LAYOUT) != f"{LAYOUT}\n".encode():
                write_bytes(self.root / places.LAYOUT, f"{LAYOUT}\n".encode())
            yield

    def _refuse_other_layout(self) -> None:
        stated = (read_bytes(self.root / places.LAYOUT) or str(LAYOUT).encode()).decode(errors="replace").strip()
        if stated not in map(str, _READABLE):
            raise SpiError(
                f"The store {self.root} is laid out in form {stated!r}, that of a newer version of this program; this "
                f"one knows form {LAYOUT} and would misread it: update the program, or set SPI_STORE to another folder "
                f"(where no newer version ever wrote here, {self.root / places.LAYOUT} is damaged: delete it)."
            )

    def is_locked(self) -> bool:
        """Return whether anybody writes to the store now."""
        return is_held(self.root)

    def current(self, name: str) -> Version | None:
        """Return the current version of a table, of ``downloads/<source>`` or of the ``publication``, or None.

        Raises:
            SpiError: where its pointer cannot be read, or its file is missing or of another size than written.
        """
        if name.startswith(DOWNLOADS):
            return self.raw(name.removeprefix(DOWNLOADS)).version()
        return publication.current(self.root) if name == PUBLICATION else self._tables.current(name)

    def versions(self) -> dict[str, Version]:
        """Return the current versions of all tables, by name, in alphabetical order.

        Raises:
            SpiError: where one of them is damaged, as ``current`` does.
        """
        return self._tables.versions()

    def whole_versions(self) -> dict[str, Version]:
        """Return the same without those that are damaged, which ``damage`` names."""
        found = {name: self._tables.current(name) for name in self._tables.names() if not self._fault(name)}
        return {name: version for name, version in found.items() if version}

    def metadata(self, name: str) -> dict[str, str]:
        """Return the metadata that the current version of a table was written with; empty where there is none."""
        return self._tables.metadata(name)

    def read(self, name: str) -> pa.Table:
        """Return the rows of the current version of a table, with the metadata it was written with.

        Raises:
            SpiError: where there is none, or its file does not hold the very bytes that were written.
        """
        return self._tables.read(name)

    def write(
        self,
        name: str,
        table: pa.Table,
        *,
        fingerprint: str,
        run_id: str,
        judged: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> Version:
        """Make ``table`` the current version, fresh again where the one before was stale.

        Args:
            name: the table's name.
            table: its rows; schema metadata (such as that of pandas) is not kept.
            fingerprint: of what the step depends on, kept beside the version to tell whether it is due.
            run_id: the run that writes.
            judged: digest of the rules it was found to keep, kept likewise to tell whether it is to be judged again.
            metadata: kept in the file, hence part of its hash: nothing that changes with the run or the clock.

        Returns:
            The version; the same as before where the content is the same.
        """
        return self._tables.write(name, table, fingerprint=fingerprint, judged=judged, run_id=run_id, metadata=metadata)

    def judged(self, name: str, judged: str) -> Version:
        """Note that the current version of a table keeps the rules of this digest, and so is fresh.

        Raises:
            SpiError: where there is none.
        """
        return self._tables.judged(name, judged)

    def keep(self, name: str, *, reason: str, run_id: str) -> Version | None:
        """Mark the current version as stale, since the first of the failures that kept it from being replaced.

        Args:
            name: as for ``current``.
            reason: why there is no newer one, in a sentence.
            run_id: the run that failed to make it.

        Returns:
            The version; None where there is no good one to keep.
        """
        if name.startswith(DOWNLOADS):
            raw = self.raw(name.removeprefix(DOWNLOADS))
            raw.fail(reason, run_id=run_id, at=datetime.now(UTC))
            return raw.version()
        return self._tables.keep(name, reason=reason, run_id=run_id)

    def quarantine(
        self, name: str, table: pa.Table | None, *, reason: str, results: Sequence[Mapping[str, Any]], run_id: str
    ) -> Path:
        """File away a version that must not become current; the current one is not touched.

        Args:
            name: the table's name.
            table: its rows, or None where there was nothing to read.
            reason: why it was refused, in a sentence.
            results: what became of each rule, failing rows included, as plain values.
            run_id: the run that made it.

        Returns:
            The report (JSON); the rows are beside it under the same name with the ending ``.parquet``.
        """
        folder = self.root / places.quarantine(name)
        return quarantine.file_away(folder, table, reason=reason, results=results, run_id=run_id)

    def raw(self, source_id: str) -> Raw:
        """What was fetched of one source."""
        return Raw(self.root / places.raw(source_id))

    def inbox(self) -> dict[str, list[Path]]:
        """Files that somebody laid in for a source, by its folder's name; hidden ones are left out."""
        folders = sorted(folder for folder in (self.root / places.INBOX).glob("[!.]*") if folder.is_dir())
        found = {folder.name: sorted(file for file in folder.glob("[!.]*") if file.is_file()) for folder in folders}
        return {name: files for name, files in found.items() if files}

    def inbox_of(self, source_id: str) -> Path:
        """The folder that the files of a source are laid into, which may not be there yet."""
        return self.root / places.inbox(source_id)

    def inbox_digest(self, source_id: str) -> str:
        """A digest of the names and bytes of the files that somebody laid in for a source."""
        digest = hashlib.sha256()
        for file in self.inbox().get(source_id, []):
            # Whoever reads it says why it cannot be read.
            with suppress(OSError):
                digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()

    def remembered(self, key: str) -> dict[str, Any]:
        """Return what was remembered under a key: worked out anew it would be the same; else empty."""
        return read_document(self._memory(key))

    def remember(self, key: str, value: Mapping[str, Any]) -> None:
        """Remember plain values that take time to work out."""
        if value != self.remembered(key):
            write_document(self._memory(key), value)

    def _memory(self, key: str) -> Path:
        return self.root / places.memory(key)

    def going(self, run_id: str, about: Mapping[str, Any]) -> AbstractContextManager[Path]:
        """A context in which a run goes on; whoever looks sees by its record that it does, or that it was killed.

        Args:
            run_id: the run.
            about: what it says of itself, as plain values.

        Returns:
            The context, which yields a path that a process may leave word at of where it stood. The record outlives
            the context, as it does the process, until ``ended`` takes it away.
        """
        return going.begin(self.root / places.GOING, identifier(run_id, "run"), about)

    def all_going(self) -> list[Going]:
        """Return every run that began and has not said how it ended; nothing is made by asking."""
        return going.found(self.root / places.GOING)

    def ended(self, run_id: str) -> None:
        """Take the record of a run away that has said how it ended."""
        going.forget(self.root / places.GOING, identifier(run_id, "run"))

    def append_run(self, kind: str, run_id: str, rows: pa.Table) -> None:
        """Add rows to what a run recorded.

        Args:
            kind: of the record, such as ``check_result``.
            run_id: the run they belong to.
            rows: the rows; their types must agree with the run's earlier ones, columns may be added.
        """
        runs.append(self.root / places.runs(kind), identifier(run_id, "run"), rows)

    def read_runs(self, kind: str) -> pa.Table | None:
        """Return what all runs recorded of one kind, by run and in the order of recording, or None.

        Columns that some runs did not have are null there.

        Raises:
            SpiError: where a record is damaged, or the types of one column do not agree between runs.
        """
        return runs.read_all(self.root / places.runs(kind))

    def run_stamps(self, kind: str) -> dict[str, str]:
        """Return, for each run that recorded something of a kind, a stamp that changes when it records more.

        For whoever reads on from where it stopped: rows are only ever added to a run's record.
        """
        return runs.stamps(self.root / places.runs(kind))

    def set_records_aside(self) -> list[str]:
        """Rename what is damaged of the records of runs, so that it stands in nobody's way.

        Returns:
            A sentence on each: where it is now.

        Raises:
            SpiError: where the disk refuses.
        """
        return [told for folder in self._kinds_of_records() for told in runs.set_aside(folder)]

    def newest_run(self, kind: str) -> str:
        """Return what tells the newest record of a kind from any other; empty where there is none.

        Pruning older ones does not change it.
        """
        folder = self.root / places.runs(kind)
        newest = next(iter(runs.newest_first(folder)), None)
        return f"{newest} {runs.stamps(folder)[newest]}" if newest else ""

    def read_run(self, kind: str, run_id: str) -> pa.Table | None:
        """Return what one run recorded of one kind, in the order of recording, or None."""
        return runs.read_one(self.root / places.runs(kind), identifier(run_id, "run"))

    def quarantined(self, name: str, run_id: str) -> dict[str, Any] | None:
        """Return the report on the version of a table that a run refused, or None where it filed none."""
        return quarantine.report_of(self.root / places.quarantine(name), run_id)

    def publish(
        self, build: Callable[[Path], None], *, fingerprint: str, run_id: str, made_of: Mapping[str, str] | None = None
    ) -> Version:
        """Make what ``build`` writes what readers see, all of it or nothing.

        Where it was published before under this fingerprint it is taken as it is. Publications before it are kept for
        those who are looking at them, until they are pruned.

        Args:
            build: given an empty folder, fills it.
            fingerprint: of everything it is built from.
            run_id: the run that publishes.
            made_of: the versions of tables it is made of, which are kept as long as it is.

        Raises:
            SpiError: as ``build`` does; readers see what they saw before.
        """
        return publication.publish(
            self.root, build, (DATABASE,), fingerprint=fingerprint, run_id=run_id, made_of=made_of or {}
        )

    def published_version(self) -> str | None:
        """Return the version readers see; None where none was published or a file of it is gone or damaged."""
        found = publication.current(self.root)
        return found.sha256 if found else None

    def show(self, *, signed: bool) -> None:
        """Point ``public`` at what the public is to see.

        Args:
            signed: the release signed last, or nothing where there is none; otherwise what was published last.
        """
        if signed and self.releases.damage():
            return  # which was signed last cannot be told, and what the public sees stays
        release = self.releases.newest() if signed else None
        publication.show(self.root, release.published if release else None if signed else self.published)

    def shown(self, release: str, *, signed: bool) -> Shown:
        """Return what an output for the public is made from.

        Args:
            release: the id of a release; empty for what the public is to see now.
            signed: whether that is the release signed last alone.

        Raises:
            UnknownNameError: where there is no such release.
            SpiError: where it is damaged or withdrawn, which was signed last cannot be told, nothing is published, or
                nothing was signed that had to be.
        """
        if signed and not release and (damage := self.releases.damage()):
            raise SpiError(damage[0])  # it may be the one that was signed last
        found = self.releases.get(release) if release else self.releases.newest() if signed else None
        if found:
            if found.made_so and found.state == WITHDRAWN:
                said = "{by}: {note}".format_map(found.made_so)
                raise SpiError(f"release {found.id} was withdrawn by {said}; name another, see spi release list")
            if damage := found.damage():
                raise SpiError(damage[0])
            return Shown(found.published, found.id, found.read, found.contracts)
        if signed:
            raise SpiError("publication.yaml asks for a signed release and there is none: run spi release create.")
        version = self.published_version()
        if version is None:
            raise SpiError(f"nothing is published in {self.root} yet, or what is there is damaged; run spi refresh")
        return Shown(self.published.resolve(), version, self.read, None)

    @property
    def public(self) -> Path:
        """The folder under which the public finds what it is to see; it is not there where that is nothing."""
        return publication.public(self.root)

    def prune(self, retention: Retention, *, dry: bool = False) -> list[Superfluous]:
        """Delete what nothing refers to and what is older than is to be kept.

        Args:
            retention: how much is to be kept.
            dry: only say what would go.

        Returns:
            What went, with its size.
        """
        found = superfluous(self.root, retention)
        for one in () if dry else found:
            one.remove()
        return found

    def back_up(self, to: Path) -> int:
        """Copy the whole store into a folder that is not there yet, while others may write; returns its bytes.

        Raises:
            SpiError: where there is no store, or something in ``to``.
        """
        return backup.back_up(self.root, to.absolute())

    def restore(self, source: Path, *, replace: bool) -> Path | None:
        """Put a copy back as this store, whole or not at all.

        Args:
            source: what ``back_up`` made.
            replace: whether a store that is there is moved aside; otherwise it is refused.

        Returns:
            Where the store that gave way is now; None where there was none.

        Raises:
            SpiError: where the copy is damaged, a store is there, or somebody writes to it; it is then as it was.
        """
        if not replace or not self.root.exists():
            return backup.restore(self.root, source.absolute(), replace=replace)
        with exclusive(self.root):
            return backup.restore(self.root, source.absolute(), replace=True)

    def damage(self, *, deep: bool = False) -> list[str]:
        """Return what does not hold the bytes that were written, a sentence each with what to do.

        Args:
            deep: look at everything; otherwise only at what readers and refreshes rest on, which is small.
        """
        found = list(filter(None, map(self._fault, self._tables.names())))
        found += publication.damage(self.root)
        if deep:
            for folder in self._kinds_of_records():
                found += runs.damage(folder)
            for folder in sorted((self.root / places.QUARANTINE).glob("*")):
                found += quarantine.damage(folder)
            for folder in sorted((self.root / places.RAW).glob("*")):
                found += self.raw(folder.name).damage()
        return [*found, *self.releases.damage(deep=deep)]

    def _kinds_of_records(self) -> list[Path]:
        return sorted(path for path in (self.root / places.RUNS).glob("*") if path.is_dir())

    def _fault(self, name: str) -> str:
        try:
            self._tables.current(name)
        except SpiError as error:
            return str(error)
        return ""
