"""A house to break: a refreshed store with the contracts and the embedded figures it was made from.

One store is refreshed for a whole test session, through the job, as ``spi refresh`` does; a test that changes anything
works on its own copy of it.
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
# Areas of the council's own, as their files: one across three wards, one that differs from a ward by 272 residents.
OWN_AREAS = {
    "board": 'title: Board "North" & <East>\n'
    "outline: POLYGON ((-0.398 51.882, -0.385 51.882, -0.385 51.894, -0.398 51.894, -0.398 51.882))\n",
    "edge": "title: The edge\ncodes: [E05014751, E00079761]\n",
}
_loaded: dict[tuple[tuple[str, str], ...], Contracts] = {}


@dataclass(frozen=True)
class House:
    """A store, the contracts and the embedded figures; ``settings`` says where each of them is."""

    settings: Settings

    @property
    def store(self) -> Store:
        return Store(self.settings.store)

    @property
    def contracts(self) -> Contracts:
        """As the files say now; the same files are parsed once for all houses."""
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
        told = {name: ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)
                for name, value in plain.items() if value is not None}  # fmt: skip
        return {f"SPI_{name.upper()}": value for name, value in told.items()}

    def making(self, *outputs: str) -> House:
        """The same, where a refresh makes these outputs too."""
        return House(self.settings.model_copy(update={"outputs": frozenset({"database", *outputs})}))

    def refresh(self, *select: str) -> Refresh:
        return refresh(self.settings, self.contracts, select)

    def query(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with reading(self.store.database) as connection:
            return connection.execute(query, values).fetchall()

    def digests(self) -> dict[str, str]:
        """The content of every current table."""
        return {name: version.sha256 for name, version in self.store.versions().items()}

    def embedded(self, source_id: str) -> Path:
        return embedded_file(self.settings.snapshot, source_id)

    def rewrite(self, source_id: str, change: Callable[[pa.Table], pa.Table], **options: Any) -> None:
        """Replace an embedded table by what ``change`` makes of it; its provenance stays."""
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
        """Let the tables of a step say that they follow from something else than what there is; their content stays."""
        (step,) = [step for step in build_plan(self.contracts) if step.label == label]
        for name in step.outputs:
            table, metadata = self.store.read(name), self.store.metadata(name)
            self.store.write(name, table, fingerprint="of something else", run_id="by_hand", metadata=metadata)

    def draw(self, name: str, drawn: str) -> None:
        """Add an area of the council's own, of title and outline, postcodes or codes."""
        file = self.settings.contracts / "areas" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"id: {name}\n{drawn}", encoding="utf-8")

    def cure(self) -> None:
        """Put the embedded figures back."""
        shutil.rmtree(self.settings.snapshot)
        shutil.copytree(SNAPSHOT, self.settings.snapshot)

    def amend(self, file: str, old: str, new: str) -> None:
        """Change a text of a contract."""
        path = self.settings.contracts / file
        before = path.read_text(encoding="utf-8")
        assert old in before, f"{file} no longer holds {old!r}"
        path.write_text(before.replace(old, new, 1), encoding="utf-8")


def house_in(folder: Path) -> House:
    contracts, snapshot = folder / "data_contracts", folder / "tables"
    return House(Settings(store=str(folder / "store"), mode="snapshot", contracts=contracts, snapshot=snapshot))


def empty_house(folder: Path) -> House:
    """The repository's contracts and embedded figures to break, and no store yet."""
    house = house_in(folder)
    shutil.copytree(CONTRACTS, house.settings.contracts)
    shutil.copytree(SNAPSHOT, house.settings.snapshot)
    return house


def copied(house: House, folder: Path) -> House:
    """A copy of a house with its store, to break."""
    copy = house_in(folder)
    shutil.copytree(house.settings.contracts, copy.settings.contracts)
    shutil.copytree(house.settings.snapshot, copy.settings.snapshot)
    shutil.copytree(house.settings.store, copy.settings.store, symlinks=True)
    return copy


def refreshed_once(base: Path, worker: str) -> tuple[House, Refresh]:
    """The house of this session, one for all workers, and what its first refresh said; not to be changed.

    Args:
        base: the temporary folder of the session, or of the worker inside it.
        worker: the worker's name; ``master`` where there is one process.
    """
    folder = (base if worker == "master" else base.parent) / "refreshed"
    said = folder / "said.pickle"
    with FileLock(folder.with_name("refreshed.lock")):
        if not said.exists():
            done = empty_house(folder).refresh()
            said.write_bytes(pickle.dumps(done))
    return house_in(folder), pickle.loads(said.read_bytes())


def with_outputs_once(refreshed: House, folder: Path) -> House:
    """A copy of the refreshed house with areas of its own, in which every output was made; not to be changed.

    It is made once for all workers.
    """
    with FileLock(folder.with_name("with_outputs.lock")):
        house = (house_in(folder) if folder.exists() else copied(refreshed, folder)).making(*get_args(OutputName))
        if not (folder / "made").exists():
            for name, drawn in OWN_AREAS.items():
                house.draw(name, drawn)
            done = house.refresh()
            assert done.faults == [], done.faults
            (folder / "made").touch()
    return house


def column(table: pa.Table, name: str, change: Callable[[list[Any]], Sequence[Any]]) -> pa.Table:
    """A table with the values of one column changed; its type stays."""
    position = table.schema.get_field_index(name)
    values = pa.array(change(table[name].to_pylist()), type=table.schema.field(name).type)
    return table.set_column(position, table.schema.field(name), values)
