"""A folder as found after a power cut: writes that were not forced to disk are present, absent or partly present.

The log that ``faults.c`` writes is replayed on a model of a disk. For each file, the model stores the content that
``fsync`` made safe and the writes since. For all folders, it stores in order the changes of names that no ``fsync`` of
their folder made safe. A ``Cut`` decides which of these survive when the power goes. A change of names survives whole
or not at all, as on every file system with a journal. Forcing a file to disk does not make its name safe, since POSIX
leaves that open.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

ENTRY = struct.Struct("<iiiiqQQQ")
CREATED, EMPTIED = 1, 2
# A write may be torn between two sectors of a disk.
SECTOR = 512


class Code(IntEnum):
    """The kinds of operation; faults.c has the same codes."""

    OPEN = 1
    CLOSE = 2
    DUP = 3
    WRITE = 4
    TRUNCATE = 5
    TRUNCATE_PATH = 6
    MKDIR = 7
    RENAME = 8
    LINK = 9
    SYMLINK = 10
    UNLINK = 11
    RMDIR = 12
    FSYNC = 13


@dataclass(frozen=True)
class Operation:
    """One call that succeeded."""

    code: Code
    fd: int
    other: int
    offset: int
    path: str
    target: str
    data: bytes


def operations(log: Path) -> Iterator[Operation]:
    """The calls of a log, in order."""
    with log.open("rb") as file:
        while len(head := file.read(ENTRY.size)) == ENTRY.size:
            code, fd, other, _, offset, first, second, data = ENTRY.unpack(head)
            path, target = (os.fsdecode(file.read(length)) for length in (first, second))
            yield Operation(Code(code), fd, other, offset, path, target, file.read(data))


@dataclass(eq=False)
class File:
    """The safe content of a file, and the changes since: a length it was cut to, or bytes at an offset.

    ``origin`` is the original file, which holds the content until the first change.
    """

    origin: Path | None = None
    safe: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def force(self) -> None:
        """Make all of its content safe."""
        self.safe, self.origin, self.since = self.content(self.since), None if self.since else self.origin, []

    def content(self, changes: list[tuple[int, bytes | None]]) -> bytearray:
        """Its content if only these changes reached the disk."""
        if not changes:
            return self.safe
        current = bytearray(self.origin.read_bytes()) if self.origin else bytearray(self.safe)
        for offset, data in changes:
            length = offset if data is None else offset + len(data)
            current.extend(bytes(max(0, length - len(current))))
            if data is None:
                del current[offset:]
            else:
                current[offset:length] = data
        return current


@dataclass(eq=False)
class Folder:
    """The names in a folder: as a process sees them, and those that are safe."""

    seen: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)


Node = File | Folder | str  # a string is the target of a symbolic link
# Names set at once: the folder, the name and its node, or None if the name is removed.
Change = list[tuple[Folder, str, Node | None]]


@dataclass(frozen=True)
class Cut:
    """Which changes survive a power cut if they were not forced to disk.

    Attributes:
        names: ``none``, ``all``, or ``some``: changes up to a random one.
        data: ``none``, ``all``, or ``some`` writes, one of them torn.
        seed: for the choice of ``some``.
    """

    names: str
    data: str
    seed: int = 0

    def __str__(self) -> str:
        return f"names: {self.names}, data: {self.data}, seed {self.seed}"


class Model:
    """A folder and the disk beneath it."""

    def __init__(self, root: Path, before: Path) -> None:
        """Start with the content of the folder ``before``, as if it were at ``root``."""
        self._root, self._top = root, _read(before)
        self._open: dict[int, Node] = {}
        self._changes: list[Change] = []

    def play(self, operation: Operation) -> None:
        """Apply an operation of a process."""
        if operation.path == str(self._root) and operation.code == Code.MKDIR:
            return
        match operation.code:
            case Code.OPEN:
                node = self._node_at(operation.path)
                if operation.other & CREATED and node is None:
                    node = self._add(operation.path, File())
                if isinstance(node, File) and operation.other & EMPTIED:
                    node.since.append((0, None))
                if node is not None:
                    self._open[operation.fd] = node
            case Code.CLOSE:
                self._open.pop(operation.fd, None)
            case Code.DUP:
                self._open[operation.other] = self._open[operation.fd]
            case Code.WRITE | Code.TRUNCATE:
                self._file(self._open[operation.fd]).since.append(
                    (operation.offset, operation.data if operation.code == Code.WRITE else None)
                )
            case Code.TRUNCATE_PATH:
                self._file(self._node_at(operation.path)).since.append((operation.offset, None))
            case Code.MKDIR:
                self._add(operation.path, Folder())
            case Code.SYMLINK:
                self._add(operation.path, operation.target)
            case Code.UNLINK | Code.RMDIR:
                self._change([(*self._parent_and_name(operation.path), None)])
            case Code.RENAME:
                here, there = self._parent_and_name(operation.path), self._parent_and_name(operation.target)
                self._change([(*here, None), (*there, here[0].seen[here[1]])])
            case Code.LINK:
                here = self._parent_and_name(operation.path)
                self._change([(*self._parent_and_name(operation.target), here[0].seen[here[1]])])
            case Code.FSYNC:
                self._force(self._open.get(operation.fd))

    def write(self, to: Path, cut: Cut) -> None:
        """Write the folder as found after a power cut to the new folder ``to``."""
        chance = random.Random(cut.seed)
        surviving = {"none": 0, "all": len(self._changes), "some": chance.randint(0, len(self._changes))}[cut.names]
        changed_folders: dict[int, dict[str, Node]] = {}
        for folder, name, node in (each for change in self._changes[:surviving] for each in change):
            _set(changed_folders.setdefault(id(folder), dict(folder.safe)), name, node)
        self._write(self._top, to, changed_folders, cut, chance)

    def _write(
        self, folder: Folder, to: Path, changed_folders: dict[int, dict[str, Node]], cut: Cut, chance: random.Random
    ) -> None:
        to.mkdir()
        for name, node in changed_folders.get(id(folder), folder.safe).items():
            match node:
                case str():
                    (to / name).symlink_to(node)
                case Folder():
                    self._write(node, to / name, changed_folders, cut, chance)
                case File():
                    _write_file(node, to / name, cut, chance)

    def _force(self, node: Node | None) -> None:
        if isinstance(node, File):
            node.force()
        elif isinstance(node, Folder):
            for change in self._changes:
                if any(folder is node for folder, _, _ in change):
                    for folder, name, changed_node in change:
                        _set(folder.safe, name, changed_node)
            self._changes = [change for change in self._changes if all(folder is not node for folder, _, _ in change)]

    def _change(self, change: Change) -> None:
        for folder, name, node in change:
            _set(folder.seen, name, node)
        self._changes.append(change)

    def _add(self, path: str, node: Node) -> Node:
        self._change([(*self._parent_and_name(path), node)])
        return node

    def _parent_and_name(self, path: str) -> tuple[Folder, str]:
        parent = self._node_at(str(Path(path).parent))
        assert isinstance(parent, Folder), path
        return parent, Path(path).name

    def _node_at(self, path: str) -> Node | None:
        node: Node | None = self._top
        where = self._root
        for name in Path(path).relative_to(self._root).parts:
            if not isinstance(node, Folder):
                return None
            node, where = node.seen.get(name), where / name
            if isinstance(node, str):
                where = Path(os.path.normpath(where.parent / node))
                node = self._node_at(str(where))
        return node

    @staticmethod
    def _file(node: Node | None) -> File:
        assert isinstance(node, File)
        return node


def _set(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _read(folder: Path) -> Folder:
    nodes: dict[str, Node] = {}
    for path in folder.iterdir() if folder.exists() else ():
        if path.is_symlink():
            nodes[path.name] = str(path.readlink())
        else:
            nodes[path.name] = _read(path) if path.is_dir() else File(path)
    return Folder(dict(nodes), nodes)


def _write_file(file: File, to: Path, cut: Cut, chance: random.Random) -> None:
    # SQLite's -shm files are memory shared between processes, so nothing is left of them.
    if to.name.endswith("-shm"):
        return
    since = file.since
    if cut.data == "none":
        since = []
    elif cut.data == "some" and since:
        since = [each for each in since if chance.random() < 0.5]
        if since and (last := since[-1][1]):
            since[-1] = (since[-1][0], last[: SECTOR * chance.randint(0, len(last) // SECTOR)])
    if not since and file.origin:
        shutil.copy2(file.origin, to)
    else:
        to.write_bytes(file.content(since))
