"""The interface of the package: one object through which everything below the store root is read and written.

Only this package forms or names paths below the root; ``places`` defines them. Layout::

    tables/<name>/<sha256>.parquet   immutable versions     tables/<name>/current.json   which one is current
    quarantine/<name>/<sha256>.*     rejected versions      runs/<kind>/<run_id>.<sha256>.parquet   records of runs
    published/<version>/spi.duckdb   for readers            published/current, spi.duckdb   links to the current one
    raw/<source>/<sha256>            responses              inbox/<source>/              files supplied by hand
    releases/<id>/                   immutable releases, and releases/<id>.json with the events of each
    dagster/                         the Dagster instance   alerts/   the record of alerts
    running/<run_id>.*               runs in progress
    layout                           the number of this layout   cache/   values that can be recomputed

One process writes at a time, and it holds ``lock``. Reading needs no lock.
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
from spi_pipeline.storage import backup, places, quarantine, running, runs
from spi_pipeline.storage.atomic import read_bytes, write_bytes
from spi_pipeline.storage.documents import read_document, write_document
from spi_pipeline.storage.lock import exclusive, is_held
from spi_pipeline.storage.places import DATABASE, DOWNLOADS, PUBLICATION, identifier
from spi_pipeline.storage.published import publication
from spi_pipeline.storage.published.releases import WITHDRAWN, Releases
from spi_pipeline.storage.raw import Raw
from spi_pipeline.storage.retention import Removable, Retention, removable
from spi_pipeline.storage.running import RunInProgress
from spi_pipeline.storage.shared.objects import URL
from spi_pipeline.storage.tables import Tables, Version

# Increased when the form of the files below the root changes, so that no version misreads the files of another.
LAYOUT = 2
# Form 1 had no seals, and no sha256 in the names of run records; files of both forms are read.
_READABLE = (1, LAYOUT)


class Shown(NamedTuple):
    """The publication or release that an output for the public is built from.

    Attributes:
        folder: the folder of the publication.
        name: the id of the release, or the version of the publication.
        read: returns a table by its name.
        contracts: the folder of the contracts that a release was made under; None for the contracts in force.
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

    Every method raises ``SpiError`` for an invalid name, and if the disk refuses to read or write; earlier content is
    then untouched.

    Args:
        root: the folder; nothing is created before the first write.

    Raises:
        SpiError: for a URL, and if a file is in the way.
    """

    def __init__(self, root: str | Path) -> None:
        if URL.match(str(root)):
            raise SpiError(
                f"The store {str(root)!r} is a URL; only a working copy of it on this machine can be opened."
            )
        self.root = Path(root).expanduser().resolve()
        if file := next(filter(Path.is_file, (self.root, *self.root.parents)), None):
            raise SpiError(
                f"{file} is a file, but the store must be a folder: move it, or set SPI_STORE to another folder."
            )

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
        """The folder in which the package ``alerts`` records what it sent."""
        return self.root / places.ALERTS

    @property
    def releases(self) -> Releases:
        """The releases of this store."""
        return Releases(self.root)

    @property
    def database(self) -> Path:
        """The path at which readers always find the current database."""
        return self.root / DATABASE

    @property
    def published(self) -> Path:
        """The path at which readers always find the current publication."""
        return publication.current_link(self.root)

    @contextmanager
    def lock(self, wait: float = 0) -> Iterator[None]:
        """A context in which no other process writes to the store; it may be nested.

        Args:
            wait: seconds to wait for another process that holds the lock.

        Raises:
            SpiError: on entering, if another process holds the lock, or the store has the layout of a newer version.
        """
        with exclusive(self.root, wait):
            self._refuse_other_layout()
            if read_bytes(self.root / places.LAYOUT) != f"{LAYOUT}\n".encode():
                write_bytes(self.root / places.LAYOUT, f"{LAYOUT}\n".encode())
            yield

    def _refuse_other_layout(self) -> None:
        layout = (read_bytes(self.root / places.LAYOUT) or str(LAYOUT).encode()).decode(errors="replace").strip()
        if layout not in map(str, _READABLE):
            raise SpiError(
                f"The store {self.root} has layout {layout!r} of a newer version of this program; this version knows "
                f"layout {LAYOUT} and would misread it: update the program, or set SPI_STORE to another folder (if "
                f"no newer version ever wrote here, {self.root / places.LAYOUT} is damaged: delete it)."
            )

    def is_locked(self) -> bool:
        """Return whether any process is writing to the store."""
        return is_held(self.root)

    def current(self, name: str) -> Version | None:
        """Return the current version of a table, of ``downloads/<source>`` or of the ``publication``, or None.

        Raises:
            SpiError: if its pointer cannot be read, its file is missing, or the file does not hold the bytes written.
        """
        if name.startswith(DOWNLOADS):
            return self.raw(name.removeprefix(DOWNLOADS)).version()
        return publication.current(self.root) if name == PUBLICATION else self._tables.current(name)

    def versions(self) -> dict[str, Version]:
        """Return the current versions of all tables, by name, in alphabetical order.

        Raises:
            SpiError: if one of them is damaged, as ``current`` does.
        """
        return self._tables.versions()

    def undamaged_versions(self) -> dict[str, Version]:
        """Return the current versions of all undamaged tables; ``damage`` names the damaged ones."""
        versions = {name: self._tables.current(name) for name in self._tables.names() if not self._fault(name)}
        return {name: version for name, version in versions.items() if version}

    def metadata(self, name: str) -> dict[str, str]:
        """Return the metadata that the current version of a table was written with; empty if there is none."""
        return self._tables.metadata(name)

    def read(self, name: str) -> pa.Table:
        """Return the rows of the current version of a table, with the metadata it was written with.

        Raises:
            SpiError: if there is none, or its file does not hold the bytes that were written.
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
        """Make ``table`` the current version; it is no longer stale, even if the previous version was.

        Args:
            name: the table's name.
            table: its rows; schema metadata (such as that of pandas) is not stored.
            fingerprint: of everything that the step depends on; stored with the version to decide whether it is due.
            run_id: the run that writes.
            judged: the digest of the rules that the table passed; stored to decide whether to check it again.
            metadata: stored in the file and so part of its hash; it must not vary with the run or the clock.

        Returns:
            The version; the same as before if the content is the same.
        """
        return self._tables.write(name, table, fingerprint=fingerprint, judged=judged, run_id=run_id, metadata=metadata)

    def record_check(self, name: str, judged: str) -> Version:
        """Record that the current version of a table passes the rules of this digest, and so is not stale.

        Raises:
            SpiError: if there is none.
        """
        return self._tables.record_check(name, judged)

    def keep(self, name: str, *, reason: str, run_id: str) -> Version | None:
        """Mark the current version as stale, from the first of the consecutive failures to replace it.

        Args:
            name: as for ``current``.
            reason: why there is no newer version, in a sentence.
            run_id: the run that failed to make one.

        Returns:
            The last good version, which is kept; None if there is none.
        """
        if name.startswith(DOWNLOADS):
            raw = self.raw(name.removeprefix(DOWNLOADS))
            raw.fail(reason, run_id=run_id, at=datetime.now(UTC))
            return raw.version()
        return self._tables.keep(name, reason=reason, run_id=run_id)

    def quarantine(
        self, name: str, table: pa.Table | None, *, reason: str, results: Sequence[Mapping[str, Any]], run_id: str
    ) -> Path:
        """Store a version that must not become current, for inspection; the current one is not touched.

        Args:
            name: the table's name.
            table: its rows, or None if nothing could be read.
            reason: why it was rejected, in a sentence.
            results: the result of each rule with failing rows, as plain values.
            run_id: the run that made it.

        Returns:
            The path of the report (JSON); the rows are next to it under the same name with the suffix ``.parquet``.
        """
        folder = self.root / places.quarantine(name)
        return quarantine.file_away(folder, table, reason=reason, results=results, run_id=run_id)

    def raw(self, source_id: str) -> Raw:
        """The stored responses and downloads of one source."""
        return Raw(self.root / places.raw(source_id))

    def inbox(self) -> dict[str, list[Path]]:
        """The files in the inbox by the name of the source's folder, without hidden ones."""
        folders = sorted(folder for folder in (self.root / places.INBOX).glob("[!.]*") if folder.is_dir())
        files_by_name = {
            folder.name: sorted(file for file in folder.glob("[!.]*") if file.is_file()) for folder in folders
        }
        return {name: files for name, files in files_by_name.items() if files}

    def inbox_of(self, source_id: str) -> Path:
        """The inbox folder of a source, which may not exist yet."""
        return self.root / places.inbox(source_id)

    def inbox_digest(self, source_id: str) -> str:
        """A digest of the names and bytes of the files in the inbox of a source."""
        digest = hashlib.sha256()
        for file in self.inbox().get(source_id, []):
            # The step that reads the file reports why it cannot be read.
            with suppress(OSError):
                digest.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()

    def cached(self, key: str) -> dict[str, Any]:
        """Return the cached value of a key, which recomputing would give again; empty if there is none."""
        return read_document(self._memory(key))

    def cache(self, key: str, value: Mapping[str, Any]) -> None:
        """Cache plain values that take time to compute."""
        if value != self.cached(key):
            write_document(self._memory(key), value)

    def _memory(self, key: str) -> Path:
        return self.root / places.cache(key)

    def running(self, run_id: str, details: Mapping[str, Any]) -> AbstractContextManager[Path]:
        """A context in which a run is in progress; its record shows other processes that it is, or that it was killed.

        Args:
            run_id: the run.
            details: its description, as plain values.

        Returns:
            The context, which yields a path at which the process may write its stack traces. The record outlives the
            context and the process, until ``ended`` removes it.
        """
        return running.begin(self.root / places.RUNNING, identifier(run_id, "run"), details)

    def runs_in_progress(self) -> list[RunInProgress]:
        """Return every run that began and has not recorded its end; the call creates no file."""
        return running.in_progress(self.root / places.RUNNING)

    def ended(self, run_id: str) -> None:
        """Remove the record of a run that has recorded its end."""
        running.forget(self.root / places.RUNNING, identifier(run_id, "run"))

    def append_run(self, kind: str, run_id: str, rows: pa.Table) -> None:
        """Add rows to the record of a run.

        Args:
            kind: the kind of record, such as ``check_result``.
            run_id: the run they belong to.
            rows: the rows; their types must agree with the run's earlier rows, but columns may be added.
        """
        runs.append(self.root / places.runs(kind), identifier(run_id, "run"), rows)

    def read_runs(self, kind: str) -> pa.Table | None:
        """Return the records of one kind of all runs, by run and in the order of recording, or None.

        Columns that a run did not record are null in its rows.

        Raises:
            SpiError: if a record is damaged, or the types of one column do not agree between runs.
        """
        return runs.read_all(self.root / places.runs(kind))

    def run_stamps(self, kind: str) -> dict[str, str]:
        """Return, for each run with a record of a kind, a stamp that changes when it records more.

        For readers that continue where they stopped: rows are only ever added to a run's record.
        """
        return runs.stamps(self.root / places.runs(kind))

    def set_records_aside(self) -> list[str]:
        """Rename damaged records of runs, so that they stop no command.

        Returns:
            A sentence on each, with its new name.

        Raises:
            SpiError: if the disk refuses.
        """
        return [sentence for folder in self._kinds_of_records() for sentence in runs.set_aside(folder)]

    def newest_run(self, kind: str) -> str:
        """Return a text that identifies the newest record of a kind; empty if there is none.

        Pruning older records does not change it.
        """
        folder = self.root / places.runs(kind)
        newest = next(iter(runs.newest_first(folder)), None)
        return f"{newest} {runs.stamps(folder)[newest]}" if newest else ""

    def read_run(self, kind: str, run_id: str) -> pa.Table | None:
        """Return the record of one kind of a run, in the order of recording, or None."""
        return runs.read_one(self.root / places.runs(kind), identifier(run_id, "run"))

    def quarantined(self, name: str, run_id: str) -> dict[str, Any] | None:
        """Return the report on the version of a table that a run rejected, or None if it rejected none."""
        return quarantine.report_of(self.root / places.quarantine(name), run_id)

    def publish(
        self, build: Callable[[Path], None], *, fingerprint: str, run_id: str, made_of: Mapping[str, str] | None = None
    ) -> Version:
        """Publish the files that ``build`` writes, all of them or nothing.

        An existing publication with this fingerprint is used again. Earlier publications stay for readers who have
        them open, until they are pruned.

        Args:
            build: fills an empty folder.
            fingerprint: of everything that the publication is built from.
            run_id: the run that publishes.
            made_of: the versions of tables that it is built from, which are retained as long as it is.

        Raises:
            SpiError: as ``build`` does; readers then still see the previous publication.
        """
        return publication.publish(
            self.root, build, (DATABASE,), fingerprint=fingerprint, run_id=run_id, made_of=made_of or {}
        )

    def published_version(self) -> str | None:
        """Return the version that readers see; None if there is none, or one of its files is missing or damaged."""
        version = publication.current(self.root)
        return version.sha256 if version else None

    def show(self, *, signed: bool) -> None:
        """Point ``public`` at the publication or release that the public sees.

        Args:
            signed: use the newest signed release, or nothing if there is none; otherwise the current publication.
        """
        if signed and self.releases.damage():
            return  # the newest signed release is unknown, so the public still sees the same as before
        release = self.releases.newest() if signed else None
        publication.show(self.root, release.published if release else None if signed else self.published)

    def shown(self, release: str, *, signed: bool) -> Shown:
        """Return the publication or release that an output for the public is built from.

        Args:
            release: the id of a release; empty for the one that the public sees now.
            signed: whether the public only sees the newest signed release.

        Raises:
            UnknownNameError: if there is no such release.
            SpiError: if it is damaged or withdrawn, the newest signed release is unknown, nothing is published, or
                a signed release is required and there is none.
        """
        if signed and not release and (damage := self.releases.damage()):
            raise SpiError(damage[0])  # it may be the one that was signed last
        chosen = self.releases.get(release) if release else self.releases.newest() if signed else None
        if chosen:
            if chosen.state_event and chosen.state == WITHDRAWN:
                reason = "{by}: {note}".format_map(chosen.state_event)
                raise SpiError(f"release {chosen.id} was withdrawn by {reason}; name another, see spi release list")
            if damage := chosen.damage():
                raise SpiError(damage[0])
            return Shown(chosen.published, chosen.id, chosen.read, chosen.contracts)
        if signed:
            raise SpiError("publication.yaml requires a signed release and there is none: run spi release create.")
        version = self.published_version()
        if version is None:
            raise SpiError(f"nothing is published in {self.root} yet, or the publication is damaged; run spi refresh")
        return Shown(self.published.resolve(), version, self.read, None)

    @property
    def public(self) -> Path:
        """The link to the publication or release that the public sees; missing if there is none."""
        return publication.public(self.root)

    def prune(self, retention: Retention, *, dry: bool = False) -> list[Removable]:
        """Delete everything that nothing refers to and that exceeds the retention.

        Args:
            retention: how much to retain.
            dry: only list what would be deleted.

        Returns:
            The deleted files and folders with their sizes.
        """
        removed = removable(self.root, retention)
        for one in () if dry else removed:
            one.remove()
        return removed

    def back_up(self, to: Path) -> int:
        """Copy the whole store into a new folder, while others may write; return the number of bytes.

        Raises:
            SpiError: if there is no store, or ``to`` is not empty.
        """
        return backup.back_up(self.root, to.absolute())

    def restore(self, source: Path, *, replace: bool) -> Path | None:
        """Restore a copy as this store, whole or not at all.

        Args:
            source: a copy made by ``back_up``.
            replace: whether to move an existing store aside; otherwise that is an error.

        Returns:
            The new path of the store that was moved aside; None if there was none.

        Raises:
            SpiError: if the copy is damaged, a store exists, or a process is writing to it; it is then unchanged.
        """
        if not replace or not self.root.exists():
            return backup.restore(self.root, source.absolute(), replace=replace)
        with exclusive(self.root):
            return backup.restore(self.root, source.absolute(), replace=True)

    def damage(self, *, deep: bool = False) -> list[str]:
        """Return a sentence on each file that does not hold the bytes that were written, with what to do.

        Args:
            deep: check everything; otherwise only the files that readers and refreshes depend on, which are small.
        """
        sentences = list(filter(None, map(self._fault, self._tables.names())))
        sentences += publication.damage(self.root)
        if deep:
            for folder in self._kinds_of_records():
                sentences += runs.damage(folder)
            for folder in sorted((self.root / places.QUARANTINE).glob("*")):
                sentences += quarantine.damage(folder)
            for folder in sorted((self.root / places.RAW).glob("*")):
                sentences += self.raw(folder.name).damage()
        return [*sentences, *self.releases.damage(deep=deep)]

    def _kinds_of_records(self) -> list[Path]:
        return sorted(path for path in (self.root / places.RUNS).glob("*") if path.is_dir())

    def _fault(self, name: str) -> str:
        try:
            self._tables.current(name)
        except SpiError as error:
            return str(error)
        return ""
