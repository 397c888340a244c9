"""Sandboxes: a refreshed store with the contracts and embedded figures it was built from, for tests to break.

One store is refreshed per test session, through the job, as ``spi refresh`` does. A test that changes anything works on
its own copy.
"""

from __future__ import annotations

import hashlib
import pickle
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.orchestration.refresh import Refresh, refresh
from spi_pipeline.outputs.queries import reading
from spi_pipeline.run.activity import with_activity
from spi_pipeline.run.plan import build_plan
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import OutputName, Settings
from spi_pipeline.snapshot.embedded import MANIFEST, embedded_file, manifest, snapshot_as_of, snapshot_digests
from spi_pipeline.storage.store import Store

CONTRACTS = Path(__file__).resolve().parents[2] / "data_contracts"
SNAPSHOT = Path(__file__).resolve().parents[2] / "spi_pipeline" / "snapshot" / "tables"
# Files of areas that the council defined itself: one spans three wards, one differs from a ward by 272 residents.
OWN_AREAS = {
    "board": 'title: Board "North" & <East>\n'
    "outline: POLYGON ((-0.398 51.882, -0.385 51.882, -0.385 51.894, -0.398 51.894, -0.398 51.882))\n",
    "edge": "title: The edge\ncodes: [E05014751, E00079761]\n",
}
_loaded: dict[tuple[tuple[str, str], ...], Contracts] = {}


@dataclass(frozen=True)
class Sandbox:
    """A store, the contracts and the embedded figures; ``settings`` holds their locations."""

    settings: Settings

    @property
    def store(self) -> Store:
        return Store(self.settings.store)

    @property
    def contracts(self) -> Contracts:
        """The contracts as the files are now; identical files are parsed once for all sandboxes."""
        root = self.settings.root
        contents = {path: file.read_bytes() for path, file in root.files().items() if path.endswith(".yaml")}
        files = tuple((path, hashlib.sha256(content).hexdigest()) for path, content in contents.items())
        if files not in _loaded:
            _loaded[files] = load_contracts(root)
        return with_activity(replace(_loaded[files], root=root), self.settings)

    @property
    def runner(self) -> Runner:
        return Runner(self.settings, self.contracts)

    @property
    def environment(self) -> dict[str, str]:
        plain = {name: getattr(value, "get_secret_value", lambda value=value: value)()
                 for name, value in self.settings.model_dump().items()}  # fmt: skip
        texts = {name: ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)
                for name, value in plain.items() if value is not None}  # fmt: skip
        return {f"SPI_{name.upper()}": value for name, value in texts.items()}

    def building(self, *outputs: str) -> Sandbox:
        """The same sandbox, whose refresh also builds these outputs."""
        return Sandbox(self.settings.model_copy(update={"outputs": frozenset({"database", *outputs})}))

    def refresh(self, *select: str) -> Refresh:
        return refresh(self.settings, self.contracts, select)

    def query(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with reading(self.store.database) as connection:
            return connection.execute(query, values).fetchall()

    def digests(self) -> dict[str, str]:
        """The SHA-256 of every current table."""
        return {name: version.sha256 for name, version in self.store.versions().items()}

    def embedded(self, source_id: str) -> Path:
        return embedded_file(self.settings.snapshot, source_id)

    def rewrite(self, source_id: str, change: Callable[[pa.Table], pa.Table], **options: Any) -> None:
        """Replace an embedded table with the result of ``change``; its provenance stays."""
        folder, table = self.settings.snapshot, pq.read_table(self.embedded(source_id))
        changed = change(table).replace_schema_metadata(table.schema.metadata)
        sink = pa.BufferOutputStream()
        pq.write_table(changed, sink, **options)
        data = sink.getvalue().to_pybytes()
        digests = snapshot_digests(folder) | {source_id: hashlib.sha256(data).hexdigest()}
        self.embedded(source_id).unlink()
        (folder / MANIFEST).write_bytes(manifest(snapshot_as_of(folder), digests))
        self.embedded(source_id).write_bytes(data)

    def make_due(self, label: str) -> None:
        """Make a step due: give its tables a fingerprint that matches no current input. Their content stays."""
        (step,) = [step for step in build_plan(self.contracts) if step.label == label]
        for name in step.outputs:
            table, metadata = self.store.read(name), self.store.metadata(name)
            self.store.write(name, table, fingerprint="of something else", run_id="by_hand", metadata=metadata)

    def add_area(self, name: str, definition: str) -> None:
        """Define an area of the council's own, with a title and an outline, postcodes or codes."""
        file = self.settings.contracts / "areas" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"id: {name}\n{definition}", encoding="utf-8")

    def restore_figures(self) -> None:
        """Put the embedded figures back."""
        shutil.rmtree(self.settings.snapshot)
        shutil.copytree(SNAPSHOT, self.settings.snapshot)

    def amend(self, file: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text in a contract file."""
        path = self.settings.contracts / file
        before = path.read_text(encoding="utf-8")
        assert old in before, f"{file} no longer holds {old!r}"
        path.write_text(before.replace(old, new, 1), encoding="utf-8")


def sandbox_in(folder: Path) -> Sandbox:
    contracts, snapshot = folder / "data_contracts", folder / "tables"
    return Sandbox(Settings(store=str(folder / "store"), mode="snapshot", contracts=contracts, snapshot=snapshot))


def empty_sandbox(folder: Path) -> Sandbox:
    """A copy of the repository's contracts and embedded figures, with no store yet."""
    sandbox = sandbox_in(folder)
    shutil.copytree(CONTRACTS, sandbox.settings.contracts)
    shutil.copytree(SNAPSHOT, sandbox.settings.snapshot)
    return sandbox


def copied(sandbox: Sandbox, folder: Path) -> Sandbox:
    """A copy of a sandbox and its store that the test may change."""
    copy = sandbox_in(folder)
    shutil.copytree(sandbox.settings.contracts, copy.settings.contracts)
    shutil.copytree(sandbox.settings.snapshot, copy.settings.snapshot)
    shutil.copytree(sandbox.settings.store, copy.settings.store, symlinks=True)
    return copy


def refreshed_once(base: Path, worker: str) -> tuple[Sandbox, Refresh]:
    """The sandbox that all workers of this session share, and the result of its first refresh; not to be changed.

    Args:
        base: the temporary folder of the session, or the worker's folder inside it.
        worker: the worker's name; ``master`` if there is only one process.
    """
    folder = (base if worker == "master" else base.parent) / "refreshed"
    result_file = folder / "result.pickle"
    with FileLock(folder.with_name("refreshed.lock")):
        if not result_file.exists():
            done = empty_sandbox(folder).refresh()
            result_file.write_bytes(pickle.dumps(done))
    return sandbox_in(folder), pickle.loads(result_file.read_bytes())


def with_outputs_once(refreshed: Sandbox, folder: Path) -> Sandbox:
    """A copy of the refreshed sandbox with areas of the council's own and every output built; not to be changed.

    It is built once for all workers.
    """
    with FileLock(folder.with_name("with_outputs.lock")):
        sandbox = (sandbox_in(folder) if folder.exists() else copied(refreshed, folder)).building(*get_args(OutputName))
        if not (folder / "made").exists():
            for name, definition in OWN_AREAS.items():
                sandbox.add_area(name, definition)
            done = sandbox.refresh()
            assert done.faults == [], done.faults
            (folder / "made").touch()
    return sandbox


def column(table: pa.Table, name: str, change: Callable[[list[Any]], Sequence[Any]]) -> pa.Table:
    """A copy of the table with the values of one column changed; the type of the column stays."""
    position = table.schema.get_field_index(name)
    values = pa.array(change(table[name].to_pylist()), type=table.schema.field(name).type)
    return table.set_column(position, table.schema.field(name), values)
